"""`ops/chaos`: run a campaign against the sandbox and judge it by the sandbox's own ledger."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.chaos.campaign.campaign import Campaign
from tests.chaos.campaign.creating import CreationCampaign
from tests.chaos.campaign.plan import Options, draw
from tests.chaos.campaign.showing import Lines, Screen, Showing, Silent, verdict_table
from tests.chaos.campaign.stage import Stage
from tests.support.servers import ServerUnavailable
from worker.emission.kinds import KINDS


class ProfileName(StrEnum):
    CALM = "calm"
    LOSSY = "lossy"
    LATE = "late"
    PARTIAL = "partial"
    BRUTAL = "brutal"
    EVERYTHING = "everything"
    CREATE = "create"


class Database(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Broker(StrEnum):
    REDIS = "redis"


def main(
    documents: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many are asked for.")] = 500,
    accounts: Annotated[int, typer.Option(min=1, max=200, help="Over how many Alegra users, in seven countries.")] = 5,
    profile: Annotated[ProfileName, typer.Option(help="What goes wrong.")] = ProfileName.BRUTAL,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Draws faults, documents, orders and blows.")] = 1,
    database: Annotated[Database, typer.Option()] = Database.POSTGRESQL,
    broker: Annotated[Broker, typer.Option()] = Broker.REDIS,
    minutes: Annotated[
        float | None, typer.Option(min=0.2, help="Half of it trouble, the rest to come to rest. Unset: by size.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=50)] = 3,
    kinds: Annotated[
        str, typer.Option(help="Comma-separated kinds of document, or `all`; accounts have those of their country.")
    ] = "invoice",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as JSON, and nothing else.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and database in this new directory.")] = None,
) -> None:
    """Ask for documents while everything breaks; then let it come to rest, and judge it by the ledger.

    Exits 0 only when no document was stamped twice, lost, given a wrong code or a false status, or held for a reason
    nobody can explain; 1 otherwise; 3 when a server it needs cannot be had.

    With the profile `create` they are documents that do not exist yet, and each must become exactly one.

    The seed repeats the documents, the requests, every fault's chance and every blow with its time. Not repeated is
    what the operating system decides: which worker takes what, which documents share a call, and so on which call a
    chance is used.
    """
    console = Console(highlight=False)
    by_size = max(2.0, documents / 1000)
    options = Options(
        documents,
        accounts,
        profile.value,
        seed,
        database.value,
        broker.value,
        minutes or by_size,
        workers,
        _kinds(kinds),
    )
    showing: Showing = Silent() if as_json else Screen(console) if console.is_terminal else Lines(console)
    if keep is not None:
        keep.mkdir(parents=True)
    try:
        with Stage(draw(options), keep and keep.absolute()) as stage, showing:
            campaign = CreationCampaign if profile is ProfileName.CREATE else Campaign
            outcome = campaign(options, showing).run(stage)
    except ServerUnavailable as missing:
        console.print(f"chaos: {missing}")
        raise typer.Exit(3) from missing
    report = outcome.as_report()
    if as_json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=1, default=str) + "\n")
    else:
        console.print(verdict_table(report))
        for told in outcome.told:
            flaw = told.flaw
            where = f"{flaw.account} {flaw.document_kind} {flaw.document_id}"
            console.print(f"{flaw.kind}: {where}: {flaw.what}", style="red")
            for line in (*told.history, *told.calls):
                console.print(f"    {line}", markup=False, soft_wrap=True)
    if keep is None and outcome.verdict.kept:
        stage.forget()
    elif not as_json:
        console.print(f"Logs and database: {stage.folder}")
    raise typer.Exit(0 if outcome.verdict.kept else 1)


def _kinds(words: str) -> tuple[str, ...]:
    named = tuple(KINDS) if words == "all" else tuple(word.strip() for word in words.split(","))
    if unknown := set(named) - KINDS.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: the kinds are {', '.join(KINDS)}")
    return named


if __name__ == "__main__":
    typer.run(main)
