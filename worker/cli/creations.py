"""`timbre creations`: documents that were to be created: a list, one with its history, and what a person may decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker.cli import reach
from worker.cli.creation_lists import creation_status, creations_table, with_emissions
from worker.cli.failures import ExitCode, Failure
from worker.cli.options import ANY_ACCOUNT, ANY_KIND, JSON, LANG, LIMIT, REASON, known_language
from worker.cli.output import answers, complain, plural, say, table, write_json
from worker.cli.status import request_id_of

if TYPE_CHECKING:
    from timbre_producers.creations import CreationStatus
    from worker.creation.operate import CreationVerdict
    from worker.storage.creation_queries import CreationView

ADOPT, RELEASE, CANCEL = "adopt", "release", "cancel"


def creations(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REFERENCE…]",
            help="One: its whole history. Or `adopt REFERENCE ID`, `release REFERENCE…`, `cancel REFERENCE…`.",
        ),
    ] = None,
    *,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATUS", help="Those in this status of their creation.")
    ] = None,
    request: Annotated[str | None, typer.Option("--request", metavar="UUID", help="Those of this request.")] = None,
    account: ANY_ACCOUNT = None,
    kind: ANY_KIND = None,
    limit: LIMIT = 50,
    reason: REASON = None,
    lang: LANG = "en",
    as_json: JSON = False,
) -> None:
    """Show documents that were to be created, and end what Timbre will not decide alone.

    A held one waits for a person: `adopt` names the document it became, `release` has it looked for and created if it
    is not there, `cancel` gives it up. Each with --reason, and --account and --kind where these are not the default.
    """
    known_language(lang)
    wanted, account = _status(state), reach.possible_account(account)
    of_kind = reach.known_kind(kind).name if kind else None
    match words or []:
        case [verb, *named] if verb in _VERBS:
            _decide(verb, named, account, of_kind, reason, as_json=as_json)
        case _ if reason is not None:
            raise Failure("--reason goes with adopt, release or cancel; to look at creations needs none.")
        case [] if request is not None:
            _show_request(request_id_of(request), wanted, as_json=as_json)
        case []:
            _show_list(account, of_kind, wanted, limit, as_json=as_json)
        case named:
            _show_named(_references(named), account, of_kind, lang, as_json=as_json)


def _show_list(
    account: str | None, kind: str | None, wanted: CreationStatus | None, limit: int, *, as_json: bool
) -> None:
    found = reach.creation_queries().creations(account=account, kind=kind, status=wanted, limit=limit)
    _show(found, as_json=as_json)
    if as_json:
        return
    if not found:
        print(f"No creation is {wanted}." if wanted else "Nothing was to be created yet: timbre create -f FILE.")
    elif len(found) == limit:
        say(f"The newest {limit} are shown; --limit shows more.")
    elif any(each.status == "held" for each in found):
        say("The held ones wait for a person: timbre creations REFERENCE says what to do.")


def _show_request(request_id: str, wanted: CreationStatus | None, *, as_json: bool) -> None:
    queries = reach.creation_queries()
    asked = queries.requests([request_id])
    refusals = reach.queries().refusals([request_id]) if not asked else []
    found = [each for each in queries.of_requests([request_id]) if wanted in {None, each.status}]
    refused = asked[0].refused if asked else {}
    if as_json:
        made = [each.described() for each in with_emissions(found)]
        write_json({"request": asked[0] if asked else None, "creations": made, "set_aside": refusals})
    else:
        _show(found, as_json=False)
    for reference, why in refused.items():
        complain(f"{reference} was refused: {why}")
    for each in refusals:
        complain(f"A message with this request id was set aside ({each.cause}): {each.reason}")
    if not asked:
        if not refusals:
            complain(f"No request {request_id} to create is known (yet): a worker writes it down when it takes it.")
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _show_named(references: list[str], account: str | None, kind: str | None, lang: str, *, as_json: bool) -> None:
    queries = reach.creation_queries()
    found = queries.named(references, account=account, kind=kind)
    for unknown in sorted(set(references) - {each.reference for each in found}):
        complain(f"Timbre knows no creation {unknown}: nobody asked for it yet, or in another account or kind.")
    if len(references) == 1 and len(found) == 1:
        from worker.cli.creation_history import show_creation

        (created,) = with_emissions(found)
        show_creation(created, queries.history(created.creation.id), lang, as_json=as_json)
        return
    _show(found, as_json=as_json)
    if not found:
        raise typer.Exit(ExitCode.SOME_REFUSED)
    if len(references) == 1 and not as_json:
        say("Several accounts or kinds have it: --account and --kind choose one, with its history.")


def _show(found: Sequence[CreationView], *, as_json: bool) -> None:
    shown = with_emissions(found)
    if as_json:
        write_json({"creations": [each.described() for each in shown]})
    elif shown:
        answers().print(creations_table(shown))


def _decide(
    verb: str, named: list[str], account: str | None, kind: str | None, reason: str | None, *, as_json: bool
) -> None:
    """Have one of the operator's verbs carried out; each leaves name and reason in the history."""
    document_id = None
    if verb == ADOPT:
        if len(named) != 2:
            raise Failure("Name the creation and its document: `timbre creations adopt REFERENCE ID --reason …`.")
        document_id = reach.known_ids([named[1]])[0]
        named = named[:1]
    if not named:
        raise Failure(f"Name the creations: `timbre creations {verb} REFERENCE… --reason …`.")
    references = _references(named)
    why = reach.given_reason(reason, f"creations {verb}")
    place = (reach.known_account(account or "default"), kind or "invoice")
    operations, actor = reach.runtime().creation.operations, reach.operator()
    verdicts: Sequence[CreationVerdict]
    if document_id is not None:
        verdicts = [operations.adopt(*place, references[0], document_id, actor=actor, reason=why)]
    elif verb == RELEASE:
        verdicts = operations.release(*place, references, actor=actor, reason=why)
    else:
        verdicts = operations.cancel(*place, references, actor=actor, reason=why)
    _show_verdicts(verdicts, _VERBS[verb], as_json=as_json)


def _show_verdicts(verdicts: Sequence[CreationVerdict], done: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"creations": verdicts})
    else:
        made = table("reference", "status", "")
        for each in verdicts:
            status = creation_status(each.status or "unknown")
            made.add_row(each.reference, status, done if each.done else each.sentence)
        answers().print(made)
    refused = sum(1 for each in verdicts if not each.done)
    if refused:
        say(f"{refused} of {plural(len(verdicts), 'creation')} stayed as before.")
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _references(named: list[str]) -> list[str]:
    for each in named:
        if not re.fullmatch(r"[A-Za-z0-9._:/-]{1,64}", each):
            raise Failure(f"REFERENCE cannot be {each[:70]!r}: it has 1 to 64 letters, digits or . _ : / -")
    return list(dict.fromkeys(named))


def _status(state: str | None) -> CreationStatus | None:
    from timbre_producers.creations import CreationStatus

    if state is None:
        return None
    try:
        return CreationStatus(state.strip().lower())
    except ValueError:
        raise Failure(f"--state cannot be {state[:40]!r}: write {', '.join(CreationStatus)}.") from None


_VERBS: Final = {ADOPT: "adopted", RELEASE: "released", CANCEL: "cancelled"}
"""What may stand before a reference, and what is said of one it was done to."""
