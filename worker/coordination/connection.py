"""The connection to Redis: every wait bounded, every failure told as `CoordinationDown`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from redis import ConnectionError as RedisConnectionError
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from timbre_producers.addresses import read_address
from worker.emission.ports import CoordinationDown

ANSWER_WITHIN = timedelta(seconds=2)
"""A healthy Redis answers our scripts within a millisecond; one that needs seconds is as good as gone."""


def connect(url: str, *, answer_within: timedelta = ANSWER_WITHIN) -> Redis:
    """A client whose every command ends, one way or the other, within about twice `answer_within`.

    A connection the server closed meanwhile (a restart) is replaced once and at once. A command that timed out is
    not repeated: it may have been executed, and the caller has better things to do than to wait again.

    With sentinels, each new connection asks them who the master is, and all of them together get `answer_within` more.
    A master that became a replica refuses to write, and is left for the one they name then.
    """
    address = read_address(url)
    seconds = answer_within.total_seconds()
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        **(address.tls.for_redis() if address.tls else {}),
    }
    if address.master_name is None:
        return Redis.from_url(address.broker_url, **options)
    for_sentinels = address.for_sentinels(seconds / len(address.sentinels))
    sentinel: Any = Sentinel(address.sentinels, sentinel_kwargs=for_sentinels)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(
        address.master_name,
        username=address.username,
        password=address.password,
        db=address.database,
        ssl=address.tls is not None,
        **options,
    )
    return master


@contextmanager
def asking_redis(purpose: str) -> Iterator[None]:
    """Translate whatever Redis or the network does into `CoordinationDown`, with what we wanted in the sentence."""
    try:
        yield
    except (RedisError, OSError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise CoordinationDown(f"Redis did not answer when asked to {purpose}: {reason}.") from error
