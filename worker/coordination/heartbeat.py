"""The sweep's heartbeat: beat sends sweeps and a worker runs them, so a recent one proves that both are alive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis

from worker.coordination.connection import asking_redis

SWEPT_AT_KEY: Final = "timbre:swept_at"
"""Redis key in which each sweep leaves its time (ISO 8601, UTC)."""


def leave_heartbeat(redis: Redis, now: datetime) -> None:
    """Say that a sweep ended at `now`. Raises `CoordinationDown`."""
    with asking_redis("note the time of a sweep"):
        redis.set(SWEPT_AT_KEY, now.astimezone(UTC).isoformat())


def last_heartbeat(redis: Redis) -> datetime | None:
    """When the last sweep ended; None when Redis knows of none. Raises `redis.RedisError`."""
    raw: Any = redis.get(SWEPT_AT_KEY)
    return None if raw is None else datetime.fromisoformat(raw.decode() if isinstance(raw, bytes) else raw)
