"""What people ask of the tables: every query here only reads, and answers in values that are ready to be shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import chain, product
from typing import Any, Final, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    String,
    Table,
    case,
    func,
    or_,
    select,
    text,
    union,
)

from timbre_producers.contracts import Status
from worker.emission.kinds import KINDS
from worker.emission.lifecycle import FINISHED
from worker.emission.work import NOT_WITH_THE_AUTHORITY
from worker.storage.act_models import ActRow
from worker.storage.bulk import listed, rows
from worker.storage.models import AccountEvent, AccountRow, Batch, EmissionEvent, NightlyRun, Request, SetAside
from worker.storage.moves import EVENTS
from worker.storage.rows import EMISSIONS, by_keys
from worker.storage.session import reading
from worker.storage.views import (
    AccountEventView,
    AccountView,
    ActView,
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

NIGHTS: Final = cast("Table", NightlyRun.__table__)

LATE_ALERTS_SHOWN: Final = timedelta(days=7)
"""An alert about a document that is not held (a late answer) stays open this long; a held one until it is moved."""


class Queries:
    """Read-only questions, each answered in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, account: str | None = None, kind: str | None = None) -> Sequence[Count]:
        """Documents per account and status."""
        chosen = _chosen(account=account, kind=kind)
        with reading(self._engine) as connection:
            found = [row for place in PLACES for row in connection.execute(_counted(*chosen, *place))]
        totals: dict[tuple[str, str], tuple[int, datetime | None]] = {}
        for row in found:
            documents, oldest = totals.get((row.account, row.status), (0, None))
            since = min(filter(None, (oldest, row.oldest)), default=None)
            totals[row.account, row.status] = (documents + row.documents, since)
        return [Count(name, Status(status), *total) for (name, status), total in sorted(totals.items())]

    def deadlines(self, account: str | None = None) -> Sequence[DeadlineView]:
        """Per account, how many documents that were not sent have a deadline of law, and the first of them."""
        due = (
            *_chosen(account=account),
            EMISSIONS.c.status.in_([each.value for each in NOT_WITH_THE_AUTHORITY]),
            EMISSIONS.c.send_by.is_not(None),
        )
        first = func.min(EMISSIONS.c.send_by)
        found = select(EMISSIONS.c.account, func.count(), first).where(*due).group_by(EMISSIONS.c.account)
        totals: dict[str, tuple[int, datetime]] = {}
        with reading(self._engine) as connection:
            for place in PLACES:
                for name, documents, first_of_all in connection.execute(found.where(*place)):
                    earlier, soonest = totals.get(name, (0, first_of_all))
                    totals[name] = (earlier + documents, min(soonest, first_of_all))
        return [DeadlineView(name, *total) for name, total in sorted(totals.items())]

    def emissions(
        self, *, account: str | None = None, kind: str | None = None, status: Status, limit: int = 50
    ) -> Sequence[EmissionView]:
        """The documents in one status, the one that moved last first."""
        chosen = _chosen(account=account, kind=kind, status=status)
        with reading(self._engine) as connection:
            found = [row for place in PLACES for row in connection.execute(_newest(limit, *chosen, *place))]
        newest_first = sorted(found, key=lambda row: (row.updated_at, row.id), reverse=True)
        return [_emission(row) for row in newest_first[:limit]]

    def named(
        self, ids: Sequence[str], *, account: str | None = None, kind: str | None = None
    ) -> Sequence[EmissionView]:
        """The documents with these ids, in whichever account and kind unless one is given; newest first."""
        with reading(self._engine) as connection:
            known = select(AccountRow.account).where(*([AccountRow.account == account] if account else []))
            accounts = connection.execute(known).scalars().all()
            kinds = [kind] if kind else list(KINDS)
            found = _by_key(connection, [tuple(key) for key in product(accounts, kinds, dict.fromkeys(ids))])
        return sorted(found, key=lambda view: (view.updated_at, view.id), reverse=True)

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

    def acts(self, emission: EmissionView) -> Sequence[ActView]:
        """What was done to one document besides stamping it, oldest first."""
        document = {"account": emission.account, "kind": emission.kind, "document_id": emission.document_id}
        with reading(self._engine) as connection:
            found = connection.execute(select(ActRow.__table__).filter_by(**document).order_by(ActRow.id))
            return [_view(ActView, row) for row in found]

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
        late = EVENTS.c.to_status.is_(None) & (EVENTS.c.at > now - LATE_ALERTS_SHOWN)
        held = EMISSIONS.c.status == Status.HELD
        # It stays in its status and must be hurried: a deadline, as long as it was not sent.
        hurried = EVENTS.c.to_status == EVENTS.c.from_status
        unsent = EMISSIONS.c.status.in_([each.value for each in NOT_WITH_THE_AUTHORITY])
        concerned = union(
            select(EMISSIONS.c.id).where(*_AT_REST, held, *_chosen(account=account)),
            # Written as the index has it, or SQLite does not see that they are the same.
            select(EVENTS.c.emission_id).where(text("alert"), or_(late, hurried)),
        ).subquery()
        any_alert = EVENTS.alias()
        newest = (
            select(func.max(any_alert.c.id))
            .where(any_alert.c.emission_id == concerned.c.id, any_alert.c.alert)
            .scalar_subquery()
        )
        with reading(self._engine) as connection:
            found = connection.execute(
                select(
                    EMISSIONS.c.account,
                    EMISSIONS.c.kind,
                    EMISSIONS.c.document_id,
                    EMISSIONS.c.status,
                    EVENTS.c.at,
                    EVENTS.c.reason,
                )
                .select_from(concerned)
                .join(EVENTS, EVENTS.c.id == newest)
                .join(EMISSIONS, EMISSIONS.c.id == concerned.c.id)
                .where(*_chosen(account=account), or_(held, late, hurried & unsent))
                .order_by(EVENTS.c.id.desc())
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

    def pauses(self, account: str, *, limit: int = 10) -> Sequence[AccountEventView]:
        """When an account was paused and resumed, newest first."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(AccountEvent.__table__)
                .where(AccountEvent.account == account)
                .order_by(AccountEvent.id.desc())
                .limit(limit)
            )
            return [_view(AccountEventView, row) for row in found]

    def last_nights(self, accounts: Sequence[str]) -> dict[str, NightView]:
        """Each account's newest night."""
        with reading(self._engine) as connection:
            each, one = listed(connection.dialect.name, "accounts", NIGHTS.c.account.type), NIGHTS.alias()
            newest = select(func.max(one.c.local_date)).where(one.c.account == each.c.value).scalar_subquery()
            found = connection.execute(
                select(NIGHTS)
                .select_from(each)
                .join(NIGHTS, (NIGHTS.c.account == each.c.value) & (NIGHTS.c.local_date == newest)),
                {"accounts": list(accounts)},
            )
            return {row.account: _view(NightView, row) for row in found}


_EMISSIONS = select(*(EMISSIONS.c[column.name] for column in fields(EmissionView)))


_AT_REST: Final = (EMISSIONS.c.next_read_at.is_(None), EMISSIONS.c.ready_at.is_(None))
"""Finished, in a batch, or on the wire."""

PLACES: Final = (
    (EMISSIONS.c.next_read_at.is_not(None),),
    (EMISSIONS.c.next_read_at.is_(None), EMISSIONS.c.ready_at.is_not(None)),
    _AT_REST,
)
"""Where a row can be: it waits for a read, or to be sent, or for nothing. Each has an index of its own."""


def _chosen(
    *, account: str | None = None, kind: str | None = None, status: Status | None = None
) -> list[ColumnElement[bool]]:
    wanted = {"account": account, "kind": kind, "status": status.value if status else None}
    return [EMISSIONS.c[name] == value for name, value in wanted.items() if value is not None]


def _counted(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Per account and status: how many, and since when the oldest of those that are on their way."""
    moving = EMISSIONS.c.status.not_in([status.value for status in FINISHED])
    groups = (EMISSIONS.c.account, EMISSIONS.c.status)
    oldest = func.min(case((moving, EMISSIONS.c.status_since)))
    return select(*groups, func.count().label("documents"), oldest.label("oldest")).where(*which).group_by(*groups)


def _newest(limit: int, *which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return _EMISSIONS.where(*which).order_by(EMISSIONS.c.updated_at.desc(), EMISSIONS.c.id.desc()).limit(limit)


def _by_key(connection: Connection, keys: Sequence[tuple[str, ...]]) -> Sequence[EmissionView]:
    """The documents with these keys (account, kind, document_id), in that order."""
    columns = {"account": String(), "kind": String(), "document_id": String()}
    dialect = connection.dialect.name
    found = connection.execute(
        _EMISSIONS.where(by_keys(dialect, rows(dialect, "asked", columns))),
        {"asked": [dict(zip(columns, key, strict=True)) for key in keys]},
    )
    order = {key: place for place, key in enumerate(keys)}
    views = [_emission(row) for row in found]
    return sorted(views, key=lambda view: order[view.account, view.kind, view.document_id])


def _states(connection: Connection, requests: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    """For each request, how many of its documents are in which status."""
    keys = {
        row.request_id: [(row.account, row.kind, each) for each in json.loads(row.document_ids)] for row in requests
    }
    found = _by_key(connection, list(dict.fromkeys(chain.from_iterable(keys.values()))))
    status = {(view.account, view.kind, view.document_id): view.status.value for view in found}
    return {
        request_id: dict(Counter(status[each] for each in documents if each in status))
        for request_id, documents in keys.items()
    }


def _emission(row: Row[Any]) -> EmissionView:
    return _view(EmissionView, row, status=Status(row.status))


def _view(view: type[Shown], row: Row[Any], **decoded: Any) -> Shown:
    """The row as a value: every field the columns have by name, the others as given."""
    named = {column.name: getattr(row, column.name) for column in fields(view) if column.name not in decoded}
    return view(**named, **decoded)
