"""The table `acts`: what is done to a document besides stamping it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.emission.acts import ActState, What
from worker.storage.models import Base, one_of
from worker.storage.types import external_id, instant, name, serial


class ActRow(Base):
    """One thing done to a document besides stamping it: sent by e-mail, voided, opened again. The intent comes first.

    A void may be of a document that Timbre never emitted, so it names its document instead of an emission.
    """

    __tablename__ = "acts"

    id: Mapped[serial]
    account: Mapped[name]
    kind: Mapped[name]
    document_id: Mapped[external_id]
    what: Mapped[str] = mapped_column(String(8))
    occasion: Mapped[external_id]
    """`stamped` for the one e-mail that `--email` asks for; one of its own for each act by a person's will."""
    state: Mapped[str] = mapped_column(String(8))
    asked_by: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int]
    due_at: Mapped[instant | None]
    """When a wanted one is tried."""
    sent_at: Mapped[instant | None]
    """The intent of the last try; written before a byte leaves."""
    ended_at: Mapped[instant | None]
    http_status: Mapped[int | None]
    said: Mapped[str | None] = mapped_column(Text)
    """To whom, and Alegra's words."""
    asked_at: Mapped[instant]

    __table_args__ = (
        UniqueConstraint("account", "kind", "document_id", "what", "occasion"),
        CheckConstraint(one_of("what", [each.value for each in What]), name="what"),
        CheckConstraint(one_of("state", [each.value for each in ActState]), name="state"),
        Index(
            "ix_acts_live",
            "state",
            "account",
            "due_at",
            # Wanted and sending: what is ended costs the sweep nothing. Not by `state`, which statements bind.
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )
