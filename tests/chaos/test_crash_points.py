"""Kill a worker at every named point, as `kill -9` does, and let the system recover by itself."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from tests.support.machine import Machine, a_machine, await_that
from worker.emission.points import Point

ROOT = Path(__file__).parents[2]

BY_DATABASE = [(point, "postgresql") for point in Point if not point.value.startswith(("night", "creation"))] + [
    pytest.param(point, "sqlite", marks=pytest.mark.long) for point in Point if point.value.startswith("stamp")
]


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Machine]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with a_machine(tmp_path, redis_url=redis_url, database_url=url) as machine:
        yield machine


@pytest.mark.parametrize(("point", "machine"), BY_DATABASE, indirect=["machine"])
def test_a_worker_killed_at_any_point_costs_no_document(point: Point, machine: Machine) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 12)
    machine.start_beat()
    doomed = [machine.start_worker(TIMBRE_CRASH_AT=point.value)]
    if point is Point.SWEEP_GAVE_UP:
        # There is nothing to give up on until another worker has died with a call on the wire.
        doomed.append(machine.start_worker(TIMBRE_CRASH_AT=Point.STAMP_CLAIMED.value))
    machine.client.emit(ids, account="acme")
    for process in doomed:
        assert process.wait(timeout=60) == -signal.SIGKILL, machine.logs()
    if point in {Point.INTAKE_RECEIVED, Point.INTAKE_WRITTEN}:
        await_redelivery(machine)
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


@pytest.mark.parametrize("machine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("point", ["intake.received:2", "intake.received:17", "intake.written:2", "intake.written:3"])
def test_a_crowd_of_requests_whose_worker_is_killed_costs_no_document(point: str, machine: Machine) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 30)
    # All of them wait before anybody takes one, so that they are written together.
    for each in ids:
        machine.client.emit([each], account="acme")
    doomed = machine.start_worker(TIMBRE_CRASH_AT=point)
    assert doomed.wait(timeout=60) == -signal.SIGKILL, machine.logs()
    await_redelivery(machine)
    machine.start_beat()
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


@pytest.mark.parametrize("machine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("point", ["intake.received:12", "intake.received:50", "intake.written:5"])
def test_a_crowd_whose_worker_is_killed_while_it_disperses_costs_no_document(point: str, machine: Machine) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 30)
    # Each is asked for twice, by two requests: whichever crowd meets one again takes nothing in together.
    for each in [*ids, *ids]:
        machine.client.emit([each], account="acme")
    doomed = machine.start_worker(TIMBRE_CRASH_AT=point)
    assert doomed.wait(timeout=60) == -signal.SIGKILL, machine.logs()
    await_redelivery(machine)
    machine.start_beat()
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def await_redelivery(machine: Machine) -> None:
    """Until the broker may hand the unacknowledged request out again.

    A worker looks for such messages when it starts and every hundred seconds from then on (kombu); starting it now
    saves the test the hundred seconds.
    """
    with Redis.from_url(machine.redis_url) as redis:

        def old_enough() -> bool:
            oldest = redis.zrange("unacked_index", 0, 0, withscores=True)
            return bool(oldest) and time.time() - oldest[0][1] > float(machine.environ["TIMBRE_REDELIVERY"])

        await_that(old_enough, machine.logs)


@pytest.mark.parametrize("machine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("point", [Point.NIGHT_OPENED, Point.NIGHT_LISTED])
def test_a_night_whose_worker_was_killed_is_run_by_another(point: Point, machine: Machine) -> None:
    now = datetime.now(UTC)
    night = f'[acme.nightly]\nenabled = true\nhour = "{now:%H:%M}"\ntime_zone = "UTC"\n'
    machine.add_account("acme", more=night)
    ids = machine.sandbox.add_drafts("acme", 12, issued=now.date())
    machine.environ["TIMBRE_NIGHT_LEASE"] = "1"
    machine.start_beat()
    doomed = machine.start_worker(TIMBRE_CRASH_AT=point.value)
    tick = Celery(broker=machine.redis_url)
    tick.send_task("timbre.nightly_tick", queue="timbre.work", ignore_result=True)
    assert doomed.wait(timeout=60) == -signal.SIGKILL, machine.logs()
    machine.start_worker()
    # The lease of the dead worker has ended by the time the next beat asks.
    tick.send_task("timbre.nightly_tick", queue="timbre.work", ignore_result=True, countdown=1.5)
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def test_every_point_is_passed_somewhere_and_every_passage_is_listed() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "worker").rglob("*.py"))
    passed = re.findall(r"reached\(Point\.([A-Z_]+)\)", code)
    assert sorted(passed) == sorted(point.name for point in Point)
