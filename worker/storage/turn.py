"""One account's dispatch round: a transaction under that account's row lock, so that two rounds cannot overlap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, String, UnaryExpression, func, insert, select, union_all, update

from timbre_producers.contracts import Priority, Status
from worker.emission.lifecycle import SETTLING
from worker.emission.ports import PlannedBatch
from worker.emission.work import Work
from worker.storage.bulk import encode, rows
from worker.storage.models import AccountRow, Batch, Emission
from worker.storage.rows import EMISSIONS, WORK_COLUMNS, to_work


class AccountTurn:
    """Implements `worker.emission.ports.Turn`."""

    def __init__(self, connection: Connection, account: str, now: datetime) -> None:
        self._connection = connection
        self._account = account
        self._now = now
        row = connection.execute(
            select(AccountRow.paused_at, AccountRow.probing).where(AccountRow.account == account).with_for_update()
        ).one_or_none()
        self.paused = row is not None and row.paused_at is not None
        self.probing = row is not None and bool(row.probing)
        self.in_flight: int = connection.execute(
            select(func.count()).select_from(Batch).where(Batch.account == account, Batch.closed_at.is_(None))
        ).scalar_one()

    def settling(self, limit: int) -> Sequence[Work]:
        return self._pick(
            EMISSIONS.c.status.in_([status.value for status in SETTLING]),
            EMISSIONS.c.next_read_at <= self._now,
            by=EMISSIONS.c.next_read_at.asc(),
            limit=limit,
        )

    def looks(self, limit: int) -> Sequence[Work]:
        return self._pick(
            EMISSIONS.c.status == Status.QUEUED,
            EMISSIONS.c.next_read_at <= self._now,
            by=EMISSIONS.c.next_read_at.asc(),
            limit=limit,
        )

    def ready(self, limit: int) -> Sequence[Work]:
        # A paused account sends one document as a probe: the one looked at last. Oldest first, a long queue would grow
        # stale faster than it is looked at one by one, and the probe would never go.
        by = EMISSIONS.c.ready_at.desc() if self.paused else EMISSIONS.c.ready_at.asc()
        return self._pick(EMISSIONS.c.ready_at.is_not(None), by=by, limit=limit)

    def ready_count(self, limit: int) -> int:
        some = (
            select(EMISSIONS.c.id)
            .where(EMISSIONS.c.account == self._account, EMISSIONS.c.ready_at.is_not(None))
            .limit(limit)
        )
        return self._connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()

    def urgent_looks(self, leased_after: datetime, now: datetime) -> bool:
        leased = select(EMISSIONS.c.id).where(
            EMISSIONS.c.account == self._account,
            EMISSIONS.c.status == Status.QUEUED.value,
            EMISSIONS.c.priority == Priority.HIGH.value,
            EMISSIONS.c.next_read_at > max(leased_after, now),
            (EMISSIONS.c.not_before.is_(None)) | (EMISSIONS.c.not_before <= now),
        )
        return self._connection.execute(leased.limit(1)).first() is not None

    def next_due_at(self) -> datetime | None:
        # One index probe per status and priority, however many rows are due or not.
        probes = [
            select(
                select(EMISSIONS.c.next_read_at)
                .where(
                    EMISSIONS.c.account == self._account,
                    EMISSIONS.c.status == status.value,
                    EMISSIONS.c.priority == priority.value,
                    EMISSIONS.c.next_read_at > self._now,
                )
                .order_by(EMISSIONS.c.next_read_at)
                .limit(1)
                .scalar_subquery()
                .label("at")
            )
            for status in (Status.QUEUED, *sorted(SETTLING))
            for priority in Priority
        ]
        each = union_all(*probes).subquery()
        earliest: datetime | None = self._connection.execute(select(func.min(each.c.at))).scalar_one()
        return earliest

    def lease(self, works: Sequence[Work], until: datetime) -> None:
        if works:
            self._set(works, next_read_at=until)

    def look_again(self, works: Sequence[Work]) -> None:
        if works:
            self._set(works, next_read_at=self._now, ready_at=None)

    def plan(self, batches: Sequence[PlannedBatch]) -> None:
        if not batches:
            return
        self._connection.execute(
            insert(Batch),
            [
                {
                    "id": batch.id,
                    "account": self._account,
                    "kind": batch.kind,
                    "state": "planned",
                    "size": len(batch.works),
                    "documents": json.dumps(dict.fromkeys(work.document.document_id for work in batch.works)),
                    "planned_at": self._now,
                }
                for batch in batches
            ],
        )
        place = rows(self._connection, "place", {"id": EMISSIONS.c.id.type, "batch_id": String()})
        self._connection.execute(
            update(Emission)
            .where(Emission.id == place.c.id, Emission.status == Status.QUEUED)
            .values(batch_id=place.c.batch_id, ready_at=None),
            {
                "place": encode(
                    self._connection,
                    [{"id": work.id, "batch_id": batch.id} for batch in batches for work in batch.works],
                )
            },
        )

    def _pick(
        self, *conditions: ColumnElement[bool], by: UnaryExpression[datetime | None], limit: int
    ) -> Sequence[Work]:
        if limit <= 0:
            return []
        found = self._connection.execute(
            select(*WORK_COLUMNS)
            .where(EMISSIONS.c.account == self._account, *conditions)
            .order_by(EMISSIONS.c.priority, by)
            .limit(limit)
            # A row another transaction is moving right now is its business, not ours.
            .with_for_update(skip_locked=True)
        )
        return [to_work(row) for row in found]

    def _set(self, works: Sequence[Work], **values: datetime | None) -> None:
        these = rows(self._connection, "these", {"id": EMISSIONS.c.id.type})
        self._connection.execute(
            update(Emission).where(Emission.id.in_(select(these.c.id))).values(**values),
            {"these": encode(self._connection, [{"id": work.id} for work in works])},
        )
