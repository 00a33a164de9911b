"""`ops/sizing`: what so many accounts, documents a night and seconds a call need, as a table or as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from worker.sizing.model import Load, Size, size_of

WIDTH: Final = 112
"""Columns where there is no terminal: what a page shows without wrapping."""


def main(
    accounts: Annotated[int, typer.Option(min=1, max=10_000, help="Alegra users, each with a quota of its own.")] = 100,
    documents: Annotated[int, typer.Option(min=1, max=1_000_000, help="Documents of each account a night.")] = 500,
    latency: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds a stamp call of ten takes; `timbre doctor` shows yours.")
    ] = 5.0,
    hours: Annotated[float, typer.Option(min=0.1, max=24, help="Hours the night may take.")] = 6.0,
    requests_per_minute: Annotated[
        int, typer.Option(min=1, max=100_000, help="What Alegra allows each of these users.")
    ] = 150,
    max_in_flight: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="TIMBRE_MAX_IN_FLIGHT as it is; left out: as it should be."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON, and nothing else.")] = False,
) -> None:
    """Compute what a night needs: workers, calls at once, memory, connections, growth, hours. See ops/sizing.md."""
    load = Load(accounts, documents, latency, hours, requests_per_minute, max_in_flight)
    size = size_of(load)
    if as_json:
        sys.stdout.write(json.dumps({"load": dataclasses.asdict(load), "size": dataclasses.asdict(size)}) + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what")
    table.add_column("is needed", justify="right")
    table.add_column("because")
    for row in _rows(load, size):
        table.add_row(*row)
    console.print(table)
    for note in size.notes:
        console.print(f"! {note}", soft_wrap=True)


def _rows(load: Load, size: Size) -> Iterator[tuple[str, str, str]]:
    accounts = f"accounts × documents of each: {load.accounts:,} × {load.documents:,}"
    quota = (
        f"{size.in_flight_to_spend_the_quota} calls of {load.latency:g} s at once spend an account's quota; "
        f"this many spend {size.share_of_the_quota:.0%}"
    )
    yield "documents a night", f"{size.documents_a_night:,}", accounts
    yield "TIMBRE_MAX_IN_FLIGHT", str(size.max_in_flight), quota
    yield "an account's night", _duration(size.account_seconds), "by its quota, or by calls at once × their duration"
    yield "the whole night", _duration(size.night_seconds), f"accounts begin over {_duration(size.spread_seconds)}"
    yield (
        "documents a second",
        f"{size.documents_a_second:,.0f}",
        f"at the busiest time; up to {size.accounts_at_once:,} accounts at once",
    )
    yield "stamp calls in flight", f"{size.calls_in_flight:,}", "over all accounts, at the busiest time"
    yield "workers", str(size.workers), "two or more, for one may be missing; half a core each at the busiest time"
    yield "TIMBRE_WORKER_THREADS", str(size.threads), "a place for each call and read, and a quarter more"
    yield "memory of a worker", _bytes(size.worker_memory), "a process and its calls"
    yield "cores for workers", f"{size.worker_cores:.1f}", "half busy at the busiest time"
    yield "cores for PostgreSQL", f"{size.database_cores:.1f}", "likewise"
    yield "connections to PostgreSQL", str(size.database_connections), "32 a worker, and some: max_connections"
    yield "database, a night", _bytes(size.database_a_night), "rows with their indexes"
    yield "database, a month", _bytes(size.database_a_month), "30 nights"
    yield "database, a year", _bytes(size.database_a_year), "365 nights; nothing is deleted"
    yield "its log, a night", _bytes(size.log_a_night), "what a replica or a log archive takes, at least"
    yield "memory of Redis", _bytes(size.redis_memory), "twice what it holds, with a night's requests waiting in it"
    yield "connections to Redis", f"{size.redis_connections:,}", "at most: one a place, and the broker's"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB"


if __name__ == "__main__":
    typer.run(main)
