"""Every question of `ops/bench` can be asked: in miniature, where states and counts are looked at and no times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.bench.answers import Value
from tests.bench.questions import QUESTIONS, Name
from tests.bench.showing import summary_of, table_of
from tests.bench.sizes import Size
from tests.bench.stage import Stage

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as running:
        yield running


def ask(name: Name, stage: Stage) -> Sequence[Mapping[str, Value]]:
    """The rows of the answer; the judge has seen every document executed once, or there were none."""
    said: list[str] = []
    answer = QUESTIONS[name](stage, Size.TINY, said.append)
    assert said
    assert answer.name == name
    assert table_of(answer).row_count == len(answer.rows)
    assert summary_of([answer]).row_count == len(answer.findings)
    rows: Sequence[Mapping[str, Any]] = answer.as_json()["rows"]
    return rows


def test_the_sandbox_alone_answers_every_document(stage: Stage) -> None:
    assert len(ask(Name.SANDBOX, stage)) == 3
    stats = stage.sandbox.stats()
    assert (stats["stamp_calls"], stats["max_ids_per_stamp_call"], stats["max_ids_per_list"]) == (12, 10, 30)


@pytest.mark.long
def test_the_share_of_the_ceiling_is_told_for_timbre_and_three_others(stage: Stage) -> None:
    rows = {row["who"]: row for row in ask(Name.SHARE, stage)}
    assert list(rows) == ["Timbre", "limit", "command line", "usual worker"]
    per_document = rows["Timbre"]["requests each"]
    # A look and a read for thirty at best, a stamp call for ten.
    assert isinstance(per_document, float)
    assert 5 / 30 <= per_document < 0.3


def test_fairness_is_told_by_size_of_account(stage: Stage) -> None:
    rows = ask(Name.FAIRNESS, stage)
    assert [row["accounts of documents"] for row in rows] == ["1 of 30", "2 of 1", "all with more than one"]


@pytest.mark.long
def test_throughput_is_told_for_timbre_the_limit_and_the_usual_worker(stage: Stage) -> None:
    rows = {row["who"]: row for row in ask(Name.THROUGHPUT, stage)}
    assert list(rows) == ["Timbre", "limit", "usual worker"]
    assert rows["limit"]["of the limit"] == 1


@pytest.mark.long
def test_latency_is_told_for_the_quiet_and_the_urgent(stage: Stage) -> None:
    assert [row["documents"] for row in ask(Name.LATENCY, stage)] == [4, 4, 2]


@pytest.mark.long
def test_growth_is_told_by_rows_accounts_and_workers(stage: Stage) -> None:
    rows = ask(Name.GROWTH, stage)
    assert [row["size"] for row in rows] == ["200 finished rows", "1 account", "3 accounts", "1 worker"]


def test_intake_is_told_for_bulk_single_and_nothing(stage: Stage) -> None:
    assert [row["of them"] for row in ask(Name.INTAKE, stage)] == [200, 20, 20]


@pytest.mark.long
def test_memory_is_told_by_documents_and_by_calls(stage: Stage) -> None:
    assert len(ask(Name.MEMORY, stage)) == 3
