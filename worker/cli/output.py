"""What the command writes: tables for people, JSON for machines; answers on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_IN_A_PIPE: Final = 160
"""Nobody looks at a pipe's width: wide enough that no cell is cut for a program that reads it."""

COLOURS: Final[Mapping[str, str]] = {
    # By value: importing the contract would bring Celery, and `timbre --help` is to be quick.
    "emitting": "cyan",
    "confirming": "cyan",
    "waiting": "cyan",
    "uncertain": "yellow",
    "stamped": "green",
    "rejected": "red",
    "held": "bold red",
    "cancelled": "dim",
}


def answers() -> Console:
    """Where the answer goes."""
    return _console(stderr=False)


def messages() -> Console:
    """Where progress, hints and complaints go, so that a pipe carries the answer alone."""
    return _console(stderr=True)


def complain(sentence: str) -> None:
    """Say what is wrong, in plain lines that a log keeps whole."""
    for line in sentence.splitlines():
        print(f"timbre: {line}", file=sys.stderr)


def say(sentence: str) -> None:
    """A hint or a result in words, on stderr."""
    print(sentence, file=sys.stderr)


def write_json(value: object) -> None:
    """The answer for machines: instants as ISO 8601 in UTC, everything else by name."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def table(*columns: str, title: str | None = None) -> Table:
    """A table without walls: readable at 80 columns, and when pasted into a message."""
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style=COLOURS.get(status, "default"))


def local(moment: datetime | None) -> str:
    """An instant as this machine's clock shows it."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """A duration in its two largest units: `2 h 5 min`."""
    seconds = int(abs(length.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def shortened(code: str, width: int) -> str:
    """A long code by its ends, when there is no room for all of it."""
    if len(code) <= width:
        return code
    half = max((width - 1) // 2, 4)
    return f"{code[:half]}…{code[-half:]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 document`, `2 documents`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_IN_A_PIPE
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case Sequence() | set() | frozenset():
            return [_plain(each) for each in value]
        case _:
            return str(value)
