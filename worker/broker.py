"""The broker's side: how Celery is set up, what each task is called, and the announcer that sends the nudges."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol

from celery import Celery
from kombu import Exchange, Queue, transport
from kombu.exceptions import ChannelError, OperationalError

from timbre_producers.addresses import Address, read_address
from timbre_producers.contracts import EMIT_TASK, INTAKE_QUEUE
from timbre_producers.creations import CREATE_TASK
from worker.emission.ports import CoordinationDown
from worker.settings import Settings

log = logging.getLogger(__name__)

DISPATCH_TASK: Final = "timbre.dispatch"
READ_TASK: Final = "timbre.read"
STAMP_TASK: Final = "timbre.stamp"
SWEEP_TASK: Final = "timbre.sweep"
NIGHTLY_TASK: Final = "timbre.nightly"
NIGHT_TICK_TASK: Final = "timbre.nightly_tick"
MAIL_TASK: Final = "timbre.mail"
SET_ASIDE_TASK: Final = "timbre.set_aside"
CREATIONS_TASK: Final = "timbre.creations"
CREATE_ONE_TASK: Final = "timbre.create_one"
LOOK_FOR_TASK: Final = "timbre.look_for"

WORK_QUEUE: Final = "timbre.work"
STAMP_QUEUE: Final = "timbre.stamp"
"""Stamp calls and creations last seconds to minutes: a queue of their own, and perhaps workers of their own."""

LONGEST_NUDGE: Final = timedelta(minutes=2)
"""Longer waits stay in the table; a countdown must stay far below the broker's visibility timeout (celery-notes)."""

SENTINEL_ANSWERS_WITHIN: Final = 1.0
"""Seconds; the worker's only loop waits for them, and then the next sentinel is asked."""

_TRANSPORTS: Final = {
    "redis": "worker.transport:Transport",
    "rediss": "worker.transport:Transport",
    "sentinel": "worker.transport:SentinelTransport",
}
"""Ours instead of kombu's, by the URL's scheme. As the setting `broker_transport` it would show in every URL."""


def configure(app: Celery, settings: Settings) -> None:
    """Everything Celery is told, with the reason where it is not the default."""
    transport.TRANSPORT_ALIASES.update(_TRANSPORTS)
    # Whoever connected before made kombu remember its own; there is no public way to have it forget.
    vars(transport)["_transport_cache"].clear()
    address = read_address(settings.broker)
    app.conf.update(
        broker_url=address.broker_url,
        broker_use_ssl=address.use_ssl(),
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(settings, address),
        task_queues=[_queue(name, address) for name in (INTAKE_QUEUE, WORK_QUEUE, STAMP_QUEUE)],
        # Of the queues in which quorum queues have messages wait for their time: those are nudges, which may be lost.
        broker_native_delayed_delivery_queue_type="classic",
        task_default_queue=WORK_QUEUE,
        task_routes={
            EMIT_TASK: {"queue": INTAKE_QUEUE},
            CREATE_TASK: {"queue": INTAKE_QUEUE},
            SET_ASIDE_TASK: {"queue": INTAKE_QUEUE},
            STAMP_TASK: {"queue": STAMP_QUEUE},
            CREATE_ONE_TASK: {"queue": STAMP_QUEUE},
        },
        # The table is the result.
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        accept_content=["json"],
        task_serializer="json",
        # Calls last seconds to minutes and only wait: threads (ops/decisions).
        worker_pool="threads",
        worker_concurrency=settings.worker_threads,
        worker_prefetch_multiplier=1,
        worker_consumer="worker.consumer:Consumer",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # Events are Flower's food and cost as much as half a message. It switches them on itself while it looks on;
        # of a task that was sent and not yet received it shows nothing that the table does not know better.
        worker_send_task_events=False,
        task_send_sent_event=False,
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_step": 0.3},
        timezone="UTC",
        beat_schedule_filename=str(settings.beat_schedule_file),
        beat_schedule={
            "sweep": {
                "task": SWEEP_TASK,
                "schedule": settings.sweep_every,
                # One that nobody took in time is pointless: the next one does its work.
                "options": {"expires": settings.sweep_every.total_seconds()},
            },
            "nightly": {"task": NIGHT_TICK_TASK, "schedule": timedelta(minutes=1), "options": {"expires": 60}},
        },
    )


def _transport_options(settings: Settings, address: Address) -> dict[str, Any]:
    if address.is_amqp:
        # A message counts as sent when RabbitMQ has written it down, not when it has left us.
        return {"confirm_publish": True}
    return {
        # An unacknowledged request (a worker died in intake) is delivered again after this many seconds.
        "visibility_timeout": settings.redelivery.total_seconds(),
        # Who looks for such messages holds a lock; a worker that dies at it must not stop the others for the five
        # minutes that Celery would wait. Two looking at once deliver one twice, which is harmless.
        "unacked_mutex_expire": 10,
        "socket_connect_timeout": 5,
        "socket_timeout": 15,
        "socket_keepalive": True,
        # No retry_on_timeout: redis-py would then restore a lost subscription by itself and wait for a message
        # on it, and the worker's only loop would stand still until one comes.
        **address.transport_options(SENTINEL_ANSWERS_WITHIN),
    }


def _queue(name: str, address: Address) -> Queue:
    """A queue as a producer's bare `send_task(queue=name)` declares it: left to Celery, all would share one binding.

    A message with a countdown reaches a quorum queue by way of a topic exchange only (ops/decisions); it has a name of
    its own, as the producers' is a direct one.
    """
    if (arguments := address.queue_arguments()) is None:
        return Queue(name, Exchange(name, type="direct"), routing_key=name)
    return Queue(name, Exchange(f"{name}.timed", type="topic"), routing_key=name, queue_arguments=arguments)


def glancing_app(settings: Settings, patience: float = 1.0) -> Celery:
    """An application that only looks, and gives up after `patience` seconds."""
    address = read_address(settings.broker)
    app = Celery("timbre-glance", broker=address.broker_url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=address.use_ssl(),
        broker_connection_timeout=patience,
        broker_transport_options={
            "socket_timeout": patience,
            "socket_connect_timeout": patience,
            "retry_on_timeout": False,
            "max_retries": 0,
            **address.transport_options(patience),
        },
    )
    return app


def messages_waiting(app: Celery, queues: Sequence[str]) -> dict[str, int]:
    """How many messages are in each queue; none in one that nobody has used yet. Raises what the transport raises."""
    waiting = {}
    with app.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=app.conf.broker_connection_timeout)
        for queue in queues:
            # A channel each: asking for a queue that does not exist ends the channel.
            with connection.channel() as channel:
                try:
                    found: Any = Queue(queue, channel=channel).queue_declare(passive=True)
                    waiting[queue] = found.message_count
                except ChannelError:
                    waiting[queue] = 0
    return waiting


class NudgeDebounce(Protocol):
    """Many nudges become one (coordination.nudges)."""

    def claim(self, key: str, delay: timedelta) -> bool: ...

    def begin(self, key: str) -> None: ...


class CeleryAnnouncer:
    """Implements the `Announcer` of emission and that of creation.

    A nudge that cannot be sent is logged: the sweep makes up.
    """

    def __init__(self, app: Celery, debounce: NudgeDebounce) -> None:
        self._app = app
        self._debounce = debounce

    def dispatch(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        self._round(DISPATCH_TASK, account, account, delay)

    def creations(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        self._round(CREATIONS_TASK, account, creations_of(account), delay)

    def create(self, account: str, kind: str, creation_id: int, reference: str) -> None:
        self._send(CREATE_ONE_TASK, {"creation_id": creation_id}, f"{account} {kind} {reference}")

    def look_for(self, account: str, kind: str, creation_ids: Sequence[int], references: Sequence[str]) -> None:
        arguments = {"account": account, "creation_ids": list(creation_ids)}
        self._send(LOOK_FOR_TASK, arguments, f"{account} {kind} {_few(references)}")

    def read(self, account: str, kind: str, ids: Sequence[str]) -> None:
        self._send(READ_TASK, {"account": account, "kind": kind, "ids": list(ids)}, f"{account} {kind} {_few(ids)}")

    def stamp(self, account: str, kind: str, batch_id: str, ids: Sequence[str]) -> None:
        self._send(STAMP_TASK, {"batch_id": batch_id}, f"{account} {kind} {_few(ids)}")

    def night(self, account: str, local_date: date, *, delay: timedelta = timedelta(0)) -> None:
        if delay > LONGEST_NUDGE:
            return  # The night's lease ends meanwhile, and the tick opens it anew.
        arguments = {"account": account, "local_date": local_date.isoformat()}
        self._send(NIGHTLY_TASK, arguments, f"{account} {local_date}", countdown=delay.total_seconds() or None)

    def mail(self, account: str) -> None:
        self._send(MAIL_TASK, {"account": account}, account)

    def _round(self, task: str, account: str, key: str, delay: timedelta) -> None:
        """Have a round run for the account, unless one is about to."""
        if delay > LONGEST_NUDGE:
            return
        try:
            if not self._debounce.claim(key, delay):
                return
        except CoordinationDown as down:
            log.warning("nudge_not_sent", extra={"account": account, "cause": str(down)})
            return
        if not self._send(task, {"account": account}, account, countdown=delay.total_seconds() or None):
            # Otherwise the claim would silence the account's nudges for a while.
            with contextlib.suppress(CoordinationDown):
                self._debounce.begin(key)

    def _send(self, task: str, arguments: dict[str, Any], shown: str, *, countdown: float | None = None) -> bool:
        """Whether the broker took it."""
        if countdown is not None and self._app.amqp.queues[WORK_QUEUE].queue_arguments:
            # RabbitMQ waits whole seconds for a quorum queue, and of less than one Celery raises ValueError.
            countdown = max(countdown, 1.0)
        try:
            # What Flower shows: account and ids, whatever the message carries.
            self._app.send_task(task, kwargs=arguments, countdown=countdown, argsrepr=shown, kwargsrepr="")
        except OperationalError as error:
            log.warning("nudge_not_sent", extra={"nudge": task, "about": shown, "cause": type(error).__name__})
            return False
        return True


def creations_of(account: str) -> str:
    """What the nudges for an account's creations are debounced under; no account has such a name."""
    return f"creations/{account}"


def _few(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:30])
    return f"[{shown}, … {len(ids)} in all]" if len(ids) > 30 else f"[{shown}]"
