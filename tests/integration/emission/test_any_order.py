"""Whatever happens in whatever order: nothing is emitted twice, nothing is called stamped that is not, nothing is lost.

Hypothesis plays producers, workers, operators, broker, Redis and clock against the real verbs on a real ledger, with
the model of Alegra of `tests.support.abstract_alegra`. Workers are threads that stop at every named point and between
a call's effect and its answer, one running at a time, so that any of them can be overtaken, be late, or die anywhere.

Forty plays, the same ones each time; `ANY_ORDER_EXAMPLES=2000` plays more, and others each time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Semaphore, Thread, current_thread
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select

from tests.support.abstract_alegra import AbstractAlegra, Effect, Reply, Sight
from tests.support.builders import ACCOUNT, NOON, a_policy, a_request, seconds
from tests.support.fakes import FakeClock, ReadMessage, StampMessage
from tests.support.house import House
from timbre_producers.contracts import Force, Priority, Status
from worker.emission.kinds import Kind
from worker.emission.lifecycle import FINISHED, SETTLING
from worker.emission.observation import ReadReport, Remote
from worker.emission.operate import Operations
from worker.emission.outcomes import StampReport
from worker.emission.points import Point, watch
from worker.emission.policy import Policy
from worker.storage.models import Batch, Emission, EmissionEvent
from worker.storage.session import make_engine

DOCUMENTS = ("501", "502", "503", "504", "505", "506", "507", "508")

POLICY = a_policy(
    uncertain_schedule=seconds(5, 15, 120, 300, 900),
    waiting_schedule=seconds(5, 60, 300, 900, 3600),
    max_in_flight=2,
)

LOCKS_LAST = 30


class WorkerDied(BaseException):
    """What `kill -9` looks like from inside: nothing after it runs."""


class Worker(Thread):
    """One task in one worker, that stops wherever it says where it is, until it is told to go on or to die."""

    def __init__(self, does: Callable[[], object], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._does = does
        self._may_go = Semaphore(0)
        self._stopped = Semaphore(0)
        self._doomed = False
        self.over = False
        self.at = "the beginning"
        self.failure: Exception | None = None
        self.start()

    def run(self) -> None:
        with suppress(WorkerDied):
            self._wait()
            try:
                self._does()
            except Exception as failure:  # noqa: BLE001  # given to whoever let it run
                self.failure = failure
        self.over = True
        self._stopped.release()

    def stop_at(self, place: str) -> None:
        """Called by the worker itself."""
        self.at = place
        self._stopped.release()
        self._wait()

    def go_on(self) -> None:
        """Let it run until it stops again or is over."""
        self._may_go.release()
        assert self._stopped.acquire(timeout=60), f"{self.name} hangs after {self.at}"
        if self.failure:
            raise self.failure

    def die(self) -> None:
        self._doomed = True
        self.go_on()

    def _wait(self) -> None:
        self._may_go.acquire()
        if self._doomed:
            raise WorkerDied


def stop_here(point: Point) -> None:
    """At every named point a worker stops; whoever else passes it goes on."""
    if isinstance(worker := current_thread(), Worker):
        worker.stop_at(point.value)


class StoppingAlegra(AbstractAlegra):
    """The model, with a stop between what a call does and its answer, where a worker is longest."""

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: Any) -> StampReport:
        report = super().stamp(account, kind, ids, not_after=not_after)
        if isinstance(worker := current_thread(), Worker):
            worker.stop_at("the wire")
        return report

    def read(self, account: str, kind: Kind, ids: Sequence[str]) -> ReadReport:
        report = super().read(account, kind, ids)
        if isinstance(worker := current_thread(), Worker):
            worker.stop_at("the wire")
        return report


some_documents = st.lists(st.sampled_from(DOCUMENTS), min_size=1, max_size=4, unique=True)
some_effects = st.tuples(*[st.sampled_from(Effect)] * 3).map(
    lambda three: dict(zip(DOCUMENTS, three * 3, strict=False))
)


class AnyOrder(RuleBasedStateMachine):
    """The world in which anything may happen next."""

    template: Path
    numbers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.database = self.template.parent / f"{next(self.numbers)}.db"
        shutil.copy(self.template, self.database)
        self.engine = make_engine(f"sqlite:///{self.database}")
        # Nobody cuts the power here.
        event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.time = FakeClock(NOON)
        self.clock = FakeClock(NOON)
        self.alegra = StoppingAlegra(DOCUMENTS, self.time, self.clock)
        self.house = House(self.engine, self.alegra, clock=self.clock, policy=POLICY)
        self.operations = Operations(
            self.house.ledger, self.house.accounts, self.house.announcer, self.clock, self._policy
        )
        self.workers: list[Worker] = []
        self.steps_forward = 0
        self.names = count()
        watch(stop_here)

    @staticmethod
    def _policy(_account: str) -> Policy:
        return POLICY

    # Producers and operators.

    @rule(ids=some_documents, urgent=st.booleans())
    def ask(self, ids: list[str], urgent: bool) -> None:
        self.house.intake.accept(a_request(*ids, priority=Priority.HIGH if urgent else Priority.NORMAL))

    @rule(what=st.sampled_from(["cancel", "release", "force", "settle", "spoil", "correct"]), ids=some_documents)
    def operate(self, what: str, ids: list[str]) -> None:
        """A person does something, however soon after the call."""
        match what:
            case "cancel":
                self.operations.cancel(ACCOUNT, "invoice", ids, actor="ana", reason="not wanted any more")
            case "release":
                self.operations.release(ACCOUNT, "invoice", ids, actor="ana", reason="looked in Alegra")
            case "force":
                self.house.intake.accept(a_request(*ids, force=Force(reason="looked in Alegra")))
            case "settle":
                self.operations.settle(ACCOUNT, "invoice", ids, actor="ana")
            case "spoil" | "correct":
                for each in ids:
                    self.alegra.documents[each].bad = what == "spoil"

    # Workers.

    @rule()
    def dispatch(self) -> None:
        self.house.dispatch.round(ACCOUNT)

    @rule()
    def sweep(self) -> None:
        self.house.sweep.round()

    @precondition(lambda self: self.house.announcer.work)
    @rule(which=st.integers(0, 9), keep=st.booleans())
    def deliver(self, which: int, keep: bool) -> None:
        """A worker takes a message; one that is kept will be delivered again."""
        messages = self.house.announcer.work
        message = messages[which % len(messages)]
        if not keep:
            messages.remove(message)
        self._employ(message)

    @rule(ids=some_documents)
    def read_out_of_turn(self, ids: list[str]) -> None:
        """A message that somebody still had somewhere."""
        self._employ(ReadMessage(ACCOUNT, "invoice", tuple(ids)))

    @precondition(lambda self: self.workers)
    @rule(
        which=st.integers(0, 9),
        stops=st.integers(1, 6),
        effects=some_effects,
        reply=st.sampled_from(Reply),
        sight=st.sampled_from(Sight),
    )
    def work_on(self, which: int, stops: int, effects: Mapping[str, Effect], reply: Reply, sight: Sight) -> None:
        self.alegra.effects, self.alegra.reply, self.alegra.sight = effects, reply, sight
        worker = self.workers[which % len(self.workers)]
        for _ in range(stops):
            if not worker.over:
                worker.go_on()
        self._bury()

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 9))
    def kill(self, which: int) -> None:
        self.workers[which % len(self.workers)].die()
        self._bury()

    @rule(
        effects=some_effects,
        reply=st.sampled_from(Reply),
        sight=st.sampled_from(Sight),
        pace=st.sampled_from([(6, 3), (6, 3), (4, 30), (13, 60)]),
    )
    def a_while(self, effects: Mapping[str, Effect], reply: Reply, sight: Sight, pace: tuple[int, float]) -> None:
        """Nobody dies for some time, and Alegra behaves in one way, so that plays get far."""
        self.alegra.effects, self.alegra.reply, self.alegra.sight = effects, reply, sight
        rounds, apart = pace
        for _ in range(rounds):
            self._round()
            self._pass(apart)

    # The world.

    @rule(duration=st.sampled_from([1, 3, 20, 70, 200, 400, 700, 2000]))
    def time_passes(self, duration: int) -> None:
        self._pass(duration)

    @precondition(lambda self: not any(worker.at == Point.STAMP_CLAIMED for worker in self.workers))
    @rule(minutes=st.sampled_from([1, 15, 120]))
    def clock_is_set_back(self, minutes: int) -> None:
        self.clock.advance(minutes=-minutes)

    @precondition(lambda self: self.steps_forward < 3)
    @rule()
    def clock_steps_forward(self) -> None:
        """As NTP may; a clock that runs ahead by the quiet window itself is beyond what software can notice."""
        self.steps_forward += 1
        self.clock.advance(seconds=20)

    @rule(who=st.sampled_from(["broker", "redis"]))
    def forget(self, who: str) -> None:
        if who == "broker":
            self.house.announcer.work.clear()
        else:
            self.house.locks.busy.clear()

    # What must hold after every step.

    @invariant()
    def nothing_is_emitted_twice(self) -> None:
        assert {
            each: document.emitted for each, document in self.alegra.documents.items() if document.emitted > 1
        } == {}

    @invariant()
    def what_the_table_says_is_true(self) -> None:
        for row in self._rows():
            true = self.alegra.documents[row.document_id]
            if row.status == Status.STAMPED:
                assert true.state is Remote.ACCEPTED
                assert row.fiscal_code == self.alegra.code(row.document_id)
            if row.status == Status.REJECTED:
                assert true.state is not Remote.ACCEPTED
                assert not true.coming
            assert row.fiscal_code in {None, self.alegra.code(row.document_id)}

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every document that does not rest is waited for by a clock or a batch that the sweep looks after."""
        open_batches = {row.id: row for row in self._open_batches()}
        for row in self._rows():
            match Status(row.status):
                case Status.QUEUED:
                    assert row.batch_id in open_batches or row.ready_at or row.next_read_at
                case Status.EMITTING:
                    assert open_batches[row.batch_id].called_at
                case status if status in SETTLING:
                    assert row.next_read_at
                case _:
                    assert row.next_read_at is None
                    assert row.ready_at is None

    @invariant()
    def no_document_is_in_two_calls(self) -> None:
        calling = (row for row in self._open_batches() if row.called_at)
        carried = Counter(document for row in calling for document in json.loads(row.documents))
        assert {document: times for document, times in carried.items() if times > 1} == {}

    def teardown(self) -> None:
        """All workers die; then everything works again, and every document comes to its end."""
        try:
            while self.workers:
                self.workers.pop().die()
            self.house.locks.busy.clear()
            self.house.announcer.work.clear()
            self.alegra.be_honest()
            self._come_to_an_end()
        finally:
            watch(lambda _point: None)
            self.engine.dispose()
            for file in self.database.parent.glob(f"{self.database.name}*"):
                file.unlink()

    def _come_to_an_end(self) -> None:
        # The clock may have been set back by hours, and it is what schedules go by.
        for _ in range(400):
            if all(row.status in FINISHED for row in self._rows()):
                break
            self._round()
            self._pass(300)
        self.nothing_is_emitted_twice()
        self.what_the_table_says_is_true()
        assert {row.document_id: row.status for row in self._rows() if row.status not in FINISHED} == {}
        self._histories_have_no_gap()

    def _histories_have_no_gap(self) -> None:
        with self.engine.begin() as connection:
            events = connection.execute(
                select(EmissionEvent.__table__)
                .where(EmissionEvent.to_status.is_not(None))
                .order_by(EmissionEvent.emission_id, EmissionEvent.id)
            ).all()
        last: dict[int, str] = {}
        for each in events:
            assert each.from_status == last.get(each.emission_id)
            last[each.emission_id] = each.to_status
        assert last == {row.id: row.status for row in self._rows()}

    def _employ(self, message: StampMessage | ReadMessage) -> None:
        if len(self.workers) < 4:
            self.workers.append(Worker(lambda: self.house.deliver(message), f"worker {next(self.names)}"))

    def _bury(self) -> None:
        self.workers = [worker for worker in self.workers if not worker.over]

    def _round(self) -> None:
        self.house.sweep.round()
        for _ in range(3):
            self.house.dispatch.round(ACCOUNT)
            self.house.deliver_all()

    def _pass(self, duration: float) -> None:
        self.time.advance(seconds=duration)
        self.clock.advance(seconds=duration)
        self.alegra.happen()
        if duration >= LOCKS_LAST:
            # Nobody renews for a worker that is stopped.
            self.house.locks.busy.clear()

    def _rows(self) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(Emission.__table__)))

    def _open_batches(self) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(Batch.__table__).where(Batch.closed_at.is_(None))))


EXAMPLES = int(os.environ.get("ANY_ORDER_EXAMPLES", "0"))


@pytest.mark.timeout(max(180, EXAMPLES * 5))
def test_in_whatever_order_things_happen_nothing_is_emitted_twice_and_nothing_is_lost(sqlite_url: str) -> None:
    AnyOrder.template = Path(sqlite_url.removeprefix("sqlite:///"))
    AnyOrder.numbers = count()
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=EXAMPLES or 40,
            stateful_step_count=40,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
