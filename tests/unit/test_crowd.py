"""Requests that come at the same time: one thread takes all of them in, and none is the worse for it."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from timbre_producers.contracts import EMIT_TASK, EmitRequest
from worker.broker import DISPATCH_TASK
from worker.crowd import AT_MOST, COMPANY, FEW, Crowd


class Message:
    """What Celery makes of a message: it knows what to do once its task was executed."""

    def __init__(self, *ids: str, type: str = EMIT_TASK, expires: object = None, **more: object) -> None:  # noqa: A002
        self.id, self.type, self.expires = str(uuid.uuid4()), type, expires
        self.request_dict: dict[str, object] = {"retries": 0, "stamped_headers": None}
        body = {"request_id": self.id, "account": "acme", "document_ids": list(ids), "requested_by": "test"}
        self.args: list[Any] = [body | more]
        self.kwargs: dict[str, Any] = {}
        self.wishes: dict[str, object] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
        self.told: list[str] = []

    @property
    def message(self) -> SimpleNamespace:
        return SimpleNamespace(payload=[self.args, self.kwargs, self.wishes])

    def but(self, **changes: Any) -> Message:
        """The same with something that only Celery looks at."""
        for name, value in changes.items():
            setattr(self, name, value)
        return self

    def on_accepted(self, _pid: int, _at: float) -> None:
        self.told.append("accepted")

    def on_success(self, outcome: tuple[bool, object, float]) -> None:
        assert outcome[:2] == (False, "None")
        self.told.append("acknowledged")


class Worker:
    """Celery's side of a crowd: its threads run when the test says so."""

    def __init__(self, writes: Callable[[Sequence[EmitRequest]], bool] = lambda _: True) -> None:
        self._writes = writes
        self.written: list[list[str]] = []
        self.alone: list[Message] = []
        self.threads: deque[Callable[[], None]] = deque()
        self.crowd = Crowd(self.write, self.alone.append, self.threads.append)

    def write(self, requests: Sequence[EmitRequest]) -> bool:
        well = self._writes(requests)
        if well:
            self.written.append([each for request in requests for each in request.document_ids])
        return well

    def come(self, *messages: Message) -> Sequence[Message]:
        for message in messages:
            self.crowd.join(message)
        return messages

    def run(self) -> None:
        """Every thread that was asked for, and those asked for meanwhile."""
        while self.threads:
            self.threads.popleft()()


def test_who_comes_alone_goes_at_once() -> None:
    worker = Worker()
    (message,) = worker.come(Message("501"))
    worker.run()
    assert (worker.written, worker.alone) == ([["501"]], [])
    assert message.told == ["accepted", "acknowledged"]


def test_who_comes_while_others_are_written_is_written_with_the_next() -> None:
    later = [Message("502"), Message("503")]

    def meanwhile(_: Sequence[EmitRequest]) -> bool:
        worker.come(*later)
        later.clear()
        return True

    worker = Worker(meanwhile)
    worker.come(Message("501"))
    worker.run()
    assert worker.written == [["501"], ["502", "503"]]


def test_a_crowd_gives_its_thread_back_between_two_transactions() -> None:
    worker = Worker()
    worker.come(*(Message(str(number)) for number in range(AT_MOST + 1)))
    worker.threads.append(lambda: worker.written.append(["somebody else's turn"]))
    worker.run()
    assert [len(each) for each in worker.written] == [AT_MOST, 1, 1]
    assert worker.written[1] == ["somebody else's turn"]


def test_none_is_acknowledged_before_all_are_written() -> None:
    def not_yet(_: Sequence[EmitRequest]) -> bool:
        assert [message.told for message in messages] == [[], []]
        return True

    worker = Worker(not_yet)
    messages = worker.come(Message("501"), Message("502"))
    worker.run()
    assert [message.told[-1] for message in messages] == ["acknowledged", "acknowledged"]


def test_a_crowd_in_which_something_is_known_disperses() -> None:
    worker = Worker(lambda requests: all(request.document_ids != ("502",) for request in requests))
    messages = worker.come(Message("501"), Message("502"), Message("503"))
    worker.run()
    assert (worker.written, worker.alone) == ([], list(messages))
    assert [message.told for message in messages] == [[], [], []]


def test_a_failure_is_nobodys_until_each_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: Sequence[EmitRequest]) -> bool:
        raise ConnectionError("the database is away")

    worker = Worker(fails)
    with caplog.at_level("WARNING"):
        messages = worker.come(Message("501"), Message("502"))
        worker.run()
    assert worker.alone == list(messages)
    assert [record.message for record in caplog.records] == ["crowd_dispersed"]


def test_one_that_nobody_can_read_disperses_the_others_and_harms_none() -> None:
    worker = Worker()
    messages = worker.come(Message("501"), Message("502", kind=7), Message("503"))
    worker.run()
    assert (worker.written, worker.alone) == ([], list(messages))


@pytest.mark.parametrize(
    "message",
    [
        Message("501", type=DISPATCH_TASK),
        Message(*map(str, range(FEW + 1))),
        Message("501", expires="2026-03-02T09:14:00+00:00"),
        Message("501").but(request_dict={"retries": 1}),
        Message("501").but(request_dict={"stamped_headers": ["campaign"]}),
        Message("501").but(wishes={"callbacks": [{"task": "theirs.then"}]}),
        Message("501").but(kwargs={"priority": "high"}),
    ],
    ids=[
        "another task",
        "worth a transaction of its own",
        "limited in time",
        "tried before",
        "revocable by a stamp",
        "followed by a task of its producer's",
        "with named arguments",
    ],
)
def test_what_cannot_join_goes_the_ordinary_way(message: Message) -> None:
    worker = Worker()
    worker.come(message)
    assert (worker.alone, list(worker.threads)) == ([message], [])


@pytest.mark.parametrize("args", [[], [[]], ["501"], [{"document_ids": "501"}], [{"document_ids": []}], [{}, {}]])
def test_what_is_no_request_goes_the_ordinary_way(args: list[Any]) -> None:
    worker, message = Worker(), Message("501")
    message.args = args
    worker.come(message)
    assert worker.alone == [message]


def test_a_revoked_one_goes_the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, message = Worker(), Message("501")
    monkeypatch.setattr(state, "revoked", {message.id})
    worker.come(message)
    assert worker.alone == [message]


def test_one_that_cannot_go_the_ordinary_way_leaves_the_others_be(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(lambda _: False)
    first, second = Message("501"), Message("502")

    def alone(message: Any) -> None:
        if message is first:
            raise RuntimeError("can't start new thread")
        worker.alone.append(message)

    worker.crowd = Crowd(lambda _: False, alone, worker.threads.append)
    worker.come(first, second)
    worker.run()
    assert worker.alone == [second]
    assert "request_not_executed" in caplog.text


def test_one_that_cannot_be_acknowledged_leaves_the_others_be(caplog: pytest.LogCaptureFixture) -> None:
    class Gone(Message):
        def on_success(self, _: object) -> None:
            raise ConnectionError

    worker = Worker()
    _, other = worker.come(Gone("501"), Message("502"))
    worker.run()
    assert worker.written == [["501", "502"]]
    assert other.told == ["accepted", "acknowledged"]
    assert "crowd_not_told" in caplog.text


def test_one_whose_beginning_cannot_be_told_is_acknowledged() -> None:
    class Terminated(Message):
        def on_accepted(self, _pid: int, _at: float) -> None:
            raise RuntimeError("threads cannot be terminated")

    worker = Worker()
    (message,) = worker.come(Terminated("501"))
    worker.run()
    assert (worker.written, message.told) == ([["501"]], ["acknowledged"])


def test_those_who_come_when_there_was_no_thread_are_taken_in_with_the_next() -> None:
    worker = Worker()
    refusals = [RuntimeError("can't start new thread")]

    def in_a_thread(serve: Callable[[], None]) -> None:
        if refusals:
            raise refusals.pop()
        worker.threads.append(serve)

    crowd = Crowd(worker.write, worker.alone.append, in_a_thread)
    crowd.join(Message("501"))
    assert not worker.threads
    crowd.join(Message("502"))
    worker.run()
    assert worker.written == [["501", "502"]]


def test_nobody_is_waited_for_when_all_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    worker = Worker()
    worker.crowd = Crowd(worker.write, worker.alone.append, worker.threads.append, at_most=3)
    worker.come(Message("501"))
    worker.run()
    worker.come(Message("502"), Message("503"), Message("504"))
    worker.run()
    assert slept == []
    worker.come(Message("505"), Message("506"))
    worker.run()
    assert (worker.written[-1], slept) == (["505", "506"], [COMPANY])
