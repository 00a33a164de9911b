"""What a fault's value may be: one small reader per kind, which also says in words what it allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class WrongFault(ValueError):
    """A fault's name or value is not allowed; the sentence names the field, the value and what is allowed."""


class Kind(Protocol):
    """Reads one value, from JSON or from a command line's text."""

    @property
    def name(self) -> str: ...

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        ...

    def read(self, raw: object, field: str) -> Any:
        """The value. Raises `WrongFault`."""
        ...

    def shown(self, value: Any) -> Any:
        """The value as JSON, such that `read` reads it back."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, or a range from which one is drawn."""

    least: float
    most: float

    def at(self, draw: float) -> float:
        """The duration for a draw between 0 and 1."""
        return self.least + (self.most - self.least) * draw


@dataclass(frozen=True, slots=True)
class Seconds:
    """A number of seconds, or a range of them."""

    optional: bool = False
    """`null` (or `never`) is allowed, and means what the fault says."""
    name: str = "seconds"

    @property
    def allowed(self) -> str:
        words = "a number of seconds from 0 on, or a range such as 2-15"
        return f"{words}, or never" if self.optional else words

    def read(self, raw: object, field: str) -> Span | None:
        if self.optional and raw in (None, "never"):
            return None
        least: float | None
        if isinstance(raw, str) and "-" in raw.strip()[1:]:
            raw = raw.split("-", 1)
        if isinstance(raw, list | tuple) and len(raw) == 2:
            least, most = _number(raw[0]), _number(raw[1])
        else:
            least = most = _number(raw)
        if least is None or most is None or not 0 <= least <= most < float("inf"):
            raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")
        return Span(least, most)

    def shown(self, value: Span | None) -> float | list[float] | None:
        if value is None:
            return None
        return value.least if value.least == value.most else [value.least, value.most]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 1_000_000
    name: str = "whole"

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def read(self, raw: object, field: str) -> int:
        number = _number(raw)
        if number is None or number != int(number) or not self.least <= number <= self.most:
            raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")
        return int(number)

    def shown(self, value: int) -> int:
        return value


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    name: str = "switch"
    allowed: str = "true or false"

    def read(self, raw: object, field: str) -> bool:
        word = raw.strip().lower() if isinstance(raw, str) else raw
        if word in (True, "true", "on", "yes", "1"):
            return True
        if word in (False, "false", "off", "no", "0"):
            return False
        raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")

    def shown(self, value: bool) -> bool:  # noqa: FBT001 - the value of a switch is one
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a few."""

    words: tuple[str, ...]
    name: str = "choice"

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(self.words)

    def read(self, raw: object, field: str) -> str:
        word = str(raw) if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
        if word not in self.words:
            raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")
        return word

    def shown(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    name: str = "text"
    allowed: str = "a text of 1 to 500 characters"

    def read(self, raw: object, field: str) -> str:
        if not isinstance(raw, str) or not 1 <= len(raw) <= 500:
            raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")
        return raw

    def shown(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Parameter:
    """A detail of a trigger, with its default."""

    kind: Kind
    default: object


@dataclass(slots=True)
class Trigger:
    """When a fault strikes, and how: all its conditions must hold."""

    parameters: Mapping[str, Any]
    probability: float = 1.0
    left: int | None = None
    """How many more times; None is without end."""
    ids: frozenset[str] = frozenset()
    """Only requests about one of these documents; empty is any."""
    account: str | None = None

    def concerns(self, account: str, ids: tuple[str, ...]) -> bool:
        """Whether the request is one this trigger is meant for."""
        if self.account is not None and self.account != account:
            return False
        return not self.ids or not self.ids.isdisjoint(ids)


@dataclass(frozen=True, slots=True)
class When:
    """A trigger: always, never, a probability, the next n, or an object with details."""

    parameters: Mapping[str, Parameter]
    name: str = "trigger"

    @property
    def allowed(self) -> str:
        details = ", ".join(("probability", "next", "ids", "account", *self.parameters))
        return f"always, never, a probability such as 0.1, a count such as 3, or an object with {details}"

    def read(self, raw: object, field: str) -> list[Trigger]:
        """The triggers; several of them are tried in order."""
        if isinstance(raw, list):
            return [trigger for each in raw for trigger in self.read(each, field)]
        if isinstance(raw, Mapping):
            return [self._read_object(raw, field)]
        if raw is None or raw in (False, "never", "off", "false") or (_number(raw) == 0):
            return []
        if raw in ("always", "on", "true") or raw is True:
            return [Trigger(self._defaults())]
        number = _number(raw)
        if number is not None and 0 < number < 1:
            return [Trigger(self._defaults(), probability=number)]
        if number is not None and number >= 1 and number == int(number):
            return [Trigger(self._defaults(), left=int(number))]
        raise WrongFault(f"{field}: {raw!r} is not {self.allowed}")

    def shown(self, value: list[Trigger]) -> list[dict[str, Any]]:
        return [self._shown_one(trigger) for trigger in value]

    def _defaults(self) -> dict[str, Any]:
        return {name: each.kind.read(each.default, name) for name, each in self.parameters.items()}

    def _read_object(self, raw: Mapping[Any, object], field: str) -> Trigger:
        trigger = Trigger(self._defaults())
        details = dict(trigger.parameters)
        for key, value in raw.items():
            where = f"{field}.{key}"
            if key == "probability":
                trigger.probability = self._read_probability(value, where)
            elif key == "next":
                trigger.left = Whole(1).read(value, where)
            elif key == "ids":
                trigger.ids = self._read_ids(value, where)
            elif key == "account":
                trigger.account = Text().read(value, where)
            elif key in self.parameters:
                details[key] = self.parameters[key].kind.read(value, where)
            else:
                known = ", ".join(("probability", "next", "ids", "account", *self.parameters))
                raise WrongFault(f"{field}: {key!r} is not one of {known}")
        trigger.parameters = details
        return trigger

    @staticmethod
    def _read_probability(raw: object, field: str) -> float:
        number = _number(raw)
        if number is None or not 0 < number <= 1:
            raise WrongFault(f"{field}: {raw!r} is not a probability above 0 and up to 1")
        return number

    @staticmethod
    def _read_ids(raw: object, field: str) -> frozenset[str]:
        ids = raw.split("|") if isinstance(raw, str) else raw
        if not isinstance(ids, list) or not ids or not all(isinstance(each, str | int) for each in ids):
            raise WrongFault(f"{field}: {raw!r} is not a list of document ids")
        return frozenset(map(str, ids))

    def _shown_one(self, trigger: Trigger) -> dict[str, Any]:
        shown: dict[str, Any] = {"probability": trigger.probability}
        if trigger.left is not None:
            shown["next"] = trigger.left
        if trigger.ids:
            shown["ids"] = sorted(trigger.ids)
        if trigger.account is not None:
            shown["account"] = trigger.account
        return shown | {key: self.parameters[key].kind.shown(value) for key, value in trigger.parameters.items()}


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
