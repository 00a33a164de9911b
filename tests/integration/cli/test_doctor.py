"""`timbre doctor` beside a working office, and beside one in which something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import create_engine, update

from tests.integration.cli.conftest import ON_POSTGRESQL, Office
from worker.coordination.heartbeat import leave_heartbeat
from worker.storage.models import AccountRow

pytestmark = ON_POSTGRESQL


def test_the_doctor_finds_everything_well(office: Office) -> None:
    with redis.Redis.from_url(office.environ["TIMBRE_REDIS_URL"]) as client:
        leave_heartbeat(client, datetime.now(UTC))
    report = office.json("doctor")
    assert report["healthy"] is True
    checks = {each["check"] for each in report["findings"] if each["level"] == "ok"}
    assert checks == {"settings", "database", "redis", "locks", "beat", "worker", "account"}
    assert office.timbre("doctor").stdout.endswith("All is well.\n")


@pytest.mark.parametrize(
    ("changes", "code", "failing"),
    [
        ({"ACME_TOKEN": "another-token"}, 1, "account"),
        ({"TIMBRE_REDIS_URL": "redis://127.0.0.1:1/0"}, 3, "redis"),
        ({"TIMBRE_DATABASE_URL": "postgresql://ana:hunter2@127.0.0.1:1/timbre"}, 3, "database"),
        ({"TIMBRE_BROKER_URL": "amqp://ana:hunter2@127.0.0.1:1//"}, 3, "broker"),
        ({"TIMBRE_ALEGRA_BASE_URL": "http://127.0.0.1:1/api/v1"}, 3, "account"),
        ({"TIMBRE_ACCOUNTS_FILE": "nowhere.toml"}, 1, "accounts"),
        ({"TIMBRE_LINGER": "soon"}, 1, "settings"),
    ],
)
def test_what_fails_has_a_remedy_and_an_exit_code(
    office: Office, changes: dict[str, str], code: int, failing: str
) -> None:
    with redis.Redis.from_url(office.environ["TIMBRE_REDIS_URL"]) as client:
        leave_heartbeat(client, datetime.now(UTC))
    report = office.json("doctor", code=code, **changes)
    assert "hunter2" not in str(report)
    bad = [each for each in report["findings"] if each["level"] != "ok"]
    assert failing in {each["check"] for each in bad}
    assert all(each["remedy"] for each in bad)


def test_a_beat_that_is_gone_is_found_by_its_silence(office: Office) -> None:
    with redis.Redis.from_url(office.environ["TIMBRE_REDIS_URL"]) as client:
        leave_heartbeat(client, datetime(2026, 1, 1, tzinfo=UTC))
    report = office.json("doctor", code=1)
    (beat,) = [each for each in report["findings"] if each["check"] == "beat"]
    assert "the last sweep was" in beat["said"]
    assert "celery -A worker.app beat" in beat["remedy"]


def test_calls_too_slow_for_the_limit_are_told_with_the_limit_that_would_do(office: Office) -> None:
    (document,) = office.drafts(1)
    assert office.timbre("emit", document, "--account", "acme", "--wait").exit_code == 0
    with redis.Redis.from_url(office.environ["TIMBRE_REDIS_URL"]) as client:
        leave_heartbeat(client, datetime.now(UTC))
    learned(office, limit=7, usual_ms=15_200)
    # The office's quota is forty times Alegra's.
    (slow,) = said_of_calls(office, most=8)
    assert slow["level"] == "warning"
    assert slow["said"] == "a stamp call takes 15.2 s; 7 at once now, 8 at most: these spend 35% of its quota"
    assert "max_in_flight to 23; `ops/sizing`" in slow["remedy"]
    (enough,) = said_of_calls(office, most=24)
    assert (enough["level"], enough["remedy"]) == ("ok", None)
    assert "at most 7 stamp calls at once now; one takes 15.2 s" in office.timbre("status", "--account", "acme").stdout


def learned(office: Office, *, limit: int, usual_ms: int) -> None:
    """As the workers would have written it down after hours of such calls."""
    engine = create_engine(office.environ["TIMBRE_DATABASE_URL"])
    with engine.begin() as connection:
        values = {"in_flight_limit": limit, "in_flight_usual_ms": usual_ms}
        connection.execute(update(AccountRow).where(AccountRow.account == "acme").values(values))
    engine.dispose()


def said_of_calls(office: Office, *, most: int) -> list[dict[str, Any]]:
    """What the doctor says of the account's stamp calls, with Alegra's quota and this limit."""
    report = office.json("doctor", TIMBRE_REQUESTS_PER_MINUTE="150", TIMBRE_MAX_IN_FLIGHT=str(most))
    return [each for each in report["findings"] if "a stamp call takes" in each["said"]]


def test_two_accounts_of_one_company_are_found_although_nothing_in_their_settings_is_alike(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.toml"
    another_name = office.sandbox.base_url.replace("127.0.0.1", "localhost")
    file.write_text(
        '[acme]\nemail = "ana@acme.example"\ntoken_env = "ACME_TOKEN"\n'
        f'[twin]\nemail = "ana@acme.example"\ntoken_env = "ACME_TOKEN"\nbase_url = "{another_name}"\n',
        encoding="utf-8",
    )
    with redis.Redis.from_url(office.environ["TIMBRE_REDIS_URL"]) as client:
        leave_heartbeat(client, datetime.now(UTC))
    report = office.json("doctor", TIMBRE_ACCOUNTS_FILE=str(file))
    (told,) = [each for each in report["findings"] if "same tax number" in each["said"]]
    assert (told["level"], told["account"]) == ("warning", "twin")
    assert told["said"].startswith("acme has the same tax number")
