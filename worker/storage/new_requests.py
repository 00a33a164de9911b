"""Requests that are new in everything, many in one transaction: as many statements for a hundred as for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Insert, bindparam, literal, select, text

from timbre_producers.contracts import EmitRequest, Status
from worker.storage.bulk import rows
from worker.storage.moves import write_events
from worker.storage.request_rows import ACCOUNTS, FRESH, REQUESTS, account_of, first_look, reason_of, row_of
from worker.storage.rows import EMISSIONS
from worker.storage.upsert import insert_for


def write_new(connection: Connection, requests: Sequence[EmitRequest], now: datetime) -> bool:
    """Write them down and queue their documents; False when one of them, or of their documents, is known.

    After False the transaction must be rolled back. The rows are taken in the order in which `SqlRequests.accept`
    takes them, requests before documents and both sorted, so that overlapping requests wait for each other and none
    ends in a deadlock.
    """
    dialect = connection.dialect.name
    written = [row_of(each, now, queued=len(each.document_ids)) for each in requests]
    written.sort(key=lambda row: row["request_id"])
    if len(connection.execute(_requests(dialect), {"written": written}).all()) < len(written):
        return False
    accounts = {each.account: account_of(each, now) for each in requests}
    connection.execute(_accounts(dialect), {"known": [accounts[name] for name in sorted(accounts)]})
    asked = _documents(requests, now)
    queued = connection.execute(_emissions(dialect), {"asked": asked, "moment": now}).all()
    if len(queued) < sum(len(each.document_ids) for each in requests):
        return False
    asked_by = {(each.account, each.kind, document_id): each for each in requests for document_id in each.document_ids}
    lines = []
    for row in queued:
        request = asked_by[row.account, row.kind, row.document_id]
        lines.append(
            {
                "emission_id": row.id,
                "at": now,
                "to_status": Status.QUEUED.value,
                "attempt": 0,
                "actor": request.requested_by,
                "reason": reason_of(request),
                "alert": False,
            }
        )
    write_events(connection, lines)
    return True


def _documents(requests: Sequence[EmitRequest], now: datetime) -> Sequence[Mapping[str, Any]]:
    asked = [
        {
            "account": each.account,
            "kind": each.kind,
            "document_id": document_id,
            "request_id": str(each.request_id),
            "requested_by": each.requested_by,
            "priority": each.priority.value,
            "not_before": each.not_before,
            "preflight": each.preflight,
            "email": each.email,
            "next_read_at": first_look(each, now),
        }
        for each in requests
        for document_id in each.document_ids
    ]
    return sorted(asked, key=lambda row: (row["account"], row["kind"], row["document_id"]))


_WRITTEN: Final = {
    column.name: column.type for column in REQUESTS.c if column.name not in {"called_back_at", "callback_error"}
}

_KNOWN: Final = {name: ACCOUNTS.c[name].type for name in ("account", "probing", "updated_at")}

_ASKED: Final = {
    name: EMISSIONS.c[name].type
    for name in (
        "account",
        "kind",
        "document_id",
        "request_id",
        "requested_by",
        "priority",
        "not_before",
        "preflight",
        "email",
        "next_read_at",
    )
}
"""What is each document's own."""

_SINCE: Final = ("status_since", "created_at", "updated_at")

# SQLite reads ON after a bare SELECT … FROM as a join condition.
_ALL: Final = text("1 = 1")


@cache
def _requests(dialect: str) -> Insert:
    written = rows(dialect, "written", _WRITTEN)
    source = select(*(written.c[name] for name in _WRITTEN)).where(_ALL)
    insert = insert_for(dialect, REQUESTS).from_select(list(_WRITTEN), source)
    return insert.on_conflict_do_nothing(index_elements=["request_id"]).returning(REQUESTS.c.request_id)


@cache
def _accounts(dialect: str) -> Insert:
    known = rows(dialect, "known", _KNOWN)
    source = select(*(known.c[name] for name in _KNOWN)).where(_ALL)
    insert = insert_for(dialect, ACCOUNTS).from_select(list(_KNOWN), source)
    return insert.on_conflict_do_nothing(index_elements=["account"])


@cache
def _emissions(dialect: str) -> Insert:
    asked = rows(dialect, "asked", _ASKED)
    moment = bindparam("moment", type_=EMISSIONS.c.created_at.type)
    fresh = {name: literal(value) for name, value in {**FRESH, "attempt": 0}.items()}
    same = fresh | dict.fromkeys(_SINCE, moment)
    source = select(*(asked.c[name] for name in _ASKED), *(value.label(name) for name, value in same.items()))
    insert = insert_for(dialect, EMISSIONS).from_select([*_ASKED, *same], source.where(_ALL))
    return insert.on_conflict_do_nothing(index_elements=["account", "kind", "document_id"]).returning(
        EMISSIONS.c.id, EMISSIONS.c.account, EMISSIONS.c.kind, EMISSIONS.c.document_id
    )
