"""Who asked to be called back, and when to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Engine, Integer, Row, Table, Update, bindparam, select, update

from worker.emission.callbacks import PendingCallback
from worker.emission.lifecycle import FINISHED
from worker.emission.work import Document
from worker.storage.bulk import among
from worker.storage.models import Request
from worker.storage.rows import works_by_keys
from worker.storage.session import reading, transaction

REQUESTS: Final = cast("Table", Request.__table__)


class SqlCallbacks:
    """Implements `worker.emission.callbacks.Callbacks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, limit: int) -> Sequence[PendingCallback]:
        with reading(self._engine) as connection:
            waiting = connection.execute(_DUE, {"moment": now, "most": limit}).all()
            # The one that was queued last: while it is on its way, nobody need ask for the other nine hundred.
            works = works_by_keys(connection, [_documents(row)[-1] for row in waiting])
            unfinished = {document for document, work in works.items() if work.status not in FINISHED}
            ended = [row for row in waiting if _documents(row)[-1] not in unfinished]
            works |= works_by_keys(connection, [document for row in ended for document in _documents(row)])
        return [
            PendingCallback(
                row.request_id,
                row.account,
                row.kind,
                row.callback_url,
                row.callback_tries,
                sorted((works[each] for each in _documents(row) if each in works), key=lambda work: work.id),
            )
            for row in waiting
        ]

    def look_again(self, request_ids: Sequence[str], at: datetime) -> None:
        with transaction(self._engine) as connection:
            connection.execute(_look_again(connection.dialect.name), {"ids": list(request_ids), "moment": at})

    def failed(self, request_id: str, *, until: datetime | None, tries: int, error: str) -> None:
        self._set(request_id, callback_next_at=until, callback_tries=tries, callback_error=error)

    def delivered(self, request_id: str, now: datetime) -> None:
        self._set(request_id, callback_next_at=None, callback_error=None, called_back_at=now)

    def _set(self, request_id: str, **values: object) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(REQUESTS).where(REQUESTS.c.request_id == request_id).values(**values))


_DUE: Final = (
    select(REQUESTS)
    .where(REQUESTS.c.callback_next_at <= bindparam("moment"))
    .order_by(REQUESTS.c.callback_next_at)
    .limit(bindparam("most", type_=Integer))
)


@cache
def _look_again(dialect: str) -> Update:
    return (
        update(REQUESTS)
        .where(among(dialect, REQUESTS.c.request_id, "ids"))
        .values(callback_next_at=bindparam("moment"), callback_error=None)
    )


def _documents(row: Row[Any]) -> list[Document]:
    """What a request named, in the order in which intake queued it."""
    return [Document(row.account, row.kind, each) for each in sorted(json.loads(row.document_ids))]
