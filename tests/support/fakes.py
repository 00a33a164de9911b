"""The world in memory: a clock that stands until it is moved, locks, quota, and an announcer that keeps messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Barrier

from tests.support.builders import NOON
from worker.emission.ports import CoordinationDown, Grant, Purpose
from worker.emission.work import Document


class FakeClock:
    """Implements `Clock`."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> datetime:
        """Let time pass: `advance(seconds=5)`. Negative sets the clock back."""
        self._now += timedelta(**by)
        return self._now

    def move_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)


class FakeLocks:
    """Implements `Locks`: honest by default; `flushed` grants everything, as a Redis that lost its keys."""

    def __init__(self) -> None:
        self.busy: set[Document] = set()
        self.flushed = False
        self.down = False
        self.meeting: Barrier | None = None
        """Where holders wait for each other, so that none begins before all have decided to."""

    @contextmanager
    def hold(self, documents: Sequence[Document]) -> Iterator[frozenset[Document]]:
        if self.down:
            raise CoordinationDown("Redis does not answer")
        taken = frozenset(documents) if self.flushed else frozenset(documents) - self.busy
        self.busy |= taken
        if self.meeting is not None:
            self.meeting.wait(timeout=30)
        try:
            yield taken
        finally:
            self.busy -= taken


class FakeQuota:
    """Implements `Quota`: unlimited until a test says how many permits are left."""

    def __init__(self, retry_in: timedelta = timedelta(seconds=20)) -> None:
        self.left: dict[tuple[str, Purpose], int] = {}
        self.taken: list[tuple[str, int, Purpose]] = []
        self.retry_in = retry_in
        self.down = False

    def take(self, account: str, wanted: int, purpose: Purpose) -> Grant:
        if self.down:
            raise CoordinationDown("Redis does not answer")
        granted = min(wanted, self.left.get((account, purpose), wanted))
        if (account, purpose) in self.left:
            self.left[account, purpose] -= granted
        self.taken.append((account, granted, purpose))
        return Grant(granted, self.retry_in if granted < wanted else timedelta(0))

    def give_back(self, account: str, unused: int, purpose: Purpose) -> None:
        if (account, purpose) in self.left:
            self.left[account, purpose] += unused


@dataclass(frozen=True, slots=True)
class StampMessage:
    """A nudge to send one batch."""

    account: str
    batch_id: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A nudge to read some documents."""

    account: str
    kind: str
    ids: tuple[str, ...]


@dataclass
class FakeAnnouncer:
    """Implements `Announcer`: the broker's queues as lists, from which a test takes, repeats or loses messages."""

    work: list[StampMessage | ReadMessage] = field(default_factory=list)
    dispatches: list[tuple[str, timedelta]] = field(default_factory=list)
    nights: list[tuple[str, date, timedelta]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    def dispatch(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        self.dispatches.append((account, delay))

    def read(self, account: str, kind: str, ids: Sequence[str]) -> None:
        self.work.append(ReadMessage(account, kind, tuple(ids)))

    def stamp(self, account: str, kind: str, batch_id: str, ids: Sequence[str]) -> None:
        self.work.append(StampMessage(account, batch_id, tuple(ids)))

    def night(self, account: str, local_date: date, *, delay: timedelta = timedelta(0)) -> None:
        self.nights.append((account, local_date, delay))

    def mail(self, account: str) -> None:
        self.mails.append(account)

    @property
    def stamps(self) -> list[StampMessage]:
        return [message for message in self.work if isinstance(message, StampMessage)]

    @property
    def reads(self) -> list[ReadMessage]:
        return [message for message in self.work if isinstance(message, ReadMessage)]
