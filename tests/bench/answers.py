"""What a question is answered with: a table of figures, what it comes to, and how it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

Value = float | int | str | None
"""One cell; None where the question makes no sense for the row."""


def ratio(value: float, unit: float) -> float | None:
    """So many times the other; None when the other came to nothing."""
    return value / unit if unit else None


class Form(StrEnum):
    """How a figure is written."""

    TEXT = "text"
    SHARE = "share"
    TIMES = "times"
    """So many times something else in the same run."""
    COUNT = "count"
    RATE = "rate"
    SECONDS = "seconds"
    FINE_SECONDS = "fine_seconds"
    MILLISECONDS = "milliseconds"
    FINE = "fine"
    MEGABYTES = "megabytes"
    SMALL = "small"


_WRITTEN: Final[Mapping[Form, str]] = {
    Form.SHARE: "{:.1%}",
    Form.TIMES: "{:.2f} ×",
    Form.COUNT: "{:,.0f}",
    Form.RATE: "{:,.0f} /s",
    Form.SECONDS: "{:.1f} s",
    Form.FINE_SECONDS: "{:.2f} s",
    Form.MILLISECONDS: "{:,.0f} ms",
    Form.FINE: "{:.2f}",
    Form.MEGABYTES: "{:,.0f} MB",
    Form.SMALL: "{:.3f}",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table; ratios stand left of absolute figures."""

    name: str
    form: Form = Form.TEXT

    def shown(self, value: Value) -> str:
        """The value as people read it."""
        if value is None:
            return ""
        return value if isinstance(value, str) else _WRITTEN[self.form].format(value)


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure that answers the question, and what was promised of it, if something was."""

    what: str
    measured: float | None
    form: Form
    wanted: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether this run came to what was promised; None where nothing was."""
        if self.wanted is None:
            return None
        if self.measured is None:
            return False
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted

    @property
    def shown(self) -> str:
        """What was measured."""
        return Column("", self.form).shown(self.measured) or "nothing"

    @property
    def promise(self) -> str:
        """What was promised."""
        if self.wanted is None:
            return ""
        return f"{'at most' if self.at_most else 'at least'} {Column('', self.form).shown(self.wanted)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, answered."""

    name: str
    title: str
    how: str
    """One sentence: what was measured, and how."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    findings: Sequence[Finding]

    def as_json(self) -> dict[str, Any]:
        """For machines: figures as numbers, shares as fractions."""
        names = [column.name for column in self.columns]
        return {
            "question": self.name,
            "title": self.title,
            "how": self.how,
            "rows": [dict(zip(names, row, strict=True)) for row in self.rows],
            "findings": [asdict(finding) | {"met": finding.met} for finding in self.findings],
        }
