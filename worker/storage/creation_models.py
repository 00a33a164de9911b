"""The tables of documents that do not exist yet: creations, their events, and what producers asked for."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from timbre_producers.creations import CreationStatus
from worker.storage.models import Base, one_of
from worker.storage.types import BIG, external_id, instant, name, prose, serial


class CreationRow(Base):
    """One document to be created, or that was. Other programs may read this table."""

    __tablename__ = "creations"

    id: Mapped[serial]
    account: Mapped[name]
    kind: Mapped[name]
    reference: Mapped[name]
    status: Mapped[str] = mapped_column(String(12))
    attempt: Mapped[int]
    document_id: Mapped[external_id | None]
    body: Mapped[prose]
    """JSON: Alegra's own fields, as the producer sent them."""
    body_digest: Mapped[str] = mapped_column(String(64))
    emits: Mapped[bool]
    error_class: Mapped[str | None] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    next_look_at: Mapped[instant | None]
    looks: Mapped[int]
    request_id: Mapped[external_id]
    requested_by: Mapped[str] = mapped_column(String(120))
    # 'high' sorts before 'normal', so ORDER BY priority is the order of service.
    priority: Mapped[str] = mapped_column(String(8))
    not_before: Mapped[instant | None]
    preflight: Mapped[bool]
    created_at: Mapped[instant]
    updated_at: Mapped[instant]

    # How the verbs remember where they were.
    status_since: Mapped[instant]
    planned_at: Mapped[instant | None]
    looked_at: Mapped[instant | None]
    absent_since: Mapped[instant | None]
    absent_looks: Mapped[int]
    stamp_failed: Mapped[bool]
    amended: Mapped[bool]
    held_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("account", "kind", "reference"),
        CheckConstraint(one_of("status", [status.value for status in CreationStatus]), name="status"),
        CheckConstraint(one_of("priority", ["high", "normal"]), name="priority"),
        # Finished rows have neither time, so these hold only what is being worked on.
        Index(
            "ix_creations_due",
            "account",
            "status",
            "priority",
            "next_look_at",
            postgresql_where=text("next_look_at IS NOT NULL"),
            sqlite_where=text("next_look_at IS NOT NULL"),
        ),
        Index(
            "ix_creations_planned",
            "account",
            postgresql_where=text("planned_at IS NOT NULL"),
            sqlite_where=text("planned_at IS NOT NULL"),
        ),
        # For people.
        Index("ix_creations_status", "status", "updated_at"),
        Index("ix_creations_request_id", "request_id"),
    )


class CreationEvent(Base):
    """One line of a creation's history. Triggers refuse UPDATE and DELETE (rule 11)."""

    __tablename__ = "creation_events"

    id: Mapped[serial]
    creation_id: Mapped[int] = mapped_column(BIG, ForeignKey("creations.id"))
    at: Mapped[instant]
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str | None] = mapped_column(String(12))
    attempt: Mapped[int]
    actor: Mapped[str] = mapped_column(String(120))
    reason: Mapped[prose]
    evidence: Mapped[str | None] = mapped_column(Text)
    alert: Mapped[bool]

    __table_args__ = (Index("ix_creation_events_creation_id_id", "creation_id", "id"),)


class CreationRequest(Base):
    """What a producer asked for, under the id it chose."""

    __tablename__ = "creation_requests"

    request_id: Mapped[external_id] = mapped_column(primary_key=True)
    account: Mapped[name]
    kind: Mapped[name]
    documents: Mapped[prose]
    """JSON: the producer's names of the documents."""
    fingerprint: Mapped[str] = mapped_column(String(64))
    requested_by: Mapped[str] = mapped_column(String(120))
    emits: Mapped[bool]
    preflight: Mapped[bool]
    priority: Mapped[str] = mapped_column(String(8))
    not_before: Mapped[instant | None]
    callback_url: Mapped[str | None] = mapped_column(Text)
    callback_next_at: Mapped[instant | None]
    callback_tries: Mapped[int]
    callback_error: Mapped[str | None] = mapped_column(Text)
    called_back_at: Mapped[instant | None]
    received_at: Mapped[instant]
    queued: Mapped[int]
    known: Mapped[int]
    refused: Mapped[prose]
    """JSON: references whose document was refused, and why."""

    __table_args__ = (
        Index("ix_creation_requests_received_at", "received_at"),
        Index(
            "ix_creation_requests_callback_next_at",
            "callback_next_at",
            postgresql_where=text("callback_next_at IS NOT NULL"),
            sqlite_where=text("callback_next_at IS NOT NULL"),
        ),
    )
