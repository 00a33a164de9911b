"""The client: check a request, split what is too long, and hand it to the broker or say at once that it cannot."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Self, cast

from amqp.exceptions import AMQPError
from celery import Celery
from kombu import Connection
from kombu.exceptions import KombuError
from pydantic import Field, ValidationError

from timbre_producers.contracts import (
    EMIT_TASK,
    FIELDS,
    INTAKE_QUEUE,
    MAX_IDS_PER_MESSAGE,
    DocumentId,
    EmitRequest,
    Priority,
)
from timbre_producers.errors import BrokerUnreachable, InvalidRequest
from timbre_producers.problems import FieldProblem, problems_of, shorten

SHOWN_IDS: Final = 30
"""Ids that Flower shows of one message."""

_AMQP: Final = ("amqp", "amqps", "pyamqp")

_FAILED: Final = (KombuError, OSError, AMQPError)
"""What a broker that does not take a message raises; kombu passes RabbitMQ's own words on as they are."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message: at most a thousand documents under a request id of their own."""

    request_id: uuid.UUID
    document_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the broker took. The fiscal codes appear in the status table, under the parts' request ids."""

    account: str
    kind: str
    request_id: uuid.UUID
    """The id of the whole; give it again to repeat the call."""
    parts: tuple[Part, ...]

    @property
    def request_ids(self) -> tuple[uuid.UUID, ...]:
        """One per message sent: the request id itself, or one derived from it per part."""
        return tuple(part.request_id for part in self.parts)

    @property
    def document_ids(self) -> tuple[str, ...]:
        """Every document asked for, once."""
        return tuple(document_id for part in self.parts for document_id in part.document_ids)


class _Call(EmitRequest):
    """What one call asks for, before it is split."""

    document_ids: Annotated[tuple[DocumentId, ...], Field(min_length=1)]


class EmissionClient:
    """Asks Timbre to emit documents. Threads may share one; nothing is buffered and nothing is retried later.

    `timeout`, in seconds, bounds how long a call waits for a broker that is away; only the resolving of its host
    name is the operating system's to bound. Raises `InvalidRequest` for an address no broker can have.
    """

    def __init__(self, broker_url: str, *, timeout: float = 1.0) -> None:
        self._url = broker_url
        self._timeout = timeout
        self._address = _without_credentials(broker_url)
        self._password = _check_address(broker_url, self._address)
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
    ) -> Receipt:
        """Ask for documents to be emitted; returns when the broker has the request, not when they are stamped.

        `request_id` is the idempotency key: with it, repeating a call adds nothing. `not_before` needs a time zone.
        `force_reason` lets held or rejected documents be tried again and is kept under `requested_by`, by default
        this user, host and program. More than 1,000 ids travel as several messages. `validate=False` sends documents
        that pre-flight would reject, which is recorded; a worker older than this field sets such a message aside.

        Raises `InvalidRequest` before anything has left, `BrokerUnreachable` when the broker did not take it all.
        """
        call = _checked(
            {
                "request_id": request_id if request_id is not None else uuid.uuid4(),
                "account": account,
                "kind": kind,
                "document_ids": _as_list(ids),
                "requested_by": requested_by if requested_by is not None else this_program(),
                "priority": priority,
                "not_before": not_before,
                "force": None if force_reason is None else {"reason": force_reason},
                "callback_url": callback_url,
                "validate": validate,
            }
        )
        messages = list(_split(call))
        sent: list[Part] = []
        for message in messages:
            try:
                self._send(message)
            except _FAILED as error:
                raise BrokerUnreachable(
                    self._address, self._reason(error), request_id=call.request_id, sent=sent, parts=len(messages)
                ) from error
            sent.append(Part(message.request_id, message.document_ids))
        return Receipt(call.account, call.kind, call.request_id, tuple(sent))

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

    def _send(self, message: EmitRequest) -> None:
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

    def _publish(self, message: EmitRequest, **where: Any) -> None:
        self._celery().send_task(
            EMIT_TASK,
            args=[message.model_dump(mode="json")],
            queue=INTAKE_QUEUE,
            argsrepr=_shown(message),
            kwargsrepr="",
            retry=False,
            ignore_result=True,
            confirm_timeout=self._wait,
            # RabbitMQ confirms what it has no queue for, and forgets it.
            mandatory=True,
            **where,
        )

    @property
    def _wait(self) -> float:
        """Seconds for one step (connect, one answer), so that all that may be waited for fits into the timeout.

        Of a RabbitMQ that has frozen one also takes leave, which is two steps more.
        """
        return self._timeout * (0.3 if self._url.startswith(_AMQP) else 0.4)

    def _celery(self) -> Celery:
        """The Celery application that publishes; a forked process makes its own, for sockets cannot be shared."""
        with self._lock:
            if self._app is None or self._pid != os.getpid():
                self._app = _celery(self._url, self._wait, self._timeout)
                self._pid = os.getpid()
            return self._app

    def _reason(self, error: Exception) -> str:
        reason = str(error).rstrip(".") or type(error).__name__
        return reason.replace(self._password, "***") if self._password else reason


def this_program() -> str:
    """Who asks, when the caller does not say: user@host/program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    name = f"{user}@{socket.gethostname()}/{Path(sys.argv[0]).name or 'python'}"
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", name)[:120]


def _celery(url: str, wait: float, timeout: float) -> Celery:
    options: dict[str, Any] = {"max_retries": 0}
    if url.startswith(_AMQP):
        options |= {"confirm_publish": True, "read_timeout": wait, "write_timeout": wait}
    else:
        options |= {"socket_timeout": wait, "socket_connect_timeout": wait, "retry_on_timeout": False}
    app = Celery("timbre-producers", broker=url, set_as_current=False)
    app.conf.update(
        broker_transport_options=options,
        broker_connection_timeout=wait,
        broker_pool_acquire_timeout=timeout,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def _checked(fields: dict[str, object]) -> _Call:
    try:
        return _Call.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(problems_of(error, FIELDS)) from None


def _as_list(ids: object) -> object:
    """The ids in an order that a repeated call repeats: a set has none of its own."""
    if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
        return ids
    members = cast("Iterable[object]", ids)
    return sorted(members, key=str) if isinstance(ids, AbstractSet) else list(members)


def _split(call: _Call) -> Iterator[EmitRequest]:
    """The messages of a call; each part's id follows from the call's, so that a repeated call repeats them."""
    fields = call.model_dump(exclude={"document_ids", "request_id"})
    ids = call.document_ids
    if len(ids) <= MAX_IDS_PER_MESSAGE:
        yield EmitRequest(**fields, request_id=call.request_id, document_ids=ids)
        return
    for number, start in enumerate(range(0, len(ids), MAX_IDS_PER_MESSAGE), start=1):
        part_id = uuid.uuid5(call.request_id, str(number))
        yield EmitRequest(**fields, request_id=part_id, document_ids=ids[start : start + MAX_IDS_PER_MESSAGE])


def _shown(message: EmitRequest) -> str:
    """The message as Flower shows it: what an operator looks for, and no more of it than fits."""
    ids = ", ".join(message.document_ids[:SHOWN_IDS])
    more = f", … {len(message.document_ids)} in all" if len(message.document_ids) > SHOWN_IDS else ""
    return f"{message.account} {message.kind} [{ids}{more}] {message.priority}"


def _without_credentials(url: str) -> str:
    return re.sub(r"(://)[^;]*@", r"\1", url).partition("?")[0]


def _check_address(url: str, shown: str) -> str | None:
    """The address's password, if it has one. Raises `InvalidRequest` when no transport can go by the address."""
    try:
        connection = Connection(url if "://" in url else "nothing://")
        connection.get_transport_cls()
    except (KeyError, TypeError, ValueError, ImportError):
        remedy = "use for example redis://localhost:6379/0 or amqp://localhost//, and install the package it needs"
        raise InvalidRequest([FieldProblem("broker_url", shown, f"cannot be {shorten(shown)}", remedy)]) from None
    return connection.password
