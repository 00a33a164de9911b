"""`timbre up` and `timbre demo`: everything on one machine, with nothing installed before."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import reach


def up(
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With the bundled stand-in for Alegra instead of the real one.")
    ] = False,
) -> None:
    """Run worker, beat, Flower, a private Valkey and SQLite here, until Ctrl-C. Continues on the same data."""
    from worker.embedded.up import run_up

    raise typer.Exit(run_up(reach.settings(), sandbox=sandbox))


def demo(
    *,
    leave: Annotated[bool, typer.Option("--exit", help="End when the table is shown, instead of at Ctrl-C.")] = False,
) -> None:
    """Emit 37 drafts in three countries against the bundled sandbox, and show their fiscal codes."""
    from worker.embedded.demo import run_demo

    raise typer.Exit(run_demo(reach.settings(), leave=leave))
