"""The nightly runs: one per account and local date, whoever asks and however often."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Engine, select, update

from worker.emission.ports import NightProgress
from worker.storage.models import NightlyRun
from worker.storage.session import reading, transaction
from worker.storage.upsert import insert_for


class SqlNights:
    """Implements `worker.emission.ports.Nights`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, account: str, local_date: date, *, lease_until: datetime, now: datetime) -> bool:
        with transaction(self._engine) as connection:
            statement = insert_for(connection, NightlyRun).values(
                account=account,
                local_date=local_date,
                started_at=now,
                lease_until=lease_until,
                next_start=0,
                collected="[]",
            )
            return bool(
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["account", "local_date"],
                        set_={"lease_until": lease_until},
                        where=NightlyRun.finished_at.is_(None) & (NightlyRun.lease_until < now),
                    ).returning(NightlyRun.account)
                ).all()
            )

    def progress(self, account: str, local_date: date) -> NightProgress | None:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(NightlyRun.next_start, NightlyRun.collected).where(
                    NightlyRun.account == account,
                    NightlyRun.local_date == local_date,
                    NightlyRun.finished_at.is_(None),
                )
            ).one_or_none()
        return None if row is None else NightProgress(row.next_start, json.loads(row.collected))

    def save(
        self, account: str, local_date: date, *, next_start: int, collected: Sequence[str], lease_until: datetime
    ) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                update(NightlyRun)
                .where(NightlyRun.account == account, NightlyRun.local_date == local_date)
                .values(next_start=next_start, collected=json.dumps(list(collected)), lease_until=lease_until)
            )

    def finish(self, account: str, local_date: date, *, found: int, enqueued: int, now: datetime) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                update(NightlyRun)
                .where(NightlyRun.account == account, NightlyRun.local_date == local_date)
                .values(finished_at=now, found=found, enqueued=enqueued)
            )

    def last(self, account: str) -> date | None:
        with reading(self._engine) as connection:
            return connection.execute(
                select(NightlyRun.local_date)
                .where(NightlyRun.account == account)
                .order_by(NightlyRun.local_date.desc())
                .limit(1)
            ).scalar_one_or_none()
