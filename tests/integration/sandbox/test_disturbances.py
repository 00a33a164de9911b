"""What can happen to the connection, before and after the stamp is executed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

MOMENTS = pytest.mark.parametrize(("moment", "executions"), [("before", 0), ("after", 1)])


def until(happens: Callable[[], bool]) -> None:
    """Wait for what a departed client sets in motion; there is nothing on this side to await."""
    deadline = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@MOMENTS
def test_the_answer_never_comes(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(timeout={"moment": moment, "next": 1})
    with pytest.raises(httpx.ReadTimeout):
        acme.stamp(one, timeout=0.1)
    assert acme.executions(one) == executions
    assert acme.sandbox.calls()[0]["fault"] == "timeout"


@pytest.mark.parametrize(("moment", "status", "executions"), [("before", 504, 0), ("after", 200, 1)])
def test_the_answer_comes_late(acme: Any, moment: str, status: int, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(timeout={"moment": moment, "seconds": 0.01})
    assert acme.stamp(one).status_code == status
    assert acme.executions(one) == executions


@MOMENTS
def test_the_connection_is_reset_before_the_headers(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(reset={"moment": moment, "next": 1})
    with pytest.raises(httpx.ReadError):
        acme.stamp(one)
    assert acme.executions(one) == executions
    assert acme.read(one)["id"] == one


@MOMENTS
def test_the_connection_ends_in_the_middle_of_the_body(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(reset={"moment": moment, "place": "body", "next": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        acme.stamp(one)
    assert acme.executions(one) == executions


@MOMENTS
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error(acme: Any, moment: str, executions: int, status: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(server_error={"moment": moment, "status": status})
    answer = acme.stamp(one)
    assert (answer.status_code, set(answer.json())) == (status, {"message"})
    assert acme.executions(one) == executions


@MOMENTS
def test_an_html_page(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(html_page={"moment": moment, "status": "200"})
    answer = acme.stamp(one)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert acme.executions(one) == executions


@MOMENTS
def test_truncated_json(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(truncated={"moment": moment})
    answer = acme.stamp(one)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert acme.executions(one) == executions


@MOMENTS
def test_an_empty_body(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(empty={"moment": moment})
    answer = acme.stamp(one)
    assert (answer.status_code, answer.content) == (200, b"")
    assert acme.executions(one) == executions


def test_an_accepted_call_is_carried_through_although_its_client_hangs_up(acme: Any) -> None:
    ids = acme.drafts(3)
    acme.sandbox.faults.set(stamp_latency=10, stamp_latency_per_document=5)
    with pytest.raises(httpx.ReadTimeout):
        acme.stamp(*ids, timeout=0.1)
    assert acme.sandbox.ledger() == []
    acme.sandbox.advance(16)
    assert [entry["document_id"] for entry in acme.sandbox.ledger()] == ids[:1]
    acme.sandbox.advance(10)
    assert [entry["document_id"] for entry in acme.sandbox.ledger()] == ids


def test_a_stamp_can_be_executed_long_after_its_client_has_gone(acme: Any) -> None:
    """The false “not emitted”: reads show nothing, and then it is there."""
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(late_execution={"seconds": 120, "next": 1})
    with pytest.raises(httpx.ReadTimeout):
        acme.stamp(one, timeout=0.1)
    # The countdown starts when the connection is gone, which the server learns a moment after us.
    until(lambda: acme.sandbox.calls()[0]["fault"] == "late_execution" and bool(acme.sandbox.world.deferred))
    acme.sandbox.advance(119)
    assert acme.read(one)["stamp"] is None
    acme.sandbox.advance(2)
    assert acme.read(one)["stamp"]["legalStatus"] == "STAMPED_AND_ACCEPTED"
    assert acme.executions(one) == 1


def test_a_resend_within_the_false_window_is_a_duplicate(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(late_execution={"seconds": 120, "next": 1, "cut": "reset"})
    with pytest.raises(httpx.ReadError):
        acme.stamp(one)
    assert acme.stamp(one).status_code == 200
    acme.sandbox.advance(121)
    assert [duplicate["document_id"] for duplicate in acme.sandbox.duplicates()] == [one]


def test_a_lost_create_can_be_executed_later(acme: Any) -> None:
    body = {"date": "2026-03-02", "dueDate": "2026-03-02", "client": {"id": "71"}, "items": [{"id": "1"}]}
    acme.sandbox.faults.set(late_execution={"on": "create", "seconds": 60, "cut": "reset", "next": 1})
    with pytest.raises(httpx.ReadError):
        acme.http.post("/invoices", json=body)
    assert acme.listed() == []
    acme.sandbox.advance(61)
    assert len(acme.listed()) == 1


def test_the_same_seed_gives_the_same_run(acme: Any) -> None:
    """Whatever the order of the calls."""
    ids = acme.drafts(60)
    acme.sandbox.faults.set(seed=7, server_error={"probability": 0.4, "moment": "before"})
    first = {each: acme.stamp(each).status_code for each in ids}
    acme.sandbox.faults.set(seed=7, accepted_again="success_row")
    second = {each: acme.stamp(each).status_code for each in reversed(ids)}
    assert first == second
    assert set(first.values()) == {200, 503}
    acme.sandbox.faults.set(seed=8)
    assert {each: acme.stamp(each).status_code for each in ids} != first


def test_several_triggers_of_one_fault_are_tried_in_turn(acme: Any) -> None:
    first, second, third = acme.drafts(3)
    acme.sandbox.faults.set(
        server_error=[{"next": 1, "moment": "before", "status": "500"}, {"next": 1, "moment": "after", "status": "502"}]
    )
    assert [acme.stamp(each).status_code for each in (first, second, third)] == [500, 502, 200]
    assert [acme.executions(each) for each in (first, second, third)] == [0, 1, 1]
