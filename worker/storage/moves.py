"""The guarded move: a row changes only while it is as the decision saw it, and its history says why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Connection, Insert, Select, Table, Update, bindparam, func, insert, select, update

from worker.emission.work import Move
from worker.storage.bulk import POSTGRESQL, among, rows
from worker.storage.models import EmissionEvent
from worker.storage.rows import EMISSIONS, GUARDS, MOVABLE, guards, to_columns
from worker.storage.text import fitting

EVENTS: Final = cast("Table", EmissionEvent.__table__)

EVIDENCE_LIMIT: Final = 4000
"""Characters of evidence one event keeps."""

_EVIDENCE: Final = json.JSONEncoder(ensure_ascii=False, default=str)


def apply_moves(connection: Connection, moves: Sequence[Move], now: datetime, actor: str) -> frozenset[int]:
    """Carry out the moves whose row still is as their `before` says, with their events; the ids that moved."""
    if not moves:
        return frozenset()
    dialect = connection.dialect.name
    ids = [move.before.id for move in moves]
    lock_rows(connection, ids)
    step = [guards(move.before) | to_columns(move.after) for move in moves]
    moved = frozenset(connection.execute(_move(dialect), {"ids": ids, "step": step, "moment": now}).scalars())
    write_events(
        connection,
        [
            {
                "emission_id": move.before.id,
                "at": now,
                "from_status": move.before.status.value,
                "to_status": move.after.status.value,
                "attempt": move.before.attempt,
                "batch_id": move.before.batch_id,
                "actor": actor,
                "reason": move.reason,
                "evidence": bounded(move.evidence),
                "alert": move.alert,
            }
            for move in moves
            if move.before.id in moved and not move.silent
        ],
    )
    return moved


def lock_rows(connection: Connection, ids: Sequence[int]) -> None:
    """Take the rows in id order, as every verb does, so that overlapping batches cannot deadlock."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(_lock(POSTGRESQL), {"ids": ids})


def write_events(connection: Connection, events: Sequence[Mapping[str, Any]], history: Table = EVENTS) -> None:
    """Append history lines, however many, in one statement."""
    if events:
        lines = [fitting(history, event) for event in events]
        connection.execute(_append(connection.dialect.name, history), {"lines": lines})


def bounded(evidence: Mapping[str, Any]) -> str | None:
    """The evidence as JSON, as much of it as an event keeps."""
    if not evidence:
        return None
    text = _EVIDENCE.encode(evidence)
    if len(text) <= EVIDENCE_LIMIT:
        return text
    return _EVIDENCE.encode({"cut": text[: EVIDENCE_LIMIT - 200]})


@cache
def _lock(dialect: str) -> Select[Any]:
    some = select(EMISSIONS.c.id).where(among(dialect, EMISSIONS.c.id, "ids"))
    return some.order_by(EMISSIONS.c.id).with_for_update()


@cache
def _move(dialect: str) -> Update:
    step = rows(dialect, "step", GUARDS | MOVABLE)
    return (
        update(EMISSIONS)
        .where(
            # The guards alone say which; by the list PostgreSQL finds them, whatever size it thinks `step` has.
            among(dialect, EMISSIONS.c.id, "ids"),
            EMISSIONS.c.id == step.c.id,
            EMISSIONS.c.status == step.c.was_status,
            # It may have left this status and entered it again.
            EMISSIONS.c.status_since == step.c.was_since,
            EMISSIONS.c.attempt == step.c.was_attempt,
            func.coalesce(EMISSIONS.c.batch_id, "") == step.c.was_batch,
            EMISSIONS.c.reads == step.c.was_reads,
        )
        .values({name: step.c[name] for name in MOVABLE} | {"updated_at": bindparam("moment")})
        .returning(EMISSIONS.c.id)
    )


@cache
def _append(dialect: str, history: Table) -> Insert:
    columns = {column.name: column.type for column in history.c if column.name != "id"}
    line = rows(dialect, "lines", columns)
    return insert(history).from_select(list(columns), select(*(line.c[name] for name in columns)))
