"""The `timbre` command. Each group of commands is a module of its own; here they only come together."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from worker.cli import (
    acts,
    correct,
    create,
    creations,
    database,
    doctor,
    emit,
    machine,
    metrics,
    nightly,
    operate,
    requests,
    sandbox,
    settings,
    status,
)
from worker.cli.program import Program

app = typer.Typer(
    cls=Program,
    name="timbre",
    help="Emit electronic documents through Alegra, each exactly once.",
    epilog="Exit codes: 0 done · 1 some rejected, held or refused · 2 wrong usage · 3 a service is unreachable · "
    "4 still settling when --wait ran out",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)

EMISSION, OPERATION, MACHINE = "Emit and look", "Operate", "Run"

app.command("emit", cls=emit.EmitCommand, rich_help_panel=EMISSION)(emit.emit)
app.command("create", cls=create.CreateCommand, rich_help_panel=EMISSION)(create.create)
app.command("creations", rich_help_panel=EMISSION)(creations.creations)
app.command("status", rich_help_panel=EMISSION)(status.status)
app.command("requests", rich_help_panel=EMISSION)(requests.requests)
app.command("nightly", rich_help_panel=EMISSION)(nightly.nightly)
app.command("settle", rich_help_panel=OPERATION)(operate.settle)
app.command("release", rich_help_panel=OPERATION)(operate.release)
app.command("cancel", rich_help_panel=OPERATION)(operate.cancel)
app.command("correct", rich_help_panel=OPERATION)(correct.correct)
app.command("email", rich_help_panel=OPERATION)(acts.email)
app.command("void", rich_help_panel=OPERATION)(acts.void)
app.command("open", rich_help_panel=OPERATION)(acts.open_again)
app.command("pause", rich_help_panel=OPERATION)(operate.pause)
app.command("resume", rich_help_panel=OPERATION)(operate.resume)
app.command("doctor", rich_help_panel=OPERATION)(doctor.doctor)
app.command("metrics", rich_help_panel=OPERATION)(metrics.metrics)
app.command("demo", rich_help_panel=MACHINE)(machine.demo)
app.command("up", rich_help_panel=MACHINE)(machine.up)
app.command("sandbox", rich_help_panel=MACHINE)(sandbox.sandbox)
app.command("migrate", rich_help_panel=MACHINE)(database.migrate)
app.command("settings", rich_help_panel=MACHINE)(settings.settings)


@app.callback(invoke_without_command=True)
def timbre(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Emit electronic documents through Alegra, each exactly once."""
    if version:
        from importlib.metadata import version as version_of

        print(f"timbre {version_of('timbre')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """The console script `timbre`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter shows a question mark: no reason to fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
