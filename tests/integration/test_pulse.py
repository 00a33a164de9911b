"""The pulse: what a probe sees of a worker that works, waits for its broker, stands by, or is stuck."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import ValkeyServer
from worker.pulse import PULSE, READY, STUCK_AFTER, Pulse


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(tmp_path: Path, clock: Clock) -> Pulse:
    return Pulse(tmp_path, clock)


def beats(pulse: Pulse, home: Path) -> bool:
    """Whether a beat touches the file, however old it was."""
    (home / PULSE).touch()
    os.utime(home / PULSE, (0, 0))
    pulse.beat()
    return (home / PULSE).stat().st_mtime > 0


def test_a_worker_whose_loop_turns_has_a_pulse(pulse: Pulse, clock: Clock, tmp_path: Path) -> None:
    for _ in range(3):
        pulse.turned()
        clock.seconds += STUCK_AFTER / 2
        assert beats(pulse, tmp_path)


def test_a_worker_whose_loop_stands_still_has_none(pulse: Pulse, clock: Clock, tmp_path: Path) -> None:
    pulse.turned()
    clock.seconds += STUCK_AFTER
    assert not beats(pulse, tmp_path)


def test_a_worker_without_its_broker_lives_however_long_that_takes(pulse: Pulse, clock: Clock, tmp_path: Path) -> None:
    pulse.turned()
    pulse.takes_work(True)
    pulse.lost()
    clock.seconds += 100 * STUCK_AFTER
    assert beats(pulse, tmp_path)
    assert not (tmp_path / READY).exists()


def test_a_full_disk_is_no_reason_to_stop_working(clock: Clock, tmp_path: Path) -> None:
    nowhere = Pulse(tmp_path / "missing", clock)
    nowhere.beat()
    nowhere.takes_work(True)
    nowhere.takes_work(False)


@pytest.fixture
def machine(tmp_path: Path, own_valkey: ValkeyServer, sqlite_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=own_valkey.url, database_url=sqlite_url) as machine:
        yield machine


def test_a_real_worker_is_ready_while_it_has_its_broker_and_lives_without(
    machine: Machine, own_valkey: ValkeyServer
) -> None:
    pulse, ready = machine.folder / "home" / PULSE, machine.folder / "home" / READY
    machine.start_worker()
    await_that(ready.exists, machine.logs)
    assert pulse.exists()
    own_valkey.kill()
    await_that(lambda: not ready.exists(), machine.logs)
    before = pulse.stat().st_mtime
    await_that(lambda: pulse.stat().st_mtime > before, machine.logs)
    own_valkey.start()
    await_that(ready.exists, machine.logs)
