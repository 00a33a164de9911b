"""What a night needs, computed: the known cases by hand, and what must hold of every load."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from worker.sizing import costs
from worker.sizing.__main__ import main
from worker.sizing.model import DEFAULT_IN_FLIGHT, LEAST_WORKERS, MOST_THREADS, Load, size_of

loads = st.builds(
    Load,
    accounts=st.integers(1, 10_000),
    documents=st.integers(1, 20_000),
    latency=st.floats(0.1, 180),
    hours=st.floats(0.5, 24),
    requests_per_minute=st.integers(10, 1000),
)


def test_calls_of_five_seconds_need_no_more_than_the_default() -> None:
    size = size_of(Load(1, 10_000, latency=5))
    assert (size.in_flight_to_spend_the_quota, size.max_in_flight, size.share_of_the_quota) == (8, 8, 1.0)


def test_calls_of_fifteen_seconds_need_three_times_the_default_and_it_is_said() -> None:
    needed = size_of(Load(1, 10_000, latency=15))
    assert needed.max_in_flight == 23
    default = size_of(Load(1, 10_000, latency=15, max_in_flight=DEFAULT_IN_FLIGHT))
    assert default.share_of_the_quota == pytest.approx(8 / 15 / 1.485, rel=0.01)
    assert default.account_seconds > 2 * needed.account_seconds
    assert any("23 would spend it all" in note for note in default.notes)
    assert any("unless it is set" in note for note in needed.notes)


def test_an_account_at_full_speed_takes_what_its_quota_allows() -> None:
    """Ten thousand drafts are listed, looked at and settled thirty a read and sent ten a call: 2,002 requests."""
    size = size_of(Load(1, 10_000, latency=1))
    assert size.account_seconds == pytest.approx(2002 / 2.475, rel=0.02)


def test_ten_thousand_accounts_are_computed_and_what_nobody_measured_is_said() -> None:
    modest = size_of(Load(10_000, 100, latency=5))
    assert modest.documents_a_night == 1_000_000
    assert 1 < modest.night_hours < 1.2
    assert modest.database_a_month == pytest.approx(80e9, rel=0.1)
    assert not modest.notes
    (note,) = size_of(Load(10_000, 5000, latency=5, hours=6)).notes
    assert "computed, not proven" in note


def test_a_night_that_the_quota_makes_too_long_is_told() -> None:
    (note,) = size_of(Load(1, 20_000, hours=0.1)).notes
    assert "Alegra's quota, and no worker" in note


@given(loads)
def test_every_figure_of_every_load_is_one_that_somebody_can_go_by(load: Load) -> None:
    size = size_of(load)
    assert size.workers >= LEAST_WORKERS
    assert 64 <= size.threads <= MOST_THREADS
    assert size.max_in_flight >= size.in_flight_to_spend_the_quota
    assert size.share_of_the_quota == 1.0
    assert size.calls_in_flight <= size.workers * size.threads
    assert size.night_seconds >= size.account_seconds
    assert size.worker_cores <= size.workers
    assert size.accounts_at_once <= load.accounts
    assert size.redis_memory > costs.REDIS_EMPTY


@given(loads)
def test_more_of_anything_never_needs_less(load: Load) -> None:
    before = size_of(load)
    more_accounts = size_of(dataclasses.replace(load, accounts=min(load.accounts * 2, 10_000)))
    more_documents = size_of(dataclasses.replace(load, documents=load.documents * 2))
    for more in (more_accounts, more_documents):
        assert more.database_a_year >= before.database_a_year
        assert more.redis_memory >= before.redis_memory
        assert more.night_seconds >= before.night_seconds * 0.999
    slower = size_of(dataclasses.replace(load, latency=load.latency * 2))
    assert slower.max_in_flight >= before.max_in_flight
    assert slower.account_seconds >= before.account_seconds


def test_the_command_answers_people_and_programs() -> None:
    app = Typer()
    app.command()(main)
    words = ["--accounts", "100", "--documents", "1000", "--latency", "15"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "TIMBRE_MAX_IN_FLIGHT               23" in shown.output
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert told["load"]["accounts"] == 100
    assert told["size"]["max_in_flight"] == 23
    assert CliRunner().invoke(app, ["--accounts", "10001"]).exit_code == 2


def test_the_pages_example_is_what_the_command_says() -> None:
    page = (Path(__file__).parents[2] / "ops" / "sizing.md").read_text()
    typed, shown = re.findall(r"^```(?:sh|text)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    app = Typer()
    app.command()(main)
    said = CliRunner().invoke(app, typed.split()[1:])
    assert [line.strip() for line in said.output.split("\n") if line.strip()] == [
        line.strip() for line in shown.split("\n") if line.strip()
    ]
