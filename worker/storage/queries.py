"""What people ask of the tables: every query here only reads, and answers in values that are ready to be shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Row, String, func, or_, select

from timbre_producers.contracts import Status
from worker.emission.work import NOT_WITH_THE_AUTHORITY
from worker.storage.bulk import among, rows
from worker.storage.models import AccountRow, Batch, EmissionEvent, NightlyRun, Request, SetAside
from worker.storage.rows import EMISSIONS
from worker.storage.session import reading
from worker.storage.views import (
    AccountView,
    AlertView,
    BatchView,
    Count,
    DeadlineView,
    EmissionView,
    EventView,
    NightView,
    RequestView,
    SetAsideView,
    View,
)

Shown = TypeVar("Shown", bound=View)

LATE_ALERTS_SHOWN: Final = timedelta(days=7)
"""An alert about a document that is not held (a late answer) stays open this long; a held one until it is moved."""


class Queries:
    """Read-only questions, each answered in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, account: str | None = None, kind: str | None = None) -> Sequence[Count]:
        """Documents per account and status."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(
                    EMISSIONS.c.account,
                    EMISSIONS.c.status,
                    func.count().label("documents"),
                    func.min(EMISSIONS.c.status_since).label("oldest"),
                )
                .where(*_chosen(account=account, kind=kind))
                .group_by(EMISSIONS.c.account, EMISSIONS.c.status)
                .order_by(EMISSIONS.c.account, EMISSIONS.c.status)
            )
            return [Count(row.account, Status(row.status), row.documents, row.oldest) for row in found]

    def deadlines(self, account: str | None = None) -> Sequence[DeadlineView]:
        """Per account, how many documents that were not sent have a deadline of law, and the first of them."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(
                    EMISSIONS.c.account,
                    func.count().label("documents"),
                    func.min(EMISSIONS.c.send_by).label("first"),
                )
                .where(
                    *_chosen(account=account),
                    EMISSIONS.c.status.in_([each.value for each in NOT_WITH_THE_AUTHORITY]),
                    EMISSIONS.c.send_by.is_not(None),
                )
                .group_by(EMISSIONS.c.account)
                .order_by(EMISSIONS.c.account)
            )
            return [DeadlineView(row.account, row.documents, row.first) for row in found]

    def emissions(
        self,
        *,
        account: str | None = None,
        kind: str | None = None,
        status: Status | None = None,
        ids: Sequence[str] | None = None,
        limit: int = 50,
    ) -> Sequence[EmissionView]:
        """Rows of the status table, the one that moved last first."""
        with reading(self._engine) as connection:
            query = _EMISSIONS.where(*_chosen(account=account, kind=kind, status=status))
            if ids is not None:
                query = query.where(among(connection.dialect.name, EMISSIONS.c.document_id, "ids"))
            query = query.order_by(EMISSIONS.c.updated_at.desc(), EMISSIONS.c.id.desc()).limit(limit)
            return [_emission(row) for row in connection.execute(query, {"ids": list(ids or ())})]

    def of_requests(self, request_ids: Sequence[str]) -> Sequence[EmissionView]:
        """The documents these requests named, in the order they named them; unknown requests have none."""
        with reading(self._engine) as connection:
            asked = connection.execute(
                select(Request.account, Request.kind, Request.document_ids)
                .where(Request.request_id.in_(request_ids))
                .order_by(Request.received_at, Request.request_id)
            ).all()
            keys = [(row.account, row.kind, each) for row in asked for each in json.loads(row.document_ids)]
            return _by_key(connection, list(dict.fromkeys(keys)))

    def asked_for(self, request_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What each of these requests named, of those that intake has written down."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(Request.request_id, Request.document_ids).where(Request.request_id.in_(request_ids))
            )
            return {row.request_id: tuple(json.loads(row.document_ids)) for row in found}

    def refusals(self, request_ids: Sequence[str]) -> Sequence[SetAsideView]:
        """Which of these requests were set aside, and why."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(SetAside.__table__).where(SetAside.request_id.in_(request_ids)).order_by(SetAside.id)
            )
            return [_view(SetAsideView, row) for row in found]

    def history(self, emission_id: int) -> Sequence[EventView]:
        """Everything that happened to one document, oldest first."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(EmissionEvent.__table__)
                .where(EmissionEvent.emission_id == emission_id)
                .order_by(EmissionEvent.id)
            )
            return [_view(EventView, row, evidence=json.loads(row.evidence or "null")) for row in found]

    def batches(self, batch_ids: Sequence[str]) -> Sequence[BatchView]:
        """These stamp calls with their answers, oldest first."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(Batch.__table__).where(Batch.id.in_(batch_ids)).order_by(Batch.planned_at, Batch.id)
            )
            return [_view(BatchView, row) for row in found]

    def requests(
        self, *, account: str | None = None, ids: Sequence[str] | None = None, limit: int = 20
    ) -> Sequence[RequestView]:
        """The newest requests, with where their documents stand."""
        with reading(self._engine) as connection:
            query = select(Request.__table__).order_by(Request.received_at.desc(), Request.request_id).limit(limit)
            if account is not None:
                query = query.where(Request.account == account)
            if ids is not None:
                query = query.where(Request.request_id.in_(ids))
            found = connection.execute(query).all()
            states = _states(connection, found)
            return [
                _view(
                    RequestView,
                    row,
                    documents=len(json.loads(row.document_ids)),
                    states=states.get(row.request_id, {}),
                )
                for row in found
            ]

    def set_aside(self, *, limit: int = 20) -> Sequence[SetAsideView]:
        """The newest messages that were not accepted."""
        with reading(self._engine) as connection:
            found = connection.execute(select(SetAside.__table__).order_by(SetAside.id.desc()).limit(limit))
            return [_view(SetAsideView, row) for row in found]

    def alerts(self, *, account: str | None = None, now: datetime, limit: int = 20) -> Sequence[AlertView]:
        """The newest open alert of each document: held ones until they are moved, others for a week."""
        with reading(self._engine) as connection:
            newest = (
                select(func.max(EmissionEvent.id).label("id"))
                .where(EmissionEvent.alert)
                .group_by(EmissionEvent.emission_id)
                .subquery()
            )
            found = connection.execute(
                select(
                    EMISSIONS.c.account,
                    EMISSIONS.c.kind,
                    EMISSIONS.c.document_id,
                    EMISSIONS.c.status,
                    EmissionEvent.at,
                    EmissionEvent.reason,
                )
                .join(newest, newest.c.id == EmissionEvent.id)
                .join(EMISSIONS, EMISSIONS.c.id == EmissionEvent.emission_id)
                .where(
                    *_chosen(account=account),
                    or_(
                        EMISSIONS.c.status == Status.HELD,
                        EmissionEvent.to_status.is_(None) & (EmissionEvent.at > now - LATE_ALERTS_SHOWN),
                        # It stays in its status and must be hurried: a deadline, as long as it was not sent.
                        (EmissionEvent.to_status == EmissionEvent.from_status)
                        & EMISSIONS.c.status.in_([each.value for each in NOT_WITH_THE_AUTHORITY]),
                    ),
                )
                .order_by(EmissionEvent.id.desc())
                .limit(limit)
            )
            return [AlertView(*row) for row in found]

    def accounts(self, account: str | None = None) -> Sequence[AccountView]:
        """What is remembered of every account, or of one."""
        with reading(self._engine) as connection:
            query = select(AccountRow.__table__).order_by(AccountRow.account)
            if account is not None:
                query = query.where(AccountRow.account == account)
            return [
                _view(AccountView, row, outlook=json.loads(row.outlook or "null")) for row in connection.execute(query)
            ]

    def last_nights(self) -> dict[str, NightView]:
        """Each account's newest night."""
        with reading(self._engine) as connection:
            newest = (
                select(NightlyRun.account, func.max(NightlyRun.local_date).label("local_date"))
                .group_by(NightlyRun.account)
                .subquery()
            )
            found = connection.execute(
                select(NightlyRun.__table__).join(
                    newest,
                    (newest.c.account == NightlyRun.account) & (newest.c.local_date == NightlyRun.local_date),
                )
            )
            return {row.account: _view(NightView, row) for row in found}


_EMISSIONS = select(*(EMISSIONS.c[column.name] for column in fields(EmissionView)))


def _chosen(
    *, account: str | None = None, kind: str | None = None, status: Status | None = None
) -> list[ColumnElement[bool]]:
    wanted = {"account": account, "kind": kind, "status": status.value if status else None}
    return [EMISSIONS.c[name] == value for name, value in wanted.items() if value is not None]


def _by_key(connection: Connection, keys: Sequence[tuple[str, str, str]]) -> Sequence[EmissionView]:
    columns = {"account": String(), "kind": String(), "document_id": String()}
    asked = rows(connection.dialect.name, "asked", columns)
    found = connection.execute(
        _EMISSIONS.join(
            asked,
            (EMISSIONS.c.account == asked.c.account)
            & (EMISSIONS.c.kind == asked.c.kind)
            & (EMISSIONS.c.document_id == asked.c.document_id),
        ),
        {"asked": [dict(zip(columns, key, strict=True)) for key in keys]},
    )
    order = {key: place for place, key in enumerate(keys)}
    views = [_emission(row) for row in found]
    return sorted(views, key=lambda view: order[(view.account, view.kind, view.document_id)])


def _states(connection: Connection, requests: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    """For each request, how many of its documents are in which status."""
    columns = {"request_id": String(), "account": String(), "kind": String(), "document_id": String()}
    asked = rows(connection.dialect.name, "asked", columns)
    payload = [
        {"request_id": row.request_id, "account": row.account, "kind": row.kind, "document_id": each}
        for row in requests
        for each in json.loads(row.document_ids)
    ]
    found = connection.execute(
        select(asked.c.request_id, EMISSIONS.c.status, func.count().label("documents"))
        .join(
            EMISSIONS,
            (EMISSIONS.c.account == asked.c.account)
            & (EMISSIONS.c.kind == asked.c.kind)
            & (EMISSIONS.c.document_id == asked.c.document_id),
        )
        .group_by(asked.c.request_id, EMISSIONS.c.status),
        {"asked": payload},
    )
    states: dict[str, dict[str, int]] = {}
    for row in found:
        states.setdefault(row.request_id, {})[row.status] = row.documents
    return states


def _emission(row: Row[Any]) -> EmissionView:
    return _view(EmissionView, row, status=Status(row.status))


def _view(view: type[Shown], row: Row[Any], **decoded: Any) -> Shown:
    """The row as a value: every field the columns have by name, the others as given."""
    named = {column.name: getattr(row, column.name) for column in fields(view) if column.name not in decoded}
    return view(**named, **decoded)
