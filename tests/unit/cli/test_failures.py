"""Every expected trouble has its sentence and exit code; a surprise is kept in a file, without secrets."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError as BrokerTrouble
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.unit.cli.conftest import Timbre
from timbre_producers import BrokerUnreachable
from worker.accounts import UnknownAccount
from worker.cli import reach
from worker.cli.failures import ExitCode, Failure, told
from worker.emission.ports import AlegraUnavailable, CoordinationDown
from worker.observability import SECRETS
from worker.settings import WrongSettings


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (OSError(28, "No space left on device"), ExitCode.UNREACHABLE, "The system said: No space left on device."),
        (Failure("as it is"), ExitCode.WRONG_USAGE, "as it is"),
        (WrongSettings(["one", "two"]), ExitCode.WRONG_USAGE, "one\ntwo"),
        (UnknownAccount("acm", ["acme"]), ExitCode.WRONG_USAGE, "did you mean acme?"),
        (AlegraUnavailable("Alegra does not answer"), ExitCode.UNREACHABLE, "Alegra does not answer"),
        (CoordinationDown("Redis did not answer."), ExitCode.UNREACHABLE, "correct TIMBRE_REDIS_URL"),
        (redis.ConnectionError("refused"), ExitCode.UNREACHABLE, "did not answer (ConnectionError)"),
        (BrokerTrouble("refused"), ExitCode.UNREACHABLE, "did not answer (OperationalError)"),
        (
            BrokerUnreachable("redis://h", "refused", request_id=uuid.uuid4(), sent=[], parts=1),
            ExitCode.UNREACHABLE,
            "the broker at redis://h did not take the request",
        ),
        (
            OperationalError("SELECT", {}, Exception("no such table: emissions")),
            ExitCode.UNREACHABLE,
            "run `timbre migrate`",
        ),
        (
            ProgrammingError("SELECT", {}, Exception('relation "emissions" does not exist\nLINE 1')),
            ExitCode.UNREACHABLE,
            "run `timbre migrate`",
        ),
        (
            OperationalError("SELECT", {}, Exception("connection refused\nIs the server running?")),
            ExitCode.UNREACHABLE,
            "cannot be used: connection refused. Start it",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_expected_error_is_a_sentence(error: Exception, code: ExitCode, sentence: str) -> None:
    failure = told(error)
    assert failure is not None
    assert failure.code is code
    assert sentence in failure.sentence


def test_a_surprise_has_no_sentence_of_its_own() -> None:
    assert told(ZeroDivisionError()) is None


def _surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    def queries() -> None:
        raise ZeroDivisionError("with hunter2-the-token inside")

    SECRETS.hide("hunter2-the-token")
    monkeypatch.setattr(reach, "queries", queries)


def test_a_surprise_is_a_sentence_and_its_traceback_lies_in_a_file(
    timbre: Timbre, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".timbre").mkdir()
    _surprise(monkeypatch)
    result = timbre("requests")
    assert result.exit_code == 3
    assert "Something unforeseen happened (ZeroDivisionError)" in result.stderr
    assert "Traceback" not in result.output
    kept = (Path(".timbre") / "timbre-cli.log").read_text(encoding="utf-8")
    assert "Traceback" in kept
    assert "hunter2" not in kept


def test_a_surprise_shows_its_traceback_when_asked(timbre: Timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".timbre").mkdir()
    _surprise(monkeypatch)
    monkeypatch.setenv("TIMBRE_DEBUG", "1")
    result = timbre("requests")
    assert result.exit_code == 3
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" in result.stderr
    assert "hunter2" not in result.output
