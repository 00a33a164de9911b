"""`timbre status`: how things stand as a whole, a list of documents, or one document's history with its evidence."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli import reach
from worker.cli.failures import ExitCode, Failure
from worker.cli.lists import emissions_table, settling_table
from worker.cli.options import ANY_ACCOUNT, ANY_KIND, JSON, LANG, LIMIT, known_language
from worker.cli.output import answers, complain, local, plural, say, span, table, write_json

if TYPE_CHECKING:
    from timbre_producers.contracts import Status
    from worker.storage.creation_queries import CreationCount
    from worker.storage.queries import Queries
    from worker.storage.views import AccountView, AlertView, Count, DeadlineView, EmissionView


def status(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="One id: its whole history.")] = None,
    *,
    account: ANY_ACCOUNT = None,
    kind: ANY_KIND = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="UUID", help="The documents of this request.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATUS", help="The documents in this status.")
    ] = None,
    limit: LIMIT = 50,
    lang: LANG = "en",
    as_json: JSON = False,
) -> None:
    """Show where documents stand. Without arguments: counts per account, pauses, open alerts."""
    known_language(lang)
    wanted, account = _status(state), reach.possible_account(account)
    if request is not None:
        _show_request(request_id_of(request), wanted, as_json=as_json)
        return
    if ids:
        _show_named(reach.known_ids(ids), account, kind, wanted, lang, as_json=as_json)
    elif wanted is not None:
        _show_state(wanted, account, kind, limit, as_json=as_json)
    else:
        _show_overview(account, kind, as_json=as_json)


def _show_named(
    ids: list[str], account: str | None, kind: str | None, wanted: Status | None, lang: str, *, as_json: bool
) -> None:
    queries = reach.queries()
    named = queries.named(ids, account=account, kind=reach.known_kind(kind).name if kind else None)
    found = [each for each in named if wanted in {None, each.status}]
    _tell_unknown(ids, named)
    if len(ids) == 1 and len(found) == 1:
        from worker.cli.history import show_history

        show_history(queries, found[0], lang, as_json=as_json)
        return
    if found or as_json:
        _show_list(found, wanted, as_json=as_json)
    if not found:
        raise typer.Exit(ExitCode.SOME_REFUSED)
    if len(ids) == 1 and not as_json:
        say("Several accounts or kinds have a document of this id: --account and --kind choose one, with its history.")


def _show_state(wanted: Status, account: str | None, kind: str | None, limit: int, *, as_json: bool) -> None:
    kind = reach.known_kind(kind).name if kind else None
    queries = reach.queries()
    found = queries.emissions(account=account, kind=kind, status=wanted, limit=limit)
    # Others may stand below the limit, or have nothing in this status: whose these are is not plain.
    several = not as_json and account is None and len(queries.accounts()) > 1
    _show_list(found, wanted, told=["account"] if several else [], as_json=as_json)
    if as_json or not found:
        return
    if len(found) == limit:
        say(f"The newest {limit} are shown; --limit shows more.")
    if wanted == "uncertain":
        say("They settle by themselves, by reading. `timbre settle ID` reads now; `timbre status ID` has the evidence.")


def _show_list(
    found: Sequence[EmissionView], wanted: Status | None, *, told: Sequence[str] = (), as_json: bool
) -> None:
    if as_json:
        write_json({"emissions": found})
        return
    if not found:
        print(f"No document is {wanted}." if wanted else "No documents.")
        return
    settling = wanted is not None and wanted.value in {"uncertain", "waiting", "confirming", "emitting", "queued"}
    answers().print((settling_table if settling else emissions_table)(found, told=told))


def _show_request(request_id: str, wanted: Status | None, *, as_json: bool) -> None:
    queries = reach.queries()
    found = queries.of_requests([request_id])
    if wanted is not None:
        found = [each for each in found if each.status == wanted]
    asked = queries.requests(ids=[request_id])
    refused = queries.refusals([request_id])
    if as_json:
        write_json({"request": asked[0] if asked else None, "emissions": found, "set_aside": refused})
    elif asked:
        first = asked[0]
        print(
            f"Request {request_id}, {plural(first.documents, 'document')} of account {first.account}, "
            f"asked by {first.requested_by} at {local(first.received_at)}"
        )
        answers().print(emissions_table(found))
    for each in refused:
        complain(f"A message with this request id was set aside ({each.cause}): {each.reason}")
    if not asked and not refused:
        complain(f"No request {request_id} is known (yet): a worker writes it down when it takes the message.")
    if not asked:
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _show_overview(account: str | None, kind: str | None, *, as_json: bool) -> None:
    queries = reach.queries()
    now = datetime.now(UTC)
    counts = queries.counts(account, reach.known_kind(kind).name if kind else None)
    accounts = {each.account: each for each in queries.accounts(account)}
    alerts = queries.alerts(account=account, now=now, limit=1000)
    names = sorted({each.account for each in counts} | set(accounts))
    deadlines = {each.account: each for each in queries.deadlines(account)}
    if as_json:
        write_json(
            {
                "accounts": [_facts(name, counts, accounts.get(name), deadlines.get(name)) for name in names],
                "creations": _open_creations(account),
                "alerts": alerts,
                **({"pauses": queries.pauses(account)} if account else {}),
            }
        )
        return
    if not counts:
        print("No documents yet. `timbre emit ID` asks for one; `timbre emit --all --dry-run` shows the drafts.")
    else:
        _print_counts(counts)
    for each in deadlines.values():
        late = each.first <= now
        when = f"was over {span(now - each.first)} ago" if late else f"ends in {span(each.first - now)}"
        documents = plural(each.documents, "document")
        print(f"{each.account}: {documents} not sent yet; the law's time for the first {when} ({local(each.first)}).")
    _print_creations(account)
    _print_trouble(queries, accounts, counts, alerts, now)
    if account and (pauses := queries.pauses(account)):
        print("Its pauses, newest first:")
        made = table("", "when", "by", "why")
        for event in pauses:
            why = " ".join(filter(None, (event.code, event.reason)))
            made.add_row(event.what, local(event.at), event.actor, why)
        answers().print(made)


def _print_counts(counts: Sequence[Count]) -> None:
    from timbre_producers.contracts import Status

    present = {each.status for each in counts} | {Status.QUEUED, Status.STAMPED}
    columns = [each for each in Status if each in present]
    numbers = {(each.account, each.status): each.documents for each in counts}
    made = table("account", *(each.value for each in columns))
    for column in made.columns[1:]:
        column.justify = "right"
    for name in sorted({each.account for each in counts}):
        made.add_row(name, *(f"{numbers.get((name, each), 0):,}" for each in columns))
    answers().print(made)


def _open_creations(account: str | None) -> Sequence[CreationCount]:
    """Of what was to be created, what is not ended, or was ended by nobody yet."""
    from timbre_producers import CreationStatus
    from worker.creation.lifecycle import FINISHED

    unfinished = [each for each in CreationStatus if each not in FINISHED or each is CreationStatus.HELD]
    return reach.creation_queries().counts(account, statuses=unfinished)


def _print_creations(account: str | None) -> None:
    """Documents that are not there yet, and those that wait for a person to say what became of them."""
    counts = _open_creations(account)
    for name in sorted({each.account for each in counts}):
        mine = [each for each in counts if each.account == name]
        held = sum(each.documents for each in mine if each.status == "held")
        coming = sum(each.documents for each in mine) - held
        if coming:
            print(f"{name}: {plural(coming, 'document')} still to be created (`timbre creations`).")
        if held:
            print(f"{name}: {plural(held, 'creation')} held for a person (`timbre creations --state held`).")


def _print_outlooks(accounts: dict[str, AccountView]) -> None:
    """What runs out soon, as the daily check found it."""
    for account in accounts.values():
        for each in account.outlook or []:
            if each["urgency"] != "fine":
                looked = f"looked at {local(account.outlook_at)}; `timbre doctor` looks now"
                print(f"{account.account}: {each['en']} ({looked}).")


def _print_trouble(
    queries: Queries,
    accounts: dict[str, AccountView],
    counts: Sequence[Count],
    alerts: Sequence[AlertView],
    now: datetime,
) -> None:
    for each in counts:
        if each.status == "queued" and each.oldest is not None:
            print(f"{each.account}: the oldest queued document has waited {span(now - each.oldest)}.")
    for each_account in accounts.values():
        if each_account.in_flight_limit is not None:
            calls = plural(each_account.in_flight_limit, "stamp call")
            usual = each_account.in_flight_usual_ms
            takes = "" if usual is None else f"; one takes {usual / 1000:.1f} s"
            print(f"{each_account.account}: at most {calls} at once now{takes}.")
    for paused in (each for each in accounts.values() if each.paused_at):
        probe = "tried again by itself" if paused.probe_at else "until somebody resumes it"
        print(
            f"{paused.account}: PAUSED since {local(paused.paused_at)} by {paused.paused_by}, {probe}: "
            f"{paused.why_paused} (`timbre resume {paused.account}`)"
        )
    _print_outlooks(accounts)
    if alerts:
        print(f"{plural(len(alerts), 'open alert')}, newest first:")
        made = table("document", "status", "since", "what a person must look at")
        for alert in alerts[:10]:
            kind = "" if alert.kind == "invoice" else f"{alert.kind} "
            made.add_row(f"{alert.account}/{kind}{alert.document_id}", alert.status, local(alert.at), alert.reason)
        answers().print(made)
        say("`timbre status ID` has the evidence, and what to do next.")
    if set_aside := queries.set_aside(limit=1):
        say(f"Messages were set aside, the newest at {local(set_aside[0].received_at)}: timbre requests --unreadable")


def _facts(
    name: str, counts: Sequence[Count], account: AccountView | None, deadline: DeadlineView | None
) -> dict[str, object]:
    from timbre_producers.contracts import Status

    mine = {each.status: each for each in counts if each.account == name}
    queued = mine.get(Status.QUEUED)
    return {
        "account": name,
        "counts": {each.value: mine[each].documents if each in mine else 0 for each in Status},
        "oldest_queued_at": queued.oldest if queued else None,
        "paused_at": account.paused_at if account else None,
        "paused_by": account.paused_by if account else None,
        "pause_code": account.pause_code if account else None,
        "pause_reason": account.pause_reason if account else None,
        "probe_at": account.probe_at if account else None,
        "in_flight_limit": account.in_flight_limit if account else None,
        "in_flight_usual_ms": account.in_flight_usual_ms if account else None,
        "first_deadline": deadline.first if deadline else None,
        "outlook": account.outlook if account else None,
    }


def _tell_unknown(named: Sequence[str], found: Sequence[EmissionView]) -> None:
    for each in sorted(set(named) - {view.document_id for view in found}):
        complain(f"Timbre does not know document {each}: nobody asked for it yet, or in another account or kind.")


def _status(state: str | None) -> Status | None:
    from timbre_producers.contracts import Status

    if state is None:
        return None
    try:
        return Status(state.strip().lower())
    except ValueError:
        raise Failure(f"--state cannot be {state[:40]!r}: write {', '.join(Status)}.") from None


def request_id_of(written: str) -> str:
    """The id, in the form the tables have it. Raises `Failure`."""
    try:
        return str(uuid.UUID(written))
    except ValueError:
        raise Failure(f"--request cannot be {written[:60]!r}: write the request's UUID.") from None
