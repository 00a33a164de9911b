"""One account's dispatch round: a transaction under that account's row lock, so that two rounds cannot overlap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Integer,
    Select,
    String,
    Table,
    UnaryExpression,
    Update,
    bindparam,
    func,
    insert,
    select,
    union_all,
    update,
)

from timbre_producers.contracts import Priority, Status
from worker.emission.in_flight import Call, InFlight
from worker.emission.lifecycle import SETTLING
from worker.emission.ports import PlannedBatch
from worker.emission.work import Work
from worker.storage.bulk import among, rows
from worker.storage.creation_models import CreationRow
from worker.storage.models import AccountRow, Batch
from worker.storage.rows import EMISSIONS, WORK_COLUMNS, to_work

ACCOUNTS: Final = cast("Table", AccountRow.__table__)
BATCHES: Final = cast("Table", Batch.__table__)

_MILLISECOND: Final = timedelta(milliseconds=1)


class AccountTurn:
    """Implements `worker.emission.ports.Turn`."""

    def __init__(self, connection: Connection, account: str, now: datetime) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._key = {"account": account}
        self._now = now
        row = connection.execute(_TAKE, self._key).one_or_none()
        self.paused = row is not None and row.paused_at is not None
        self.probing = row is not None and bool(row.probing)
        self.in_flight: int = connection.execute(_IN_FLIGHT, self._key).scalar_one()
        self.learned = InFlight() if row is None else _learned(row)
        self._seen_at: datetime = now if row is None or row.in_flight_seen_at is None else row.in_flight_seen_at

    def ended_calls(self, limit: int) -> Sequence[Call]:
        found = self._connection.execute(_ENDED, self._key | {"seen_at": self._seen_at, "most": limit})
        return [Call(row.called_at, row.closed_at, row.state == "lost") for row in found]

    def keep(self, learned: InFlight, calls: Sequence[Call]) -> None:
        taught = {
            "in_flight_limit": learned.limit,
            "in_flight_calm": learned.calm,
            "in_flight_usual_ms": None if learned.usual is None else learned.usual // _MILLISECOND,
            "in_flight_shrunk_at": learned.shrunk_at,
            "in_flight_seen_at": max((call.closed_at for call in calls), default=self._seen_at),
        }
        self._connection.execute(_KEEP, {"of": self._key["account"]} | taught)

    def settling(self, limit: int) -> Sequence[Work]:
        return self._pick(_SETTLING, limit)

    def looks(self, limit: int) -> Sequence[Work]:
        return self._pick(_LOOKS, limit)

    def ready(self, limit: int) -> Sequence[Work]:
        # A paused account sends one document as a probe: the one looked at last. Oldest first, a long queue would grow
        # stale faster than it is looked at one by one, and the probe would never go.
        return self._pick(_READY_NEWEST if self.paused else _READY_OLDEST, limit)

    def ready_count(self, limit: int) -> int:
        count: int = self._connection.execute(_READY_COUNT, self._key | {"most": limit}).scalar_one()
        return count

    def urgent_looks(self, leased_after: datetime, now: datetime) -> bool:
        since = {"after": max(leased_after, now), "now": now}
        return self._connection.execute(_URGENT_LOOKS, self._key | since).first() is not None

    def next_due_at(self) -> datetime | None:
        earliest: datetime | None = self._connection.execute(_NEXT_DUE, self._key | {"now": self._now}).scalar_one()
        return earliest

    def lease(self, works: Sequence[Work], until: datetime) -> None:
        if works:
            self._connection.execute(_lease(self._dialect), {"ids": [work.id for work in works], "until": until})

    def look_again(self, works: Sequence[Work]) -> None:
        if works:
            again = {"ids": [work.id for work in works], "until": self._now}
            self._connection.execute(_look_again(self._dialect), again)

    def plan(self, batches: Sequence[PlannedBatch]) -> None:
        if not batches:
            return
        planned = [
            self._key
            | {
                "id": batch.id,
                "kind": batch.kind,
                "state": "planned",
                "size": len(batch.works),
                "documents": json.dumps(dict.fromkeys(work.document.document_id for work in batch.works)),
                "planned_at": self._now,
            }
            for batch in batches
        ]
        self._connection.execute(_plan(self._dialect), {"planned": planned})
        places = [{"id": work.id, "batch": batch.id} for batch in batches for work in batch.works]
        self._connection.execute(_place(self._dialect), {"ids": [place["id"] for place in places], "places": places})

    def _pick(self, which: Select[*tuple[Any, ...]], limit: int) -> Sequence[Work]:
        if limit <= 0:
            return []
        found = self._connection.execute(which, self._key | {"now": self._now, "most": limit})
        return [to_work(row) for row in found]


_LEARNED: Final = (
    "in_flight_limit",
    "in_flight_calm",
    "in_flight_usual_ms",
    "in_flight_shrunk_at",
    "in_flight_seen_at",
)

_TAKE: Final = (
    select(ACCOUNTS.c.paused_at, ACCOUNTS.c.probing, *(ACCOUNTS.c[name] for name in _LEARNED))
    .where(ACCOUNTS.c.account == bindparam("account"))
    .with_for_update()
)

_KEEP: Final = (
    update(ACCOUNTS)
    .where(ACCOUNTS.c.account == bindparam("of"))
    .values({name: bindparam(name, type_=ACCOUNTS.c[name].type) for name in _LEARNED})
)

_ENDED: Final = (
    select(BATCHES.c.called_at, BATCHES.c.closed_at, BATCHES.c.state)
    .where(
        BATCHES.c.account == bindparam("account"),
        BATCHES.c.closed_at > bindparam("seen_at"),
        BATCHES.c.called_at.is_not(None),
        BATCHES.c.state.in_(["answered", "lost"]),
    )
    .order_by(BATCHES.c.closed_at)
    .limit(bindparam("most", type_=Integer))
)

_OPEN_BATCHES: Final = (
    select(func.count())
    .select_from(BATCHES)
    .where(BATCHES.c.account == bindparam("account"), BATCHES.c.closed_at.is_(None))
)
OPEN_POSTS: Final = (
    select(func.count())
    .select_from(CreationRow)
    .where(CreationRow.account == bindparam("account"), CreationRow.planned_at.is_not(None))
)
_IN_FLIGHT: Final = select(_OPEN_BATCHES.scalar_subquery() + OPEN_POSTS.scalar_subquery())
"""Stamp calls and creations alike: Alegra bears so many of an account's calls at once, whatever they are for."""


def _next(*which: ColumnElement[bool], by: UnaryExpression[datetime | None]) -> Select[*tuple[Any, ...]]:
    """The next of an account's documents, urgent before old."""
    return (
        select(*WORK_COLUMNS)
        .where(EMISSIONS.c.account == bindparam("account"), *which)
        .order_by(EMISSIONS.c.priority, by)
        .limit(bindparam("most", type_=Integer))
        # A row another transaction is moving right now is its business, not ours.
        .with_for_update(skip_locked=True)
    )


_DUE: Final = EMISSIONS.c.next_read_at <= bindparam("now")
_READY: Final = EMISSIONS.c.ready_at.is_not(None)
_SENT: Final = EMISSIONS.c.status.in_([status.value for status in SETTLING])

_SETTLING: Final = _next(_SENT, _DUE, by=EMISSIONS.c.next_read_at.asc())
_LOOKS: Final = _next(EMISSIONS.c.status == Status.QUEUED, _DUE, by=EMISSIONS.c.next_read_at.asc())
_READY_OLDEST: Final = _next(_READY, by=EMISSIONS.c.ready_at.asc())
_READY_NEWEST: Final = _next(_READY, by=EMISSIONS.c.ready_at.desc())

_READY_COUNT: Final = select(func.count()).select_from(
    select(EMISSIONS.c.id)
    .where(EMISSIONS.c.account == bindparam("account"), _READY)
    .limit(bindparam("most", type_=Integer))
    .subquery()
)


_URGENT_LOOKS: Final = (
    select(EMISSIONS.c.id)
    .where(
        EMISSIONS.c.account == bindparam("account"),
        EMISSIONS.c.status == Status.QUEUED.value,
        EMISSIONS.c.priority == Priority.HIGH.value,
        EMISSIONS.c.next_read_at > bindparam("after"),
        EMISSIONS.c.not_before.is_(None) | (EMISSIONS.c.not_before <= bindparam("now")),
    )
    .limit(1)
)


def _next_due() -> Select[datetime | None]:
    """When the next read falls due: one index probe per status and priority, however many rows are due or not."""
    probes = [
        select(
            select(EMISSIONS.c.next_read_at)
            .where(
                EMISSIONS.c.account == bindparam("account"),
                EMISSIONS.c.status == status.value,
                EMISSIONS.c.priority == priority.value,
                EMISSIONS.c.next_read_at > bindparam("now"),
            )
            .order_by(EMISSIONS.c.next_read_at)
            .limit(1)
            .scalar_subquery()
            .label("at")
        )
        for status in (Status.QUEUED, *sorted(SETTLING))
        for priority in Priority
    ]
    return select(func.min(union_all(*probes).subquery().c.at))


_NEXT_DUE: Final = _next_due()


@cache
def _lease(dialect: str) -> Update:
    return update(EMISSIONS).where(among(dialect, EMISSIONS.c.id, "ids")).values(next_read_at=bindparam("until"))


@cache
def _look_again(dialect: str) -> Update:
    return _lease(dialect).values(ready_at=None)


@cache
def _plan(dialect: str) -> Insert:
    names = ["id", "account", "kind", "state", "size", "documents", "planned_at"]
    batch = rows(dialect, "planned", {name: BATCHES.c[name].type for name in names})
    return insert(BATCHES).from_select(names, select(*(batch.c[name] for name in names)))


@cache
def _place(dialect: str) -> Update:
    place = rows(dialect, "places", {"id": EMISSIONS.c.id.type, "batch": String()})
    return (
        update(EMISSIONS)
        .where(among(dialect, EMISSIONS.c.id, "ids"), EMISSIONS.c.id == place.c.id, EMISSIONS.c.status == Status.QUEUED)
        .values(batch_id=place.c.batch, ready_at=None)
    )


def _learned(row: Any) -> InFlight:
    usual = row.in_flight_usual_ms
    return InFlight(
        limit=row.in_flight_limit,
        calm=row.in_flight_calm or 0,
        usual=None if usual is None else usual * _MILLISECOND,
        shrunk_at=row.in_flight_shrunk_at,
    )
