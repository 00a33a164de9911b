"""Builders: works, readings, answers, policies and requests that are ordinary except for what a test names."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from timbre_producers.contracts import EmitRequest, Status
from worker.emission.observation import Observation, Remote, Snapshot
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy, Schedule
from worker.emission.work import Document, Work

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)

ACCOUNT: Final = "acme"


def seconds(*delays: float) -> Schedule:
    """A schedule of reads."""
    return tuple(timedelta(seconds=delay) for delay in delays)


def a_policy(**changes: Any) -> Policy:
    """The defaults an account has when nobody configured anything."""
    ordinary: dict[str, Any] = {
        "country": "CO",
        "linger": timedelta(seconds=2),
        "look_fresh": timedelta(seconds=120),
        "confirm_schedule": seconds(2, 5, 15, 60, 300, 900),
        "waiting_schedule": seconds(5, 15, 60, 300, 900, 3600),
        "uncertain_schedule": seconds(5, 15, 45, 120, 300, 900, 3600),
        "quiet_window": timedelta(seconds=600),
        "stamp_timeout": timedelta(seconds=180),
        "read_timeout": timedelta(seconds=30),
        # Equal to the upper bound: the limit stands still, unless a test is about its moving.
        "min_in_flight": 8,
        "max_in_flight": 8,
        "max_attempts": 4,
        "sweep_grace": timedelta(seconds=15),
        "pickup_timeout": timedelta(seconds=60),
    }
    return Policy(**(ordinary | changes))


def a_snapshot(**changes: Any) -> Snapshot:
    """What a draft of 119,000 shows."""
    ordinary: dict[str, Any] = {"number": None, "client": "77", "total": Decimal(119000), "date": "2026-03-02"}
    return Snapshot(**(ordinary | changes))


def seen(document_id: str, remote: Remote = Remote.UNSTAMPED, **changes: Any) -> Observation:
    """One document as a read shows it; an accepted one carries its code and number."""
    ordinary: dict[str, Any] = {"snapshot": a_snapshot()}
    if remote is Remote.ACCEPTED:
        ordinary |= {
            "snapshot": a_snapshot(number=f"SETP{document_id}"),
            "fiscal_code": code_of(document_id),
            "fiscal_code_type": "cufe",
            "legal_status": "STAMPED_AND_ACCEPTED",
        }
    elif remote is Remote.REJECTED:
        ordinary |= {"legal_status": "STAMPED_AND_REJECTED"}
    elif remote is Remote.IN_PROCESS:
        ordinary |= {"legal_status": "STAMPED_AND_WAITING_RESPONSE"}
    return Observation(document_id, remote, **(ordinary | changes))


def code_of(document_id: str) -> str:
    """The fiscal code the authority gives this document."""
    return uuid.uuid5(uuid.NAMESPACE_OID, document_id).hex * 3


def a_problem(error_class: ErrorClass = ErrorClass.DATA, **changes: Any) -> Problem:
    """An error row of an answer."""
    ordinary: dict[str, Any] = {"code": "3051", "message": "AEP6016 El correo del cliente es obligatorio"}
    return Problem(error_class, **(ordinary | changes))


def a_work(status: Status = Status.QUEUED, **changes: Any) -> Work:
    """Document 501 of acme; one that was sent was sent once, in batch b1, after a look."""
    ordinary: dict[str, Any] = {
        "id": 1,
        "document": Document(ACCOUNT, "invoice", "501"),
        "since": NOON,
        "snapshot": a_snapshot(),
    }
    if status is Status.QUEUED:
        ordinary |= {"next_read_at": NOON, "snapshot": None}
    else:
        ordinary |= {"attempt": 1, "batch_id": "b1", "looked_at": NOON}
    return Work(status=status, **(ordinary | changes))


def ready(document_id: str, **changes: Any) -> Work:
    """A queued document that was looked at and may be sent."""
    ordinary: dict[str, Any] = {
        "id": int(document_id),
        "document": Document(ACCOUNT, "invoice", document_id),
        "next_read_at": None,
        "ready_at": NOON,
        "looked_at": NOON,
    }
    return a_work(**(ordinary | changes))


def a_request(*ids: str, **changes: Any) -> EmitRequest:
    """A producer's request for these documents."""
    ordinary: dict[str, Any] = {
        "request_id": uuid.uuid4(),
        "account": ACCOUNT,
        "document_ids": ids or ("501",),
        "requested_by": "billing",
    }
    return EmitRequest(**(ordinary | changes))


def ids(count: int, start: int = 501) -> tuple[str, ...]:
    """So many document ids in a row."""
    return tuple(str(start + offset) for offset in range(count))
