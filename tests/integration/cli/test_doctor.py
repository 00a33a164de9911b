"""`timbre doctor` beside a working office, and beside one in which something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis

from tests.integration.cli.conftest import ON_POSTGRESQL, Office
from worker.coordination.heartbeat import leave_heartbeat

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
