"""Timbre's verbs over a real ledger and a scripted Alegra: what `worker.runtime` wires, without Celery and Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Row, select

from tests.support.builders import ACCOUNT, a_policy, a_request
from tests.support.fakes import FakeAnnouncer, FakeClock, FakeLocks, FakeQuota, ReadMessage, StampMessage
from timbre_producers.contracts import Status
from worker.emission.dispatch import Dispatch, Round
from worker.emission.intake import Intake
from worker.emission.operate import Operations
from worker.emission.pauses import Pauses
from worker.emission.policy import Policy
from worker.emission.ports import InvoicingApi
from worker.emission.prerequisites import Prerequisites
from worker.emission.reading import Reading
from worker.emission.stamp import Stamping
from worker.emission.sweep import Sweep
from worker.emission.work import Work
from worker.storage.accounts import SqlAccounts
from worker.storage.ledger import SqlLedger
from worker.storage.models import Batch, Emission, EmissionEvent, SetAside
from worker.storage.nights import SqlNights
from worker.storage.requests import SqlRequests
from worker.storage.session import make_engine

PROBE_EVERY = timedelta(seconds=300)


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    """Timbre's engine on a migrated database."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


class House:
    """One worker's verbs, and the questions tests ask of the table."""

    def __init__(
        self,
        engine: Engine,
        alegra: InvoicingApi,
        *,
        clock: FakeClock | None = None,
        locks: FakeLocks | None = None,
        announcer: FakeAnnouncer | None = None,
        policy: Policy | None = None,
        accounts: tuple[str, ...] = (ACCOUNT, "other"),
        worker: str = "worker-1",
    ) -> None:
        self.engine = engine
        self.clock = clock or FakeClock()
        self.policy = policy or a_policy()
        self.quota = FakeQuota()
        self.announcer = announcer or FakeAnnouncer()
        self.ledger = SqlLedger(engine)
        self.requests = SqlRequests(engine)
        self.accounts = SqlAccounts(engine)
        self.nights = SqlNights(engine)

        def policy_of(_account: str) -> Policy:
            return self.policy

        self.locks = locks or FakeLocks()
        self.pauses = Pauses(self.accounts, alegra, self.announcer, self.clock, PROBE_EVERY, worker)
        self.country: str | None = "CO"
        self.intake = Intake(
            self.requests, self.announcer, self.clock, lambda: accounts, policy_of, lambda _account: self.country
        )
        self.dispatch = Dispatch(self.ledger, self.quota, self.announcer, self.clock, policy_of)
        common: dict[str, Any] = {
            "ledger": self.ledger,
            "api": alegra,
            "locks": self.locks,
            "pauses": self.pauses,
            "announcer": self.announcer,
            "clock": self.clock,
            "policy_of": policy_of,
            "worker": worker,
        }
        self.stamping = Stamping(**common)
        self.permitted = True
        prerequisites = Prerequisites(self.ledger, alegra, lambda _account: self.permitted)
        self.reading = Reading(prerequisites=prerequisites, **common)
        self.operations = Operations(self.ledger, self.accounts, self.announcer, self.clock, policy_of)
        self.sweep = Sweep(self.ledger, self.pauses, self.announcer, self.clock, lambda: accounts, policy_of, worker)

    def ask(self, *ids: str, **changes: Any) -> Any:
        """A producer asks for these documents."""
        return self.intake.accept(a_request(*ids, **changes))

    def deliver(self, message: StampMessage | ReadMessage) -> None:
        """Let a worker take one message."""
        if isinstance(message, StampMessage):
            self.stamping.run(message.batch_id)
        else:
            self.reading.run(message.account, message.kind, message.ids)

    def deliver_all(self) -> None:
        """Let workers take everything the broker holds."""
        while self.announcer.work:
            self.deliver(self.announcer.work.pop(0))

    def round(self, account: str = ACCOUNT) -> Round:
        """One dispatch round, its messages delivered."""
        handed_out = self.dispatch.round(account)
        self.deliver_all()
        return handed_out

    def round_of_reads(self, account: str = ACCOUNT) -> Round:
        """One dispatch round a linger later; its reads are delivered, and stamp messages stay with the broker."""
        self.clock.advance(seconds=self.policy.linger.total_seconds())
        handed_out = self.dispatch.round(account)
        for message in self.announcer.reads:
            self.announcer.work.remove(message)
            self.deliver(message)
        return handed_out

    def run(self, rounds: int = 20, account: str = ACCOUNT) -> None:
        """Dispatch and deliver, sleeping as long as each round says, until nothing is left to wait for."""
        for _ in range(rounds):
            wake_in = self.round(account).wake_in
            if wake_in is None and not self.unfinished():
                return
            self.clock.advance(seconds=max((wake_in or timedelta(seconds=1)).total_seconds(), 0.001))

    def plan(self, *ids: str, **changes: Any) -> str:
        """Ask for documents, look at them, and plan their batch; its id. The stamp message stays with the broker."""
        self.ask(*ids, **changes)
        self.clock.advance(seconds=self.policy.linger.total_seconds())
        self.round()
        self.dispatch.round(ACCOUNT)
        (message,) = self.announcer.stamps
        self.announcer.work.remove(message)
        return message.batch_id

    def send(self, *ids: str, **changes: Any) -> str:
        """Ask for documents and bring them through their stamp call; the batch's id."""
        batch_id = self.plan(*ids, **changes)
        self.stamping.run(batch_id)
        return batch_id

    def run_to_the_end(self, *ids: str, **changes: Any) -> None:
        """Ask for documents and let everything happen until each has come to its end."""
        self.ask(*ids, **changes)
        self.run(rounds=200)

    def read(self, *ids: str, account: str = ACCOUNT) -> None:
        """One read of these documents, whoever asked for it."""
        self.reading.run(account, "invoice", ids)

    def work(self, document_id: str, account: str = ACCOUNT) -> Work:
        (work,) = self.ledger.works(account, "invoice", [document_id])
        return work

    def status(self, document_id: str, account: str = ACCOUNT) -> Status:
        return self.work(document_id, account).status

    def statuses(self) -> dict[str, Status]:
        with self.engine.begin() as connection:
            found = connection.execute(select(Emission.document_id, Emission.status).order_by(Emission.id))
            return {row.document_id: Status(row.status) for row in found}

    def unfinished(self) -> bool:
        finished = {Status.STAMPED, Status.REJECTED, Status.HELD, Status.CANCELLED}
        return not set(self.statuses().values()) <= finished

    def events(self, document_id: str, account: str = ACCOUNT) -> list[Row[Any]]:
        """The document's history, oldest first."""
        with self.engine.begin() as connection:
            return list(
                connection.execute(
                    select(EmissionEvent.__table__)
                    .join(Emission, Emission.id == EmissionEvent.emission_id)
                    .where(Emission.account == account, Emission.document_id == document_id)
                    .order_by(EmissionEvent.id)
                )
            )

    def path(self, document_id: str) -> list[str]:
        """The statuses a document went through."""
        return [
            event.to_status
            for event in self.events(document_id)
            if event.to_status is not None and event.to_status != event.from_status
        ]

    def refusals(self) -> list[str]:
        """Why messages were set aside."""
        with self.engine.begin() as connection:
            return list(connection.execute(select(SetAside.reason).order_by(SetAside.id)).scalars())

    def batch(self, batch_id: str) -> Row[Any]:
        with self.engine.begin() as connection:
            return connection.execute(select(Batch.__table__).where(Batch.id == batch_id)).one()
