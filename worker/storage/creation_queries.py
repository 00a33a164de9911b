"""What people ask about creations: which are where, one with its history, and what became of a request."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import Engine, Row, Table, func, select

from timbre_producers.creations import CreationStatus
from worker.emission.kinds import KINDS
from worker.storage.creation_models import CreationRequest
from worker.storage.creation_rows import CREATION_EVENTS, CREATIONS
from worker.storage.models import AccountRow
from worker.storage.session import reading
from worker.storage.views import View

Shown = TypeVar("Shown", bound=View)


@dataclass(frozen=True, slots=True)
class CreationView(View):
    """One row of `creations`."""

    id: int
    account: str
    kind: str
    reference: str
    status: CreationStatus
    attempt: int
    document_id: str | None
    body: Any
    """Decoded from JSON."""
    emits: bool
    error_class: str | None
    error_code: str | None
    error_message: str | None
    next_look_at: datetime | None
    looks: int
    request_id: str
    requested_by: str
    priority: str
    not_before: datetime | None
    preflight: bool
    created_at: datetime
    updated_at: datetime
    status_since: datetime
    held_reason: str | None


@dataclass(frozen=True, slots=True)
class CreationEventView(View):
    """One line of a creation's history."""

    at: datetime
    from_status: str | None
    to_status: str | None
    attempt: int
    actor: str
    reason: str
    evidence: Any
    """Decoded from JSON; None when there is none."""
    alert: bool


@dataclass(frozen=True, slots=True)
class CreationRequestView(View):
    """What a producer wanted created, and what intake made of it."""

    request_id: str
    account: str
    kind: str
    documents: tuple[str, ...]
    """References."""
    requested_by: str
    emits: bool
    preflight: bool
    priority: str
    not_before: datetime | None
    received_at: datetime
    queued: int
    known: int
    refused: dict[str, str]
    """Documents that were refused, by reference, and why."""


@dataclass(frozen=True, slots=True)
class CreationCount(View):
    """How many creations of an account are in one status."""

    account: str
    status: CreationStatus
    documents: int


class CreationQueries:
    """Read-only questions, each answered in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def creations(
        self,
        *,
        account: str | None = None,
        kind: str | None = None,
        status: CreationStatus | None = None,
        request_ids: Sequence[str] | None = None,
        limit: int = 50,
    ) -> Sequence[CreationView]:
        """Those chosen, the one that moved last first. A request's are those it was the last to queue."""
        query = select(CREATIONS).order_by(CREATIONS.c.updated_at.desc(), CREATIONS.c.id.desc()).limit(limit)
        wanted = {"account": account, "kind": kind, "status": status.value if status else None}
        query = query.where(*(CREATIONS.c[name] == value for name, value in wanted.items() if value is not None))
        if request_ids is not None:
            query = query.where(CREATIONS.c.request_id.in_(request_ids))
        with reading(self._engine) as connection:
            return [_creation(row) for row in connection.execute(query)]

    def named(
        self, references: Sequence[str], *, account: str | None = None, kind: str | None = None
    ) -> Sequence[CreationView]:
        """The creations with these references, in whichever account and kind unless one is given; newest first."""
        with reading(self._engine) as connection:
            accounts = [account] if account else connection.execute(select(AccountRow.account)).scalars().all()
            query = select(CREATIONS).where(
                # The whole key, for which there is an index.
                CREATIONS.c.account.in_(accounts),
                CREATIONS.c.kind.in_([kind] if kind else list(KINDS)),
                CREATIONS.c.reference.in_(references),
            )
            found = connection.execute(query.order_by(CREATIONS.c.updated_at.desc(), CREATIONS.c.id.desc()))
            return [_creation(row) for row in found]

    def history(self, creation_id: int) -> Sequence[CreationEventView]:
        """Everything that happened to one creation, oldest first."""
        query = select(CREATION_EVENTS).where(CREATION_EVENTS.c.creation_id == creation_id)
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(CREATION_EVENTS.c.id))
            return [_view(CreationEventView, row, evidence=json.loads(row.evidence or "null")) for row in found]

    def requests(self, request_ids: Sequence[str]) -> Sequence[CreationRequestView]:
        """These requests, of those that intake has written down, oldest first."""
        table = cast("Table", CreationRequest.__table__)
        query = select(table).where(table.c.request_id.in_(request_ids)).order_by(table.c.received_at)
        with reading(self._engine) as connection:
            return [
                _view(
                    CreationRequestView,
                    row,
                    documents=tuple(json.loads(row.documents)),
                    refused=json.loads(row.refused),
                )
                for row in connection.execute(query)
            ]

    def of_requests(self, request_ids: Sequence[str]) -> Sequence[CreationView]:
        """The creations these requests named, whichever request queued them last."""
        found: list[CreationView] = []
        for request in self.requests(request_ids):
            found += self.named(request.documents, account=request.account, kind=request.kind)
        return sorted({view.id: view for view in found}.values(), key=lambda view: view.id)

    def counts(
        self, account: str | None = None, *, statuses: Collection[CreationStatus] = tuple(CreationStatus)
    ) -> Sequence[CreationCount]:
        """Creations per account and status; of a few statuses it costs what is in them, not what is in the table."""
        wanted = CREATIONS.c.status.in_([each.value for each in statuses])
        query = select(CREATIONS.c.account, CREATIONS.c.status, func.count()).where(wanted)
        if account is not None:
            query = query.where(CREATIONS.c.account == account)
        grouped = query.group_by(CREATIONS.c.account, CREATIONS.c.status)
        with reading(self._engine) as connection:
            found = connection.execute(grouped.order_by(CREATIONS.c.account, CREATIONS.c.status))
            return [CreationCount(name, CreationStatus(status), documents) for name, status, documents in found]


def _creation(row: Row[Any]) -> CreationView:
    return _view(CreationView, row, status=CreationStatus(row.status), body=json.loads(row.body))


def _view(view: type[Shown], row: Row[Any], **decoded: Any) -> Shown:
    """The row as a value: every field the columns have by name, the others as given."""
    named = {column.name: getattr(row, column.name) for column in fields(view) if column.name not in decoded}
    return view(**named, **decoded)
