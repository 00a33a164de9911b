"""The shared language of producers and worker: the message, the statuses, the task and queue names."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_serializer,
    field_validator,
)

EMIT_TASK: Final = "timbre.emit"
INTAKE_QUEUE: Final = "timbre.intake"

MAX_IDS_PER_MESSAGE: Final = 1000
"""How many documents one message may name; a client splits what is longer."""

CONTRACT_VERSION: Final = 1

AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,38}$")]
DocumentId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,36}$")]
"""Alegra's id: digits in old accounts, a UUIDv7 of 36 characters in new ones."""


class Status(StrEnum):
    """Where one document stands. `lifecycle` in the worker says which may follow which."""

    QUEUED = "queued"
    EMITTING = "emitting"
    CONFIRMING = "confirming"
    WAITING = "waiting"
    UNCERTAIN = "uncertain"
    STAMPED = "stamped"
    REJECTED = "rejected"
    HELD = "held"
    CANCELLED = "cancelled"


class Priority(StrEnum):
    """`high` passes everything of the same account that is `normal`."""

    NORMAL = "normal"
    HIGH = "high"


class Force(BaseModel):
    """Why a held document may be tried again; `requested_by` is who answers for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


class EmitRequest(BaseModel):
    """Ask for documents to be emitted: version 1 of the message of task `timbre.emit`.

    Unknown fields are refused rather than ignored: a misspelt `priority` must not pass silently.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    version: Literal[1] = CONTRACT_VERSION
    request_id: uuid.UUID
    """The producer's idempotency key: the same request twice is one piece of work."""
    account: AccountName = "default"
    kind: KindName = "invoice"
    document_ids: Annotated[tuple[DocumentId, ...], Field(min_length=1, max_length=MAX_IDS_PER_MESSAGE)]
    requested_by: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    priority: Priority = Priority.NORMAL
    not_before: datetime | None = None
    """Nothing is sent before this instant; a time without a zone is refused."""
    force: Force | None = None
    callback_url: AnyHttpUrl | None = None

    @field_validator("document_ids", mode="after")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ids))

    @field_validator("not_before", mode="after")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("has no time zone; write for example 2026-03-02T09:00:00-05:00")
        return moment.astimezone(UTC)

    @field_serializer("not_before")
    def _as_iso(self, moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    def fingerprint(self) -> str:
        """The content's digest: equal for equal work, whoever sends it again."""
        content = self.model_dump(mode="json", exclude={"request_id"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
