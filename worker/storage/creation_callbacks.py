"""Which producers that wanted documents created asked to be called back, and when to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final, cast

from sqlalchemy import Engine, Integer, Table, Update, bindparam, select, update

from timbre_producers.creations import CreationStatus
from worker.creation.callbacks import CreationCallback
from worker.creation.work import Creation
from worker.emission.work import Document
from worker.storage.bulk import among
from worker.storage.creation_models import CreationRequest
from worker.storage.creation_rows import CREATIONS, to_creation
from worker.storage.rows import works_by_keys
from worker.storage.session import reading, transaction

REQUESTS: Final = cast("Table", CreationRequest.__table__)


class SqlCreationCallbacks:
    """Implements `worker.emission.callbacks.Callbacks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, limit: int) -> Sequence[CreationCallback]:
        pending = []
        with reading(self._engine) as connection:
            for row in connection.execute(_DUE, {"moment": now, "most": limit}).all():
                asked = select(CREATIONS).where(
                    CREATIONS.c.account == row.account,
                    CREATIONS.c.kind == row.kind,
                    CREATIONS.c.reference.in_(json.loads(row.documents)),
                )
                creations = [to_creation(each) for each in connection.execute(asked.order_by(CREATIONS.c.id))]
                works = works_by_keys(connection, [each for each in map(_document, creations) if each])
                pending.append(
                    CreationCallback(
                        row.request_id,
                        row.account,
                        row.kind,
                        row.callback_url,
                        row.callback_tries,
                        creations,
                        works,
                        json.loads(row.refused),
                    )
                )
        return pending

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


def _document(creation: Creation) -> Document | None:
    if creation.status is not CreationStatus.CREATED or creation.document_id is None:
        return None
    return Document(creation.account, creation.kind, creation.document_id)


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
