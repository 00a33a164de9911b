"""What producers wanted created: requests written down, creations queued, documents with a taken reference refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Insert,
    Row,
    Table,
    bindparam,
    literal,
    null,
    select,
    text,
    update,
)

from timbre_producers.creations import CreateRequest, CreationStatus, NewDocument, canonical, digest
from worker.creation.lifecycle import AMENDED, ASKED_AGAIN
from worker.creation.ports import CreationsAccepted
from worker.emission.ports import Conflict
from worker.storage.bulk import rows
from worker.storage.creation_emissions import have_emitted
from worker.storage.creation_models import CreationRequest
from worker.storage.creation_rows import CREATIONS, by_references_of, to_creation, write_creation_events
from worker.storage.models import AccountRow
from worker.storage.requests import keep_aside
from worker.storage.session import transaction
from worker.storage.upsert import insert_for

ACCOUNTS: Final = cast("Table", AccountRow.__table__)
REQUESTS: Final = cast("Table", CreationRequest.__table__)


class SqlCreationRequests:
    """Implements `worker.creation.ports.CreationRequests`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(self, request: CreateRequest, now: datetime) -> CreationsAccepted | Conflict:
        with transaction(self._engine) as connection:
            if not _write_down(connection, request, now):
                return _seen_before(connection, request)
            wanted, refused = _each_reference_once(request)
            new = _insert(connection, request, wanted, now)
            again: dict[str, Row[Any]] = {}
            for row in _standing(connection, request, [each for each in wanted if each not in new]):
                if row.body_digest != digest(wanted[row.reference].body) and row.status not in AMENDED:
                    refused[row.reference] = _taken(row)
                elif row.status in ASKED_AGAIN:
                    _queue_again(connection, request, wanted[row.reference], row, now)
                    again[row.reference] = row
                elif request.emit and not row.emits:
                    _have_it_emitted_too(connection, request, row, now)
            _write_history(connection, request, new, again, now)
            _set_aside(connection, request, refused, now)
            queued = len(new) + len(again)
            known = len(wanted) - queued - len(refused.keys() & wanted.keys())
            counts = {"queued": queued, "known": known, "refused": json.dumps(refused)}
            mine = REQUESTS.c.request_id == str(request.request_id)
            connection.execute(update(REQUESTS).where(mine).values(**counts))
            return CreationsAccepted(str(request.request_id), queued, known, refused)

    def set_aside(self, *, cause: str, reason: str, body: str, request_id: str | None, now: datetime) -> None:
        with transaction(self._engine) as connection:
            keep_aside(connection, cause=cause, reason=reason, body=body, request_id=request_id, now=now)


def _write_down(connection: Connection, request: CreateRequest, now: datetime) -> bool:
    """Whether the request is new."""
    dialect = connection.dialect.name
    written = connection.execute(
        insert_for(dialect, REQUESTS)
        .values(
            request_id=str(request.request_id),
            account=request.account,
            kind=request.kind,
            documents=json.dumps(request.references),
            fingerprint=request.fingerprint(),
            requested_by=request.requested_by,
            emits=request.emit,
            preflight=request.preflight,
            priority=request.priority.value,
            not_before=request.not_before,
            callback_url=str(request.callback_url) if request.callback_url else None,
            callback_next_at=now if request.callback_url else None,
            callback_tries=0,
            received_at=now,
            queued=0,
            known=0,
            refused="{}",
        )
        .on_conflict_do_nothing(index_elements=["request_id"])
        .returning(REQUESTS.c.request_id)
    ).all()
    if written:
        connection.execute(
            insert_for(dialect, ACCOUNTS)
            .values(account=request.account, probing=False, updated_at=now)
            .on_conflict_do_nothing(index_elements=["account"])
        )
    return bool(written)


def _seen_before(connection: Connection, request: CreateRequest) -> CreationsAccepted | Conflict:
    request_id = str(request.request_id)
    first = connection.execute(select(REQUESTS).where(REQUESTS.c.request_id == request_id)).one()
    if first.fingerprint == request.fingerprint():
        return CreationsAccepted(request_id, first.queued, first.known, json.loads(first.refused), repeated=True)
    return Conflict(
        request_id,
        f"request_id {request_id} was used on {first.received_at:%Y-%m-%d %H:%M:%S} UTC by {first.requested_by} "
        "with other content; send the new work under a new request_id",
    )


def _each_reference_once(request: CreateRequest) -> tuple[dict[str, NewDocument], dict[str, str]]:
    """The documents by their references, and those whose reference an earlier one of the same request has."""
    wanted: dict[str, NewDocument] = {}
    refused: dict[str, str] = {}
    for document in request.documents:
        if wanted.setdefault(document.reference, document) is not document:
            refused[document.reference] = (
                f"reference {document.reference} names two documents of request {request.request_id} that differ; "
                "the first was taken: send the other under a reference of its own"
            )
    return wanted, refused


def _insert(
    connection: Connection, request: CreateRequest, wanted: Mapping[str, NewDocument], now: datetime
) -> dict[str, int]:
    """Queue the references that nobody has used; which those were, with their row ids."""
    found = connection.execute(
        _insert_new(connection.dialect.name),
        {
            # Sorted: two requests with the same new references wait for each other instead of deadlocking.
            "asked": [
                {"reference": each, "body": canonical(wanted[each].body), "body_digest": digest(wanted[each].body)}
                for each in sorted(wanted)
            ],
            "of_account": request.account,
            "of_kind": request.kind,
            "moment": now,
        }
        | _asked_for(request, now),
    )
    return {row.reference: row.id for row in found}


def _asked_for(request: CreateRequest, now: datetime) -> dict[str, Any]:
    """What a request says of all its documents."""
    return {
        "by_request": str(request.request_id),
        "by": request.requested_by,
        "emitted": request.emit,
        "urgency": request.priority.value,
        "earliest": request.not_before,
        "examined": request.preflight,
        "due": max(now, request.not_before) if request.not_before else now,
    }


def _standing(connection: Connection, request: CreateRequest, references: list[str]) -> list[Row[Any]]:
    """The rows of references that are known, locked in their order."""
    if not references:
        return []
    found = connection.execute(
        by_references_of(connection.dialect.name).with_for_update(),
        {"of_account": request.account, "of_kind": request.kind, "references": references},
    )
    return list(found)


def _taken(row: Row[Any]) -> str:
    return (
        f"reference {row.reference} is that of another body, asked for on {row.created_at:%Y-%m-%d %H:%M:%S} UTC by "
        f"{row.requested_by} (request {row.request_id}, now {row.status}); send the new document under a new reference"
    )


def _queue_again(
    connection: Connection, request: CreateRequest, document: NewDocument, row: Row[Any], now: datetime
) -> None:
    """Rejected or cancelled, it is asked for anew, perhaps with a corrected body."""
    new_digest = digest(document.body)
    connection.execute(
        _QUEUE_AGAIN,
        {
            "of_id": row.id,
            "was_status": row.status,
            "new_body": canonical(document.body),
            "new_digest": new_digest,
            # A document of an earlier attempt, should one turn up after all, would not be what is wanted now.
            "other": row.amended or (row.attempt > 0 and new_digest != row.body_digest),
            "moment": now,
        }
        | _asked_for(request, now),
    )


def _have_it_emitted_too(connection: Connection, request: CreateRequest, row: Row[Any], now: datetime) -> None:
    """Known as a draft with this very body, it is now to be emitted."""
    connection.execute(
        update(CREATIONS)
        .where(CREATIONS.c.id == row.id)
        .values(emits=True, request_id=str(request.request_id), requested_by=request.requested_by, updated_at=now)
    )
    if row.status == CreationStatus.CREATED:
        (creation,) = [
            to_creation(each) for each in connection.execute(select(CREATIONS).where(CREATIONS.c.id == row.id))
        ]
        have_emitted(connection, creation, now, request.requested_by)
    line = {
        "creation_id": row.id,
        "at": now,
        "attempt": row.attempt,
        "actor": request.requested_by,
        "reason": f"to be emitted, too: request {request.request_id}",
        "alert": False,
    }
    write_creation_events(connection, [line])


def _write_history(
    connection: Connection,
    request: CreateRequest,
    new: Mapping[str, int],
    again: Mapping[str, Row[Any]],
    now: datetime,
) -> None:
    reason = f"asked for by request {request.request_id}, to be {'emitted' if request.emit else 'left a draft'}"
    if not request.preflight:
        reason += " (validate: false; it goes although pre-flight would reject it)"
    common = {
        "at": now,
        "to_status": CreationStatus.QUEUED.value,
        "actor": request.requested_by,
        "reason": reason,
        "alert": False,
    }
    lines: list[dict[str, Any]] = [{**common, "creation_id": each, "attempt": 0} for each in new.values()]
    lines += [
        {**common, "creation_id": row.id, "attempt": row.attempt, "from_status": row.status} for row in again.values()
    ]
    write_creation_events(connection, lines)


def _set_aside(connection: Connection, request: CreateRequest, refused: Mapping[str, str], now: datetime) -> None:
    """Keep refused documents where an operator sees them."""
    bodies = {document.reference: document.model_dump_json() for document in request.documents}
    for reference, reason in refused.items():
        keep_aside(
            connection,
            cause="conflict",
            reason=reason,
            body=bodies[reference],
            request_id=str(request.request_id),
            now=now,
        )


@cache
def _insert_new(dialect: str) -> Insert:
    of_each = {name: CREATIONS.c[name].type for name in ("reference", "body", "body_digest")}
    asked = rows(dialect, "asked", of_each)
    of_all = {
        "account": bindparam("of_account", type_=CREATIONS.c.account.type),
        "kind": bindparam("of_kind", type_=CREATIONS.c.kind.type),
        "status": literal(CreationStatus.QUEUED.value),
        "status_since": bindparam("moment", type_=CREATIONS.c.status_since.type),
        "created_at": bindparam("moment", type_=CREATIONS.c.created_at.type),
        "updated_at": bindparam("moment", type_=CREATIONS.c.updated_at.type),
        "attempt": literal(0),
        "looks": literal(0),
        "absent_looks": literal(0),
        "stamp_failed": literal(False),
        "amended": literal(False),
        **_REQUESTED,
    }
    source = select(*(asked.c[name] for name in of_each), *(value.label(name) for name, value in of_all.items())).where(
        text("1 = 1")  # SQLite reads ON after a bare SELECT … FROM as a join condition
    )
    return (
        insert_for(dialect, CREATIONS)
        .from_select([*of_each, *of_all], source)
        .on_conflict_do_nothing(index_elements=["account", "kind", "reference"])
        .returning(CREATIONS.c.reference, CREATIONS.c.id)
    )


_REQUESTED: Final[dict[str, BindParameter[Any]]] = {
    "request_id": bindparam("by_request", type_=CREATIONS.c.request_id.type),
    "requested_by": bindparam("by", type_=CREATIONS.c.requested_by.type),
    "emits": bindparam("emitted", type_=CREATIONS.c.emits.type),
    "priority": bindparam("urgency", type_=CREATIONS.c.priority.type),
    "not_before": bindparam("earliest", type_=CREATIONS.c.not_before.type),
    "preflight": bindparam("examined", type_=CREATIONS.c.preflight.type),
    "next_look_at": bindparam("due", type_=CREATIONS.c.next_look_at.type),
}
"""What the last request to queue a creation says of it."""

_QUEUE_AGAIN: Final = (
    update(CREATIONS)
    .where(
        CREATIONS.c.id == bindparam("of_id"),
        CREATIONS.c.status == bindparam("was_status"),
        CREATIONS.c.status.in_([status.value for status in ASKED_AGAIN]),
    )
    .values(
        status=CreationStatus.QUEUED.value,
        body=bindparam("new_body", type_=CREATIONS.c.body.type),
        body_digest=bindparam("new_digest", type_=CREATIONS.c.body_digest.type),
        amended=bindparam("other", type_=CREATIONS.c.amended.type),
        status_since=bindparam("moment", type_=CREATIONS.c.status_since.type),
        updated_at=bindparam("moment", type_=CREATIONS.c.updated_at.type),
        looks=0,
        absent_looks=0,
        stamp_failed=False,
        **dict.fromkeys(
            (
                "planned_at",
                "looked_at",
                "absent_since",
                "error_class",
                "error_code",
                "error_message",
                "held_reason",
                "document_id",
            ),
            null(),
        ),
        **_REQUESTED,
    )
)
