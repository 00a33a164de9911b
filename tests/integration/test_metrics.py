"""Metrics: what a monitor and an autoscaler are told, when all is there and when something is away."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, NOON, a_request, ids
from tests.support.house import House, engine_on
from tests.support.machine import await_that
from tests.support.server import free_port
from timbre_producers import EmissionClient
from timbre_producers.contracts import Status
from worker.coordination.connection import connect
from worker.coordination.heartbeat import leave_heartbeat
from worker.environment import environment, load_settings
from worker.metrics import Exposition
from worker.storage.backlog import look_at_backlog
from worker.storage.requests import SqlRequests


def figures(text: str) -> dict[str, float]:
    """Every sample by name, labels in braces."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(database_url: str, redis_url: str) -> dict[str, float]:
    settings = load_settings({"TIMBRE_REDIS_URL": redis_url, "TIMBRE_DATABASE_URL": database_url})
    with closing(Exposition(settings)) as exposition:
        return figures(exposition.text())


def test_an_idle_installation_has_every_figure_and_each_is_zero(sqlite_url: str, redis_url: str) -> None:
    with closing(connect(redis_url)) as redis:
        leave_heartbeat(redis, datetime.now(UTC))
    found = told(sqlite_url, redis_url)
    assert {name for name, value in found.items() if value == 1} == {
        "timbre_reachable{database}",
        "timbre_reachable{redis}",
        "timbre_reachable{broker}",
    }
    assert 0 <= found.pop("timbre_sweep_age_seconds") < 60
    assert {value for name, value in found.items() if not name.startswith("timbre_reachable")} == {0}
    assert {"timbre_stamp_slots_wanted", "timbre_calls_waiting_oldest_seconds", "timbre_work_messages"} <= set(found)


def test_messages_that_nobody_took_are_counted(sqlite_url: str, redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        for each in ids(3):
            client.emit([each])
    assert told(sqlite_url, redis_url)["timbre_intake_messages"] == 3


def test_a_beat_that_never_was_is_a_day_old(sqlite_url: str, redis_url: str) -> None:
    assert told(sqlite_url, redis_url)["timbre_sweep_age_seconds"] == timedelta(days=1).total_seconds()


def test_what_is_away_costs_its_own_figures_only(sqlite_url: str, redis_url: str) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    without_redis = told(sqlite_url, f"redis://{nowhere}/0")
    assert without_redis["timbre_reachable{redis}"] == without_redis["timbre_reachable{broker}"] == 0
    assert without_redis["timbre_stamp_slots_wanted"] == 0
    without_database = told(f"postgresql://timbre@{nowhere}/timbre", redis_url)
    assert without_database["timbre_reachable{database}"] == 0
    assert "timbre_stamp_slots_wanted" not in without_database
    assert without_database["timbre_work_messages"] == 0


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with engine_on(database_url) as engine:
        yield House(engine, ScriptedAlegra())


def test_a_call_handed_out_waits_until_a_worker_begins_it(house: House) -> None:
    house.plan(*ids(10))
    house.clock.advance(seconds=7)
    waiting = look_at_backlog(house.engine, house.clock.now())
    assert (waiting.waiting, waiting.on_the_wire) == (1, 0)
    assert waiting.longest_wait == timedelta(seconds=7)
    assert waiting.documents[Status.QUEUED] == 10


def test_a_due_document_ages_until_it_is_handed_out_unless_its_account_is_paused(house: House) -> None:
    SqlRequests(house.engine).accept(a_request(*ids(3)), NOON)
    later = NOON + timedelta(minutes=5)
    assert look_at_backlog(house.engine, later).oldest_due == timedelta(minutes=5)
    house.operations.pause(ACCOUNT, actor="ana", reason="month end")
    paused = look_at_backlog(house.engine, later)
    assert paused.oldest_due == timedelta(0)
    assert paused.paused == 1


def test_the_command_answers_scrapes(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    port = free_port()
    scraped: list[str] = []

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                scraped.append(answer.read().decode())
        except OSError:
            return False
        return True

    with subprocess.Popen(
        [Path(sys.executable).with_name("timbre"), "metrics", f"--serve={port}"],
        env=environment({"TIMBRE_REDIS_URL": redis_url, "TIMBRE_DATABASE_URL": sqlite_url}),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"Metrics at http://127.0.0.1:{port}/metrics\n"
            await_that(answers, lambda: f"ended with {process.poll()}")
        finally:
            process.terminate()
    assert figures(scraped[0])["timbre_reachable{database}"] == 1
