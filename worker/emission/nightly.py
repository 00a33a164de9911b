"""Nightly: list each account's drafts at its hour in its time zone, and enqueue them through everybody's door."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from timbre_producers.contracts import MAX_IDS_PER_MESSAGE, EmitRequest
from worker.emission.intake import Intake
from worker.emission.kinds import KINDS
from worker.emission.observation import Observation, Remote
from worker.emission.points import Point, reached
from worker.emission.ports import Announcer, Clock, InvoicingApi, QuotaSpent

REQUESTED_BY = "nightly"

STILL_TONIGHT = timedelta(hours=1)
"""A first night starts only this close to its hour: switching the schedule on at noon must not emit at noon."""

MINUTE = timedelta(minutes=1)

TURN = timedelta(seconds=1)
"""Between the beginnings of two accounts' nights: ten thousand at once would be ten thousand listings at once."""

LONGEST_SPREAD = timedelta(hours=1)

REMEMBERED = timedelta(days=7)
"""A night is caught up when the account had a run this recently; after longer silence it begins like a first one."""

_NAMESPACE = uuid.UUID("5b3f1a52-7a0e-4c59-9a38-2f1f0e6c7d10")


@dataclass(frozen=True, slots=True)
class NightlyPolicy:
    """When an account's drafts are emitted, and which of them."""

    enabled: bool = False
    hour: time = time(2)
    """Local time."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Bogota"))
    minimum_age: timedelta = timedelta(0)
    """Younger drafts are still being written."""
    numberings: frozenset[str] = frozenset()
    """Ids or prefixes of the numberTemplates to emit; empty means every electronic one."""
    kinds: tuple[str, ...] = ("invoice",)
    """Which kinds of document it emits."""
    country: str | None = None
    """ISO code; None as long as it is unknown."""

    def kinds_from(self, kind: str | None) -> list[str]:
        """Those it emits here, in the order of `KINDS`, from this one on."""
        every = list(KINDS)
        left = every[every.index(kind) :] if kind is not None and kind in KINDS else every
        return [each for each in left if each in self.kinds and KINDS[each].exists_in(self.country)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draft that tonight is emitted."""

    kind: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A draft the policy leaves alone tonight, and why."""

    kind: str
    document_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class NightReport:
    """What a night found."""

    found: int
    wanted: Sequence[Wanted]
    skipped: Sequence[Skipped]
    enqueued: int = 0


@dataclass(frozen=True, slots=True)
class NightProgress:
    """A night that is still listing its drafts, one kind after the other."""

    kind: str
    next_start: int
    collected: Sequence[str]


class Nights(Protocol):
    """The table `nightly_runs`."""

    def open(self, account: str, local_date: date, *, lease_until: datetime, now: datetime) -> bool:
        """True for the one caller that may run this account's night.

        A run whose lease ended unfinished (its worker died) may be opened once more.
        """
        ...

    def progress(self, account: str, local_date: date) -> NightProgress | None:
        """Where the listing stands; None when the night was never opened or is finished."""
        ...

    def save(
        self,
        account: str,
        local_date: date,
        *,
        kind: str,
        next_start: int,
        collected: Sequence[str],
        lease_until: datetime,
    ) -> None: ...

    def finish(self, account: str, local_date: date, *, found: int, enqueued: int, now: datetime) -> None: ...

    def last(self, account: str) -> date | None:
        """The local date of the account's newest night."""
        ...


class Nightly:
    """The verb behind task `timbre.nightly` and `timbre nightly --run-now`."""

    def __init__(
        self,
        nights: Nights,
        api: InvoicingApi,
        intake: Intake,
        announcer: Announcer,
        clock: Clock,
        policies: Callable[[], Mapping[str, NightlyPolicy]],
        lease: timedelta,
    ) -> None:
        """`lease`: how long a night's worker may be silent before another takes the night over."""
        self._nights = nights
        self._api = api
        self._intake = intake
        self._announcer = announcer
        self._clock = clock
        self._policies = policies
        self._lease = lease

    def tick(self) -> Sequence[tuple[str, date]]:
        """Open the nights that have come; the database lets one caller open each. Beat calls it every minute."""
        now = self._clock.now()
        opened = []
        policies = self._policies()
        for account, policy in policies.items():
            begun = begun_night(account, policy, now, among=len(policies))
            if begun is None:
                continue
            night, later = begun
            if is_first_and_late(policy, now - later, self._nights.last(account)):
                if self._nights.open(account, night, lease_until=now + self._lease, now=now):
                    self._nights.finish(account, night, found=0, enqueued=0, now=now)
                continue
            if self._nights.open(account, night, lease_until=now + self._lease, now=now):
                reached(Point.NIGHT_OPENED)
                self._announcer.night(account, night, delay=later % MINUTE)
                opened.append((account, night))
        return opened

    def run(self, account: str, night: date) -> NightReport | None:
        """List what the quota allows and go on later where it ended; enqueue a kind once all of it is listed.

        Listing first: a draft that is stamped while its neighbours are still being listed would shift the pages,
        and one would be missed. None when the night is not finished yet.
        """
        progress = self._nights.progress(account, night)
        if progress is None:
            return None
        policy = self._policies()[account]
        kinds = policy.kinds_from(progress.kind)
        start: int | None = progress.next_start if kinds[:1] == [progress.kind] else 0
        ids = list(progress.collected) if start else []
        wanted: list[Wanted] = []
        enqueued = 0
        for kind in kinds:
            while start is not None:
                now = self._clock.now()
                here = start
                try:
                    page, start = self._api.drafts(account, KINDS[kind], start=here)
                except QuotaSpent as spent:
                    self._save(account, night, kind, here, ids, now)
                    self._announcer.night(account, night, delay=spent.retry_in)
                    return None
                ids += [seen.document_id for seen in page if reason_to_skip(seen, policy, now) is None]
            ids = list(dict.fromkeys(ids))
            reached(Point.NIGHT_LISTED)
            enqueued += self.enqueue(account, kind, ids, night)
            wanted += [Wanted(kind, each) for each in ids]
            start, ids = 0, []
        found = len(wanted)
        self._nights.finish(account, night, found=found, enqueued=enqueued, now=self._clock.now())
        return NightReport(found, wanted, [], enqueued)

    def plan(
        self,
        account: str,
        *,
        on_page: Callable[[int], None] = lambda _found: None,
        on_spent: Callable[[QuotaSpent], None],
    ) -> NightReport:
        """What a night would emit right now. Reads only. `on_spent` waits, or raises. Raises `AlegraUnavailable`."""
        policy = self._policies().get(account, NightlyPolicy())
        wanted: list[Wanted] = []
        skipped: list[Skipped] = []
        for kind in policy.kinds_from(None):
            start: int | None = 0
            while start is not None:
                try:
                    page, start = self._api.drafts(account, KINDS[kind], start=start)
                except QuotaSpent as spent:
                    on_spent(spent)
                    continue
                for seen in page:
                    reason = reason_to_skip(seen, policy, self._clock.now())
                    if reason is None:
                        wanted.append(Wanted(kind, seen.document_id))
                    else:
                        skipped.append(Skipped(kind, seen.document_id, reason))
                on_page(len(wanted) + len(skipped))
        return NightReport(len(wanted) + len(skipped), wanted, skipped)

    def enqueue_all(self, account: str, wanted: Sequence[Wanted], night: date) -> int:
        """Everything a night wants, kind by kind; how many documents were newly queued."""
        kinds = dict.fromkeys(each.kind for each in wanted)
        return sum(
            self.enqueue(account, kind, [each.document_id for each in wanted if each.kind == kind], night)
            for kind in kinds
        )

    def enqueue(self, account: str, kind: str, ids: Sequence[str], night: date) -> int:
        """Through the ordinary door. Running it again is harmless; how many documents were newly queued."""
        queued = 0
        for start in range(0, len(ids), MAX_IDS_PER_MESSAGE):
            part = tuple(ids[start : start + MAX_IDS_PER_MESSAGE])
            request = EmitRequest(
                request_id=_request_id(account, kind, night, part),
                account=account,
                kind=kind,
                document_ids=part,
                requested_by=REQUESTED_BY,
            )
            accepted = self._intake.accept(request)
            queued += getattr(accepted, "queued", 0)
        return queued

    def _save(self, account: str, night: date, kind: str, start: int, ids: Sequence[str], now: datetime) -> None:
        self._nights.save(account, night, kind=kind, next_start=start, collected=ids, lease_until=now + self._lease)


def due_night(policy: NightlyPolicy, now: datetime) -> date | None:
    """The local date whose hour has come.

    Counted by wall clock and date, so an hour that a DST change skips or repeats still makes exactly one night.
    """
    local = now.astimezone(policy.zone)
    if not policy.enabled or local.time() < policy.hour:
        return None
    return local.date()


def begins_later(account: str, night: date, *, among: int) -> timedelta:
    """How long after its hour an account's night begins: one account a second, over an hour at most.

    By account and date alone, so that every beat comes to the same; an account by itself begins on the hour.
    """
    spread = min((among - 1) * TURN, LONGEST_SPREAD) // TURN
    digest = hashlib.sha256(f"{account}/{night}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (spread + 1) * TURN


def begun_night(account: str, policy: NightlyPolicy, now: datetime, *, among: int) -> tuple[date, timedelta] | None:
    """The local date whose night has begun for this account, and how long after the hour; to the minute of the tick."""
    today = now.astimezone(policy.zone).date()
    for night in (today, today - timedelta(days=1)):
        later = begins_later(account, night, among=among)
        if due_night(policy, now - later // MINUTE * MINUTE) == night:
            return night, later
    return None


def is_first_and_late(policy: NightlyPolicy, now: datetime, last: date | None) -> bool:
    """Whether this night would be a surprise: no recent run to catch up with, and its hour long past."""
    local = now.astimezone(policy.zone)
    if last is not None and local.date() - last <= REMEMBERED:
        return False
    return local - datetime.combine(local.date(), policy.hour, policy.zone) > STILL_TONIGHT


def reason_to_skip(seen: Observation, policy: NightlyPolicy, now: datetime) -> str | None:
    """Why the policy leaves a draft alone; None when it is wanted."""
    local = now.astimezone(policy.zone)
    if seen.remote is not Remote.UNSTAMPED or not seen.is_draft:
        return f"it is {seen.remote.value.replace('_', ' ')}, not a draft that may be sent"
    if seen.snapshot.date is not None and seen.snapshot.date > local.date().isoformat():
        return f"its date {seen.snapshot.date} is in the future"
    if policy.numberings and not policy.numberings & set(seen.numbering):
        return f"its numbering {'/'.join(seen.numbering) or 'unknown'} is not among those of the night"
    if policy.minimum_age:
        if seen.created_at is None:
            # Emitting cannot be undone; waiting for somebody to look can.
            return f"its age is unknown; the policy asks for {policy.minimum_age}"
        age = local.replace(tzinfo=None) - seen.created_at
        if age < policy.minimum_age:
            return f"it is only {age} old; the policy asks for {policy.minimum_age}"
    return None


def _request_id(account: str, kind: str, night: date, ids: Sequence[str]) -> uuid.UUID:
    """From the content, so that a night run again asks for the same work under the same id."""
    digest = hashlib.sha256("\n".join([kind, *ids]).encode()).hexdigest()
    return uuid.uuid5(_NAMESPACE, f"{account}/{night}/{digest}")
