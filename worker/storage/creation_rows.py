"""Between a row of `creations` and the domain's `Creation`, both ways, and the guarded move."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Select, Table, bindparam, select, update

from timbre_producers.creations import CreationStatus
from worker.creation.work import Creation, CreationMove
from worker.emission.outcomes import ErrorClass, Problem
from worker.storage.bulk import among
from worker.storage.creation_models import CreationEvent, CreationRow
from worker.storage.moves import bounded, write_events
from worker.storage.text import fitting

CREATIONS: Final = cast("Table", CreationRow.__table__)
CREATION_EVENTS: Final = cast("Table", CreationEvent.__table__)

_MOVABLE: Final = (
    "status",
    "status_since",
    "attempt",
    "document_id",
    "error_class",
    "error_code",
    "error_message",
    "next_look_at",
    "looks",
    "planned_at",
    "looked_at",
    "absent_since",
    "absent_looks",
    "stamp_failed",
    "amended",
    "held_reason",
)
"""What a move may change."""


def to_creation(row: Row[Any]) -> Creation:
    """The domain's view of a whole row."""
    problem = None
    if row.error_class is not None:
        problem = Problem(ErrorClass(row.error_class), row.error_code or "", row.error_message or "")
    return Creation(
        id=row.id,
        account=row.account,
        kind=row.kind,
        reference=row.reference,
        status=CreationStatus(row.status),
        since=row.status_since,
        body=json.loads(row.body),
        created_at=row.created_at,
        request_id=row.request_id,
        requested_by=row.requested_by,
        emits=row.emits,
        attempt=row.attempt,
        document_id=row.document_id,
        looks=row.looks,
        next_look_at=row.next_look_at,
        planned_at=row.planned_at,
        looked_at=row.looked_at,
        absent_since=row.absent_since,
        absent_looks=row.absent_looks,
        stamp_failed=row.stamp_failed,
        amended=row.amended,
        problem=problem,
        held_reason=row.held_reason,
        urgent=row.priority == "high",
        not_before=row.not_before,
        preflight=row.preflight,
    )


def move_all(connection: Connection, moves: Sequence[CreationMove], now: datetime, actor: str) -> list[CreationMove]:
    """Carry out the moves whose row still is as their `before` says, with their events; those that were made.

    In the order of their rows, as every verb takes them: nobody deadlocks.
    """
    made = []
    for move in sorted(moves, key=lambda move: move.before.id):
        row = connection.execute(_STEP, _guards(move.before) | _columns(move.after) | {"moment": now}).one_or_none()
        if row is not None:
            # A request may have come in the meantime that wants it emitted, too.
            made.append(replace(move, after=replace(move.after, emits=row.emits)))
    write_creation_events(connection, [_line(move, now, actor) for move in made if not move.silent])
    return made


def write_creation_events(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Append lines to the history of creations."""
    write_events(connection, lines, CREATION_EVENTS)


def _columns(creation: Creation) -> dict[str, Any]:
    problem = creation.problem
    columns = {
        "status": creation.status.value,
        "status_since": creation.since,
        "attempt": creation.attempt,
        "document_id": creation.document_id,
        "error_class": problem.error_class.value if problem else None,
        "error_code": problem.code if problem else None,
        "error_message": problem.message if problem else None,
        "next_look_at": creation.next_look_at,
        "looks": creation.looks,
        "planned_at": creation.planned_at,
        "looked_at": creation.looked_at,
        "absent_since": creation.absent_since,
        "absent_looks": creation.absent_looks,
        "stamp_failed": creation.stamp_failed,
        "amended": creation.amended,
        "held_reason": creation.held_reason,
    }
    return {f"to_{name}": value for name, value in fitting(CREATIONS, columns).items()}


def _guards(creation: Creation) -> dict[str, Any]:
    return {
        "was_id": creation.id,
        "was_status": creation.status.value,
        "was_since": creation.since,
        "was_attempt": creation.attempt,
        "was_looks": creation.looks,
        "was_planned_at": creation.planned_at,
    }


def _line(move: CreationMove, now: datetime, actor: str) -> dict[str, Any]:
    return {
        "creation_id": move.before.id,
        "at": now,
        "from_status": move.before.status.value,
        "to_status": move.after.status.value,
        "attempt": move.after.attempt if move.after.status is CreationStatus.CREATING else move.before.attempt,
        "actor": actor,
        "reason": move.reason,
        "evidence": bounded(move.evidence),
        "alert": move.alert,
    }


_STEP: Final = (
    update(CREATIONS)
    .where(
        CREATIONS.c.id == bindparam("was_id"),
        CREATIONS.c.status == bindparam("was_status"),
        # It may have left this status and entered it again.
        CREATIONS.c.status_since == bindparam("was_since"),
        CREATIONS.c.attempt == bindparam("was_attempt"),
        CREATIONS.c.looks == bindparam("was_looks"),
        # Handed out since, or taken back, it is another's to send.
        CREATIONS.c.planned_at.is_not_distinct_from(bindparam("was_planned_at", type_=CREATIONS.c.planned_at.type)),
    )
    .values(
        {name: bindparam(f"to_{name}", type_=CREATIONS.c[name].type) for name in _MOVABLE}
        | {"updated_at": bindparam("moment", type_=CREATIONS.c.updated_at.type)}
    )
    .returning(CREATIONS.c.id, CREATIONS.c.emits)
)


@cache
def by_references_of(dialect: str) -> Select[*tuple[Any, ...]]:
    """An account's creations of one kind under these references, in the order of their ids."""
    return (
        select(CREATIONS)
        .where(
            CREATIONS.c.account == bindparam("of_account"),
            CREATIONS.c.kind == bindparam("of_kind"),
            among(dialect, CREATIONS.c.reference, "references"),
        )
        .order_by(CREATIONS.c.id)
    )
