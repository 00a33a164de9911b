"""`timbre doctor`: everything Timbre needs, looked at; each failing line says what to do."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.text import Text

from worker.cli.failures import ExitCode
from worker.cli.options import JSON
from worker.cli.output import answers, write_json

_MARKS: Final = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "red"),
    "unreachable": ("✗", "red"),
}


def doctor(
    *,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Of the accounts, look at this one only.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Check settings, database, Redis, broker, locks, workers, beat, and each account's credentials and numberings.

    Reads only. Exit code 0 all is well, 1 something must be repaired, 3 a service cannot be reached.
    """
    from worker.doctor import Level, examine
    from worker.environment import environment, load_settings

    screen = answers()
    findings = []
    for finding in examine(lambda: load_settings(environment()), account):
        findings.append(finding)
        if as_json:
            continue
        mark, style = _MARKS[finding.level]
        subject = f"{finding.check} {finding.account}" if finding.account else finding.check
        screen.print(Text.assemble((f"{mark} ", style), (f"{subject:<10} ", "bold"), finding.said), soft_wrap=True)
        if finding.remedy:
            screen.print(Text(f"  → {finding.remedy}"), soft_wrap=True)
    levels = {finding.level for finding in findings}
    if as_json:
        write_json({"healthy": levels <= {Level.OK, Level.WARNING}, "findings": findings})
    if Level.UNREACHABLE in levels:
        raise typer.Exit(ExitCode.UNREACHABLE)
    if Level.FAILED in levels:
        raise typer.Exit(ExitCode.SOME_REFUSED)
    if not as_json:
        print("All is well.")
