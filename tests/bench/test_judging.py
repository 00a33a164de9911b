"""The judge of `ops/bench` can tell, and what makes its figures comparable is so: paces, ratios, copied rows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.bench.answers import Column, Finding, Form, ratio
from tests.bench.baselines.walk import Pace, Walk
from tests.bench.finished import FinishedRows
from tests.bench.judge import WrongResult, judge_ledger, judge_table
from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from worker.sandbox import SandboxServer


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        running.add_account("acme", country="CO")
        yield running


def test_the_judge_is_content_when_each_document_was_executed_once(sandbox: SandboxServer) -> None:
    ids = sandbox.add_drafts("acme", 2)
    for each in ids:
        sandbox.stamp_by_hand("acme", each)
    codes = judge_ledger(sandbox, {"acme": ids})
    judge_table([("acme", each, "stamped", codes[f"acme/{each}"]) for each in ids], {"acme": ids}, codes)


def test_the_judge_sees_a_document_executed_twice(sandbox: SandboxServer) -> None:
    ids = sandbox.add_drafts("acme", 1)
    for _ in range(2):
        sandbox.stamp_by_hand("acme", ids[0])
    with pytest.raises(WrongResult, match="executed twice: 501"):
        judge_ledger(sandbox, {"acme": ids}, whole=False)


def test_the_judge_sees_a_document_that_was_never_executed(sandbox: SandboxServer) -> None:
    ids = sandbox.add_drafts("acme", 1)
    assert judge_ledger(sandbox, {"acme": ids}, whole=False) == {}
    with pytest.raises(WrongResult, match="never executed: 501"):
        judge_ledger(sandbox, {"acme": ids})


def test_the_judge_sees_a_document_that_nobody_asked_for(sandbox: SandboxServer) -> None:
    first, second = sandbox.add_drafts("acme", 2)
    sandbox.stamp_by_hand("acme", second)
    with pytest.raises(WrongResult, match="nobody had asked: 502"):
        judge_ledger(sandbox, {"acme": [first]}, whole=False)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "not in the table"),
        ([("acme", "501", "confirming", None)], "did not end stamped"),
        ([("acme", "501", "stamped", "other")], "another code"),
    ],
)
def test_the_judge_sees_a_table_that_does_not_say_so(
    rows: list[tuple[str, str, str, str | None]], complaint: str
) -> None:
    with pytest.raises(WrongResult, match=complaint):
        judge_table(rows, {"acme": ["501"]}, {"acme/501": "code"})


def test_a_baseline_that_reads_no_code_is_no_baseline() -> None:
    walk = Walk()
    with pytest.raises(WrongResult, match="without its code"):
        walk.settle([{"id": "501", "stamp": None}])


def test_a_pace_spends_its_window_at_once_and_then_waits_for_the_next() -> None:
    pace = Pace(3, 1000)
    assert [pace.wait() == 0 for _ in range(3)] == [True, True, True]
    assert 900 < pace.wait() < 1100
    assert 900 < pace.wait() < 1100


def test_a_pace_counts_its_window_from_the_first_answer_it_heard() -> None:
    pace = Pace(1, 1000)
    pace.wait()
    began, first = time.monotonic(), pace.window
    pace.heard(first)
    assert pace.wait() >= 1000 - (time.monotonic() - began)
    # A late answer of the first window says nothing about the second.
    pace.heard(first)
    assert pace.wait() > 1900


def test_a_pace_with_an_interval_spreads_its_requests() -> None:
    pace = Pace(100, 1000, interval=50)
    waits = [pace.wait() for _ in range(3)]
    assert [round(wait / 50) for wait in waits] == [0, 1, 2]


def test_a_promise_is_kept_on_its_side() -> None:
    assert Finding("share", 0.95, Form.SHARE, 0.95).met is True
    assert Finding("share", 0.94, Form.SHARE, 0.95).met is False
    assert Finding("share", None, Form.SHARE, 0.95).met is False
    assert Finding("share", 0.94, Form.SHARE).met is None
    assert Finding("429s", 0, Form.COUNT, 0, at_most=True).met is True
    assert Finding("429s", 1, Form.COUNT, 0, at_most=True).met is False
    share = Finding("share", 0.5, Form.SHARE, 0.95)
    assert (share.shown, share.promise) == ("50.0%", "at least 95.0%")


def test_figures_are_written_with_their_unit_and_gaps_stay_empty() -> None:
    assert Column("speed", Form.RATE).shown(1234.5) == "1,234 /s"
    assert Column("speed", Form.TIMES).shown(None) == ""
    assert ratio(1, 0) is None


def test_copies_of_finished_rows_are_whole_and_finished(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine:
        house = House(engine, ScriptedAlegra())
        house.ask("501", "502")
        house.run()
        finished = FinishedRows(postgres_url)
        assert finished.rows == 2
        finished.grow(20)
        finished.grow(50)
        assert finished.rows == 50
        with engine.connect() as connection:

            def count(query: str) -> int:
                return int(connection.execute(text(f"SELECT count(*) FROM {query}")).scalar_one())  # noqa: S608  # our own words

            events = count(
                "emission_events e JOIN emissions m ON m.id = e.emission_id JOIN batches b ON b.id = m.batch_id"
            )
            assert count("emissions WHERE status = 'stamped' AND next_read_at IS NULL AND ready_at IS NULL") == 50
            assert count("emission_events") == events == 25 * count("emission_events WHERE emission_id <= 2")
            assert (count("batches WHERE closed_at IS NOT NULL"), count("requests")) == (25, 25)
        house.ask("503")
        house.run()
        assert house.path("503")[-1] == "stamped"
