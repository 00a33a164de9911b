"""How a campaign is shown: live on a terminal, a line now and then elsewhere, and the verdict as a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

LINE_EVERY: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class Showing(Protocol):
    """Is told how the campaign stands, about once a second."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def stand(self, phase: str, seconds: float, documents: int, counts: Mapping[str, int], notes: str) -> None: ...


class Silent:
    """Says nothing: the verdict is for a machine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stand(self, phase: str, seconds: float, documents: int, counts: Mapping[str, int], notes: str) -> None:
        pass


class Lines(Silent):
    """Plain lines, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0
        self._phase = ""

    def stand(self, phase: str, seconds: float, documents: int, counts: Mapping[str, int], notes: str) -> None:
        if time.monotonic() < self._next and phase == self._phase:
            return
        self._next, self._phase = time.monotonic() + LINE_EVERY, phase
        standing = " · ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        self._console.print(f"{seconds:6.0f} s  {phase:<10} {standing or 'nothing yet'}   {notes}", soft_wrap=True)


class Screen:
    """Live on a terminal."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def stand(self, phase: str, seconds: float, documents: int, counts: Mapping[str, int], notes: str) -> None:
        bars = Table.grid(padding=(0, 2))
        for status, count in sorted(counts.items(), key=lambda item: -item[1]):
            bars.add_row(status, str(count), Text("█" * round(40 * count / max(documents, 1)), style=_style(status)))
        self._live.update(Group(Text(f"{phase}  {seconds:.0f} s", style="bold"), bars, Text(notes, style="dim")))


def _style(status: str) -> str:
    return {"stamped": "green", "rejected": "yellow", "held": "red"}.get(status, "cyan")


def verdict_table(report: Mapping[str, Any]) -> Table:
    """The verdict for people, and for a README."""
    verdict = report["verdict"]
    table = Table("", "", show_header=False, title=report["title"], title_justify="left", min_width=72)
    for name in ("duplicates", "lost", "wrong", "false", "early"):
        table.add_row(name, _zero(verdict[name]))
    if verdict["waiting"]:
        table.add_row("waiting", f"{verdict['waiting']} for a document that was never stamped")
    held = sum(verdict["held"].values())
    table.add_row("held", f"{held} ({verdict['held_unexplained']} unexplained)")
    for reason, count in verdict["held"].items():
        table.add_row("", f"{count} × {reason}")
    table.add_row("by status", ", ".join(f"{count} {status}" for status, count in verdict["by_status"].items()))
    table.add_row("executed", f"{verdict['executions']} in the ledger")
    for name in (
        "requests per document",
        "most ids in a call",
        "429s",
        "violence",
        "faults",
        "deaths",
        "forgotten by redis",
        "also",
        "time",
    ):
        table.add_row(name, str(report[name]))
    return table


def _zero(count: int) -> str:
    return f"[green]{count}[/]" if count == 0 else f"[bold red]{count}[/]"
