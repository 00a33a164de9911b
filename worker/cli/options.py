"""Options that several commands share, written once so that they mean the same everywhere."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from worker.cli.failures import Failure

MOST_LINES = 100_000
"""What one answer may hold; whoever wants more asks the table."""


def _limit(given: str | int) -> int:
    written = str(given)
    if not re.fullmatch(r"[0-9]{1,6}", written) or not 1 <= int(written) <= MOST_LINES:
        raise Failure(f"--limit cannot be {written[:40]!r}: write a number from 1 to {MOST_LINES}.")
    return int(written)


def known_language(lang: str) -> str:
    """`en` or `es`. Raises `Failure`."""
    if lang not in LANGUAGES:
        raise Failure(f"--lang cannot be {lang[:20]!r}: write en or es.")
    return lang


LANGUAGES = ("en", "es")

LANG = Annotated[str, typer.Option("--lang", metavar="en|es", help="The language of explanations.")]

ACCOUNT = Annotated[str, typer.Option("--account", metavar="NAME", help="The Alegra account.")]

ANY_ACCOUNT = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account.")]

KIND = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="The kind of document: invoice, credit_note, payment … (README).")
]

ANY_KIND = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind of document.")]

REASON = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; the history keeps it with your name.")
]

JSON = Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")]

LIMIT = Annotated[int, typer.Option("--limit", metavar="N", parser=_limit, help="At most so many lines.")]
