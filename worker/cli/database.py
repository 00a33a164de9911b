"""`timbre migrate`: bring the database's tables to this release, or say whether they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli import reach
from worker.cli.failures import ExitCode
from worker.cli.output import complain


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 0 if the tables are those of this release, else 1.")
    ] = False,
) -> None:
    """Bring the database to this release. Safe to run again; run it before workers of a new release start."""
    from worker.storage.migrate import head, revision_of, upgrade
    from worker.storage.session import make_engine

    url = reach.settings().database
    if check:
        engine = reach.engine()
        found = revision_of(engine)
        if found != head():
            complain(f"The database stands at {found or 'nothing'}, this release needs {head()}: run `timbre migrate`.")
            raise typer.Exit(ExitCode.SOME_REFUSED)
        print(f"The database is at {found}, as this release needs.")
        return
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = make_engine(url)
    try:
        before = revision_of(engine)
    finally:
        engine.dispose()
    upgrade(url)
    if before == head():
        print(f"The database was at {before} already: nothing to do.")
    else:
        print(f"The database is now at {head()}.")
