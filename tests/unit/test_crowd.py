"""Requests that come at the same time: one thread takes all of them in, and none is the worse for it."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from timbre_producers.contracts import EMIT_TASK, EmitRequest
from worker.broker import DISPATCH_TASK
from worker.crowd import AT_MOST, FEW, Crowd


class Message:
    """What Celery makes of a message: it knows what to do once its task was executed."""

    def __init__(self, *ids: str, name: str = EMIT_TASK, expires: object = None, **more: object) -> None:
        self.name, self.expires = name, expires
        body = {"request_id": str(uuid.uuid4()), "account": "acme", "document_ids": list(ids), "requested_by": "test"}
        self.args: list[Any] = [body | more]
        self.kwargs: dict[str, Any] = {}
        self.told: list[str] = []

    def on_accepted(self, _pid: int, _at: float) -> None:
        self.told.append("accepted")

    def on_success(self, outcome: tuple[bool, object, float]) -> None:
        assert outcome[:2] == (False, None)
        self.told.append("acknowledged")


class Worker:
    """Celery's side of a crowd: its threads run when the test says so."""

    def __init__(self, writes: Callable[[Sequence[EmitRequest]], bool] = lambda _: True) -> None:
        self._writes = writes
        self.written: list[list[str]] = []
        self.alone: list[Message] = []
        self.threads: deque[Callable[[], None]] = deque()
        self.crowd = Crowd(self._write, self.alone.append, self.threads.append)

    def _write(self, requests: Sequence[EmitRequest]) -> bool:
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
        Message("501", name=DISPATCH_TASK),
        Message("501", expires="2026-03-02T09:14:00+00:00"),
        Message(*map(str, range(FEW + 1))),
    ],
    ids=["another task", "limited in time", "worth a transaction of its own"],
)
def test_what_cannot_join_goes_the_ordinary_way(message: Message) -> None:
    worker = Worker()
    worker.come(message)
    assert (worker.alone, list(worker.threads)) == ([message], [])


@pytest.mark.parametrize("args", [[], [[]], ["501"], [{"document_ids": "501"}], [{}, {}]])
def test_what_is_no_request_goes_the_ordinary_way(args: list[Any]) -> None:
    worker, message = Worker(), Message("501")
    message.args = args
    worker.come(message)
    assert worker.alone == [message]


def test_one_that_cannot_be_acknowledged_leaves_the_others_be(caplog: pytest.LogCaptureFixture) -> None:
    class Gone(Message):
        def on_success(self, outcome: tuple[bool, object, float]) -> None:
            raise ConnectionError(str(outcome))

    worker = Worker()
    _, other = worker.come(Gone("501"), Message("502"))
    worker.run()
    assert worker.written == [["501", "502"]]
    assert other.told == ["accepted", "acknowledged"]
    assert "request_not_acknowledged" in caplog.text


def test_those_who_come_after_a_thread_died_are_taken_in() -> None:
    def dies(_: object) -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    worker = Worker()
    worker.crowd = Crowd(lambda _: False, dies, worker.threads.append)
    worker.come(Message("501"))
    with pytest.raises(RuntimeError):
        worker.run()
    worker.come(Message("502"))
    assert len(worker.threads) == 1
