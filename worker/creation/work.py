"""One document to be created, on its way: what a move may change, and the keys that guard it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from timbre_producers.creations import CreationStatus
from worker.creation.lifecycle import may_become
from worker.creation.reference import marker
from worker.emission.outcomes import Problem
from worker.emission.policy import Policy
from worker.emission.work import Document, IllegalMove


@dataclass(frozen=True, slots=True)
class Creation:
    """One row of `creations`."""

    id: int
    account: str
    kind: str
    reference: str
    """The producer's own name of it."""
    status: CreationStatus
    since: datetime
    """When it entered this status."""
    body: Mapping[str, Any]
    """Alegra's own fields, as the producer sent them."""
    created_at: datetime
    """When it was first asked for."""
    request_id: str
    requested_by: str
    emits: bool = False
    """Emitted once it is there."""
    attempt: int = 0
    """How often it was put on the wire."""
    document_id: str | None = None
    looks: int = 0
    """Sweeps that brought news since it entered this status: the index into the schedule."""
    next_look_at: datetime | None = None
    planned_at: datetime | None = None
    """When its POST was handed to a worker; none any more once that has ended."""
    looked_at: datetime | None = None
    """When a complete sweep showed, before the POST, that nothing carries its reference."""
    absent_since: datetime | None = None
    """First of the consecutive sweeps after the POST that found nothing."""
    absent_looks: int = 0
    stamp_failed: bool = False
    """Alegra answered 3051: the document may be there, and is never posted again by itself."""
    amended: bool = False
    """Its body is not the one of an earlier attempt."""
    problem: Problem | None = None
    held_reason: str | None = None
    urgent: bool = False
    not_before: datetime | None = None
    preflight: bool = True
    """False: asked for with `validate: false`."""

    @property
    def lock(self) -> Document:
        """What its lock is keyed by; in brackets, so that it is no document's id."""
        return Document(self.account, self.kind, marker(self.reference))


@dataclass(frozen=True, slots=True)
class CreationMove:
    """From one state of a creation to the next, with the evidence that justifies it.

    Carried out only while the row still is as `before` says. Raises `IllegalMove` against the lifecycle.
    """

    before: Creation
    after: Creation
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    alert: bool = False
    """Somebody must be told."""
    silent: bool = False
    """The row tells it, and no event is written."""

    def __post_init__(self) -> None:
        if self.after.status is not self.before.status and not may_become(self.before.status, self.after.status):
            raise IllegalMove(f"{self.before.status} may not become {self.after.status}: {self.reason}")


def enter(creation: Creation, status: CreationStatus, now: datetime, **changes: Any) -> Creation:
    """The creation in its new status, its schedule and its evidence of absence begun anew."""
    fresh: dict[str, Any] = {
        "status": status,
        "since": now,
        "looks": 0,
        "next_look_at": None,
        "planned_at": None,
        "looked_at": None,
        "absent_since": None,
        "absent_looks": 0,
        "held_reason": None,
    }
    return replace(creation, **(fresh | changes))


def must_be_looked_for(creation: Creation, policy: Policy, now: datetime) -> bool:
    """Whether a sweep for its reference must come before its POST: it was on the wire, or it has waited long.

    One that has waited longer than a message is given to be picked up may have been handed out before, or come from a
    database that was restored.
    """
    if creation.looked_at is not None and abs(now - creation.looked_at) <= policy.look_fresh:
        return False
    return creation.attempt > 0 or abs(now - creation.created_at) > policy.pickup_timeout


@dataclass(frozen=True, slots=True)
class Window:
    """Where in a kind's list a document must stand: creations that share one are looked for together."""

    kind: str
    party: str | None
    """Alegra's id of whom it is for; None when the body does not say."""
    first: date
    last: date


def window_of(creation: Creation, now: datetime) -> Window:
    """By its party and its date, a day to either side: the account's today is not ours."""
    day = timedelta(days=1)
    dated = _day(creation.body.get("date"))
    # Without a date Alegra writes the day on which it creates it.
    first, last = (dated, dated) if dated else (creation.created_at.date(), now.date())
    return Window(
        creation.kind, _party(creation.body), max(first, date.min + day) - day, min(last, date.max - day) + day
    )


def stands_nowhere_sure(creation: Creation) -> bool:
    """Its date is one that we cannot read and Alegra perhaps can: then nobody knows in which window it would stand."""
    written = creation.body.get("date")
    return written not in (None, "") and _day(written) is None


def _party(body: Mapping[str, Any]) -> str | None:
    found = body.get("client", body.get("provider"))
    named = found.get("id") if isinstance(found, Mapping) else found
    return str(named).strip() or None if isinstance(named, str | int) and not isinstance(named, bool) else None


def _day(written: object) -> date | None:
    try:
        return date.fromisoformat(written[:10]) if isinstance(written, str) else None
    except ValueError:
        return None
