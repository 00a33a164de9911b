"""The data directory, and the sandbox as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from worker.sandbox import SandboxControl, SandboxRefused, SandboxServer

ROOT = Path(__file__).parents[3]


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, "-m", "worker.sandbox", "--port", "0", "--json", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running, json.loads(running.stdout.readline())
        finally:
            running.kill()


def stamp(base_url: str, account: str, *ids: str) -> httpx.Response:
    auth = (f"{account}@sandbox.example", f"sandbox-{account}")
    return httpx.post(f"{base_url}/invoices/stamp", json={"ids": list(ids)}, auth=auth)


def test_a_second_start_continues_on_the_same_data(tmp_path: Path) -> None:
    with SandboxServer(data=tmp_path) as sandbox:
        sandbox.add_account("acme", country="colombia", numbers_left=100)
        ids = sandbox.add_drafts("acme", 12, {"late_rejection": 1, "waiting": 1, "data_error": 1, "void": 1})
        for each in ids[:6]:
            stamp(sandbox.base_url, "acme", each)
        httpx.delete(f"{sandbox.base_url}/invoices/{ids[11]}", auth=("acme@sandbox.example", "sandbox-acme"))
        sandbox.plant("acme", ids[10], "accept", observations="ref:1")
        sandbox.advance(86400)
        before = (sandbox.documents("acme"), sandbox.ledger(), sandbox.accounts())
    with SandboxServer(data=tmp_path) as sandbox:
        assert (sandbox.documents("acme"), sandbox.ledger(), sandbox.accounts()) == before
        assert sandbox.ask("GET", "/clock")["advanced"] == 86400
        stamp(sandbox.base_url, "acme", ids[10])
        assert sandbox.ledger()[-1]["call"].startswith("call-2.")
        assert int(sandbox.add_drafts("acme", 1)[0]) == int(ids[11]) + 1
        sandbox.reset()
    with SandboxServer(data=tmp_path) as sandbox:
        assert sandbox.accounts() == []


def test_a_postponed_stamp_survives_a_restart(tmp_path: Path) -> None:
    with SandboxServer(data=tmp_path, faults={"late_execution": {"seconds": 600, "cut": "reset"}}) as sandbox:
        sandbox.add_account("acme", country="colombia")
        [one] = sandbox.add_drafts("acme", 1)
        with pytest.raises(httpx.ReadError):
            stamp(sandbox.base_url, "acme", one)
    with SandboxServer(data=tmp_path) as sandbox:
        assert sandbox.ledger() == []
        sandbox.advance(601)
        assert [entry["document_id"] for entry in sandbox.ledger()] == [one]
    with SandboxServer(data=tmp_path) as sandbox:
        sandbox.advance(601)
        assert sandbox.duplicates() == []


def test_half_a_line_at_the_end_never_happened(tmp_path: Path) -> None:
    with SandboxServer(data=tmp_path) as sandbox:
        sandbox.add_account("acme", country="colombia")
    journal = tmp_path / "journal.jsonl"
    with journal.open("a") as file:
        file.write('{"record":"document","acc')
    with SandboxServer(data=tmp_path) as sandbox:
        assert len(sandbox.add_drafts("acme", 1)) == 1
    with SandboxServer(data=tmp_path) as sandbox:
        assert len(sandbox.documents("acme")) == 1


def test_it_runs_as_a_process_and_ends_on_sigterm(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path), "--account", "acme:CO", "--drafts", "acme=5,data_error=1")
    with process(*arguments, "--fault", "total_failure_status=200") as (running, told):
        with SandboxControl(told["url"]) as control:
            [account] = control.accounts()
            assert (account["country"], account["documents"]) == ("colombia", 5)
            assert control.faults.get()["total_failure_status"] == "200"
            assert stamp(told["base_url"], "acme", "501").status_code == 200
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    with process(*arguments) as (_, told), SandboxControl(told["url"]) as control:
        assert control.accounts()[0]["documents"] == 5


def test_a_journal_that_is_none_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("hello\n")
    command = [sys.executable, "-m", "worker.sandbox", "--port", "0", "--data", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "line 1" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--fault", "typo=1"), ("typo", "stamp_latency"), 2),
        (("--account", "acme"), ("acme", "country"), 2),
        (("--account", "acme:chile"), ("chile", "colombia"), 2),
        (("--account", "acme:CO", "--drafts", "acme"), ("drafts", "acme"), 2),
        (("--account", "acme:CO", "--drafts", "acme=1,void=x"), ("drafts", "void=x"), 2),
        (("--host", "203.0.113.1"), ("203.0.113.1", "--port"), 3),
    ],
)
def test_a_wrong_start_ends_with_one_sentence(arguments: tuple[str, ...], words: tuple[str, ...], code: int) -> None:
    command = [sys.executable, "-m", "worker.sandbox", "--port", "0", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
    assert all(word in ended.stderr for word in words)


def test_a_taken_port_is_told_to_whoever_starts_it_in_a_thread(sandbox: SandboxServer) -> None:
    taken = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address"), SandboxServer(port=taken):
        pass
    with pytest.raises(SandboxRefused, match="nobody"):
        sandbox.add_drafts("nobody", 1)
