"""The home of an embedded machine: one at a time, passwords private, ports remembered."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from worker.embedded.home import HomeRefused, free_port, only_machine, remembered_port, remembered_secret

HOLDING = """
import sys
from pathlib import Path
from worker.embedded.home import only_machine
with only_machine(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def test_a_second_machine_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    with (
        only_machine(tmp_path),
        pytest.raises(HomeRefused, match=f"already runs in .* \\(process {os.getpid()}\\)"),
        only_machine(tmp_path),
    ):
        pass


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeRefused, match="cannot be used: Not a directory"), only_machine(tmp_path / "file" / "home"):
        pass


def test_the_home_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with only_machine(tmp_path):
            pass


def test_a_machine_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(HomeRefused, match=f"process {other.pid}"), only_machine(tmp_path):
            pass
        other.kill()
        other.wait()
    with only_machine(tmp_path):
        assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"


def test_a_secret_stays_the_same_and_private(tmp_path: Path) -> None:
    secret = remembered_secret(tmp_path / "password")
    assert len(secret) >= 24
    assert remembered_secret(tmp_path / "password") == secret
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    port = remembered_port(tmp_path / "port")
    assert remembered_port(tmp_path / "port") == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert remembered_port(tmp_path / "port") != port


@pytest.mark.parametrize("written", ["", "0", "99999", "x"])
def test_a_port_file_that_says_nothing_is_no_trouble(tmp_path: Path, written: str) -> None:
    (tmp_path / "port").write_text(written)
    assert 0 < remembered_port(tmp_path / "port") < 65536
    assert 0 < free_port() < 65536
