"""What producers asked for: requests written down, documents queued, unacceptable messages set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    insert,
    literal,
    null,
    select,
    text,
    update,
)

from timbre_producers.contracts import EmitRequest, Priority, Status
from worker.emission.lifecycle import ASKED_AGAIN, ENDED_BY_A_PERSON, IN_FLIGHT
from worker.emission.ports import Accepted, Conflict
from worker.storage.bulk import rows
from worker.storage.models import SetAside
from worker.storage.moves import write_events
from worker.storage.new_requests import write_new
from worker.storage.request_rows import ACCOUNTS, FRESH, REQUESTS, account_of, first_look, reason_of, row_of
from worker.storage.rows import EMISSIONS, by_key, key
from worker.storage.session import transaction
from worker.storage.text import fitting, without_secrets
from worker.storage.upsert import insert_for

MESSAGE_LIMIT = 8000
"""Characters kept of a message that was set aside."""


class SqlRequests:
    """Implements `worker.emission.ports.Requests`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(self, request: EmitRequest, now: datetime) -> Accepted | Conflict:
        with transaction(self._engine) as connection:
            request_id = str(request.request_id)
            if not self._write_down(connection, request, now):
                return self._seen_before(connection, request)
            before = self._standing(connection, request)
            queued = self._queue(connection, request, now)
            self._write_history(connection, request, before, queued, now)
            if request.priority is Priority.HIGH:
                self._raise_priority(connection, request)
            if request.email:
                connection.execute(_want_email(connection.dialect.name), _named(request))
            known = len(request.document_ids) - len(queued)
            connection.execute(_COUNT, {"id": request_id, "new": len(queued), "old": known})
            return Accepted(request_id, queued=len(queued), known=known)

    def accept_new(self, requests: Sequence[EmitRequest], now: datetime) -> bool:
        with self._engine.connect() as connection, connection.begin() as writing:
            new = write_new(connection, requests, now)
            if not new:
                writing.rollback()
            return new

    def set_aside(self, *, cause: str, reason: str, body: str, request_id: str | None, now: datetime) -> None:
        with transaction(self._engine) as connection:
            keep_aside(connection, cause=cause, reason=reason, body=body, request_id=request_id, now=now)

    def _write_down(self, connection: Connection, request: EmitRequest, now: datetime) -> bool:
        dialect = connection.dialect.name
        written = connection.execute(_write_down(dialect), row_of(request, now)).all()
        if written:
            connection.execute(_know(dialect), account_of(request, now))
        return bool(written)

    def _seen_before(self, connection: Connection, request: EmitRequest) -> Accepted | Conflict:
        request_id = str(request.request_id)
        first = connection.execute(_FIRST, {"id": request_id}).one()
        if first.fingerprint == request.fingerprint():
            return Accepted(request_id, queued=first.queued, known=first.known, repeated=True)
        return Conflict(
            request_id,
            f"request_id {request_id} was used on {first.received_at:%Y-%m-%d %H:%M:%S} UTC by {first.requested_by} "
            "with other content; send the new work under a new request_id",
        )

    def _standing(self, connection: Connection, request: EmitRequest) -> dict[str, tuple[int, str, int]]:
        found = connection.execute(_standing(connection.dialect.name), _named(request))
        return {row.document_id: (row.id, row.status, row.attempt) for row in found}

    def _queue(self, connection: Connection, request: EmitRequest, now: datetime) -> dict[str, int]:
        """Insert what is new, queue again what may be asked again; which documents that was, with their row ids."""
        queued = connection.execute(
            _queue(connection.dialect.name, forced=request.force is not None),
            {
                # Sorted: two requests that insert the same new documents wait for each other instead of deadlocking.
                "asked": [{"document_id": each} for each in sorted(request.document_ids)],
                "of_account": request.account,
                "of_kind": request.kind,
                "by_request": str(request.request_id),
                "by": request.requested_by,
                "urgency": request.priority.value,
                "earliest": request.not_before,
                "examined": request.preflight,
                "first_look": first_look(request, now),
                "moment": now,
            },
        )
        return {row.document_id: row.id for row in queued}

    def _write_history(
        self,
        connection: Connection,
        request: EmitRequest,
        before: dict[str, tuple[int, str, int]],
        queued: dict[str, int],
        now: datetime,
    ) -> None:
        reason = reason_of(request)
        lines = [
            {
                "emission_id": emission_id,
                "at": now,
                "from_status": before[document_id][1] if document_id in before else None,
                "to_status": Status.QUEUED.value,
                "attempt": before[document_id][2] if document_id in before else 0,
                "actor": request.requested_by,
                "reason": reason,
                "alert": False,
            }
            for document_id, emission_id in queued.items()
        ]
        if request.force:
            lines += [
                {
                    "emission_id": emission_id,
                    "at": now,
                    "attempt": attempt,
                    "actor": request.requested_by,
                    "reason": f"force refused: it is {status}, still settling (request {request.request_id})",
                    "alert": False,
                }
                for emission_id, status, attempt in before.values()
                if status in IN_FLIGHT
            ]
        write_events(connection, lines)

    def _raise_priority(self, connection: Connection, request: EmitRequest) -> None:
        connection.execute(_raise_priority(connection.dialect.name), _named(request))


def _named(request: EmitRequest) -> dict[str, Any]:
    return key(request.account, request.kind, request.document_ids)


def keep_aside(
    connection: Connection, *, cause: str, reason: str, body: str, request_id: str | None, now: datetime
) -> None:
    """Keep what cannot be accepted where an operator sees it, without secrets."""
    kept = {
        "received_at": now,
        "cause": cause,
        "reason": without_secrets(reason),
        "request_id": request_id,
        "body": without_secrets(body)[:MESSAGE_LIMIT],
    }
    connection.execute(insert(SetAside).values(**fitting(SetAside.__table__, kept)))


@cache
def _write_down(dialect: str) -> Insert:
    return (
        insert_for(dialect, REQUESTS)
        .on_conflict_do_nothing(index_elements=["request_id"])
        .returning(REQUESTS.c.request_id)
    )


@cache
def _know(dialect: str) -> Insert:
    return insert_for(dialect, ACCOUNTS).on_conflict_do_nothing(index_elements=["account"])


_FIRST: Final = select(REQUESTS).where(REQUESTS.c.request_id == bindparam("id"))

_COUNT: Final = (
    update(REQUESTS)
    .where(REQUESTS.c.request_id == bindparam("id"))
    .values(queued=bindparam("new"), known=bindparam("old"))
)


@cache
def _standing(dialect: str) -> Select[str, int, str, int]:
    return (
        select(EMISSIONS.c.document_id, EMISSIONS.c.id, EMISSIONS.c.status, EMISSIONS.c.attempt)
        .where(by_key(dialect))
        .order_by(EMISSIONS.c.id)
        .with_for_update()
    )


@cache
def _queue(dialect: str, *, forced: bool) -> Insert:
    """Insert the asked documents; of those that are known, queue again what the lifecycle lets be asked again."""
    anew = {
        "request_id": bindparam("by_request", type_=EMISSIONS.c.request_id.type),
        "requested_by": bindparam("by", type_=EMISSIONS.c.requested_by.type),
        "priority": bindparam("urgency", type_=EMISSIONS.c.priority.type),
        "not_before": bindparam("earliest", type_=EMISSIONS.c.not_before.type),
        "preflight": bindparam("examined", type_=EMISSIONS.c.preflight.type),
        "next_read_at": bindparam("first_look", type_=EMISSIONS.c.next_read_at.type),
        "status_since": bindparam("moment", type_=EMISSIONS.c.status_since.type),
        "updated_at": bindparam("moment", type_=EMISSIONS.c.updated_at.type),
        **{name: literal(value) for name, value in FRESH.items()},
    }
    once = {
        "account": bindparam("of_account", type_=EMISSIONS.c.account.type),
        "kind": bindparam("of_kind", type_=EMISSIONS.c.kind.type),
        "attempt": literal(0),
        "created_at": bindparam("moment", type_=EMISSIONS.c.created_at.type),
    }
    wiped = [
        "batch_id",
        "ready_at",
        "looked_at",
        "split_from",
        "error_class",
        "error_code",
        "error_message",
        "held_reason",
        "send_by",
        "warn_at",
    ]
    asked = rows(dialect, "asked", {"document_id": String()})
    source = select(asked.c.document_id, *(value.label(name) for name, value in (anew | once).items())).where(
        text("1 = 1")  # SQLite reads ON after a bare SELECT … FROM as a join condition
    )
    again = ASKED_AGAIN | ({Status.HELD} if forced else set())
    upsert = insert_for(dialect, EMISSIONS).from_select(["document_id", *anew, *once], source)
    return upsert.on_conflict_do_update(
        index_elements=["account", "kind", "document_id"],
        set_={name: upsert.excluded[name] for name in anew}
        | dict.fromkeys(wiped, null())
        | {"unstamped_since": _reads_ended_at()},
        where=EMISSIONS.c.status.in_([status.value for status in again]),
    ).returning(EMISSIONS.c.document_id, EMISSIONS.c.id)


def _reads_ended_at() -> ColumnElement[Any]:
    """Since when nobody has asked what became of its last call: it may still be executed (rule 4)."""
    status, attempt, since = (EMISSIONS.c[name] for name in ("status", "attempt", "status_since"))
    ended = status.in_([each.value for each in ENDED_BY_A_PERSON])
    return case((and_(ended, attempt > 0), since), else_=null())


@cache
def _want_email(dialect: str) -> Update:
    """Also of those that are known: a wish once made stays until the e-mail is written down, which is done once."""
    return update(EMISSIONS).where(by_key(dialect)).values(email=True)


@cache
def _raise_priority(dialect: str) -> Update:
    return (
        update(EMISSIONS)
        .where(
            by_key(dialect),
            EMISSIONS.c.status.in_([Status.QUEUED, *IN_FLIGHT]),
        )
        .values(priority=Priority.HIGH.value)
    )
