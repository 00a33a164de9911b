"""`timbre up`: everything on one machine; found by other shells, back when it dies, gone when it is asked to go."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest

from tests.e2e.test_run import clean_environment, leaving_nothing
from worker.embedded.valkey import answers
from worker.environment import load_settings

ROLES = ("valkey", "worker", "beat", "flower")


class Up:
    """A running `timbre up` and what it printed."""

    def __init__(self, home: Path, process: subprocess.Popen[str]) -> None:
        self.home = home
        self.process = process
        self.first = ""
        """The line that told where it is."""

    def line_with(self, wanted: str) -> str:
        assert self.process.stdout is not None
        read = []
        for line in self.process.stdout:
            read.append(line)
            if wanted in line:
                return line
        raise AssertionError("".join(read))

    def children(self) -> dict[str, psutil.Process]:
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            words = child.cmdline()
            for role in ROLES:
                if role in words or any(f"{role}-server" in word or "redis-server" in word for word in words[:1]):
                    found.setdefault(role, child)
        return found


@contextmanager
def up(home: Path, **more: str) -> Iterator[Up]:
    command = [str(Path(sys.executable).with_name("timbre")), "up"]
    with subprocess.Popen(
        command, env=clean_environment(home, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Up(home, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


T = TypeVar("T")


def eventually(happened: Callable[[], T]) -> T:
    deadline = time.monotonic() + 60
    while not (what := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return what


def workers_known(flower: httpx.Client, known: tuple[str, str]) -> dict[str, object]:
    """What Flower finds when it asks anew: by itself it asks once, as it starts, and a worker may start later."""
    answer = flower.get("/api/workers", auth=known, params={"refresh": "true"})
    return dict(answer.json()) if answer.status_code == 200 else {}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One machine that every test finds running."""
    home = tmp_path_factory.mktemp("up") / "home"
    with leaving_nothing(home), up(home) as running:
        running.first = running.line_with("Timbre is up.")
        yield running


def test_other_shells_find_it_and_nobody_else_gets_in(machine: Up) -> None:
    home = machine.home
    ((address, kept),) = re.findall(r"Flower: (\S+) \(user timbre, password in (\S+)\)", machine.first)
    settings = load_settings({"TIMBRE_HOME": str(home)})
    assert answers(settings.redis)
    assert settings.database == f"sqlite:///{home}/timbre.db"
    for secret in ("running.env", "flower.password", "flowerconfig.py", "valkey/password", "valkey/valkey.conf"):
        assert (home / secret).stat().st_mode & 0o777 == 0o600
    password = Path(kept).read_text(encoding="utf-8").strip()
    assert status_of(address, ("timbre", password)) == 200
    assert status_of(address, ("timbre", "guess")) == status_of(address, None) == 401


OPERATIONS = (
    "worker/shutdown/{worker}",
    "worker/pool/restart/{worker}",
    "worker/pool/grow/{worker}",
    "worker/pool/shrink/{worker}",
    "worker/pool/autoscale/{worker}",
    "worker/queue/add-consumer/{worker}",
    "worker/queue/cancel-consumer/{worker}",
    "task/apply/timbre.emit",
    "task/async-apply/timbre.emit",
    "task/send-task/timbre.emit",
    "task/abort/some-id",
    "task/timeout/timbre.emit",
    "task/rate-limit/timbre.emit",
    "task/revoke/some-id",
)


def test_flower_changes_nothing_and_shows_nothing_without_its_password(machine: Up) -> None:
    ((address, kept),) = re.findall(r"Flower: (\S+) \(user timbre, password in (\S+)\)", machine.first)
    known = ("timbre", Path(kept).read_text(encoding="utf-8").strip())
    with httpx.Client(base_url=address, timeout=30) as anybody:
        (worker,) = eventually(lambda: workers_known(anybody, known))
        for operation in OPERATIONS:
            path = f"/api/{operation.format(worker=worker)}"
            assert anybody.post(path, auth=known, json={}).status_code == 403, path
            assert anybody.post(path, json={}).status_code == 401, path
        for page in (
            "/",
            "/workers",
            f"/worker/{worker}",
            "/tasks",
            "/task/x",
            "/broker",
            "/api/workers",
            "/api/tasks",
        ):
            assert anybody.get(page).status_code == 401, page
        tasks = anybody.get("/tasks", auth=known).text
    columns = re.findall(r'<th[^>]*data-column="(\w+)"', tasks)
    assert columns == ["name", "args", "state", "received", "runtime", "worker"]
    assert machine.children()["worker"].is_running()


def test_a_second_one_in_the_same_home_is_refused_and_harms_nothing(machine: Up) -> None:
    before = machine.children()
    with up(machine.home) as second:
        assert f"already runs in {machine.home} (process {machine.process.pid})" in second.line_with("already runs")
        assert second.process.wait(timeout=60) == 2
    assert machine.children() == before


@pytest.mark.parametrize("role", ROLES)
def test_whichever_process_is_killed_comes_back(machine: Up, role: str) -> None:
    before = machine.children()
    assert set(before) == set(ROLES)
    before[role].kill()
    assert f"{role} ended by signal SIGKILL; starting it again" in machine.line_with("starting it again")
    eventually(lambda: machine.children().get(role) not in {None, before[role]})
    for other in set(ROLES) - {role}:
        assert machine.children()[other] == before[other]


def test_servers_of_the_environment_are_used_and_not_started(machine: Up, tmp_path: Path) -> None:
    theirs = load_settings({"TIMBRE_HOME": str(machine.home)}).redis
    home = tmp_path / "home"
    eventually(lambda: answers(theirs))
    with leaving_nothing(home), up(home, TIMBRE_REDIS_URL=theirs.replace("/0", "/1")) as running:
        running.line_with("Starting worker")
        eventually(lambda: set(running.children()) == {"worker", "beat", "flower"})
    assert answers(theirs)


def test_killed_itself_it_leaves_nothing_behind_and_can_start_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with up(home) as running:
        running.line_with("Starting worker")
        eventually(lambda: set(running.children()) == set(ROLES))
        children = list(running.children().values())
        running.process.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive
    with leaving_nothing(home), up(home) as again:
        again.line_with("Starting worker")


def test_a_wrong_account_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with leaving_nothing(home), up(home, TIMBRE_ALEGRA_EMAIL="me@example.com") as running:
        running.line_with("TIMBRE_ALEGRA_TOKEN is not set")
        assert running.process.wait(timeout=60) == 2


def status_of(address: str, credentials: tuple[str, str] | None) -> int:
    try:
        return httpx.get(f"{address}/workers", auth=credentials, timeout=10).status_code
    except httpx.TransportError:
        return 0
