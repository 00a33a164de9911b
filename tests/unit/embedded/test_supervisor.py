"""The supervisor: children kept running, their logs kept, all of them stopped and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from worker.embedded import leash, supervisor
from worker.embedded.supervisor import Program, StartFailed, Stopped, Supervisor

OBEDIENT = (
    "import signal, time; print('up', flush=True); signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(600)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
WITHIN = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def hardly_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)


class Stage:
    """A supervisor in a directory of its own, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.supervisor = Supervisor(
            folder / "logs", say=self.said.append, echo=lambda name, line: self.lines.append((name, line))
        )

    def start(self, name: str, code: str, **how: object) -> None:
        self.supervisor.start(
            Program(name, [sys.executable, "-c", code], folder=self.folder, environ=dict(os.environ), **how)  # type: ignore[arg-type]
        )

    def until(self, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN.total_seconds()
        while not happened():
            assert time.monotonic() < deadline, (self.said, self.lines)
            self.supervisor.tick()
            time.sleep(0.01)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    with stage.supervisor:
        yield stage


@contextmanager
def ended(pids: dict[str, int]) -> Iterator[None]:
    processes = [psutil.Process(pid) for pid in pids.values()]
    yield
    _, alive = psutil.wait_procs(processes, timeout=WITHIN.total_seconds())
    assert not alive


def test_what_children_say_is_kept_and_passed_on(stage: Stage) -> None:
    stage.start("talker", "print('one'); print('half', end='', flush=True); import time; time.sleep(600)")
    stage.until(lambda: stage.lines)
    assert stage.lines == [("talker", "one")]
    assert (stage.folder / "logs" / "talker.log").read_text() == "one\nhalf"


def test_a_child_that_ends_is_started_again(stage: Stage) -> None:
    stage.start("mortal", "import os; print(os.getpid(), flush=True)")
    stage.until(lambda: len({line for _, line in stage.lines}) >= 3)
    assert "mortal ended with exit code 0; starting it again in" in stage.said[0]


def test_a_killed_child_is_started_again_and_the_others_are_left_alone(stage: Stage) -> None:
    stage.start("victim", OBEDIENT)
    stage.start("bystander", OBEDIENT)
    stage.until(lambda: len(stage.lines) == 2)
    before = stage.supervisor.pids()
    os.kill(before["victim"], signal.SIGKILL)
    stage.until(lambda: len(stage.lines) == 3)
    after = stage.supervisor.pids()
    assert after["victim"] != before["victim"]
    assert after["bystander"] == before["bystander"]
    assert "by signal SIGKILL" in stage.said[0]


def test_all_end_and_servers_after_those_who_use_them(tmp_path: Path) -> None:
    farewell = "import signal, time, sys\ndef bye(*_):\n  open('order', 'a').write(sys.argv[1]); exit(0)\n"
    code = farewell + "signal.signal(signal.SIGTERM, bye); print('up', flush=True); time.sleep(600)"
    stage = Stage(tmp_path)
    with stage.supervisor:
        for name, needed in (("server", True), ("user", False)):
            stage.supervisor.start(
                Program(name, [sys.executable, "-c", code, name[0]], tmp_path, dict(os.environ), others_need_it=needed)
            )
        stage.until(lambda: len(stage.lines) == 2)
        pids = stage.supervisor.pids()
        with ended(pids):
            stage.supervisor.stop()
    assert (tmp_path / "order").read_text() == "us"


def test_who_does_not_end_in_time_is_killed_with_all_it_started(tmp_path: Path) -> None:
    grandchild = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True);"
    )
    stage = Stage(tmp_path)
    with stage.supervisor:
        stage.start("stubborn", grandchild + STUBBORN, stop_within=timedelta(0))
        stage.until(lambda: len(stage.lines) == 3)
        numbers = [int(line) for _, line in stage.lines if line.isdigit()]
        with ended({**stage.supervisor.pids(), "grandchild": numbers[0]}):
            stage.supervisor.stop()


def test_a_second_signal_ends_the_waiting(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with stage.supervisor:
        stage.start("stubborn", STUBBORN, stop_within=timedelta(hours=1))
        stage.until(lambda: stage.lines)
        stage.supervisor.say = lambda _sentence: os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert stage.supervisor.stop_asked
        with ended(stage.supervisor.pids()):
            stage.supervisor.stop()


def test_when_nobody_reads_any_more_everything_ends(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def broken_pipe(*_words: str) -> None:
        raise BrokenPipeError

    with stage.supervisor:
        stage.start("talker", OBEDIENT)
        stage.until(lambda: stage.lines)
        stage.supervisor.echo = stage.supervisor.say = broken_pipe
        with ended(stage.supervisor.pids()):
            os.kill(stage.supervisor.pids()["talker"], signal.SIGKILL)
            stage.until(lambda: stage.supervisor.stop_asked)
            stage.supervisor.stop()


def test_signals_are_ours_only_inside(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stage(tmp_path).supervisor as inside:
        os.kill(os.getpid(), signal.SIGTERM)
        assert inside.stop_asked
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_child_that_cannot_start_is_named_with_its_last_words(stage: Stage) -> None:
    stage.start("broken", "raise SystemExit('the disk is full')")
    with pytest.raises(StartFailed, match=r"broken ended at once[\s\S]*the disk is full"):
        stage.supervisor.wait_until(lambda: False, "broken", within=WITHIN)


def test_waiting_for_a_child_ends_when_asked_to_stop(stage: Stage) -> None:
    stage.start("slow", OBEDIENT)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Stopped):
        stage.supervisor.wait_until(lambda: False, "slow", within=WITHIN)


def test_a_log_that_grows_too_large_begins_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LARGEST_LOG", 50)
    stage.start("talker", "import time\nfor n in range(30): print(n, flush=True); time.sleep(0.02)\ntime.sleep(600)")
    stage.until(lambda: stage.lines and stage.lines[-1][1] == "29")
    assert (stage.folder / "logs" / "talker.log.1").exists()
    assert (stage.folder / "logs" / "talker.log").stat().st_size < 80


SUPERVISING = """
import os, sys, time
from pathlib import Path
from worker.embedded.supervisor import Program, Supervisor
with Supervisor(Path(sys.argv[1]), say=print) as supervisor:
    supervisor.start(Program("child", [sys.executable, "-c", sys.argv[2]], Path(sys.argv[1]), dict(os.environ)))
    print(supervisor.pids()["child"], flush=True)
    supervisor.wait(600)
"""


def test_a_supervisor_killed_with_sigkill_leaves_no_orphan(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISING, str(tmp_path), STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        with ended({"child": child}):
            parent.kill()


def test_where_the_kernel_does_not_help_the_leash_watches(tmp_path: Path) -> None:
    watching = (
        "import sys; from worker.embedded import leash; "
        "sys.exit(leash.watch(int(sys.argv[1]), [sys.executable, '-c', sys.argv[2]]))"
    )
    own = f"import os, sys; print(os.getpid(), flush=True); {STUBBORN}"
    starter = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid()), sys.argv[2]])\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", starter, watching, own]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        with ended({"child": child}):
            parent.kill()


def test_a_leash_without_its_parent_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, leash.__file__, "1", sys.executable, "-c", "open('started', 'w')"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1
    assert not (tmp_path / "started").exists()
