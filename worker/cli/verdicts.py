"""What became of each document an operator named, as a table or JSON; the exit code says whether all went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from worker.cli.failures import ExitCode
from worker.cli.output import answers, plural, say, status_text, table, write_json

if TYPE_CHECKING:
    from worker.emission.operate import Verdict

Group = tuple[str, str]
"""An account and a kind, each of which counts its ids by itself."""


def show_verdicts(verdicts: Sequence[Verdict], done: str = "", *, as_json: bool) -> None:
    """`done` is what is said of those that went; left empty, each says it itself. Ends with code 1 if one did not."""
    if as_json:
        write_json({"documents": verdicts})
    else:
        made = table("document", "status", "")
        for each in verdicts:
            made.add_row(each.document_id, status_text(each.status or "unknown"), _said(each, done))
        answers().print(made)
    _end(verdicts)


def show_grouped_verdicts(verdicts: Mapping[Group, Sequence[Verdict]], done: str = "", *, as_json: bool) -> None:
    """The same of several accounts and kinds, each document with its own."""
    if as_json:
        documents = [
            {"account": account, "kind": kind, **asdict(each)}
            for (account, kind), some in verdicts.items()
            for each in some
        ]
        write_json({"documents": documents})
    else:
        made = table("account", "kind", "document", "status", "")
        for (account, kind), some in verdicts.items():
            for each in some:
                made.add_row(account, kind, each.document_id, status_text(each.status or "unknown"), _said(each, done))
        answers().print(made)
    _end([each for some in verdicts.values() for each in some])


def _said(verdict: Verdict, done: str) -> str:
    return done if verdict.done and done else verdict.sentence


def _end(verdicts: Sequence[Verdict]) -> None:
    refused = sum(1 for each in verdicts if not each.done)
    if refused:
        say(f"{refused} of {plural(len(verdicts), 'document')} stayed as before.")
        raise typer.Exit(ExitCode.SOME_REFUSED)
