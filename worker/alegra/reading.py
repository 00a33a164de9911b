"""What one document's JSON shows of its emission, weighed by its country's rules (contract §2.4, design rule 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from worker.alegra.bodies import clean
from worker.alegra.drafts import draft_shown
from worker.alegra.kinds import SHAPES, Shape
from worker.alegra.schemas import Invoice
from worker.countries import (
    Country,
    FoundCode,
    Issued,
    Verdict,
    code_in_stamp,
    document_numbers,
    find_code,
    read_legal_status,
)
from worker.countries.inner_fields import day_of
from worker.emission.observation import Observation, Remote, Snapshot

_MAY_BE_SENT: Final = frozenset({Remote.UNSTAMPED, Remote.REJECTED})
_STAMPABLE: Final = frozenset({"draft", "open", "closed"})
_EXCERPT: Final = 2048
_MOST_WARNINGS: Final = 20
_SAID_IN: Final = ("warnings", "observations", "errors", "message")
"""Keys of `stamp` where the authority's words were seen, or may stand."""

_WAS_ACCEPTED: Final = frozenset({Verdict.ACCEPTED, Verdict.CANCELLING, Verdict.CANCELLED})


def observe(document: Any, country: Country, kind: str, issuer: str | None = None) -> Observation:
    """The document as this read shows it. Raises `UnreadableDocument` when it is not safe to say.

    The legal status is the truth, not the presence of a code. So a document whose status is PENDING is unstamped even
    if a code stands in its stamp: that code belongs to an earlier, rejected sending (Panama's documentation says so),
    and taking it for a sending under way would keep the corrected document from ever being sent. A code without any
    status is the other case: something was sent and has no verdict yet, so the document is in process.

    A code of valid form that contradicts its document (another date, number or issuer inside) is not valid either.
    `issuer` is the company's tax number, as far as it is known.
    """
    shape = SHAPES[kind]
    invoice = Invoice.read(shape.seen(document) if isinstance(document, Mapping) else document)
    legal_status = _legal_status(invoice)
    verdict = read_legal_status(legal_status)
    found = find_code(country, kind, invoice.stamp, document)
    stamped_at = _stamped_at(invoice.stamp, country) if found else None
    code = _compared(found, stamped_at, invoice, document, country, kind, issuer)
    said = _said(invoice.stamp)
    remote, reason = _weigh(invoice, verdict, legal_status, code, country, kind)
    if why := shape.refused(document):
        remote, reason = Remote.NOT_ELECTRONIC, why
    if remote is Remote.REJECTED:
        reason = "; ".join(said) or "the tax authority rejected it and gave no reason"
    numbers = document_numbers(document)
    kept = code if code and _is_of_this_sending(code, verdict, remote) else None
    return Observation(
        document_id=invoice.id,
        remote=remote,
        snapshot=Snapshot(
            number=clean(numbers[0], 60) if numbers else None,
            client=invoice.client,
            total=invoice.total,
            date=invoice.date,
        ),
        fiscal_code=clean(kept.value, 200) if kept else None,
        fiscal_code_type=kept.type if kept else None,
        carries_code=code_in_stamp(country, kind, invoice.stamp) is not None,
        legal_status=clean(str(legal_status), 60) if legal_status else None,
        stamped_at=stamped_at if kept else None,
        reason=clean(reason, 1000),
        warnings=said,
        excerpt=_excerpt(invoice.stamp),
        is_draft=_is_draft(invoice, shape),
        numbering=tuple(
            each
            for each in (invoice.numbering and invoice.numbering.id, invoice.numbering and invoice.numbering.prefix)
            if each
        ),
        created_at=_local(invoice.created),
        follows=tuple(dict.fromkeys(clean(each, 36) for each in shape.followed(document))),
        draft=draft_shown(document, country.code, kind) if remote in _MAY_BE_SENT else None,
    )


def _is_draft(invoice: Invoice, shape: Shape) -> bool:
    if shape.has_drafts:
        return invoice.status == "draft"
    # Most payments are nobody's to stamp; one that is was given an electronic numbering when it was made.
    return invoice.status != "void" and invoice.numbering is not None and invoice.numbering.is_electronic is True


def _compared(
    code: FoundCode | None,
    stamped_at: datetime | None,
    invoice: Invoice,
    document: Any,
    country: Country,
    kind: str,
    issuer: str | None,
) -> FoundCode | None:
    """The code, no longer valid when what stands inside it cannot be of this document."""
    if code is None or not code.valid:
        return code
    issued = Issued(
        kind=kind,
        dated=day_of(invoice.date) if invoice.date else None,
        stamped=country.today(stamped_at) if stamped_at else None,
        numbers=document_numbers(document),
        prefix=invoice.numbering.prefix if invoice.numbering else None,
        sub_type=invoice.numbering.sub_type if invoice.numbering else None,
        issuer=issuer,
        stamp=invoice.stamp or {},
    )
    reason = country.contradiction(code.value, issued)
    return replace(code, valid=False, reason=reason) if reason else code


def missing(document_id: str) -> Observation:
    """A document Alegra says it does not have."""
    return Observation(
        document_id, Remote.MISSING, Snapshot(None, None, None, None), reason="Alegra has no such document"
    )


def _weigh(
    invoice: Invoice,
    verdict: Verdict,
    legal_status: object,
    code: FoundCode | None,
    country: Country,
    kind: str,
) -> tuple[Remote, str]:
    """The state of the document, and why where it is not plain."""
    if invoice.status == "void":
        return Remote.VOID, ""
    match verdict:
        case Verdict.ACCEPTED:
            return _accepted(code)
        case Verdict.REJECTED:
            return Remote.REJECTED, ""
        case Verdict.IN_PROCESS:
            return Remote.IN_PROCESS, ""
        case Verdict.CANCELLING:
            return Remote.IN_PROCESS, "it was accepted, and its cancellation waits for the authority"
        case Verdict.CANCELLED:
            return Remote.DUBIOUS, "its stamp was cancelled at the tax authority"
        case Verdict.UNKNOWN:
            return Remote.DUBIOUS, f"Alegra shows a legalStatus nobody knows: {str(legal_status)[:60]!r}"
        case Verdict.NOT_EMITTED | Verdict.ABSENT:
            return _without_verdict(invoice, verdict, code_in_stamp(country, kind, invoice.stamp), country)


def _accepted(code: FoundCode | None) -> tuple[Remote, str]:
    """The authority accepted it; whether that is all depends on the code."""
    if code is None:
        return Remote.IN_PROCESS, "accepted, and its fiscal code is not shown yet"
    if not code.valid:
        return Remote.DUBIOUS, f"accepted, but {code.reason}"
    return Remote.ACCEPTED, ""


def _without_verdict(
    invoice: Invoice, verdict: Verdict, sign: FoundCode | None, country: Country
) -> tuple[Remote, str]:
    """No verdict of the authority: nothing was sent, or it is on its way, or the code is the verdict (Mexico).

    `sign` is the code in the stamp; a document's number is none, for it has that before it is sent.
    """
    stamp = invoice.stamp or {}
    if verdict is Verdict.ABSENT and sign is not None:
        if country.expects_legal_status:
            return Remote.IN_PROCESS, "a fiscal code is shown, and no legalStatus yet"
        return _accepted(sign)
    if sign is None and any(stamp.get(key) for key in country.never_sent_keys):
        return Remote.NOT_ELECTRONIC, "it is of a fiscal printer, which is never sent electronically"
    if sign is None and invoice.numbering is not None and invoice.numbering.is_electronic is False:
        return Remote.NOT_ELECTRONIC, ""
    if verdict is Verdict.ABSENT and (stamp.get("date") or stamp.get("stampDate")):
        return Remote.IN_PROCESS, "its stamp carries a date, and no legalStatus yet"
    if invoice.status not in _STAMPABLE:
        return Remote.DUBIOUS, f"Alegra shows a status nobody knows: {invoice.status[:60]!r}"
    return Remote.UNSTAMPED, "its fiscal code is of an earlier sending" if sign else ""


def _is_of_this_sending(code: FoundCode, verdict: Verdict, remote: Remote) -> bool:
    """Whether to write the code down: not a rejected or unsent document's, and not a mere number before acceptance."""
    if verdict in _WAS_ACCEPTED:
        return True
    return code.where == "stamp" and remote not in {Remote.REJECTED, Remote.UNSTAMPED, Remote.NOT_ELECTRONIC}


def _legal_status(invoice: Invoice) -> object:
    stamp = invoice.stamp or {}
    places = (stamp.get("legalStatus"), stamp.get("emissionStatus"), invoice.emission_status)
    return next((each for each in places if each not in (None, "")), None)


def _said(stamp: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The authority's remarks: warnings of an accepted document, reasons of a rejected one."""
    said: list[str] = []
    for key in _SAID_IN:
        value = (stamp or {}).get(key)
        for each in value if isinstance(value, list) else [value]:
            text = each.get("message") if isinstance(each, Mapping) else each
            if isinstance(text, str) and text.strip():
                said.append(clean(text.strip(), 500))
    return tuple(dict.fromkeys(said))[:_MOST_WARNINGS]


def _excerpt(stamp: Mapping[str, Any] | None) -> str:
    return clean(json.dumps(stamp, ensure_ascii=False, default=str), _EXCERPT) if stamp else ""


def _stamped_at(stamp: Mapping[str, Any] | None, country: Country) -> datetime | None:
    """When it was stamped, in UTC. Alegra writes the account's local time, taken to be that of the capital."""
    for key in ("date", "stampDate"):
        if moment := _moment((stamp or {}).get(key)):
            return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(country.zone))).astimezone(UTC)
    return None


def _local(value: object) -> datetime | None:
    moment = _moment(value)
    return moment.replace(tzinfo=None) if moment else None


def _moment(value: object) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS`, or ISO 8601; None for a mere date and for anything else."""
    if not isinstance(value, str) or len(value) < len("2026-03-02 09:14"):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment if 2000 <= moment.year <= 2200 else None
