"""`ops/bench`: how fast Timbre is, question by question, against baselines run in the same session."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Final

import typer
from rich.console import Console

from tests.bench import surroundings
from tests.bench.judge import WrongResult
from tests.bench.questions import QUESTIONS, Name
from tests.bench.showing import progress, summary_of, table_of
from tests.bench.sizes import Size
from tests.bench.stage import Stage
from tests.support.servers import ServerUnavailable

WIDTH: Final = 112
"""Columns where there is no terminal: what a README shows without wrapping."""


def main(
    only: Annotated[list[Name] | None, typer.Option(help="Only this question; may be given several times.")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Less of everything, in minutes.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All answers as JSON, and nothing else.")] = False,
) -> None:
    """Measure Timbre with a real PostgreSQL, a real Valkey, real Celery workers and the sandbox as Alegra.

    Exits 0 when every result was right, whatever the figures are; 1 when a document was emitted twice, lost, or given
    a wrong code, for then no figure counts; 3 when a server it needs cannot be had.
    """
    size = Size.TINY if tiny else Size.QUICK if quick else Size.FULL
    aside = Console(highlight=False, stderr=True, quiet=as_json)
    out = Console(highlight=False, quiet=as_json, width=None if aside.is_terminal else WIDTH)
    machine = surroundings.in_words()
    answers = []
    took: dict[str, float] = {}
    out.print(f"On {machine}.\n", soft_wrap=True)
    try:
        with Stage() as stage:
            for name in only or list(Name):
                began = time.monotonic()
                with progress(aside, name.value) as say:
                    answer = QUESTIONS[name](stage, size, say)
                took[name.value] = round(time.monotonic() - began, 1)
                aside.print(f"  {name.value}: {took[name.value]:.0f} s", style="dim")
                answers.append(answer)
                out.print(table_of(answer), "", sep="\n")
        out.print(summary_of(answers))
    except ServerUnavailable as missing:
        sys.stderr.write(f"bench: {missing}\n")
        raise typer.Exit(3) from missing
    except WrongResult as wrong:
        sys.stderr.write(f"bench: WRONG RESULT, no figure of this run counts: {wrong}\n")
        raise typer.Exit(1) from wrong
    if as_json:
        report = {
            "machine": machine,
            "size": size.value,
            "seconds": took,
            "answers": [answer.as_json() for answer in answers],
        }
        sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
