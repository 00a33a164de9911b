"""The faults in force: changed while running, asked by every request, drawn from a seed so that a run replays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from worker.sandbox.fault_kinds import Span, Trigger, When, WrongFault
from worker.sandbox.fault_list import DISTURBANCES, FAULTS, REFUSALS

_READ_KINDS: Final = ("list", "single")


class Strike:
    """A fault that strikes now, with its details."""

    __slots__ = ("_faults", "_key", "_parameters", "name")

    def __init__(self, name: str, parameters: Mapping[str, Any], faults: Faults, key: str) -> None:
        self.name = name
        self._parameters = parameters
        self._faults = faults
        self._key = key

    def word(self, parameter: str) -> str:
        """A choice or text."""
        return str(self._parameters[parameter])

    def whole(self, parameter: str) -> int:
        """A number."""
        return int(self._parameters[parameter])

    def seconds(self, parameter: str) -> float | None:
        """A duration, drawn from its range; None is never."""
        span: Span | None = self._parameters[parameter]
        return None if span is None else self._faults.drawn(span, f"{self.name}.{parameter}", self._key)


class Faults:
    """All settings and triggers; every draw depends on the seed, the fault and the document, not on the order."""

    def __init__(self, changes: Mapping[str, object] | None = None) -> None:
        self.generation = 0
        """Grows with every change, so that what was rendered under the old settings is rendered anew."""
        self._values: dict[str, Any] = {}
        self._armed: dict[str, list[Trigger]] = {}
        self._draws: dict[tuple[str, str], int] = {}
        self.clear()
        self.change(changes or {})

    def clear(self) -> None:
        """Everything as at first."""
        self._values = {name: fault.kind.read(fault.default, name) for name, fault in FAULTS.items()}
        self._draws.clear()
        self._arm()

    def change(self, changes: Mapping[str, object]) -> None:
        """Set some faults, all or none of them; null sets one back. Raises `WrongFault`."""
        read = {}
        for name, raw in changes.items():
            fault = FAULTS.get(name)
            if fault is None:
                raise WrongFault(f"fault: {name!r} is not one of {', '.join(FAULTS)}")
            read[name] = fault.kind.read(fault.default if raw is None else raw, name)
        self._values.update(read)
        if "seed" in read:
            self._draws.clear()
        self._arm()

    def as_json(self) -> dict[str, Any]:
        """The values in force; counts show how many are left."""
        return {name: fault.kind.shown(self._values[name]) for name, fault in FAULTS.items()}

    def switch(self, name: str) -> bool:
        """A switch's value."""
        return bool(self._values[name])

    def choice(self, name: str) -> str:
        """A choice's or text's value."""
        return str(self._values[name])

    def whole(self, name: str) -> int:
        """A number's value."""
        return int(self._values[name])

    def seconds(self, name: str, key: str) -> float:
        """A duration, drawn from its range."""
        return self.drawn(self._values[name], name, key)

    def drawn(self, span: Span, name: str, key: str) -> float:
        """One duration of the range, by seed, name, key and how often it was drawn before."""
        return span.least if span.least == span.most else span.at(self._draw(name, key))

    def strikes(self, name: str, account: str, document_id: str) -> Strike | None:
        """Whether a fault of single documents strikes this one now."""
        if name not in self._armed:
            return None
        return self._pulled(name, account, "any", (document_id,), f"{account}/{document_id}")

    def refusal(self, account: str, on: str, ids: Sequence[str]) -> Strike | None:
        """The first refusal of the whole request that strikes now."""
        return self._first(REFUSALS, account, on, ids)

    def disturbance(self, account: str, on: str, ids: Sequence[str]) -> Strike | None:
        """The first disturbance of the whole request that strikes now."""
        return self._first(DISTURBANCES, account, on, ids)

    def of_call(self, name: str, account: str, ids: Sequence[str]) -> Strike | None:
        """Whether a fault of whole stamp answers strikes this one now."""
        return self._first((name,), account, "stamp", ids)

    def _first(self, names: Sequence[str], account: str, on: str, ids: Sequence[str]) -> Strike | None:
        if not self._armed:
            return None
        key = f"{account}/{ids[0] if ids else on}"
        for name in names:
            if name in self._armed:
                strike = self._pulled(name, account, on, tuple(ids), key)
                if strike is not None:
                    return strike
        return None

    def _pulled(self, name: str, account: str, on: str, ids: tuple[str, ...], key: str) -> Strike | None:
        for place, trigger in enumerate(self._armed[name]):
            if trigger.left == 0 or not trigger.concerns(account, ids) or not _is_about(trigger, on):
                continue
            if trigger.probability < 1 and self._draw(f"{name}#{place}", key) >= trigger.probability:
                continue
            if trigger.left is not None:
                trigger.left -= 1
            return Strike(name, trigger.parameters, self, key)
        return None

    def _draw(self, name: str, key: str) -> float:
        nth = self._draws.get((name, key), 0)
        self._draws[name, key] = nth + 1
        words = f"{self._values['seed']}|{name}|{key}|{nth}"
        return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), "big") / 2**64

    def _arm(self) -> None:
        self.generation += 1
        self._armed = {
            name: self._values[name]
            for name, fault in FAULTS.items()
            if isinstance(fault.kind, When) and self._values[name]
        }


def _is_about(trigger: Trigger, on: str) -> bool:
    wanted = trigger.parameters.get("on", "any")
    return wanted in ("any", on) or (wanted == "read" and on in _READ_KINDS)


def read_settings(texts: Sequence[str]) -> dict[str, object]:
    """Faults as a command line writes them, for `Faults.change`. Raises `WrongFault`.

    `name=value`, and for triggers `name=0.1,moment=before,ids=501|502`: first when, then details. A trigger named
    twice has two triggers, tried in order.
    """
    settings: dict[str, object] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        name = name.strip()
        fault = FAULTS.get(name)
        if fault is None:
            raise WrongFault(f"fault: {name!r} is not one of {', '.join(FAULTS)}")
        if not separator or not value.strip():
            raise WrongFault(f"{name}: a value is missing; it may be {fault.kind.allowed}")
        if not isinstance(fault.kind, When):
            fault.kind.read(value.strip(), name)
            settings[name] = value.strip()
            continue
        trigger = _trigger_words(name, value, fault.kind)
        fault.kind.read(trigger, name)
        earlier = settings.get(name)
        settings[name] = [*earlier, trigger] if isinstance(earlier, list) else [trigger]
    return settings


def _trigger_words(name: str, value: str, kind: When) -> object:
    first, *details = value.split(",")
    if not details and "=" not in first:
        return first.strip()
    words: dict[str, object] = {}
    if "=" in first:
        details.insert(0, first)
    else:
        words |= _when_words(first.strip(), name, kind)
    for detail in details:
        key, separator, word = detail.partition("=")
        if not separator:
            raise WrongFault(f"{name}: {detail!r} is not a detail such as key=value")
        words[key.strip()] = word.strip()
    return words


def _when_words(first: str, name: str, kind: When) -> dict[str, object]:
    triggers = kind.read(first, name)
    if not triggers:
        raise WrongFault(f"{name}: {first!r} switches it off, so details make no sense")
    if triggers[0].left is not None:
        return {"next": triggers[0].left}
    return {"probability": triggers[0].probability}
