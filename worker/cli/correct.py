"""`timbre correct`: what corrects a stamped document in its country, and the credit note that does, as a draft."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from worker.cli import reach
from worker.cli.failures import ExitCode, Failure, unreachable
from worker.cli.options import ACCOUNT, JSON, KIND, LANG, known_language
from worker.cli.output import complain, messages, say, table, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.alegra.corrections import Part
    from worker.countries import Country, Language
    from worker.countries.corrections import Corrections, Reason
    from worker.emission.observation import Observation
    from worker.emission.work import Document

_OTHERWISE: Final = {
    "credit_note": "a stamped credit note is taken back by a customer debit note, or by a new invoice",
    "income_debit_note": "a stamped customer debit note is taken back by a credit note of its invoice",
    "support_document": "a stamped support document is corrected by a vendor debit note (nota de ajuste)",
    "debit_note": "a stamped vendor debit note is followed by another one",
    "global_invoice": "a stamped global invoice is cancelled at the SAT, in Alegra's own screens, and made anew",
    "payment": "a stamped payment receipt is cancelled in Alegra's own screens, and made anew",
    "transportation_receipt": "a stamped transportation receipt is cancelled in Alegra's own screens, and made anew",
}

_NAMESPACE: Final = uuid.UUID("6f0d9a3e-3b0f-5c39-8a77-2f1f8f4f6c01")
"""Of the request ids of corrections: the same correction asked for again is the same request."""


def correct(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="Alegra's id of the document.", show_default=False)],
    *,
    account: ACCOUNT = "default",
    kind: KIND = "invoice",
    reason_code: Annotated[
        str | None, typer.Option("--reason-code", metavar="CODE", help="Why, in the country's own codes.")
    ] = None,
    cause: Annotated[str | None, typer.Option("--cause", metavar="TEXT", help="Why, in words.")] = None,
    lines: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="N[=QUANTITY]", help="Only this line, or so much of it. Repeatable."),
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="MONEY", help="Only so much, taxes included.")
    ] = None,
    number: Annotated[
        int,
        typer.Option("--number", metavar="N", min=1, max=99, help="The second, third … correction of the document."),
    ] = 1,
    create: Annotated[bool, typer.Option("--create", help="Have it created as a draft, once.")] = False,
    lang: LANG = "en",
    as_json: JSON = False,
) -> None:
    """Prepare the credit note that corrects a stamped document: the whole of it, or some lines, or an amount.

    Prints what `timbre create -f - --kind credit_note --draft` reads; --create hands it over. Nothing is stamped by it.
    """
    language = cast("Language", known_language(lang))
    if lines and amount is not None:
        raise Failure("--line and --amount say twice what is taken back: leave one of them out.")
    parts, money = [_part(each) for each in lines or []], None if amount is None else _money(amount, "--amount")
    document = _document(document_id, account, kind)
    found = _look(document)
    rules = _rules(found.country)
    chosen = _reason(rules, reason_code, whole=not parts and money is None)
    body = _body(found, rules, chosen, cause, parts, money)
    _number(found, rules, body, quiet=as_json)
    new = {"reference": _reference(document, number), "body": body}
    if not as_json:
        _explain(document, found, rules, chosen, language)
    if create:
        if not _known(document, new, as_json=as_json):
            _create(document, new, as_json=as_json)
    elif as_json:
        write_json(new)
    else:
        print(json.dumps(new, indent=2, ensure_ascii=False))
        say("Create it as a draft: pipe this into `timbre create -f - --kind credit_note --draft`, or say --create.")


@dataclass(frozen=True, slots=True)
class _Found:
    """The document as Alegra shows it now."""

    account: str
    seen: Observation
    body: Mapping[str, Any]
    country: Country


def _document(document_id: str, account: str, kind: str) -> Document:
    from worker.emission.work import Document

    name = reach.known_account(account)
    of_kind = reach.kind_of_account(kind, name).name
    (only,) = reach.known_ids([document_id])
    if of_kind in _OTHERWISE:
        raise Failure(f"`timbre correct` prepares the credit note of an invoice; {_OTHERWISE[of_kind]}.")
    return Document(name, of_kind, only)


def _look(document: Document) -> _Found:
    """Read it, and end the command where nothing is there to be corrected."""
    from worker.emission.observation import Remote

    running = reach.runtime()
    shown, body = running.act_api.read(document)
    seen, id_ = shown.observation, document.document_id
    if seen.remote is Remote.ACCEPTED and body is not None:
        return _Found(document.account, seen, body, running.api.country_of(document.account))
    complain(
        {
            Remote.MISSING: f"Alegra has no {document.kind} {id_}: check the id and the account.",
            Remote.VOID: f"{id_} is void: there is nothing to correct.",
            Remote.IN_PROCESS: f"{id_} has no verdict of the authority yet: wait for it, then correct it.",
            Remote.DUBIOUS: f"{id_} is in doubt: {seen.reason}. Look at it in Alegra.",
        }.get(
            seen.remote,
            f"{id_} is not stamped: edit it in Alegra and emit it, or `timbre void {id_} --reason …` it.",
        )
    )
    raise typer.Exit(ExitCode.SOME_REFUSED)


def _rules(country: Country) -> Corrections:
    from worker.countries.corrections import CORRECTIONS

    return CORRECTIONS[country.code]


def _reason(rules: Corrections, code: str | None, *, whole: bool) -> Reason | None:
    if code is None:
        return rules.usual(whole=whole)
    found = rules.reason(code)
    if found is None or rules.field is None:
        if rules.field is None:
            raise Failure(
                "--reason-code cannot be passed on: under which field Alegra takes it in this country is not known. "
                "Choose it in the draft."
            )
        raise Failure(f"--reason-code cannot be {code[:60]!r}: {', '.join(each.code for each in rules.reasons)}.")
    if found.whole is not None and found.whole != whole:
        part = "the whole document" if found.whole else "a part of it (--line, --amount)"
        raise Failure(f"--reason-code {found.code} is for {part}.")
    return found


def _body(
    found: _Found,
    rules: Corrections,
    reason: Reason | None,
    cause: str | None,
    parts: Sequence[Part],
    amount: Decimal | None,
) -> dict[str, Any]:
    from datetime import UTC, datetime

    from worker.alegra.corrections import CannotCorrect, credit_note

    today = found.country.today(datetime.now(UTC))
    try:
        return credit_note(found.body, rules, reason, cause=cause, today=today, parts=parts, amount=amount)
    except CannotCorrect as wrong:
        raise Failure(f"{found.seen.document_id}: {wrong}.", ExitCode.SOME_REFUSED) from None


def _number(found: _Found, rules: Corrections, body: dict[str, Any], *, quiet: bool) -> None:
    """Name the numbering where only one can be meant; otherwise Alegra takes its own, or a person chooses."""
    from worker.alegra.corrections import numbering_for

    templates = reach.runtime().api.number_templates(found.account)
    if (only := numbering_for(templates, rules, found.body)) is not None:
        body["numberTemplate"] = {"id": only.id}
    elif not quiet:
        say("Which numbering the note takes could not be told: choose an electronic one of credit notes in the draft.")


def _reference(document: Document, number: int) -> str:
    from worker.alegra.corrections import reference_of

    return reference_of(document.kind, document.document_id, number)


def _explain(document: Document, found: _Found, rules: Corrections, chosen: Reason | None, lang: Language) -> None:
    """On stderr, so that a pipe carries the document alone."""
    screen = messages()
    number = found.seen.snapshot.number or document.document_id
    screen.print(f"{document.kind} {document.document_id} of account {document.account} is stamped: {number}.")
    screen.print(rules.said(lang))
    if rules.reasons:
        heading = "--reason-code" if rules.field else {"en": "in the draft", "es": "en el borrador"}[lang]
        made = table("", heading, "")
        for each in rules.reasons:
            made.add_row("▸" if each is chosen else "", each.code, each.said(lang))
        screen.print(made)


def _known(document: Document, new: dict[str, Any], *, as_json: bool) -> bool:
    """Whether this correction was asked for before, be it with another content; then what became of it is told.

    Asked for tomorrow it has another date, and the door would refuse it as another document of the same reference.
    """
    from timbre_producers.creations import CreationStatus
    from worker.storage.creation_queries import CreationQueries

    asked = CreationQueries(reach.engine()).named([new["reference"]], account=document.account, kind="credit_note")
    found = next((each for each in asked if each.status is not CreationStatus.REJECTED), None)
    if found is None:
        return False
    if as_json:
        write_json(
            {
                "request_id": found.request_id,
                "reference": found.reference,
                "body": found.body,
                "status": found.status,
                "document_id": found.document_id,
            }
        )
        return True
    there = f", credit note {found.document_id}" if found.document_id else ""
    print(f"Correction {found.reference} was asked for already: it is {found.status}{there}. Nothing was sent.")
    say(f"A further correction of the same document has a number of its own: --number {_next(new['reference'])}.")
    return True


def _next(reference: str) -> int:
    """The number after this reference's."""
    last = reference.rpartition(":")[2] if reference.count(":") > 2 else "1"
    return int(last) + 1


def _create(document: Document, new: dict[str, Any], *, as_json: bool) -> None:
    from timbre_producers import BrokerUnreachable, EmissionClient, NewDocument
    from timbre_producers.creations import digest

    request_id = uuid.uuid5(_NAMESPACE, f"{document.account} {digest(new)}")
    with EmissionClient(reach.settings().broker, timeout=2.0) as client:
        try:
            receipt = client.create(
                [NewDocument(**new)],
                account=document.account,
                kind="credit_note",
                request_id=request_id,
                requested_by=f"{reach.operator()}/timbre correct"[:120],
            )
        except BrokerUnreachable as error:
            raise unreachable(f"{error} Repeating the command creates nothing twice.") from error
    if as_json:
        write_json({"request_id": receipt.request_id, **new})
        return
    print(f"Credit note {new['reference']} to be created as a draft, request {receipt.request_id}")


def _part(written: str) -> Part:
    from worker.alegra.corrections import Part

    place, _, quantity = written.partition("=")
    if not re.fullmatch(r"[0-9]{1,5}", place):
        raise Failure(f"--line cannot be {written[:40]!r}: write the line's place from 1, or 2=3 for a quantity of 3.")
    return Part(int(place), _money(quantity, "--line") if quantity else None)


def _money(written: str, option: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,6})?", written):
        raise Failure(f"{option} cannot be {written[:40]!r}: write a number such as 119000 or 1190.50.")
    return Decimal(written)
