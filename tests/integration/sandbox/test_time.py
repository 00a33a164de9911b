"""What comes later: codes, verdicts, and reads that lag behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_the_code_becomes_visible_after_a_while(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(code_delay=20)
    acme.stamp(one)
    assert acme.read(one)["stamp"] == {"legalStatus": "STAMPED_AND_ACCEPTED"}
    assert acme.sandbox.document("acme", one)["code"]
    acme.sandbox.advance(20)
    assert acme.read(one)["stamp"]["cufe"] == acme.sandbox.document("acme", one)["code"]


@pytest.mark.parametrize(("value", "shown"), [("null", None), ("empty", {}), ("absent", "nothing")])
def test_a_stamp_without_its_code_can_look_like_none(acme: Any, value: str, shown: object) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(code_delay=20, stamp_before_code=value)
    acme.stamp(one)
    assert acme.read(one).get("stamp", "nothing") == shown


def test_a_number_that_is_the_code_hides_as_long_as_the_code(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("acme", "republicaDominicana")
    [one] = desk.drafts(1)
    desk.sandbox.faults.set(code_delay=20)
    desk.stamp(one)
    assert desk.read(one)["numberTemplate"]["fullNumber"] is None
    desk.sandbox.advance(20)
    assert desk.read(one)["numberTemplate"]["fullNumber"] == "E310000000001"


def test_the_verdict_comes_later_for_everybody(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(verdict_delay=3600)
    assert acme.rows(one)[one]["emissionStatus"] == "STAMPED_AND_WAITING_RESPONSE"
    stamp = acme.read(one)["stamp"]
    assert (stamp["legalStatus"], "cufe" in stamp) == ("STAMPED_AND_WAITING_RESPONSE", True)
    acme.sandbox.faults.set(code_while_waiting=False)
    assert acme.read(one)["stamp"] == {"legalStatus": "STAMPED_AND_WAITING_RESPONSE"}
    acme.sandbox.advance(3600)
    assert acme.read(one)["stamp"]["legalStatus"] == "STAMPED_AND_ACCEPTED"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("late_acceptance", "STAMPED_AND_ACCEPTED"),
        ("late_rejection", "STAMPED_AND_REJECTED"),
        ("waiting", "STAMPED_AND_WAITING_RESPONSE"),
    ],
)
def test_one_documents_verdict_comes_later(acme: Any, outcome: str, status: str) -> None:
    [one] = acme.drafts(1, **{outcome: 1})
    acme.stamp(one)
    assert acme.read(one)["stamp"]["legalStatus"] == "STAMPED_AND_WAITING_RESPONSE"
    acme.sandbox.advance(30)
    assert acme.read(one)["stamp"]["legalStatus"] == status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", "STAMPED_AND_ACCEPTED"),
        ("observations", "STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS"),
        ("rejected", "STAMPED_AND_REJECTED"),
        ("never", "STAMPED_AND_WAITING_RESPONSE"),
    ],
)
def test_verdicts_can_be_asked_for(acme: Any, word: str, status: str) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(verdict={"word": word, "seconds": 60})
    acme.stamp(one)
    assert acme.read(one)["stamp"]["legalStatus"] == "STAMPED_AND_WAITING_RESPONSE"
    acme.sandbox.advance(60)
    assert acme.read(one)["stamp"]["legalStatus"] == status


def test_a_mexican_rejection_leaves_no_stamp(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("acme", "mexico")
    [one] = desk.drafts(1, late_rejection=1)
    desk.stamp(one)
    assert desk.read(one)["stamp"] == {}
    desk.sandbox.advance(30)
    assert desk.read(one)["stamp"] is None


def test_reads_can_lag_behind(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(stale_reads=45)
    assert acme.rows(one)[one]["success"]
    assert (acme.read(one)["status"], acme.read(one)["stamp"]) == ("draft", None)
    assert [row["id"] for row in acme.listed(status="draft")] == [one]
    assert acme.listed(status="open") == []
    acme.sandbox.advance(45)
    assert acme.listed(status="draft") == []
    assert acme.listed(status="open")[0]["stamp"]["cufe"]


def test_durations_can_be_ranges(acme: Any) -> None:
    ids = acme.drafts(20)
    acme.sandbox.faults.set(code_delay="10-1000")
    for each in ids:
        acme.stamp(each)
    visible = []
    for _ in range(4):
        visible.append(sum("cufe" in acme.read(each)["stamp"] for each in ids))
        acme.sandbox.advance(330)
    assert visible[0] == 0
    assert visible == sorted(visible)
    assert 0 < visible[1] < visible[3] == 20


def test_tomorrow_can_be_made_to_come(acme: Any) -> None:
    before = acme.sandbox.ask("GET", "/clock")["now"]
    assert acme.sandbox.advance(86400) >= before + 86400
