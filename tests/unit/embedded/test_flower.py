"""Flower: its password in no place but a private file, and another port when its own is taken."""

from __future__ import annotations

import runpy
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from worker.embedded.flower import SHOWN, reach_flower, start_flower
from worker.embedded.supervisor import Program, StartFailed, Supervisor
from worker.environment import load_settings

ROOT = Path(__file__).resolve().parents[3]


class Recorder(Supervisor):
    """Starts nothing; whatever is awaited fails as often as told."""

    def __init__(self, folder: Path, *, failures: int = 0) -> None:
        super().__init__(folder, say=print)
        self.started: list[Program] = []
        self.dropped: list[str] = []
        self.failures = failures

    def start(self, program: Program) -> None:
        self.started.append(program)

    def drop(self, name: str) -> None:
        self.dropped.append(name)

    def wait_until(self, ready: Callable[[], bool], name: str, *, within: timedelta) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise StartFailed(f"{name} ended at once")


def test_the_password_is_on_no_command_line_and_in_no_other_place(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    settings = load_settings({"TIMBRE_FLOWER_USER": "ana", "TIMBRE_FLOWER_PASSWORD": "a,b'\\c"})
    flower = start_flower(recorder, settings, tmp_path, {})
    (program,) = recorder.started
    assert "a,b" not in repr(program) + repr(flower)
    written: dict[str, object] = {}
    exec((tmp_path / "flowerconfig.py").read_text(), written)  # noqa: S102  # as Flower does
    assert (written["basic_auth"], written["read_only"]) == (["ana:a,b'\\c"], True)
    assert flower.where_the_password_is == "TIMBRE_FLOWER_PASSWORD"
    assert not (tmp_path / "flower.password").exists()


def test_docker_compose_shows_what_one_machine_shows() -> None:
    compose = runpy.run_path(str(ROOT / "ops" / "flower" / "flowerconfig.py"))
    assert {name: value for name, value in compose.items() if not name.startswith("__")} == SHOWN


def test_a_password_is_made_once_when_none_is_given(tmp_path: Path) -> None:
    first, second = (start_flower(Recorder(tmp_path), load_settings({}), tmp_path, {}) for _ in range(2))
    assert first.password == second.password == (tmp_path / "flower.password").read_text().strip()


def test_a_taken_port_is_left_to_its_owner(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        taken = owner.getsockname()[1]
        flower = start_flower(Recorder(tmp_path), load_settings({"TIMBRE_FLOWER_PORT": str(taken)}), tmp_path, {})
    assert flower.port != taken
    assert f"--port={flower.port}" in flower.program.command


def test_a_port_taken_meanwhile_is_exchanged(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, failures=1)
    flower = start_flower(recorder, load_settings({}), tmp_path, {})
    moved = reach_flower(recorder, flower)
    assert recorder.dropped == ["flower"]
    assert moved.port != flower.port
    assert f"--port={moved.port}" in recorder.started[-1].command


def test_a_flower_that_never_comes_up_is_reported(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, failures=99)
    with pytest.raises(StartFailed):
        reach_flower(recorder, start_flower(recorder, load_settings({}), tmp_path, {}))
