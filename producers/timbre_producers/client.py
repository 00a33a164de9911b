"""The client: check a request, split what is too long, and hand it to the broker or say at once that it cannot."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, Self, cast

from amqp.exceptions import AMQPError
from celery import Celery
from kombu import Connection, Exchange, Queue
from kombu.exceptions import KombuError

from timbre_producers.addresses import Address, UnusableAddress, read_address, without_credentials
from timbre_producers.calls import (
    CreateCall,
    EmitCall,
    Message,
    Part,
    Receipt,
    as_list,
    checked,
    part_of,
    shown,
    split_creation,
    split_emission,
    this_program,
)
from timbre_producers.contracts import INTAKE_QUEUE, Priority
from timbre_producers.creations import NewDocument
from timbre_producers.errors import BrokerUnreachable, InvalidRequest
from timbre_producers.problems import FieldProblem, shorten

_FAILED: Final = (KombuError, OSError, AMQPError)
"""What a broker that does not take a message raises; kombu passes RabbitMQ's own words on as they are."""


class EmissionClient:
    """Asks Timbre to emit or to create documents. Threads may share one; nothing is buffered, nothing is retried later.

    `timeout`, in seconds, bounds how long a call waits for a broker that is away; only the resolving of its host
    name is the operating system's to bound. Raises `InvalidRequest` for an address no broker can have.
    """

    def __init__(self, broker_url: str, *, timeout: float = 1.0) -> None:
        self._timeout = timeout
        self._broker = _checked_address(broker_url)
        self._address = self._broker.shown
        self._lock = threading.Lock()
        self._app: Celery | None = None
        self._pid = os.getpid()

    def emit(
        self,
        ids: Iterable[str | int],
        *,
        account: str = "default",
        kind: str = "invoice",
        request_id: uuid.UUID | str | None = None,
        priority: Priority | Literal["normal", "high"] = Priority.NORMAL,
        not_before: datetime | str | None = None,
        force_reason: str | None = None,
        requested_by: str | None = None,
        callback_url: str | None = None,
        validate: bool = True,
        email: bool = False,
    ) -> Receipt:
        """Ask for documents to be emitted; returns when the broker has the request, not when they are stamped.

        `request_id` is the idempotency key: with it, repeating a call adds nothing. `not_before` needs a time zone.
        `force_reason` lets held or rejected documents be tried again and is kept under `requested_by`, by default
        this user, host and program. More than 1,000 ids travel as several messages. `validate=False` sends documents
        that pre-flight would reject, which is recorded. `email=True` has Alegra send each to its client once it is
        stamped. A worker older than one of these two fields sets such a message aside.

        Raises `InvalidRequest` before anything has left, `BrokerUnreachable` when the broker did not take it all.
        """
        call = checked(
            EmitCall,
            {
                "request_id": request_id if request_id is not None else uuid.uuid4(),
                "account": account,
                "kind": kind,
                "document_ids": as_list(ids),
                "requested_by": requested_by if requested_by is not None else this_program(),
                "priority": priority,
                "not_before": not_before,
                "force": None if force_reason is None else {"reason": force_reason},
                "callback_url": callback_url,
                "validate": validate,
                "email": email,
            },
        )
        return self._hand_over(call, list(split_emission(call)))

    def create(
        self,
        documents: Iterable[NewDocument | Mapping[str, Any]],
        *,
        account: str = "default",
        kind: str = "invoice",
        emit: bool = False,
        request_id: uuid.UUID | str | None = None,
        priority: Priority | Literal["normal", "high"] = Priority.NORMAL,
        not_before: datetime | str | None = None,
        requested_by: str | None = None,
        callback_url: str | None = None,
        validate: bool = True,
    ) -> Receipt:
        """Ask for documents to be created; returns when the broker has the request, not when they are there.

        Each brings a `reference`, your own name of it, under which it is created once per account and kind, however
        often you ask; and a `body` in Alegra's own fields. `emit` has each emitted once it is there; otherwise it
        stays a draft. More than 100 documents travel as several messages. What else may be said is as for `emit`.

        Raises `InvalidRequest` before anything has left, `BrokerUnreachable` when the broker did not take it all.
        """
        call = checked(
            CreateCall,
            {
                "request_id": request_id if request_id is not None else uuid.uuid4(),
                "account": account,
                "kind": kind,
                "documents": as_list(documents),
                "requested_by": requested_by if requested_by is not None else this_program(),
                "emit": emit,
                "validate": validate,
                "priority": priority,
                "not_before": not_before,
                "callback_url": callback_url,
            },
        )
        return self._hand_over(call, list(split_creation(call)))

    def close(self) -> None:
        """Give the connections back; the client may be used again and then opens new ones."""
        with self._lock:
            app, self._app = self._app, None
        if app is not None:
            app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EmissionClient({self._address!r})"

    def _hand_over(self, call: EmitCall | CreateCall, messages: Sequence[Message]) -> Receipt:
        sent: list[Part] = []
        for message in messages:
            try:
                self._send(message)
            except _FAILED as error:
                raise BrokerUnreachable(
                    self._address, self._reason(error), request_id=call.request_id, sent=sent, parts=len(messages)
                ) from error
            sent.append(part_of(message))
        return Receipt(call.account, call.kind, call.request_id, tuple(sent))

    def _send(self, message: Message) -> None:
        started = time.monotonic()
        try:
            self._publish(message)
        except _FAILED:
            if time.monotonic() - started >= self._wait:
                raise
            # It failed at once: perhaps only a connection kept from before the broker's restart, or one that takes a
            # queue for declared that somebody has deleted since. A new one tells.
            with self._celery().connection_for_write() as fresh:
                self._publish(message, connection=fresh)

    def _publish(self, message: Message, **where: Any) -> None:
        self._celery().send_task(
            message.TASK,
            args=[message.model_dump(mode="json")],
            queue=cast("str", self._queue),  # the stubs know names only
            argsrepr=shown(message),
            kwargsrepr="",
            retry=False,
            ignore_result=True,
            confirm_timeout=self._wait,
            # RabbitMQ confirms what it has no queue for, and forgets it.
            mandatory=True,
            **where,
        )

    @property
    def _queue(self) -> Queue | str:
        """As everybody else declares it: two declarations of one queue that differ are an error for the second."""
        if (arguments := self._broker.queue_arguments()) is None:
            return INTAKE_QUEUE
        return Queue(INTAKE_QUEUE, Exchange(INTAKE_QUEUE), routing_key=INTAKE_QUEUE, queue_arguments=arguments)

    @property
    def _wait(self) -> float:
        """Seconds for one step (connect, one answer), so that all that may be waited for fits into the timeout.

        Of a RabbitMQ that has frozen one also takes leave: two steps more. Sentinels are asked first: one more.
        """
        return self._timeout * (0.3 if self._broker.is_amqp or self._broker.sentinels else 0.4)

    def _celery(self) -> Celery:
        """The Celery application that publishes; a forked process makes its own, for sockets cannot be shared."""
        with self._lock:
            if self._app is None or self._pid != os.getpid():
                self._app = _celery(self._broker, self._wait, self._timeout)
                self._pid = os.getpid()
            return self._app

    def _reason(self, error: Exception) -> str:
        reason = str(error).rstrip(".") or type(error).__name__
        for password in self._broker.passwords:
            reason = reason.replace(password, "***")
        return reason


def _celery(address: Address, wait: float, timeout: float) -> Celery:
    options: dict[str, Any] = {"max_retries": 0}
    if address.is_amqp:
        options |= {"confirm_publish": True, "read_timeout": wait, "write_timeout": wait}
    else:
        options |= {"socket_timeout": wait, "socket_connect_timeout": wait, "retry_on_timeout": False}
        options |= address.transport_options(wait / max(len(address.sentinels), 1))
    app = Celery("timbre-producers", broker=address.broker_url, set_as_current=False)
    app.conf.update(
        broker_transport_options=options,
        broker_use_ssl=address.use_ssl(),
        broker_connection_timeout=wait,
        broker_pool_acquire_timeout=timeout,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def _checked_address(url: str) -> Address:
    """Raises `InvalidRequest` when no transport can go by the address."""
    shown = without_credentials(url)
    remedy = "use for example redis://localhost:6379/0 or amqp://localhost//, and install the package it needs"
    try:
        address = read_address(url if "://" in url else "nothing://")
        Connection(address.broker_url).get_transport_cls()
    except UnusableAddress as unusable:
        raise InvalidRequest([FieldProblem("broker_url", shown, unusable.what, unusable.remedy)]) from None
    except (KeyError, TypeError, ValueError, ImportError):
        raise InvalidRequest([FieldProblem("broker_url", shown, f"cannot be {shorten(shown)}", remedy)]) from None
    return address
