"""The first of the two commands: `ops/run` on a fresh directory ends with every document stamped, once."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CODES = {
    "colombia": re.compile(r"[0-9a-f]{96}", re.IGNORECASE),
    "mexico": re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE),
    "costarica": re.compile(r"506[0-9]{47}"),
}


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE_", "FLOWER_"))}
    return {**inherited, "TIMBRE_HOME": str(home), **more}


def started_in(home: Path) -> list[psutil.Process]:
    """Every process that was told to live in this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in process.environ().get("TIMBRE_HOME", "") or str(home) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@contextmanager
def leaving_nothing(home: Path) -> Iterator[None]:
    yield
    assert [" ".join(process.cmdline()) for process in started_in(home)] == []


def emissions(home: Path) -> list[tuple[str, str, str, str, int]]:
    with closing(sqlite3.connect(home / "demo" / "timbre.db")) as database:
        return database.execute(
            "SELECT account, document_id, status, fiscal_code, attempt FROM emissions ORDER BY id"
        ).fetchall()


def run(home: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "ops" / "run", *options],
        env=clean_environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=170,
        check=False,
    )


def test_the_main_job_runs_twice_on_the_same_data_and_emits_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with leaving_nothing(home):
        first = run(home, TIMBRE_ALEGRA_EMAIL="me@example.com", TIMBRE_ALEGRA_TOKEN="canary-of-a-real-token")
    assert first.returncode == 0, first.stdout
    rows = emissions(home)
    assert len(rows) == 37
    for account, _, status, code, attempt in rows:
        assert (status, attempt) == ("stamped", 1)
        assert CODES[account].fullmatch(code)
        assert code in first.stdout
    assert "emits nothing with them" in first.stdout
    assert "canary-of-a-real-token" not in first.stdout
    assert not [file for file in home.rglob("*") if file.is_file() and b"canary-of-a-real" in file.read_bytes()]

    with leaving_nothing(home):
        second = run(home)
    assert second.returncode == 0, second.stdout
    assert emissions(home) == rows
    assert table_of(second.stdout) == table_of(first.stdout)


def table_of(output: str) -> list[str]:
    return [line.rstrip() for line in output.splitlines() if " stamped " in line and " of 37 " not in line]


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM], ids=lambda asked: asked.name)
def test_asked_to_stop_it_leaves_no_process_and_says_that_it_is_not_done(tmp_path: Path, asked: signal.Signals) -> None:
    home = tmp_path / "home"
    # So slow a linger that nothing can be done by the time we interrupt.
    environ = clean_environment(home, TIMBRE_LINGER="60")
    command = [ROOT / "ops" / "run"]
    with (
        leaving_nothing(home),
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo,
    ):
        assert demo.stdout is not None
        for line in demo.stdout:
            if " of 37 done" in line:
                break
        demo.send_signal(asked)
        rest = demo.stdout.read()
    assert demo.returncode == 1, rest
    assert "Stopped before the end; the next start goes on from here." in rest
