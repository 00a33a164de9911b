"""Who asked to be called back, and when to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select, update

from worker.emission.callbacks import PendingCallback
from worker.storage.models import Request
from worker.storage.rows import works_by_key
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
            return [
                PendingCallback(
                    row.request_id,
                    row.account,
                    row.kind,
                    row.callback_url,
                    row.callback_tries,
                    works_by_key(connection, row.account, row.kind, json.loads(row.document_ids)),
                )
                for row in waiting
            ]

    def put_off(self, request_id: str, *, until: datetime | None, tries: int, error: str | None) -> None:
        self._set(request_id, callback_next_at=until, callback_tries=tries, callback_error=error)

    def delivered(self, request_id: str, now: datetime) -> None:
        self._set(request_id, callback_next_at=None, callback_error=None, called_back_at=now)

    def _set(self, request_id: str, **values: object) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(Request).where(Request.request_id == request_id).values(**values))
