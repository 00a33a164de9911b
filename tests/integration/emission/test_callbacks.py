"""Callbacks: a producer is told how its request ended, never before the end, and until it has taken it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, code_of, seen
from tests.support.house import House
from timbre_producers.contracts import Status
from worker.emission.callbacks import LOOK_AGAIN, RETRIES, CallingBack
from worker.emission.observation import Remote
from worker.storage.callbacks import SqlCallbacks

URL = "http://producer.test/ended"


class Producer:
    """Takes what the postman brings, or says why not."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.refuses: str | None = None
        self.asked = 0

    def post(self, url: str, body: dict[str, Any]) -> str | None:
        assert url == URL
        self.asked += 1
        if self.refuses is None:
            self.taken.append(body)
        return self.refuses


@pytest.fixture
def producer() -> Producer:
    return Producer()


@pytest.fixture
def calling(house: House, producer: Producer) -> CallingBack:
    return CallingBack(SqlCallbacks(house.engine), producer, house.clock)


def pending(house: House) -> list[tuple[str, int]]:
    """Who waits to be called back at some time, and how often that failed."""
    ever = house.clock.now() + timedelta(days=365)
    return [(each.request_id, each.tries) for each in SqlCallbacks(house.engine).due(ever, 10)]


def test_a_producer_is_called_once_when_all_its_documents_have_ended(
    house: House, calling: CallingBack, producer: Producer
) -> None:
    house.ask("501", "502", callback_url=URL)
    house.ask("503")
    house.run()
    assert [calling.round(), calling.round()] == [1, 0]
    (body,) = producer.taken
    assert [(each["document_id"], each["status"], each["fiscal_code"]) for each in body["documents"]] == [
        ("501", "stamped", code_of("501")),
        ("502", "stamped", code_of("502")),
    ]
    assert body["account"] == ACCOUNT
    assert pending(house) == []


def test_nobody_is_called_before_the_last_document_has_ended_and_waiting_is_no_failed_try(
    house: House, alegra: ScriptedAlegra, calling: CallingBack, producer: Producer
) -> None:
    alegra.shown["502"] = seen("502", Remote.VOID)
    alegra.fates.append(loses_the_answer(executes=True))
    house.ask("501", "502", callback_url=URL)
    for _ in range(3):
        house.round()
        house.clock.advance(seconds=2)
    truth, alegra.shown = alegra.shown, {}
    assert house.statuses() == {"501": Status.UNCERTAIN, "502": Status.REJECTED}
    for _ in range(2 * len(RETRIES)):
        assert calling.round() == 0
        house.clock.advance(seconds=LOOK_AGAIN.total_seconds())
    assert producer.asked == 0
    assert [tries for _, tries in pending(house)] == [0]
    alegra.shown = truth
    house.run()
    house.clock.advance(seconds=LOOK_AGAIN.total_seconds())
    assert calling.round() == 1


def test_one_that_does_not_take_it_is_tried_again_at_growing_distances_and_in_the_end_left(
    house: House, calling: CallingBack, producer: Producer
) -> None:
    producer.refuses = "HTTP 503"
    house.ask("501", callback_url=URL)
    house.run()
    assert calling.round() == 0
    for tries, distance in enumerate(RETRIES, start=1):
        assert [each for _, each in pending(house)] == [tries]
        house.clock.advance(seconds=distance.total_seconds() - 1)
        calling.round()
        assert producer.asked == tries
        house.clock.advance(seconds=1)
        calling.round()
        assert producer.asked == tries + 1
    assert pending(house) == []


def test_one_that_takes_it_at_last_is_not_called_again(house: House, calling: CallingBack, producer: Producer) -> None:
    producer.refuses = "HTTP 503"
    house.ask("501", callback_url=URL)
    house.run()
    calling.round()
    producer.refuses = None
    house.clock.advance(seconds=RETRIES[0].total_seconds())
    assert [calling.round(), calling.round()] == [1, 0]
    house.clock.advance(days=30)
    assert calling.round() == 0
    assert len(producer.taken) == 1


def test_what_one_producer_has_taken_is_not_taken_for_the_others(
    house: House, calling: CallingBack, producer: Producer
) -> None:
    house.ask("501", callback_url=URL)
    house.run()
    house.ask("502", callback_url=URL)
    assert calling.round() == 1
    house.run()
    house.clock.advance(seconds=LOOK_AGAIN.total_seconds())
    assert calling.round() == 1
    assert [each["document_id"] for body in producer.taken for each in body["documents"]] == ["501", "502"]
