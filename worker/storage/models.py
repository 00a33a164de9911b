"""The tables: emissions (the status table), their events, batches, requests, nights, accounts."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from timbre_producers.contracts import Status
from worker.storage.types import BIG, external_id, instant, name, prose, serial


def one_of(column: str, values: list[str]) -> str:
    """The condition that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Base(DeclarativeBase):
    """Constraint names follow one convention, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Emission(Base):
    """One document's place in the world. Other programs read this table (design.md §5)."""

    __tablename__ = "emissions"

    id: Mapped[serial]
    account: Mapped[name]
    kind: Mapped[name]
    document_id: Mapped[external_id]
    status: Mapped[str] = mapped_column(String(12))
    attempt: Mapped[int]
    fiscal_code: Mapped[str | None] = mapped_column(String(200))
    fiscal_code_type: Mapped[str | None] = mapped_column(String(20))
    document_number: Mapped[str | None] = mapped_column(String(60))
    legal_status: Mapped[str | None] = mapped_column(String(60))
    stamped_at: Mapped[instant | None]
    error_class: Mapped[str | None] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    next_read_at: Mapped[instant | None]
    reads: Mapped[int]
    batch_id: Mapped[external_id | None]
    request_id: Mapped[external_id | None]
    requested_by: Mapped[str | None] = mapped_column(String(120))
    # 'high' sorts before 'normal', so ORDER BY priority is the order of service.
    priority: Mapped[str] = mapped_column(String(8))
    not_before: Mapped[instant | None]
    created_at: Mapped[instant]
    updated_at: Mapped[instant]

    # Not of the contract: how the verbs remember where they were.
    status_since: Mapped[instant]
    ready_at: Mapped[instant | None]
    looked_at: Mapped[instant | None]
    snapshot: Mapped[str | None] = mapped_column(Text)
    unstamped_since: Mapped[instant | None]
    unstamped_reads: Mapped[int]
    batch_limit: Mapped[int]
    split_from: Mapped[external_id | None]
    batch_refused: Mapped[bool]
    error_blames_account: Mapped[bool]
    held_reason: Mapped[str | None] = mapped_column(Text)
    preflight: Mapped[bool] = mapped_column(server_default=true())
    email: Mapped[bool] = mapped_column(server_default=false())
    """Its client is to get it once it is stamped; false again when the e-mail is written down in `acts`."""
    send_by: Mapped[instant | None]
    """Until when the law lets it be sent, as far as that is known."""
    warn_at: Mapped[instant | None]
    """When somebody must be told that it has not been; null once told, and once it was sent."""

    __table_args__ = (
        UniqueConstraint("account", "kind", "document_id"),
        CheckConstraint(one_of("status", [s.value for s in Status]), name="status"),
        CheckConstraint(one_of("priority", ["high", "normal"]), name="priority"),
        # Finished rows have neither time, so these indexes hold only what is being worked on:
        # a million stamped documents cost the verbs nothing.
        Index(
            "ix_emissions_due",
            "account",
            "status",
            "priority",
            "next_read_at",
            postgresql_where=text("next_read_at IS NOT NULL"),
            sqlite_where=text("next_read_at IS NOT NULL"),
        ),
        Index(
            "ix_emissions_ready",
            "account",
            "priority",
            "ready_at",
            postgresql_where=text("ready_at IS NOT NULL"),
            sqlite_where=text("ready_at IS NOT NULL"),
        ),
        Index(
            "ix_emissions_warn_at",
            "warn_at",
            postgresql_where=text("warn_at IS NOT NULL"),
            sqlite_where=text("warn_at IS NOT NULL"),
        ),
        Index("ix_emissions_batch_id", "batch_id"),
        Index("ix_emissions_to_mail", "id", postgresql_where=text("email"), sqlite_where=text("email")),
        # For people: the newest of a status first. Only what rests (finished, in a batch, on the wire), so that none of
        # the verbs' statements can be led astray by them, whatever the statistics say.
        *(
            Index(
                name,
                *columns,
                postgresql_where=text("next_read_at IS NULL AND ready_at IS NULL"),
                sqlite_where=text("next_read_at IS NULL AND ready_at IS NULL"),
            )
            for name, columns in {
                "ix_emissions_at_rest": ("status", "updated_at"),
                "ix_emissions_at_rest_by_account": ("account", "status", "updated_at"),
            }.items()
        ),
        # A document on its way is written eight times. Where pages are filled, its versions go wherever a finished row
        # has left a gap, and PostgreSQL writes each page so touched out whole: five a document.
        {"postgresql_with": {"fillfactor": 85}},
    )


class EmissionEvent(Base):
    """One line of a document's history. Triggers refuse UPDATE and DELETE (rule 11)."""

    __tablename__ = "emission_events"

    id: Mapped[serial]
    emission_id: Mapped[int] = mapped_column(BIG, ForeignKey("emissions.id"))
    at: Mapped[instant]
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str | None] = mapped_column(String(12))
    attempt: Mapped[int]
    batch_id: Mapped[external_id | None]
    actor: Mapped[str] = mapped_column(String(120))
    reason: Mapped[prose]
    evidence: Mapped[str | None] = mapped_column(Text)
    alert: Mapped[bool]

    __table_args__ = (
        Index("ix_emission_events_emission_id_id", "emission_id", "id"),
        Index("ix_emission_events_alerts", "at", postgresql_where=text("alert"), sqlite_where=text("alert")),
    )


class Batch(Base):
    """One stamp call: the intent before it, the answer after it."""

    __tablename__ = "batches"

    id: Mapped[external_id] = mapped_column(primary_key=True)
    account: Mapped[name]
    kind: Mapped[name]
    # planned, calling, then one of: answered, lost, deferred, refused, abandoned
    state: Mapped[str] = mapped_column(String(12))
    size: Mapped[int]
    documents: Mapped[prose]
    """JSON: document id → the attempt number it was sent under (null until claimed)."""
    worker: Mapped[str | None] = mapped_column(String(120))
    planned_at: Mapped[instant]
    called_at: Mapped[instant | None]
    closed_at: Mapped[instant | None]
    http_status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_batches_open",
            "account",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_batches_closed", "account", "closed_at"),
    )


class Request(Base):
    """What a producer asked for, under the id it chose."""

    __tablename__ = "requests"

    request_id: Mapped[external_id] = mapped_column(primary_key=True)
    account: Mapped[name]
    kind: Mapped[name]
    document_ids: Mapped[prose]
    fingerprint: Mapped[str] = mapped_column(String(64))
    requested_by: Mapped[str] = mapped_column(String(120))
    priority: Mapped[str] = mapped_column(String(8))
    not_before: Mapped[instant | None]
    force_reason: Mapped[str | None] = mapped_column(Text)
    preflight: Mapped[bool] = mapped_column(server_default=true())
    email: Mapped[bool] = mapped_column(server_default=false())
    callback_url: Mapped[str | None] = mapped_column(Text)
    callback_next_at: Mapped[instant | None]
    callback_tries: Mapped[int]
    callback_error: Mapped[str | None] = mapped_column(Text)
    called_back_at: Mapped[instant | None]
    received_at: Mapped[instant]
    queued: Mapped[int]
    known: Mapped[int]

    __table_args__ = (
        Index("ix_requests_received_at", "received_at"),
        Index("ix_requests_account_received_at", "account", "received_at"),
        Index(
            "ix_requests_callback_next_at",
            "callback_next_at",
            postgresql_where=text("callback_next_at IS NOT NULL"),
            sqlite_where=text("callback_next_at IS NOT NULL"),
        ),
    )


class SetAside(Base):
    """A message that could not be accepted, kept where an operator sees it."""

    __tablename__ = "set_aside"

    id: Mapped[serial]
    received_at: Mapped[instant]
    # unreadable, conflict, refused
    cause: Mapped[str] = mapped_column(String(12))
    reason: Mapped[prose]
    request_id: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[prose]

    __table_args__ = (Index("ix_set_aside_request_id", "request_id"),)


class NightlyRun(Base):
    """One account's night: at most one per local date, however many beats there are."""

    __tablename__ = "nightly_runs"

    account: Mapped[name] = mapped_column(primary_key=True)
    local_date: Mapped[date] = mapped_column(primary_key=True)
    started_at: Mapped[instant]
    lease_until: Mapped[instant]
    """Until then whoever started it is believed alive."""
    finished_at: Mapped[instant | None]
    next_start: Mapped[int]
    """Where the listing of drafts goes on."""
    kind: Mapped[name | None]
    """The kind being listed; null is the first, the invoice."""
    collected: Mapped[prose]
    """JSON: the ids of this kind listed so far."""
    found: Mapped[int | None]
    enqueued: Mapped[int | None]


class AccountRow(Base):
    """What is remembered of an account: its country, whether it is paused and why, the quota last seen."""

    __tablename__ = "accounts_state"

    account: Mapped[name] = mapped_column(primary_key=True)
    country: Mapped[str | None] = mapped_column(String(2))
    paused_at: Mapped[instant | None]
    paused_by: Mapped[str | None] = mapped_column(String(120))
    pause_class: Mapped[str | None] = mapped_column(String(20))
    pause_code: Mapped[str | None] = mapped_column(String(40))
    pause_reason: Mapped[str | None] = mapped_column(Text)
    probe_at: Mapped[instant | None]
    probing: Mapped[bool]
    """The one probe is being tried: a single document may go."""
    quota_limit: Mapped[int | None]
    quota_remaining: Mapped[int | None]
    quota_seen_at: Mapped[instant | None]
    in_flight_limit: Mapped[int | None]
    """Stamp calls at once, as the last ones let it be (emission/in_flight.py)."""
    in_flight_calm: Mapped[int | None]
    in_flight_usual_ms: Mapped[int | None]
    in_flight_shrunk_at: Mapped[instant | None]
    in_flight_seen_at: Mapped[instant | None]
    """Calls that ended until then have been learned from."""
    outlook_at: Mapped[instant | None]
    """When its numberings were last looked at."""
    outlook: Mapped[str | None] = mapped_column(Text)
    """JSON: its numberings as they stood then, and what runs out soon."""
    issuer: Mapped[str | None] = mapped_column(String(40))
    """The company's tax number, which stands inside some fiscal codes."""
    updated_at: Mapped[instant]


class AccountEvent(Base):
    """One line of an account's history: its pauses and what ended them. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "account_events"

    id: Mapped[serial]
    account: Mapped[name]
    at: Mapped[instant]
    # kept: paused already, and from now on until a person resumes it
    what: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(120))
    code: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint(one_of("what", ["paused", "kept", "resumed"]), name="what"),
        Index("ix_account_events_account_id", "account", "id"),
    )
