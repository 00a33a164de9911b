"""The emissions, their events and their batches: every statement that moves a document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, String, and_, func, insert, literal, or_, select, update

from timbre_producers.contracts import Status
from worker.emission.ports import OpenBatch, Turn
from worker.emission.work import Move, Work
from worker.storage.bulk import encode, rows
from worker.storage.models import AccountRow, Batch, Emission, EmissionEvent
from worker.storage.rows import EMISSIONS, GUARDS, MOVABLE, WORK_COLUMNS, guards, to_columns, to_work
from worker.storage.session import reading, transaction
from worker.storage.text import fitting, legible
from worker.storage.turn import AccountTurn

EVENTS = EmissionEvent.__table__

_EVENT_COLUMNS = {column.name: column.type for column in EVENTS.c if column.name != "id"}

EVIDENCE_LIMIT = 4000
"""Characters of evidence one event keeps."""


class SqlLedger:
    """Implements `worker.emission.ports.Ledger`; each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def works(self, account: str, kind: str, ids: Sequence[str]) -> Sequence[Work]:
        with reading(self._engine) as connection:
            asked = rows(connection, "asked", {"document_id": String()})
            found = connection.execute(
                select(*WORK_COLUMNS)
                .join(asked, EMISSIONS.c.document_id == asked.c.document_id)
                .where(EMISSIONS.c.account == account, EMISSIONS.c.kind == kind)
                .order_by(EMISSIONS.c.id),
                {"asked": encode(connection, [{"document_id": each} for each in ids])},
            )
            return [to_work(row) for row in found]

    @contextmanager
    def turn(self, account: str, now: datetime) -> Iterator[Turn]:
        with transaction(self._engine) as connection:
            yield AccountTurn(connection, account, now)

    def planned(self, batch_id: str) -> Sequence[Work]:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(*WORK_COLUMNS)
                .join(Batch, Batch.id == EMISSIONS.c.batch_id)
                .where(Batch.id == batch_id, Batch.state == "planned", EMISSIONS.c.status == Status.QUEUED)
                .order_by(EMISSIONS.c.id)
            )
            return [to_work(row) for row in found]

    def claim(self, batch_id: str, works: Sequence[Work], *, worker: str, now: datetime) -> Sequence[Work]:
        with transaction(self._engine) as connection:
            mine = connection.execute(
                update(Batch)
                .where(Batch.id == batch_id, Batch.state == "planned")
                .values(state="calling", called_at=now, worker=worker)
                .returning(Batch.id)
            ).all()
            if not mine:
                return []
            _lock_batches(connection, [batch_id])
            wanted = rows(connection, "wanted", {"id": EMISSIONS.c.id.type})
            claimed = connection.execute(
                update(Emission)
                .where(
                    Emission.id.in_(select(wanted.c.id)),
                    Emission.batch_id == batch_id,
                    Emission.status == Status.QUEUED,
                )
                .values(status=Status.EMITTING, attempt=Emission.attempt + 1, status_since=now, updated_at=now, reads=0)
                .returning(*WORK_COLUMNS),
                {"wanted": encode(connection, [{"id": work.id} for work in works])},
            ).all()
            connection.execute(
                update(Emission)
                .where(Emission.batch_id == batch_id, Emission.status == Status.QUEUED)
                .values(batch_id=None, next_read_at=now, updated_at=now)
            )
            taken = sorted((to_work(row) for row in claimed), key=lambda work: work.id)
            closing: dict[str, Any] = {} if taken else {"state": "abandoned", "closed_at": now}
            connection.execute(
                update(Batch)
                .where(Batch.id == batch_id)
                .values(
                    documents=json.dumps({work.document.document_id: work.attempt for work in taken}),
                    size=len(taken),
                    **closing,
                )
            )
            write_events(
                connection,
                [
                    {
                        "emission_id": work.id,
                        "at": now,
                        "from_status": Status.QUEUED.value,
                        "to_status": Status.EMITTING.value,
                        "attempt": work.attempt,
                        "batch_id": batch_id,
                        "actor": worker,
                        "reason": f"intent committed before the call, attempt {work.attempt}",
                        "evidence": _bounded(
                            {"looked_at": work.looked_at, "snapshot": work.snapshot and asdict(work.snapshot)}
                        ),
                        "alert": False,
                    }
                    for work in taken
                ],
            )
            return taken

    def apply(self, moves: Sequence[Move], now: datetime, *, actor: str) -> frozenset[int]:
        with transaction(self._engine) as connection:
            return self._apply(connection, moves, now, actor)

    def record(
        self,
        batch_id: str,
        moves: Sequence[Move],
        now: datetime,
        *,
        actor: str,
        state: str,
        http_status: int | None,
        answer: str,
    ) -> frozenset[int]:
        with transaction(self._engine) as connection:
            moved = self._apply(connection, moves, now, actor)
            # A closed batch keeps its answer; only one that was given up without any takes a late one.
            late = http_status is not None
            connection.execute(
                update(Batch)
                .where(
                    Batch.id == batch_id,
                    or_(Batch.closed_at.is_(None), and_(literal(late), Batch.http_status.is_(None))),
                )
                .values(
                    state=state,
                    closed_at=func.coalesce(Batch.closed_at, now),
                    http_status=http_status,
                    answer=legible(answer),
                )
            )
            return moved

    def note(
        self, work: Work, reason: str, evidence: Mapping[str, Any], now: datetime, *, actor: str, alert: bool
    ) -> None:
        with transaction(self._engine) as connection:
            write_events(
                connection,
                [
                    {
                        "emission_id": work.id,
                        "at": now,
                        "attempt": work.attempt,
                        "batch_id": work.batch_id,
                        "actor": actor,
                        "reason": reason,
                        "evidence": _bounded(evidence),
                        "alert": alert,
                    }
                ],
            )

    def open_batches(self) -> Sequence[OpenBatch]:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(Batch.id, Batch.account, Batch.planned_at, Batch.called_at)
                .where(Batch.closed_at.is_(None))
                .order_by(Batch.planned_at)
            )
            return [OpenBatch(row.id, row.account, row.planned_at, row.called_at) for row in found]

    def abandon(self, batch_id: str, now: datetime) -> int:
        with transaction(self._engine) as connection:
            return give_back(connection, Batch.id == batch_id, now=now)

    def works_of_batch(self, batch_id: str) -> Sequence[Work]:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(*WORK_COLUMNS).where(EMISSIONS.c.batch_id == batch_id).order_by(EMISSIONS.c.id)
            )
            return [to_work(row) for row in found]

    def accounts_with_work(self, now: datetime) -> Sequence[str]:
        with reading(self._engine) as connection:
            # Ordered as their indexes are: an EXISTS would let the planner hope to meet a live row early on a walk
            # through the table, which begins with a million finished ones.
            due = (
                select(Emission.next_read_at)
                .where(Emission.account == AccountRow.account, Emission.next_read_at <= now)
                .order_by(Emission.status, Emission.priority, Emission.next_read_at)
            )
            ready = (
                select(Emission.ready_at)
                .where(Emission.account == AccountRow.account, Emission.ready_at.is_not(None))
                .order_by(Emission.priority, Emission.ready_at)
            )
            first = (each.limit(1).scalar_subquery() for each in (due, ready))
            return (
                connection.execute(
                    select(AccountRow.account)
                    .where(or_(*(each.is_not(None) for each in first)))
                    .order_by(AccountRow.account)
                )
                .scalars()
                .all()
            )

    def _apply(self, connection: Connection, moves: Sequence[Move], now: datetime, actor: str) -> frozenset[int]:
        if not moves:
            return frozenset()
        payload = encode(connection, [guards(move.before) | to_columns(move.after) for move in moves])
        step = rows(connection, "step", GUARDS | MOVABLE)
        if connection.dialect.name == "postgresql":
            # In id order first, so that overlapping batches cannot deadlock.
            connection.execute(
                select(Emission.id).where(Emission.id.in_(select(step.c.id))).order_by(Emission.id).with_for_update(),
                {"step": payload},
            )
        moved = frozenset(
            connection.execute(
                update(Emission)
                .where(
                    Emission.id == step.c.id,
                    Emission.status == step.c.was_status,
                    # It may have left this status and entered it again.
                    Emission.status_since == step.c.was_since,
                    Emission.attempt == step.c.was_attempt,
                    func.coalesce(Emission.batch_id, "") == step.c.was_batch,
                    Emission.reads == step.c.was_reads,
                )
                .values({name: step.c[name] for name in MOVABLE} | {"updated_at": now})
                .returning(Emission.id),
                {"step": payload},
            ).scalars()
        )
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
                    "evidence": _bounded(move.evidence),
                    "alert": move.alert,
                }
                for move in moves
                if move.before.id in moved and not move.silent
            ],
        )
        return moved


def give_back(connection: Connection, *which: ColumnElement[bool], now: datetime) -> int:
    """Close these batches where nobody has claimed them, their documents to be looked at anew; how many those were."""
    closed = (
        connection.execute(
            update(Batch)
            .where(Batch.state == "planned", *which)
            .values(state="abandoned", closed_at=now)
            .returning(Batch.id)
        )
        .scalars()
        .all()
    )
    if not closed:
        return 0
    _lock_batches(connection, closed)
    freed = connection.execute(
        update(Emission)
        .where(Emission.batch_id.in_(closed), Emission.status == Status.QUEUED)
        .values(batch_id=None, next_read_at=now, updated_at=now)
        .returning(Emission.id)
    ).all()
    return len(freed)


def _lock_batches(connection: Connection, batch_ids: Sequence[str]) -> None:
    """Take the batches' rows in id order, as every verb does, so that none of them ends in a deadlock."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            select(Emission.id).where(Emission.batch_id.in_(batch_ids)).order_by(Emission.id).with_for_update()
        )


def write_events(connection: Connection, events: Sequence[Mapping[str, Any]]) -> None:
    """Append history lines, however many, in one statement."""
    if not events:
        return
    line = rows(connection, "line", _EVENT_COLUMNS)
    connection.execute(
        insert(EmissionEvent).from_select(list(_EVENT_COLUMNS), select(*(line.c[name] for name in _EVENT_COLUMNS))),
        {"line": encode(connection, [fitting(EVENTS, event) for event in events])},
    )


def _bounded(evidence: Mapping[str, Any]) -> str | None:
    if not evidence:
        return None
    text = json.dumps(evidence, ensure_ascii=False, default=str)
    if len(text) <= EVIDENCE_LIMIT:
        return text
    return json.dumps({"cut": text[: EVIDENCE_LIMIT - 200]}, ensure_ascii=False)
