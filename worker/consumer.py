"""A Celery consumer that survives the loss of its broker."""

from __future__ import annotations

import contextlib
from typing import Any

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Celery 5.7.0 ends the worker when Redis dies while it is acknowledging.

    The connection is closed a second time while its half-closed default channel is still attached, which raises
    AttributeError out of the reconnecting loop. Dropping that channel first lets the loop go on. To be removed when
    a Celery release passes tests/chaos/test_broker_loss.py without it.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        if self.connection is not None:
            # Whatever collecting a dead connection raises, it is dead: the parent opens a new one.
            with contextlib.suppress(Exception):
                self.connection.collect()
            # There is no public way to drop it.
            vars(self.connection)["_default_channel"] = None
        return super().on_connection_error_after_connected(exc)
