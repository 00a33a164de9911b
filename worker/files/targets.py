"""Where in a body a value belongs, as `--map` and `--set` write it: `client.id`, `items[].price`, `items[].tax[1]`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from worker.files.values import READERS, usual

REFERENCE: Final = "reference"
"""The target that is no field of Alegra's: the producer's own name of the document."""

MOST_ELEMENTS: Final = 500
"""Of a list, by a number in brackets: `items[7]`."""

Step = str | int | None
"""A name; the place of an element; None for the element that this row is about."""

_STEP: Final = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]{0,3})\]")


class NoTarget(ValueError):
    """It names no place in a body, or two values have the same place; the sentence says what to write."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a body, and how what is written for it is read."""

    path: str
    steps: tuple[Step, ...]
    reads: str
    """A word of `READERS`."""

    @property
    def list_path(self) -> str | None:
        """The list of which each row is an element (`items`); None when the value is the whole document's."""
        return self.path.partition("[]")[0] if None in self.steps else None

    def put(self, body: dict[str, Any], value: object, row: int) -> None:
        """Write the value into the body; `row` is the place of the row's element. Raises `NoTarget`.

        Elements before it that nobody has written yet become empty objects: `without_gaps` takes them out.
        """
        here: Any = body
        for step, after in zip(self.steps, self.steps[1:], strict=False):
            here = self._inner(here, row if step is None else step, {} if isinstance(after, str) else [])
        last = self.steps[-1]
        self._inner(here, row if last is None else last, value, overwrite=True)

    def put_into_all(self, body: dict[str, Any], value: object) -> None:
        """Write a constant: into each element there is, when it is one of a list's. Raises `NoTarget`."""
        here: Any = body
        for step in self.steps[: self.steps.index(None)] if None in self.steps else ():
            here = here.get(step) if isinstance(here, dict) and isinstance(step, str) else None
        for row in range(len(here) if isinstance(here, list) and here and None in self.steps else 1):
            self.put(body, value, row)

    def _inner(self, here: Any, step: str | int, value: Any, *, overwrite: bool = False) -> Any:
        """The value at a step, made when it is not there yet."""
        if isinstance(step, str) and isinstance(here, dict):
            here[step] = value if overwrite else here.get(step, value)
        elif isinstance(step, int) and isinstance(here, list):
            here.extend({} for _ in range(step + 1 - len(here)))
            here[step] = value if overwrite or here[step] == {} else here[step]
        else:
            raise NoTarget(f"{self.path} cannot be written: something else stands on the way to it")
        return here[step]


def without_gaps(value: Any) -> Any:
    """The value without the empty objects in its lists: a row that leaves `tax[0]` out may still have a `tax[1]`."""
    match value:
        case dict():
            return {name: without_gaps(each) for name, each in value.items()}
        case list():
            return [without_gaps(each) for each in value if each != {}]
        case _:
            return value


def target(written: str) -> Target:
    """The target somebody wrote. Raises `NoTarget`."""
    path, colon, word = written.strip().partition(":")
    steps: list[Step] = []
    end = 0
    while end < len(path) and (found := _STEP.match(path, end)):
        name, place = found.groups()
        if (not steps and name is None) or (bool(steps) and name is not None and found[0][0] != "."):
            break
        if name is not None:
            steps.append(name)
        elif place:
            steps.append(int(place))
        else:
            # The first list without a number is what the rows are; one inside it has a single element.
            steps.append(0 if None in steps else None)
        end = found.end()
    if not steps or end < len(path) or path.startswith("."):
        raise NoTarget(f"{written!r} names no field: write its path, such as client.id, date or items[].price")
    if any(isinstance(step, int) and step >= MOST_ELEMENTS for step in steps):
        raise NoTarget(f"{written!r} is too far in its list: a number in brackets counts from 0 to {MOST_ELEMENTS - 1}")
    if colon and word not in READERS:
        raise NoTarget(f"{word!r} behind the colon of {written!r} is none of {', '.join(READERS)}")
    name = next((step for step in reversed(steps) if isinstance(step, str)), "")
    return Target(path, tuple(steps), word or usual(name))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column of a table, and where its cells belong."""

    target: Target
    column: str


def columns_of(written: str) -> list[Mapped]:
    """What one `--map` says: FIELD=COLUMN, several with commas between. Raises `NoTarget`."""
    parts = written.split(",")
    if len(parts) > 1 and not all("=" in part for part in parts):
        parts = [written]
    return [_mapped(part) for part in parts]


def _mapped(written: str) -> Mapped:
    path, equals, column = written.partition("=")
    if equals and not column.strip():
        raise NoTarget(f"--map {written!r} names no column: write FIELD=COLUMN, such as client.id=customer")
    return Mapped(target(path), column.strip() or path.strip())


def constant_of(written: str) -> tuple[Target, object]:
    """What one `--set` says: FIELD=VALUE, the value as JSON where it is JSON. Raises `NoTarget`."""
    path, equals, value = written.partition("=")
    if not equals:
        raise NoTarget(f"--set {written!r} has no value: write FIELD=VALUE, such as numberTemplate.id=7")
    try:
        return target(path), json.loads(value, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return target(path), value
