"""The emissions and their batches: what the verbs read of them, and every step of a stamp call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, Update, bindparam, func, or_, select, update

from timbre_producers.contracts import Status
from worker.emission.ports import OpenBatch, Turn
from worker.emission.work import Document, Move, Work
from worker.storage.bulk import among
from worker.storage.models import AccountRow, Batch
from worker.storage.moves import apply_moves, bounded, write_events
from worker.storage.rows import EMISSIONS, WORK_COLUMNS, to_work, works_by_key
from worker.storage.session import reading, transaction
from worker.storage.text import legible
from worker.storage.turn import AccountTurn

BATCHES: Final = cast("Table", Batch.__table__)
ACCOUNTS: Final = cast("Table", AccountRow.__table__)


class SqlLedger:
    """Implements `worker.emission.ports.Ledger`; each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def works(self, account: str, kind: str, ids: Sequence[str]) -> Sequence[Work]:
        with reading(self._engine) as connection:
            return works_by_key(connection, account, kind, ids)

    @contextmanager
    def turn(self, account: str, now: datetime) -> Iterator[Turn]:
        with transaction(self._engine) as connection:
            yield AccountTurn(connection, account, now)

    def planned(self, batch_id: str) -> Sequence[Document]:
        with reading(self._engine) as connection:
            batch = connection.execute(_PLANNED, {"batch": batch_id}).one_or_none()
        return [Document(batch.account, batch.kind, each) for each in json.loads(batch.documents)] if batch else []

    def claim(self, batch_id: str, fit: Callable[[Work], bool], *, worker: str, now: datetime) -> Sequence[Work]:
        with transaction(self._engine) as connection:
            dialect = connection.dialect.name
            if not connection.execute(_CALL, {"batch": batch_id, "moment": now, "by": worker}).all():
                return []
            inside = [to_work(row) for row in connection.execute(_inside(dialect), {"batches": [batch_id]})]
            wanted = [work.id for work in inside if fit(work)]
            sent = set(connection.execute(_emit(dialect), {"ids": wanted, "moment": now}).scalars())
            taken = [_emitting(work, now) for work in inside if work.id in sent]
            if len(taken) < len(inside):
                connection.execute(_leave(dialect), {"batches": [batch_id], "moment": now})
            documents = json.dumps({work.document.document_id: work.attempt for work in taken})
            write = {"batch": batch_id, "sent": documents, "count": len(taken)}
            connection.execute(_WRITE_DOWN if taken else _WRITE_DOWN.values(state="abandoned", closed_at=now), write)
            write_events(connection, [_intent(work, worker, now) for work in taken])
            return taken

    def apply(self, moves: Sequence[Move], now: datetime, *, actor: str) -> frozenset[int]:
        with transaction(self._engine) as connection:
            return apply_moves(connection, moves, now, actor)

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
            moved = apply_moves(connection, moves, now, actor)
            closing = {"ending": state, "moment": now, "http": http_status, "said": legible(answer)}
            connection.execute(_FIRST_WORD if http_status is None else _LATE_ANSWER, {"batch": batch_id, **closing})
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
                        "evidence": bounded(evidence),
                        "alert": alert,
                    }
                ],
            )

    def open_batches(self) -> Sequence[OpenBatch]:
        with reading(self._engine) as connection:
            found = connection.execute(_OPEN)
            return [OpenBatch(row.id, row.account, row.planned_at, row.called_at) for row in found]

    def overdue(self, now: datetime, limit: int) -> Sequence[Work]:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(*WORK_COLUMNS).where(EMISSIONS.c.warn_at <= now).order_by(EMISSIONS.c.warn_at).limit(limit)
            )
            return [to_work(row) for row in found]

    def abandon(self, batch_id: str, now: datetime) -> int:
        with transaction(self._engine) as connection:
            return give_back(connection, BATCHES.c.id == batch_id, now=now)

    def works_of_batch(self, batch_id: str) -> Sequence[Work]:
        with reading(self._engine) as connection:
            return [to_work(row) for row in connection.execute(_OF_BATCH, {"batch": batch_id})]

    def accounts_with_work(self, now: datetime) -> Sequence[str]:
        with reading(self._engine) as connection:
            return connection.execute(_WITH_WORK, {"moment": now}).scalars().all()


def give_back(connection: Connection, *which: ColumnElement[bool], now: datetime) -> int:
    """Close these batches where nobody has claimed them, their documents to be looked at anew; how many those were."""
    closed = (
        connection.execute(
            update(BATCHES)
            # Not closed: the index of the open ones, not all that an account ever sent.
            .where(BATCHES.c.state == "planned", BATCHES.c.closed_at.is_(None), *which)
            .values(state="abandoned", closed_at=now)
            .returning(BATCHES.c.id)
        )
        .scalars()
        .all()
    )
    if not closed:
        return 0
    dialect = connection.dialect.name
    connection.execute(_inside(dialect), {"batches": closed})
    return len(connection.execute(_leave(dialect), {"batches": closed, "moment": now}).all())


def _emitting(work: Work, now: datetime) -> Work:
    """A queued document once it is claimed: as `_emit` writes it."""
    return replace(work, status=Status.EMITTING, attempt=work.attempt + 1, since=now, reads=0)


def _intent(work: Work, worker: str, now: datetime) -> Mapping[str, Any]:
    """The event that is written before the call (rule 1)."""
    return {
        "emission_id": work.id,
        "at": now,
        "from_status": Status.QUEUED.value,
        "to_status": Status.EMITTING.value,
        "attempt": work.attempt,
        "batch_id": work.batch_id,
        "actor": worker,
        "reason": f"intent committed before the call, attempt {work.attempt}",
        "evidence": bounded({"looked_at": work.looked_at, "snapshot": work.snapshot and asdict(work.snapshot)}),
        "alert": False,
    }


_OF_BATCH: Final = select(*WORK_COLUMNS).where(EMISSIONS.c.batch_id == bindparam("batch")).order_by(EMISSIONS.c.id)

_OPEN: Final = (
    select(BATCHES.c.id, BATCHES.c.account, BATCHES.c.planned_at, BATCHES.c.called_at)
    .where(BATCHES.c.closed_at.is_(None))
    .order_by(BATCHES.c.planned_at)
)

_PLANNED: Final = select(BATCHES.c.account, BATCHES.c.kind, BATCHES.c.documents).where(
    BATCHES.c.id == bindparam("batch"), BATCHES.c.state == "planned"
)

_CALL: Final = (
    update(BATCHES)
    .where(BATCHES.c.id == bindparam("batch"), BATCHES.c.state == "planned")
    .values(state="calling", called_at=bindparam("moment"), worker=bindparam("by"))
    .returning(BATCHES.c.id)
)


@cache
def _inside(dialect: str) -> Select[Any]:
    """What of these batches is still queued, its rows taken in id order as every verb does: nobody deadlocks."""
    return (
        select(*WORK_COLUMNS)
        .where(among(dialect, EMISSIONS.c.batch_id, "batches"), EMISSIONS.c.status == Status.QUEUED)
        .order_by(EMISSIONS.c.id)
        .with_for_update()
    )


@cache
def _emit(dialect: str) -> Update:
    return (
        update(EMISSIONS)
        .where(among(dialect, EMISSIONS.c.id, "ids"), EMISSIONS.c.status == Status.QUEUED)
        .values(
            status=Status.EMITTING,
            attempt=EMISSIONS.c.attempt + 1,
            status_since=bindparam("moment"),
            updated_at=bindparam("moment"),
            reads=0,
        )
        .returning(EMISSIONS.c.id)
    )


@cache
def _leave(dialect: str) -> Update:
    """Out of their batches, to be looked at anew."""
    return (
        update(EMISSIONS)
        .where(among(dialect, EMISSIONS.c.batch_id, "batches"), EMISSIONS.c.status == Status.QUEUED)
        .values(batch_id=None, next_read_at=bindparam("moment"), updated_at=bindparam("moment"))
        .returning(EMISSIONS.c.id)
    )


_WRITE_DOWN: Final = (
    update(BATCHES)
    .where(BATCHES.c.id == bindparam("batch"))
    .values(documents=bindparam("sent"), size=bindparam("count"))
)

_CLOSE: Final = (
    update(BATCHES)
    .where(BATCHES.c.id == bindparam("batch"))
    .values(
        state=bindparam("ending"),
        closed_at=func.coalesce(BATCHES.c.closed_at, bindparam("moment")),
        http_status=bindparam("http"),
        answer=bindparam("said"),
    )
)

_FIRST_WORD: Final = _CLOSE.where(BATCHES.c.closed_at.is_(None))
_LATE_ANSWER: Final = _CLOSE.where(or_(BATCHES.c.closed_at.is_(None), BATCHES.c.http_status.is_(None)))
"""A closed batch keeps its answer; only one that was given up without any takes a late one."""


def _with_work() -> Select[Any]:
    # Ordered as their indexes are: an EXISTS would let the planner hope to meet a live row early on a walk
    # through the table, which begins with a million finished ones.
    due = (
        select(EMISSIONS.c.next_read_at)
        .where(EMISSIONS.c.account == ACCOUNTS.c.account, EMISSIONS.c.next_read_at <= bindparam("moment"))
        .order_by(EMISSIONS.c.status, EMISSIONS.c.priority, EMISSIONS.c.next_read_at)
    )
    ready = (
        select(EMISSIONS.c.ready_at)
        .where(EMISSIONS.c.account == ACCOUNTS.c.account, EMISSIONS.c.ready_at.is_not(None))
        .order_by(EMISSIONS.c.priority, EMISSIONS.c.ready_at)
    )
    first = (each.limit(1).scalar_subquery() for each in (due, ready))
    return select(ACCOUNTS.c.account).where(or_(*(each.is_not(None) for each in first))).order_by(ACCOUNTS.c.account)


_WITH_WORK: Final = _with_work()
