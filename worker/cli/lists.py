"""Tables of documents, requests and messages, as several commands show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.table import Table

from worker.cli.output import answers, local, shortened, span, status_text, table

if TYPE_CHECKING:
    from worker.storage.views import EmissionView, RequestView, SetAsideView

ROOM_FOR_THE_REST: Final = 54
"""What the other columns of the table of documents want."""

LEAST_CODE: Final = 19
"""A code shortened further says nothing."""


_STILL_TO_COME: Final = {
    "queued": "waits for its batch",
    "emitting": "its call is under way",
    "confirming": "answered; a read will show the code",
    "waiting": "the tax authority has not answered yet",
    "uncertain": "the answer was lost; reads find out",
    "cancelled": "withdrawn before it was sent",
}


def emissions_table(emissions: Sequence[EmissionView], *, told: Sequence[str] = ()) -> Table:
    """Documents with their fiscal code, or what keeps them from having one.

    Codes are shortened where the terminal is too narrow; `--json` and `timbre status ID` have them whole. `told` names
    what has a column although all share it.
    """
    names = _told_apart_by(emissions, told)
    made = table(*names, "document", "number", "status", "fiscal code, or why not")
    width = max(answers().width - ROOM_FOR_THE_REST, LEAST_CODE)
    for each in emissions:
        what = shortened(each.fiscal_code, width) if each.status == "stamped" and each.fiscal_code else why(each)
        made.add_row(
            *(getattr(each, name) for name in names),
            each.document_id,
            each.document_number or "",
            status_text(each.status),
            what,
        )
    return made


def settling_table(emissions: Sequence[EmissionView], *, told: Sequence[str] = ()) -> Table:
    """Documents that are being found out about: since when, how often they were read, when the next read is due."""
    names = _told_apart_by(emissions, told)
    waits = any(each.held_reason for each in emissions)
    columns = ("document", "status", "since", "attempt", "reads", "next read", *(["why"] if waits else []))
    made = table(*names, *columns)
    now = datetime.now(UTC)
    for each in emissions:
        made.add_row(
            *(getattr(each, name) for name in names),
            each.document_id,
            status_text(each.status),
            f"{span(now - each.status_since)} ago",
            str(each.attempt),
            str(each.reads),
            due(each.next_read_at, now),
            *([each.held_reason or ""] if waits else []),
        )
    return made


def _told_apart_by(emissions: Sequence[EmissionView], told: Sequence[str]) -> list[str]:
    """What else than its id a document must be named by: each account, and each kind of one, counts its own ids."""
    return [
        name for name in ("account", "kind") if name in told or len({getattr(each, name) for each in emissions}) > 1
    ]


def requests_table(requests: Sequence[RequestView]) -> Table:
    """Requests with where their documents stand."""
    made = table("received", "request", "documents")
    made.columns[1].no_wrap = True
    for each in requests:
        stands = ", ".join(f"{count} {status}" for status, count in sorted(each.states.items()))
        made.add_row(
            f"{local(each.received_at):.16}",
            f"{each.request_id}\n{each.account}, {each.requested_by}",
            f"{each.documents}: {stands}" if stands else str(each.documents),
        )
    return made


def set_aside_table(messages: Sequence[SetAsideView]) -> Table:
    """Messages that were not accepted, with the reason."""
    made = table("received", "cause", "reason")
    for each in messages:
        request = f"\nrequest {each.request_id}" if each.request_id else ""
        made.add_row(f"{local(each.received_at):.16}", each.cause, f"{each.reason}{request}")
    return made


def why(emission: EmissionView) -> str:
    """What keeps a document from being stamped, in a line."""
    if emission.held_reason and emission.status in {"held", "queued"}:
        return emission.held_reason
    if emission.error_code or emission.error_message:
        return f"{emission.error_code or ''} {emission.error_message or ''}".strip()
    return _STILL_TO_COME.get(emission.status, "")


def due(moment: datetime | None, now: datetime) -> str:
    """When something is due, from now."""
    if moment is None:
        return ""
    return "due" if moment <= now else f"in {span(moment - now)}"
