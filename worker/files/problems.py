"""What is wrong in a file, with the place where it is wrong: file, line, field, value, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 60
"""Characters of a value that a sentence repeats."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be used as it is written."""

    file: str
    line: int | None
    """Counted from 1, as editors do; None when it is of no line."""
    field: str
    """Where in the line: a column, or Alegra's path (`items[2].price`); empty for the line as a whole."""
    value: str | None
    """What is written there; None when nothing is."""
    what: str
    remedy: str

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        value = "" if self.value is None else f" {shown(self.value)}"
        field = f", {self.field}{value}" if self.field else value
        return f"{self.file}{line}{field}: {self.what}. {self.remedy}"


class BrokenFile(Exception):
    """Nothing of the file can be used: it is not what it should be, or nobody can tell what its lines belong to."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def broken(file: str, what: str, remedy: str, *, line: int | None = None, value: str | None = None) -> BrokenFile:
    """The exception for a single cause."""
    return BrokenFile([Problem(file, line, "", value, what, remedy)])


def shown(value: str) -> str:
    """A value in quotes, shortened, its control characters spelt out."""
    return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}…")
