"""The sweep's heartbeat: what a sweep leaves is what the doctor finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from celery import Celery
from redis import Redis

from worker.accounts import load_accounts
from worker.coordination.heartbeat import last_heartbeat, leave_heartbeat
from worker.environment import load_settings
from worker.runtime import Runtime


def test_no_sweep_is_known_to_a_redis_that_never_saw_one(redis_client: Redis) -> None:
    assert last_heartbeat(redis_client) is None


def test_the_last_sweep_is_the_one_that_counts(redis_client: Redis) -> None:
    for second in (1, 2):
        leave_heartbeat(redis_client, datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC))
    assert last_heartbeat(redis_client) == datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)


def test_the_sweep_task_leaves_its_heartbeat(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import tasks

    settings = load_settings({"TIMBRE_REDIS_URL": redis_url, "TIMBRE_DATABASE_URL": database_url})
    before = datetime.now(UTC)
    with Celery(broker=redis_url, set_as_current=False) as app:
        runtime = Runtime(settings, load_accounts(settings), app)
        monkeypatch.setattr(tasks, "runtime", lambda: runtime)
        tasks.sweep()
        swept_at = last_heartbeat(runtime.redis)
        runtime.close()
    assert swept_at is not None
    assert before <= swept_at <= datetime.now(UTC)
