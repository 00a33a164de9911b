"""How a run is shown: what is being measured now on the side, a table per question, and what they all come to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.answers import Answer, Form

Say = Callable[[str], None]
"""Tells what is being done now."""


@contextmanager
def progress(console: Console, question: str) -> Iterator[Say]:
    """What is being measured: live on a terminal, a line each elsewhere."""
    began = time.monotonic()
    if not console.is_terminal:
        yield lambda what: console.print(f"  {question}: {what}", soft_wrap=True, style="dim")
        return
    with console.status(question) as status:
        yield lambda what: status.update(f"{question}: {what} [dim]({time.monotonic() - began:.0f} s)[/]")


def table_of(answer: Answer) -> Table:
    """The answer for people, and for a README: ratios left, absolute figures right."""
    table = Table(title=answer.title, title_justify="left", caption=answer.how, caption_justify="left")
    for column in answer.columns:
        table.add_column(column.name, justify="left" if column.form is Form.TEXT else "right")
    for row in answer.rows:
        table.add_row(*(column.shown(value) for column, value in zip(answer.columns, row, strict=True)))
    return table


def summary_of(answers: Sequence[Answer]) -> Table:
    """What it all comes to, ready to be pasted into a page of Markdown."""
    table = Table("question", "", "measured", "wanted", box=box.MARKDOWN)
    for answer in answers:
        for finding in answer.findings:
            mark = {None: "", True: "✓ ", False: "✗ "}[finding.met]
            style = {None: "", True: "green", False: "red"}[finding.met]
            table.add_row(answer.name, finding.what, Text(mark + finding.shown, style=style), finding.promise)
    return table
