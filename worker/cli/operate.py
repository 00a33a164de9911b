"""`timbre settle`, `release`, `cancel`, `pause`, `resume`: what an operator may do; each leaves name and reason."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from worker.cli import reach
from worker.cli.failures import Failure
from worker.cli.options import ACCOUNT, JSON, KIND, REASON
from worker.cli.output import local, say, write_json
from worker.cli.verdicts import show_grouped_verdicts, show_verdicts

IDS = Annotated[list[str], typer.Argument(metavar="ID…", help="Alegra's ids of the documents.", show_default=False)]

AN_ACCOUNT = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The Alegra account.", show_default=False)]

MOST_AT_ONCE = 100_000


def settle(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Alegra's ids of the documents.")] = None,
    *,
    all_uncertain: Annotated[
        bool, typer.Option("--all-uncertain", help="Every uncertain document, of all accounts and kinds not ruled out.")
    ] = False,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="The Alegra account; for named documents: default.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="The kind of document; of named ones: invoice.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Have documents that were sent read now, instead of when their schedule says. Nothing is ever sent by this."""
    if bool(ids) == all_uncertain:
        raise Failure("Name the documents to read (`timbre settle 501`), or say --all-uncertain; not both.")
    of_kind = None if kind is None else reach.known_kind(kind).name
    of_account = None if account is None and all_uncertain else reach.known_account(account or "default")
    if not ids:
        _settle_uncertain(of_account, of_kind, as_json=as_json)
        return
    chosen = reach.known_ids(ids)
    settling = reach.runtime().operations
    verdicts = settling.settle(of_account or "default", of_kind or "invoice", chosen, actor=reach.operator())
    show_verdicts(verdicts, _READ_NOW, as_json=as_json)


def _settle_uncertain(account: str | None, kind: str | None, *, as_json: bool) -> None:
    """Each account's and each kind's by itself, for ids are counted apart; one taken out of the file is left alone."""
    from timbre_producers.contracts import Status

    queries, running = reach.queries(), reach.runtime()
    groups: dict[tuple[str, str], list[str]] = {}
    for each in queries.emissions(account=account, kind=kind, status=Status.UNCERTAIN, limit=MOST_AT_ONCE):
        groups.setdefault((each.account, each.kind), []).append(each.document_id)
    strangers = sorted({name for name, _ in groups if name not in running.directory})
    for name in strangers:
        say(f"Account {name} is not configured here any more: its uncertain documents wait until it is back.")
    verdicts = {
        group: running.operations.settle(*group, chosen, actor=reach.operator())
        for group, chosen in sorted(groups.items())
        if group[0] not in strangers
    }
    if not verdicts and not as_json:
        print(f"No document{f' of account {account}' if account else ''} is uncertain.")
        return
    show_grouped_verdicts(verdicts, _READ_NOW, as_json=as_json)


_READ_NOW: Final = "will be read now"


def release(
    ids: IDS,
    *,
    reason: REASON = None,
    account: ACCOUNT = "default",
    kind: KIND = "invoice",
    as_json: JSON = False,
) -> None:
    """Give held documents back to the queue: read first, adopted if Alegra shows them stamped, else sent again.

    Look at the document in Alegra before you release it: with your reason you answer for it.
    """
    why = reach.given_reason(reason, "release")
    verdicts = reach.runtime().operations.release(
        reach.known_account(account),
        reach.known_kind(kind).name,
        reach.known_ids(ids),
        actor=reach.operator(),
        reason=why,
    )
    show_verdicts(verdicts, "released", as_json=as_json)


def cancel(
    ids: IDS,
    *,
    reason: REASON = None,
    account: ACCOUNT = "default",
    kind: KIND = "invoice",
    as_json: JSON = False,
) -> None:
    """Withdraw documents that were not sent. One that is on its way cannot be withdrawn; a held one needs --reason.

    A later request, or the night if the document still is a draft, may ask for it again.
    """
    why = None if reason is None else reach.given_reason(reason, "cancel")
    verdicts = reach.runtime().operations.cancel(
        reach.known_account(account),
        reach.known_kind(kind).name,
        reach.known_ids(ids),
        actor=reach.operator(),
        reason=why,
    )
    show_verdicts(verdicts, "cancelled", as_json=as_json)


def pause(account: AN_ACCOUNT, *, reason: REASON = None, as_json: JSON = False) -> None:
    """Send nothing of this account until `timbre resume`; what was sent already is still read."""
    why = "paused by hand" if reason is None else reach.given_reason(reason, "pause")
    name = reach.known_account(account)
    before = reach.runtime().operations.pause(name, actor=reach.operator(), reason=why)
    if as_json:
        write_json({"account": name, "paused": True, "was_paused": before.pause is not None})
    elif before.pause is None:
        print(f"Account {name} is paused. Its documents wait in the queue; `timbre resume {name}` sends them.")
    else:
        print(
            f"Account {name} was paused already, since {local(before.paused_at)}: {before.pause.message}. "
            f"It now stays paused until `timbre resume {name}`."
        )


def resume(account: AN_ACCOUNT, *, as_json: JSON = False) -> None:
    """Send again what waits for this account, whoever paused it."""
    name = reach.known_account(account)
    before = reach.runtime().operations.resume(name, actor=reach.operator())
    if as_json:
        write_json({"account": name, "paused": False, "was_paused": before.pause is not None})
    elif before.pause is None:
        print(f"Account {name} was not paused.")
    else:
        print(f"Account {name} goes on. It was paused since {local(before.paused_at)}: {before.pause.message}")
