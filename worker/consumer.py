"""A Celery consumer that survives the loss of its broker, and whatever message it is handed."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer
from kombu.exceptions import OperationalError

from timbre_producers.contracts import EMIT_TASK, INTAKE_QUEUE
from worker.broker import SET_ASIDE_TASK

log = logging.getLogger(__name__)

_REMEDY = f'send it as `send_task("{EMIT_TASK}", …)` does (producers/README.md)'


class Consumer(consumer.Consumer):
    """Celery 5.7.0 ends the worker when Redis dies while it is acknowledging, and over messages it did not foresee.

    Of the first: the connection is closed a second time while its half-closed default channel is still attached, which
    raises AttributeError out of the reconnecting loop. Dropping that channel first lets the loop go on. To be removed
    when a Celery release passes tests/chaos/test_broker_loss.py without it.

    Of the second: a message that made one worker end is handed to the next one. A message that does not parse is kept
    where an operator sees it, and never retried (design.md §5).
    """

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        if self.connection is not None:
            # Whatever collecting a dead connection raises, it is dead: the parent opens a new one.
            with contextlib.suppress(Exception):
                self.connection.collect()
            # There is no public way to drop it.
            vars(self.connection)["_default_channel"] = None
        return super().on_connection_error_after_connected(exc)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **kwargs)
        # kombu counts KeyError among them for reasons of its own; here it is a header that is not there.
        lost = tuple(each for each in (*self.connection_errors, *self.channel_errors) if each is not KeyError)

        def on_task_received(message: Any) -> None:
            try:
                called = message.payload
            except Exception as error:  # noqa: BLE001  # Celery would find out in a thread, and let go of the message
                self.on_decode_error(message, error)
                return
            if "task" in message.headers and not _is_a_call(called):
                self._set_aside(message, "its body is not [arguments, named arguments, options]")
                return
            try:
                handle(message)
            except lost:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, it would end every worker in turn
                self._set_aside(message, f"it cannot be read as a task: {_told(error)}")

        return on_task_received

    def on_unknown_message(self, body: Any, message: Any) -> None:
        del body
        self._set_aside(message, "it names no task")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        del body
        self._set_aside(message, f"there is no task {_told(exc)}")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        del body
        self._set_aside(message, f"it cannot be read as a task: {_told(exc)}")

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._set_aside(message, f"its body is no {message.content_type}: {_told(exc)}")

    def _set_aside(self, message: Any, why: str) -> None:
        """Have it written down by a task, as the loop must not wait for a database; only then is it acknowledged."""
        found = {"headers": message.headers, "content-type": message.content_type, "body": _text(message.body)}
        reason = f"the message was not understood: {why}; {_REMEDY}"
        log.error("message_set_aside", extra={"reason": why})
        try:
            self.app.send_task(
                SET_ASIDE_TASK,
                kwargs={"reason": reason, "body": json.dumps(found, default=str)},
                queue=INTAKE_QUEUE,
                argsrepr=why,
                kwargsrepr="",
            )
        except OperationalError as error:
            # The loop connects anew, and the broker hands the message out again.
            raise ConnectionError("the broker took no message") from error
        message.ack_log_error(log, self.connection_errors)


def _is_a_call(body: Any) -> bool:
    """As Celery's second protocol writes one."""
    match body:
        case [list(), dict(), dict() | None]:
            return True
        case {"task": _}:
            # The first protocol's; what else it holds is looked at when it is handled.
            return True
        case _:
            return False


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


def _text(body: Any) -> str:
    return bytes(body).decode(errors="replace") if isinstance(body, (bytes, bytearray, memoryview)) else str(body)
