"""The nightly runs: one per account and local date, whoever asks and however often."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import Engine, select, update

from worker.emission.kinds import KINDS
from worker.emission.nightly import NightProgress
from worker.storage.models import NightlyRun
from worker.storage.session import reading, transaction
from worker.storage.upsert import insert_for

FIRST: Final = next(iter(KINDS))
"""The kind that every night began with before there were others."""


class SqlNights:
    """Implements `worker.emission.nightly.Nights`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, account: str, local_date: date, *, lease_until: datetime, now: datetime) -> bool:
        with transaction(self._engine) as connection:
            statement = insert_for(connection.dialect.name, NightlyRun).values(
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
                select(NightlyRun.kind, NightlyRun.next_start, NightlyRun.collected).where(
                    NightlyRun.account == account,
                    NightlyRun.local_date == local_date,
                    NightlyRun.finished_at.is_(None),
                )
            ).one_or_none()
        if row is None:
            return None
        kind = row.kind or FIRST
        return NightProgress(kind, row.next_start, [_id(each) for each in json.loads(row.collected)])

    def save(
        self,
        account: str,
        local_date: date,
        *,
        kind: str,
        next_start: int,
        collected: Sequence[str],
        lease_until: datetime,
    ) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                update(NightlyRun)
                .where(NightlyRun.account == account, NightlyRun.local_date == local_date)
                .values(
                    kind=kind,
                    next_start=next_start,
                    collected=json.dumps([_of_kind(kind, each) for each in collected]),
                    lease_until=lease_until,
                )
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


def _of_kind(kind: str, document_id: str) -> str:
    """As it is written down: a release that knows invoices only must not take a note's id for an invoice's."""
    return document_id if kind == FIRST else f"{kind}/{document_id}"


def _id(written: str) -> str:
    return written.rpartition("/")[2]
