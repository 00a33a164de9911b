"""Celery's Redis transport, which hands on what is no message at all instead of dying of it, and keeps its client.

Whoever may publish may also push bytes that Celery never wrote. kombu would raise out of the worker's loop: the worker
ends, and the bytes, taken off the queue already, are gone. Here they become a message that names no task, which the
consumer sets aside.

And kombu builds a client of redis-py for each command it sends, several a message, which takes as long as the command.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from kombu.transport import redis

from timbre_producers.contracts import INTAKE_QUEUE

_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What kombu raises over an envelope that is not as it should be."""


class _Channel:
    """Mixed into kombu's channels."""

    connection: Any
    pool: Any
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  # as kombu calls it
        """One for as long as there is this pool of connections: it holds none itself, and any thread may use it."""
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]  # of the class this is mixed into
        kept = self._kept
        if kept is None or kept.connection_pool is not self.pool:
            kept = self._kept = super()._create_client()  # type: ignore[misc]
        return kept

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # of the class this is mixed into
        except json.JSONDecodeError as error:
            found = error.doc
        except UnicodeDecodeError as error:
            found = bytes(error.object).decode(errors="replace")
        except RecursionError:
            found = "nested deeper than can be read"
        self.connection.hand_on(found, INTAKE_QUEUE)
        return True


class _Transport:
    """Mixed into kombu's transports."""

    def _deliver(self, message: Any, queue: Any) -> Any:
        try:
            super()._deliver(message, queue)  # type: ignore[misc]  # of the class this is mixed into
        except _UNREADABLE:
            self.hand_on(json.dumps(message), queue)

    def hand_on(self, found: str, queue: str) -> None:
        """Deliver what was found as the body of a message that names no task."""
        super()._deliver(_in_an_envelope(found, queue), queue)  # type: ignore[misc]  # of the class this is mixed into


def _in_an_envelope(found: str, queue: str) -> dict[str, Any]:
    return {
        "body": found,
        "content-type": "text/plain",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": {
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": queue, "routing_key": queue},
        },
    }


class Channel(_Channel, redis.Channel):
    """To one Redis."""


class SentinelChannel(_Channel, redis.SentinelChannel):
    """To whichever Redis the sentinels name."""


class Transport(_Transport, redis.Transport):
    """For `redis://` and `rediss://`."""

    Channel = Channel


class SentinelTransport(_Transport, redis.SentinelTransport):
    """For `sentinel://`."""

    Channel = SentinelChannel
