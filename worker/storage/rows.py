"""Between a row of `emissions` and the domain's `Work`, both ways."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from decimal import Decimal
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.types import TypeEngine

from timbre_producers.contracts import Status
from worker.emission.observation import Snapshot
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.work import Document, Work
from worker.storage.bulk import POSTGRESQL, listed, rows
from worker.storage.models import Emission
from worker.storage.text import fitting

EMISSIONS: Final = cast("Table", Emission.__table__)

WORK_COLUMNS = [
    EMISSIONS.c[name]
    for name in [
        "id",
        "account",
        "kind",
        "document_id",
        "status",
        "status_since",
        "attempt",
        "batch_id",
        "reads",
        "next_read_at",
        "ready_at",
        "looked_at",
        "snapshot",
        "unstamped_since",
        "unstamped_reads",
        "batch_limit",
        "split_from",
        "batch_refused",
        "fiscal_code",
        "fiscal_code_type",
        "document_number",
        "legal_status",
        "stamped_at",
        "error_class",
        "error_code",
        "error_message",
        "error_blames_account",
        "held_reason",
        "priority",
        "not_before",
        "preflight",
        "send_by",
        "warn_at",
    ]
]

MOVABLE: dict[str, TypeEngine[Any]] = {
    column.name: column.type
    for column in WORK_COLUMNS
    if column.name not in {"id", "account", "kind", "document_id", "priority", "not_before", "preflight"}
}
"""What a move may change, with its type."""

GUARDS: dict[str, TypeEngine[Any]] = {
    "id": EMISSIONS.c.id.type,
    "was_status": String(),
    "was_since": EMISSIONS.c.status_since.type,
    "was_attempt": EMISSIONS.c.attempt.type,
    "was_batch": String(),
    "was_reads": EMISSIONS.c.reads.type,
}


def key(account: str, kind: str, ids: Sequence[str]) -> dict[str, Any]:
    """What `by_key` is bound to."""
    return {"of_account": account, "of_kind": kind, "ids": list(ids)}


def by_key(dialect: str) -> ColumnElement[bool]:
    """The row is one of these documents of an account."""
    each = listed(dialect, "ids", EMISSIONS.c.document_id.type)
    return _found(dialect, each, bindparam("of_account"), bindparam("of_kind"), each.c.value)


def by_keys(dialect: str, asked: FromClause) -> ColumnElement[bool]:
    """The row is one of the documents asked for, each by account, kind and document_id."""
    return _found(dialect, asked, asked.c.account, asked.c.kind, asked.c.document_id)


def _found(
    dialect: str,
    asked: FromClause,
    account: ColumnElement[str],
    kind: ColumnElement[str],
    document_id: ColumnElement[str],
) -> ColumnElement[bool]:
    """Each is looked up by its whole key.

    In one condition PostgreSQL would look up account and kind, and walk through all documents of an account that its
    statistics do not know yet.
    """
    found = EMISSIONS.alias("found")
    one = select(found.c.id).where(found.c.account == account, found.c.kind == kind, found.c.document_id == document_id)
    ids = select(one.scalar_subquery()).select_from(asked)
    if dialect == POSTGRESQL:
        return EMISSIONS.c.id == any_(func.array(ids.scalar_subquery()))
    return EMISSIONS.c.id.in_(ids)


def works_by_key(connection: Connection, account: str, kind: str, ids: Sequence[str]) -> list[Work]:
    """These documents of an account, those that are known, in the order of their rows."""
    found = connection.execute(_works_by_key(connection.dialect.name), key(account, kind, ids))
    return [to_work(row) for row in found]


def works_by_keys(connection: Connection, documents: Collection[Document]) -> dict[Document, Work]:
    """These documents, of whichever accounts, those that are known."""
    asked = [asdict(document) for document in documents]
    found = map(to_work, connection.execute(_works_by_keys(connection.dialect.name), {"asked": asked}))
    return {work.document: work for work in found}


@cache
def _works_by_keys(dialect: str) -> Select[*tuple[Any, ...]]:
    columns = {name: EMISSIONS.c[name].type for name in ("account", "kind", "document_id")}
    return select(*WORK_COLUMNS).where(by_keys(dialect, rows(dialect, "asked", columns)))


@cache
def _works_by_key(dialect: str) -> Select[*tuple[Any, ...]]:
    return select(*WORK_COLUMNS).where(by_key(dialect)).order_by(EMISSIONS.c.id)


def to_work(row: Row[Any]) -> Work:
    """The domain's view of a row selected with `WORK_COLUMNS`."""
    return Work(
        id=row.id,
        document=Document(row.account, row.kind, row.document_id),
        status=Status(row.status),
        since=row.status_since,
        attempt=row.attempt,
        batch_id=row.batch_id,
        reads=row.reads,
        next_read_at=row.next_read_at,
        ready_at=row.ready_at,
        looked_at=row.looked_at,
        snapshot=_snapshot(row.snapshot),
        unstamped_since=row.unstamped_since,
        unstamped_reads=row.unstamped_reads,
        batch_limit=row.batch_limit,
        split_from=row.split_from,
        batch_refused=row.batch_refused,
        fiscal_code=row.fiscal_code,
        fiscal_code_type=row.fiscal_code_type,
        document_number=row.document_number,
        legal_status=row.legal_status,
        stamped_at=row.stamped_at,
        problem=_problem(row),
        held_reason=row.held_reason,
        urgent=row.priority == "high",
        not_before=row.not_before,
        preflight=row.preflight,
        send_by=row.send_by,
        warn_at=row.warn_at,
    )


def to_columns(work: Work) -> dict[str, Any]:
    """The movable columns of a work."""
    problem = work.problem
    columns = {
        "status": work.status.value,
        "status_since": work.since,
        "attempt": work.attempt,
        "batch_id": work.batch_id,
        "reads": work.reads,
        "next_read_at": work.next_read_at,
        "ready_at": work.ready_at,
        "looked_at": work.looked_at,
        "snapshot": _snapshot_text(work.snapshot),
        "unstamped_since": work.unstamped_since,
        "unstamped_reads": work.unstamped_reads,
        "batch_limit": work.batch_limit,
        "split_from": work.split_from,
        "batch_refused": work.batch_refused,
        "fiscal_code": work.fiscal_code,
        "fiscal_code_type": work.fiscal_code_type,
        "document_number": work.document_number,
        "legal_status": work.legal_status,
        "stamped_at": work.stamped_at,
        "error_class": problem.error_class.value if problem else None,
        "error_code": problem.code if problem else None,
        "error_message": problem.message if problem else None,
        "error_blames_account": bool(problem and problem.blames_account),
        "held_reason": work.held_reason,
        "send_by": work.send_by,
        "warn_at": work.warn_at,
    }
    return fitting(EMISSIONS, columns)


def guards(work: Work) -> dict[str, Any]:
    """What must still be true of the row for a move from `work` to be carried out."""
    return {
        "id": work.id,
        "was_status": work.status.value,
        "was_since": work.since,
        "was_attempt": work.attempt,
        "was_batch": work.batch_id or "",
        "was_reads": work.reads,
    }


def _problem(row: Row[Any]) -> Problem | None:
    if row.error_class is None:
        return None
    return Problem(
        ErrorClass(row.error_class), row.error_code or "", row.error_message or "", bool(row.error_blames_account)
    )


def _snapshot(text: str | None) -> Snapshot | None:
    if text is None:
        return None
    number, client, total, date = json.loads(text)
    return Snapshot(number, client, None if total is None else Decimal(total), date)


def _snapshot_text(snapshot: Snapshot | None) -> str | None:
    if snapshot is None:
        return None
    total = None if snapshot.total is None else str(snapshot.total)
    return json.dumps([snapshot.number, snapshot.client, total, snapshot.date], ensure_ascii=False)
