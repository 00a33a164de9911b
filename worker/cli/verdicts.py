"""What became of each document an operator named, as a table or JSON; the exit code says whether all went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from worker.cli.failures import ExitCode
from worker.cli.output import answers, plural, say, status_text, table, write_json

if TYPE_CHECKING:
    from worker.emission.operate import Verdict


def show_verdicts(verdicts: Sequence[Verdict], done: str = "", *, as_json: bool) -> None:
    """`done` is what is said of those that went; left empty, each says it itself. Ends with code 1 if one did not."""
    if as_json:
        write_json({"documents": verdicts})
    else:
        made = table("document", "status", "")
        for each in verdicts:
            said = done if each.done and done else each.sentence
            made.add_row(each.document_id, status_text(each.status or "unknown"), said)
        answers().print(made)
    refused = sum(1 for each in verdicts if not each.done)
    if refused:
        say(f"{refused} of {plural(len(verdicts), 'document')} stayed as before.")
        raise typer.Exit(ExitCode.SOME_REFUSED)
