"""Creation's verbs over a real database and an Alegra whose creations and lists do what a test says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import Engine, Row, select

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, a_policy
from tests.support.fakes import FakeClock, FakeLocks, FakeQuota
from tests.support.house import PROBE_EVERY
from timbre_producers.creations import CreateRequest, CreationStatus, NewDocument
from worker.alegra.drafts import draft_to_create
from worker.countries import Draft
from worker.creation.create import Creating
from worker.creation.dispatch import CreationDispatch, CreationRound
from worker.creation.intake import CreationIntake
from worker.creation.look_for import LookingFor
from worker.creation.operate import CreationOperations
from worker.creation.outcomes import Created, CreateReport, Found, InDoubt, Invalid, SweepReport
from worker.creation.sweep import CreationSweep
from worker.creation.work import Creation, Window
from worker.emission.kinds import Kind
from worker.emission.outcomes import Deferred, ErrorClass, Problem, Refused
from worker.emission.pauses import Pauses
from worker.emission.policy import Policy
from worker.storage.accounts import SqlAccounts
from worker.storage.creation_requests import SqlCreationRequests
from worker.storage.creation_rows import CREATION_EVENTS, CREATIONS
from worker.storage.creations import SqlCreations
from worker.storage.models import Emission, SetAside

BODY: dict[str, Any] = {
    "date": "2026-03-02",
    "dueDate": "2026-03-02",
    "client": {"id": "77"},
    "paymentForm": "CASH",
    "paymentMethod": "CASH",
    "items": [{"id": "12", "price": 100000, "quantity": 1, "tax": [{"id": "3"}]}],
}

PLAN_LIMIT = Problem(ErrorClass.CONFIGURATION, "402", "plan limit reached", blames_account=True)
BAD_CLIENT = Problem(ErrorClass.DATA, "3003", "El cliente no es válido")
STAMP_FAILED = Problem(ErrorClass.DATA, "3051", "No fue posible emitir")


class WorkerDied(BaseException):
    """What `kill -9` looks like from inside: nothing after it runs."""


class Post(Enum):
    """What becomes of one POST."""

    HONEST = auto()
    LOST = auto()
    """Executed; the answer never comes."""
    NEVER = auto()
    """Not executed; the answer never comes."""
    LATE = auto()
    """Executed four minutes after the client gave up."""
    INVALID = auto()
    STAMP_FAILED_LEAVING_ONE = auto()
    STAMP_FAILED_LEAVING_NONE = auto()
    NOT_REACHED = auto()
    THROTTLED = auto()
    ACCOUNT_REFUSED = auto()
    DIES_BEFORE = auto()
    """The worker is killed with the call on the wire; nothing is executed."""
    DIES_AFTER = auto()
    """The same, executed."""


class Sight(Enum):
    """What a sweep shows."""

    HONEST = auto()
    FAILED = auto()
    HALF = auto()
    """Some pages, and then a failure: nothing of it may count."""


LATE_BY = timedelta(seconds=240)


@dataclass
class Document:
    """One document at Alegra."""

    document_id: str
    account: str
    kind: str
    reference: str
    there_from: datetime
    void: bool = False


@dataclass
class ScriptedCreations:
    """Implements `CreationApi`: posts and sweeps go as scripted, then honestly."""

    clock: FakeClock
    posts: list[Post] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    """References, as often as one was put on the wire."""
    swept: list[Window] = field(default_factory=list)
    during_post: Callable[[], None] = lambda: None
    country: str = "CO"

    def add(self, reference: str, *, void: bool = False, kind: str = "invoice", after: timedelta = timedelta(0)) -> str:
        """A document with this reference, whoever made it; its id."""
        document_id = str(501 + len(self.documents))
        self.documents.append(Document(document_id, ACCOUNT, kind, reference, self.clock.now() + after, void))
        return document_id

    def count(self, reference: str) -> int:
        """How many documents carry a reference, now or soon."""
        return sum(each.reference == reference for each in self.documents)

    @property
    def twice(self) -> list[str]:
        """References of which there are two documents."""
        return sorted({each.reference for each in self.documents if self.count(each.reference) > 1})

    # The port.

    def draft(self, account: str, kind: Kind, body: Mapping[str, Any]) -> Draft:
        del account
        return draft_to_create(body, self.country, kind.name)

    def create(
        self, account: str, kind: Kind, reference: str, body: Mapping[str, Any], *, not_after: datetime
    ) -> CreateReport:
        del account, body
        if self.clock.now() > not_after:
            return CreateReport(Deferred("its time to be sent was over"))
        post = self.posts.pop(0) if self.posts else Post.HONEST
        match post:
            case Post.NOT_REACHED:
                return CreateReport(Deferred("connection refused"))
            case Post.THROTTLED:
                return CreateReport(Deferred("429", timedelta(seconds=30)), 429)
            case Post.ACCOUNT_REFUSED:
                return CreateReport(Refused(PLAN_LIMIT), 402)
            case _:
                self.posted.append(reference)
                self.during_post()
                return self._executed(post, kind, reference)

    def _executed(self, post: Post, kind: Kind, reference: str) -> CreateReport:
        if post is Post.DIES_BEFORE:
            raise WorkerDied
        if post is Post.INVALID:
            return CreateReport(Invalid(BAD_CLIENT), 400)
        if post is Post.STAMP_FAILED_LEAVING_NONE:
            return CreateReport(InDoubt("HTTP 400 3051", stamp_failed=True, problem=STAMP_FAILED), 400)
        if post is Post.NEVER:
            return CreateReport(InDoubt("read timeout"))
        document_id = self.add(reference, kind=kind.name, after=LATE_BY if post is Post.LATE else timedelta(0))
        match post:
            case Post.DIES_AFTER:
                raise WorkerDied
            case Post.LOST | Post.LATE:
                return CreateReport(InDoubt("read timeout"))
            case Post.STAMP_FAILED_LEAVING_ONE:
                return CreateReport(InDoubt("HTTP 400 3051", stamp_failed=True, problem=STAMP_FAILED), 400)
            case _:
                return CreateReport(Created(document_id, marked=True), 201, '{"id": …}')

    def sweep(self, account: str, window: Window) -> SweepReport:
        self.swept.append(window)
        sight = self.sights.pop(0) if self.sights else Sight.HONEST
        if sight is Sight.FAILED:
            return SweepReport(failure="HTTP 503", requests=1)
        found = tuple(
            Found(each.document_id, frozenset({each.reference}), each.void, "draft")
            for each in self.documents
            if (each.account, each.kind) == (account, window.kind) and each.there_from <= self.clock.now()
        )
        if sight is Sight.HALF:
            return SweepReport(found[:1], failure="the list showed 30 of 60 documents", requests=1)
        return SweepReport(found, complete=True, requests=1)


@dataclass
class CreationAnnouncements:
    """Implements `CreationAnnouncer`: the broker's queues as lists, from which a test takes, repeats or loses."""

    creates: list[int] = field(default_factory=list)
    looks: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    rounds: list[tuple[str, timedelta]] = field(default_factory=list)
    dispatches: list[str] = field(default_factory=list)

    def dispatch(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        del delay
        self.dispatches.append(account)

    def creations(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        self.rounds.append((account, delay))

    def create(self, account: str, kind: str, creation_id: int, reference: str) -> None:
        del account, kind, reference
        self.creates.append(creation_id)

    def look_for(self, account: str, kind: str, creation_ids: Sequence[int], references: Sequence[str]) -> None:
        del kind, references
        self.looks.append((account, tuple(creation_ids)))


class CreationHouse:
    """One worker's verbs of creation, and the questions tests ask of the tables."""

    def __init__(
        self,
        engine: Engine,
        alegra: ScriptedCreations,
        *,
        locks: FakeLocks | None = None,
        announcer: CreationAnnouncements | None = None,
        policy: Policy | None = None,
        worker: str = "worker-1",
    ) -> None:
        self.engine = engine
        self.alegra = alegra
        self.clock = alegra.clock
        self.policy = policy or a_policy()
        self.quota = FakeQuota()
        self.announcer = announcer or CreationAnnouncements()
        self.locks = locks or FakeLocks()
        self.ledger = SqlCreations(engine)
        self.accounts = SqlAccounts(engine)
        self.country: str | None = "CO"

        def policy_of(_account: str) -> Policy:
            return self.policy

        def accounts() -> tuple[str, ...]:
            return (ACCOUNT, "other")

        pauses_announcer: Any = self.announcer
        self.pauses = Pauses(self.accounts, ScriptedAlegra(), pauses_announcer, self.clock, PROBE_EVERY, worker)
        requests = SqlCreationRequests(engine)
        self.intake = CreationIntake(requests, self.announcer, self.clock, accounts, lambda _account: self.country)
        self.dispatch = CreationDispatch(self.ledger, self.quota, self.announcer, self.clock, policy_of)
        common: dict[str, Any] = {
            "creations": self.ledger,
            "api": alegra,
            "locks": self.locks,
            "pauses": self.pauses,
            "announcer": self.announcer,
            "clock": self.clock,
            "policy_of": policy_of,
            "worker": worker,
        }
        self.creating = Creating(**common)
        self.looking_for = LookingFor(**common)
        self.sweep = CreationSweep(self.ledger, self.announcer, self.clock, accounts, policy_of, worker)
        self.operations = CreationOperations(self.ledger, self.announcer, self.clock)

    def ask(self, *references: str, body: Mapping[str, Any] = BODY, **changes: Any) -> Any:
        """A producer asks for these documents to be created."""
        return self.intake.accept(creation_request(*references, body=body, **changes))

    def deliver_all(self) -> None:
        """Let workers take everything the broker holds."""
        while self.announcer.creates or self.announcer.looks:
            if self.announcer.looks:
                account, ids = self.announcer.looks.pop(0)
                self.looking_for.run(account, ids)
            else:
                self.creating.run(self.announcer.creates.pop(0))

    def round(self, account: str = ACCOUNT) -> CreationRound:
        """One dispatch round, its messages delivered."""
        handed_out = self.dispatch.round(account)
        self.deliver_all()
        return handed_out

    def planned(self, *references: str, **changes: Any) -> list[int]:
        """Ask for documents and have them handed out; the messages are taken off the broker."""
        self.ask(*references, **changes)
        self.dispatch.round(ACCOUNT)
        taken, self.announcer.creates = self.announcer.creates, []
        return taken

    def run(self, rounds: int = 200) -> None:
        """Dispatch, deliver and sweep, sleeping as long as each round says, until everything has ended."""
        for _ in range(rounds):
            self.sweep.round()
            # As emission's sweep does.
            self.pauses.probe([ACCOUNT])
            wake_in = self.round().wake_in
            if not self.unfinished():
                return
            self.clock.advance(seconds=max((wake_in or timedelta(seconds=30)).total_seconds(), 0.001))

    def of(self, reference: str, kind: str = "invoice") -> Creation:
        (creation,) = self.ledger.by_references(ACCOUNT, kind, [reference])
        return creation

    def status(self, reference: str) -> CreationStatus:
        return self.of(reference).status

    def statuses(self) -> dict[str, CreationStatus]:
        with self.engine.begin() as connection:
            found = connection.execute(select(CREATIONS.c.reference, CREATIONS.c.status).order_by(CREATIONS.c.id))
            return {row.reference: CreationStatus(row.status) for row in found}

    def unfinished(self) -> bool:
        moving = {CreationStatus.QUEUED, CreationStatus.CREATING, CreationStatus.UNCERTAIN}
        return bool(moving & set(self.statuses().values()))

    def events(self, reference: str) -> list[Row[Any]]:
        """The creation's history, oldest first."""
        with self.engine.begin() as connection:
            return list(
                connection.execute(
                    select(CREATION_EVENTS)
                    .join(CREATIONS, CREATIONS.c.id == CREATION_EVENTS.c.creation_id)
                    .where(CREATIONS.c.reference == reference)
                    .order_by(CREATION_EVENTS.c.id)
                )
            )

    def path(self, reference: str) -> list[str]:
        """The statuses a creation went through."""
        return [
            event.to_status
            for event in self.events(reference)
            if event.to_status is not None and event.to_status != event.from_status
        ]

    def emissions(self) -> list[Row[Any]]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(Emission.__table__).order_by(Emission.id)))

    def refusals(self) -> list[str]:
        """Why messages or documents were set aside."""
        with self.engine.begin() as connection:
            return list(connection.execute(select(SetAside.reason).order_by(SetAside.id)).scalars())


def creation_request(*references: str, body: Mapping[str, Any] = BODY, **changes: Any) -> CreateRequest:
    """A producer's request for documents of these references."""
    ordinary: dict[str, Any] = {
        "request_id": uuid.uuid4(),
        "account": ACCOUNT,
        "documents": [NewDocument(reference=each, body=dict(body)) for each in references or ("INV-1",)],
        "requested_by": "billing",
    }
    return CreateRequest(**(ordinary | changes))
