"""What the command says when it is asked for help, or asked wrongly: one sentence, the right exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

from tests.unit.cli.conftest import Timbre
from worker.cli import app

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group


def test_every_command_of_the_contract_is_there() -> None:
    contract = (
        "cancel create demo doctor emit migrate nightly pause release requests resume sandbox settings settle status up"
    )
    beside_it = "correct creations email metrics open void"
    assert sorted([*contract.split(), *beside_it.split()]) == COMMANDS


def test_help_lists_every_command(timbre: Timbre) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        result = timbre(*arguments)
        assert result.exit_code == 0
        assert all(command in result.stdout for command in COMMANDS)
        assert "<bool>" not in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(timbre: Timbre, command: str) -> None:
    result = timbre(command, "--help")
    assert result.exit_code == 0
    assert "Usage: timbre" in result.stdout
    assert "<bool>" not in result.stdout, "nothing is written behind a flag"


def test_help_loads_nothing_heavy() -> None:
    heavy = "celery kombu sqlalchemy redis httpx aiohttp psycopg alembic timbre_producers"
    code = f"import sys, worker.cli; print(sorted(name for name in '{heavy}'.split() if name in sys.modules), end='')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]"


def test_the_version_is_told(timbre: Timbre) -> None:
    result = timbre("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "timbre")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["emti"], "No such command 'emti'"),
        (["emit"], "Name the documents to emit"),
        (["emit", "501", "--all"], "not both"),
        (["emit", "--bogus"], "No such option: --bogus"),
        (["emit", "5/1"], "ID cannot be '5/1': write Alegra's id"),
        (["emit", "x" * 37], "1 to 36 letters, digits or dashes"),
        (["emit", "501", "--priority", "urgent"], "--priority cannot be 'urgent': write normal or high"),
        (["emit", "501", "--kind", "letter"], "--kind cannot be 'letter': Timbre emits invoice"),
        (["emit", "501", "--not-before", "tomorrow"], "--not-before cannot be 'tomorrow'"),
        (["emit", "501", "--not-before", "2026-03-02T09:00:00"], "with its zone"),
        (["emit", "501", "--request-id", "1"], "--request-id cannot be '1': write a UUID"),
        (["emit", "501", "--force"], "--force needs --reason"),
        (["emit", "501", "--force", "--reason", "x"], "one line of 3 to 500 characters"),
        (["emit", "501", "--reason", "no force"], "--reason goes with --force"),
        (["emit", "--all", "--force", "--reason", "because"], "--force names its documents"),
        (["emit", "501", "--dry-run", "--wait"], "--dry-run sends nothing"),
        (["emit", "501", "--wait=soon"], "--wait cannot be 'soon': write seconds"),
        (["emit", "501", "--wait=-1"], "--wait cannot be '-1'"),
        (["status", "--state", "lost"], "--state cannot be 'lost': write queued, emitting"),
        (["status", "--account", "\udcff"], "--account cannot be '\\udcff'"),
        (["requests", "--account", ""], "--account cannot be ''"),
        (["status", "--limit", "0"], "--limit cannot be '0': write a number from 1"),
        (["status", "--limit", "many"], "--limit cannot be 'many'"),
        (["status", "--request", "mine"], "--request cannot be 'mine': write the request's UUID"),
        (["status", "501", "--lang", "fr"], "--lang cannot be 'fr': write en or es"),
        (["release"], "Missing argument 'ID…'"),
        (["release", "501"], "release needs --reason"),
        (["creations", "a b"], "REFERENCE cannot be 'a b'"),
        (["creations", "A-1", "--reason", "to see"], "--reason goes with adopt, release or cancel"),
        (["creations", "adopt", "A-1", "--reason", "found it"], "Name the creation and its document"),
        (["creations", "adopt", "A-1", "5/1", "--reason", "found it"], "ID cannot be '5/1'"),
        (["creations", "release", "--reason", "to see"], "Name the creations: `timbre creations release"),
        (["creations", "release", "A-1"], "creations release needs --reason"),
        (["creations", "--state", "lost"], "--state cannot be 'lost': write queued, creating"),
        (["creations", "--request", "mine"], "--request cannot be 'mine'"),
        (["settle"], "Name the documents to read"),
        (["settle", "501", "--all-uncertain"], "not both"),
        (["pause"], "Missing argument 'ACCOUNT'"),
        (["sandbox", "--url", "somewhere"], "--url cannot be 'somewhere'"),
        (["sandbox", "--port", "70000"], "--port cannot be 70000"),
        (["sandbox", "--clear"], "--clear goes with --url"),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_exit_code_two(
    timbre: Timbre, arguments: list[str], sentence: str
) -> None:
    result = timbre(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert result.stderr.startswith("timbre: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["emit", "501", "--wait", "60"], ["emit", "--wait", "501", "502"]])
def test_what_could_be_seconds_or_a_document_is_never_guessed(timbre: Timbre, arguments: list[str]) -> None:
    result = timbre(*arguments)
    assert result.exit_code == 2
    assert "could mean seconds or a document: write --wait=" in result.stderr


def test_wrong_settings_are_told_as_their_sentences(timbre: Timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_LINGER", "soon")
    result = timbre("status")
    assert result.exit_code == 2
    assert "TIMBRE_LINGER is 'soon'; allowed is a number of seconds" in result.stderr


def test_a_probable_mistake_in_the_environment_is_said_once(timbre: Timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_LINGERR", "5")
    result = timbre("status")
    assert result.stderr.count("TIMBRE_LINGERR is not a setting") == 1


def test_looking_makes_no_database(timbre: Timbre) -> None:
    result = timbre("status")
    assert result.exit_code == 3
    assert "There is no database at" in result.stderr
    assert "`timbre migrate`" in result.stderr


def test_a_database_without_tables_says_migrate(timbre: Timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    open("empty.db", "w").close()  # noqa: PTH123  # an empty file is an empty SQLite database
    monkeypatch.setenv("TIMBRE_DATABASE_URL", "sqlite:///empty.db")
    result = timbre("status")
    assert result.exit_code == 3
    assert "run `timbre migrate`" in result.stderr


def test_a_broker_that_is_away_is_told_with_the_way_to_repeat(timbre: Timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    result = timbre("emit", "501")
    assert result.exit_code == 3
    assert "repeat the command with --request-id" in result.stderr
    assert "hunter2" not in result.stderr


def test_settings_are_printed_as_their_documentation(timbre: Timbre) -> None:
    result = timbre("settings")
    assert result.exit_code == 0
    assert "| `TIMBRE_LINGER` | `2` |" in result.stdout


def test_the_sandbox_lists_its_faults(timbre: Timbre) -> None:
    result = timbre("sandbox", "--faults")
    assert result.exit_code == 0
    assert "late_execution" in result.stdout


def test_a_sandbox_that_is_not_there_is_unreachable(timbre: Timbre) -> None:
    result = timbre("sandbox", "--url", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert "no sandbox answers" in result.stderr


def test_a_kind_that_the_accounts_country_does_not_have_is_refused_before_anything_is_asked(
    timbre: Timbre, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"EMAIL": "ana@example.com", "TOKEN": "0123456789abcdef", "COUNTRY": "CO"}.items():
        monkeypatch.setenv(f"TIMBRE_ALEGRA_{name}", value)
    result = timbre("emit", "501", "--kind", "global-invoice")
    assert result.exit_code == 2
    assert "a global invoice exists in México, and this account is of Colombia" in result.stderr
