"""Who asked to be called back, and when to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, String, select, update

from worker.emission.callbacks import PendingCallback
from worker.storage.bulk import encode, rows
from worker.storage.models import Request
from worker.storage.rows import EMISSIONS, WORK_COLUMNS, to_work
from worker.storage.session import reading, transaction

REQUESTS = Request.__table__


class SqlCallbacks:
    """Implements `worker.emission.callbacks.Callbacks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, limit: int) -> Sequence[PendingCallback]:
        with reading(self._engine) as connection:
            waiting = connection.execute(
                select(REQUESTS)
                .where(REQUESTS.c.callback_next_at <= now)
                .order_by(REQUESTS.c.callback_next_at)
                .limit(limit)
            ).all()
            asked = rows(connection, "asked", {"document_id": String()})
            pending = []
            for row in waiting:
                found = connection.execute(
                    select(*WORK_COLUMNS)
                    .join(asked, EMISSIONS.c.document_id == asked.c.document_id)
                    .where(EMISSIONS.c.account == row.account, EMISSIONS.c.kind == row.kind)
                    .order_by(EMISSIONS.c.id),
                    {"asked": encode(connection, [{"document_id": each} for each in json.loads(row.document_ids)])},
                )
                works = [to_work(each) for each in found]
                pending.append(
                    PendingCallback(row.request_id, row.account, row.kind, row.callback_url, row.callback_tries, works)
                )
            return pending

    def put_off(self, request_id: str, *, until: datetime | None, tries: int, error: str | None) -> None:
        self._set(request_id, callback_next_at=until, callback_tries=tries, callback_error=error)

    def delivered(self, request_id: str, now: datetime) -> None:
        self._set(request_id, callback_next_at=None, callback_error=None, called_back_at=now)

    def _set(self, request_id: str, **values: object) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(Request).where(Request.request_id == request_id).values(**values))
