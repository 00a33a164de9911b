"""The tasks: read the message, call one verb, let the message go. A task is a doorman."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from celery import Task, shared_task
from celery.exceptions import Reject
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from timbre_producers.contracts import EMIT_TASK, EmitRequest, UnreadableMessage, read_message
from timbre_producers.creations import CREATE_TASK, CreateRequest, read_creation
from worker import standby
from worker.broker import (
    CREATE_ONE_TASK,
    CREATIONS_TASK,
    DISPATCH_TASK,
    LOOK_FOR_TASK,
    MAIL_TASK,
    NIGHT_TICK_TASK,
    NIGHTLY_TASK,
    READ_TASK,
    SET_ASIDE_TASK,
    STAMP_TASK,
    SWEEP_TASK,
    creations_of,
)
from worker.emission.aside import Aside
from worker.emission.ports import CoordinationDown
from worker.observability import bound
from worker.runtime import runtime

log = logging.getLogger(__name__)

Asked = TypeVar("Asked", EmitRequest, CreateRequest)

ASK_AGAIN_IN = 5.0
"""Seconds until a request that could not be written down is tried again."""


@contextmanager
def weathering(task: str) -> Iterator[None]:
    """Redis or the database being away is expected trouble: a warning, and the sweep brings the work back."""
    try:
        yield
    except (CoordinationDown, OperationalError) as trouble:
        log.warning("put_off", extra={"task": task, "cause": type(trouble).__name__})
        standby.doubt()


# Acked late and redelivered, these three: the only messages that must not be lost. Intake is idempotent, so twice is
# harmless.
@shared_task(name=EMIT_TASK, bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=None)
def accept_request(self: Task[..., None], *args: Any, **kwargs: Any) -> None:
    """Write a producer's request down, or set it aside with the reason."""
    _until_written(self, lambda: _write_down(args, kwargs))


@shared_task(name=CREATE_TASK, bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=None)
def accept_creations(self: Task[..., None], *args: Any, **kwargs: Any) -> None:
    """Write a producer's request for new documents down, or set it aside with the reason."""
    _until_written(self, lambda: _write_creations_down(args, kwargs))


@shared_task(name=SET_ASIDE_TASK, bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=None)
def set_aside(self: Task[..., None], *, reason: str, body: str) -> None:
    """Keep what the consumer could not even hand to a task."""
    _until_written(self, lambda: runtime().intake.aside.unreadable(reason, body))


def _until_written(task: Task[..., None], write: Callable[[], None]) -> None:
    while True:
        try:
            write()
        except Exception as error:  # whatever it is: Celery acks a failed task's message, and it were lost
            if isinstance(error, SQLAlchemyError):
                log.warning("put_off", extra={"task": task.name, "cause": type(error).__name__})
                standby.doubt()
            else:
                log.exception("request_not_written")
            try:
                # Published again before this one is acked, so that it exists at every moment.
                raise task.retry(exc=error, countdown=ASK_AGAIN_IN)
            except Reject:
                # The broker takes nothing now, and Celery would drop what it has: kept unacked, here, it is safe.
                time.sleep(ASK_AGAIN_IN)
        else:
            return


def _readable(
    read: Callable[[Any, Any], Asked], aside: Aside, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Asked | None:
    """The request a message carries; None when nobody can read it, and it was set aside."""
    try:
        return read(args, kwargs)
    except UnreadableMessage as unreadable:
        body = json.dumps({"args": args, "kwargs": kwargs}, default=str)
        aside.unreadable(str(unreadable), body, unreadable.request_id)
        return None


def _write_down(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    intake = runtime().intake
    if (request := _readable(read_message, intake.aside, args, kwargs)) is None:
        return
    with bound(account=request.account, request_id=str(request.request_id)):
        outcome = intake.accept(request)
        # Not for everybody to read: a thousand messages a second would tell what the table `requests` keeps.
        log.debug("request_accepted", extra={"outcome": str(outcome)})


def _write_creations_down(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    intake = runtime().creation.intake
    if (request := _readable(read_creation, intake.aside, args, kwargs)) is None:
        return
    with bound(account=request.account, request_id=str(request.request_id)):
        log.info("creations_accepted", extra={"outcome": str(intake.accept(request))})


# Nudges from here on: acked early, may vanish or come twice, because the sweep rebuilds them from the table.
@shared_task(name=DISPATCH_TASK)
def dispatch(account: str) -> None:
    """Hand out what may go now for one account."""
    with weathering(DISPATCH_TASK), bound(account=account):
        runtime().debounce.begin(account)
        handed_out = runtime().dispatch.round(account)
        log.info("dispatched", extra={"reads": len(handed_out.reads), "batches": len(handed_out.batches)})


@shared_task(name=READ_TASK)
def read(account: str, kind: str, ids: list[str]) -> None:
    """Ask Alegra about up to thirty documents, and move each by what it shows."""
    with weathering(READ_TASK), bound(account=account):
        moves = runtime().reading.run(account, kind, ids)
        log.info("documents_read", extra={"asked": len(ids), "moved": len(moves)})


@shared_task(name=STAMP_TASK)
def stamp(batch_id: str) -> None:
    """Send one batch to be stamped."""
    with weathering(STAMP_TASK), bound(batch_id=batch_id):
        outcomes = runtime().stamping.run(batch_id)
        log.info("batch_sent", extra={"documents": len(outcomes)})


@shared_task(name=CREATIONS_TASK)
def creations(account: str) -> None:
    """Hand out what may be created or looked for now, for one account."""
    with weathering(CREATIONS_TASK), bound(account=account):
        runtime().debounce.begin(creations_of(account))
        handed_out = runtime().creation.dispatch.round(account)
        log.info("creations_dispatched", extra={"looks": len(handed_out.looks), "posts": len(handed_out.posts)})


@shared_task(name=CREATE_ONE_TASK)
def create_one(creation_id: int) -> None:
    """Create one document."""
    with weathering(CREATE_ONE_TASK), bound(creation=str(creation_id)):
        status = runtime().creation.creating.run(creation_id)
        log.info("creation_sent", extra={"outcome": str(status)})


@shared_task(name=LOOK_FOR_TASK)
def look_for(account: str, creation_ids: list[int]) -> None:
    """Look in Alegra's list for documents that may have been created, and move each by what is found."""
    with weathering(LOOK_FOR_TASK), bound(account=account):
        moves = runtime().creation.looking_for.run(account, creation_ids)
        log.info("creations_looked_for", extra={"asked": len(creation_ids), "moved": len(moves)})


@shared_task(name=SWEEP_TASK)
def sweep() -> None:
    """Finish what dead workers left, and announce again what the broker lost."""
    with weathering(SWEEP_TASK):
        swept = runtime().sweep.round()
        created = runtime().creation.sweep.round()
        runtime().calling_back.round()
        runtime().mailing.round()
        runtime().creation.calling_back.round()
        runtime().leave_heartbeat()
        abandoned, uncertain = swept.abandoned + created.abandoned, swept.uncertain + created.uncertain
        log.info("swept", extra={"abandoned": abandoned, "uncertain": uncertain})


@shared_task(name=MAIL_TASK)
def mail(account: str) -> None:
    """Send what is to be sent to the clients of one account."""
    with weathering(MAIL_TASK), bound(account=account):
        log.info("mail_sent", extra={"calls": runtime().mailing.run(account)})


@shared_task(name=NIGHT_TICK_TASK)
def nightly_tick() -> None:
    """Open the nights whose hour has come."""
    with weathering(NIGHT_TICK_TASK):
        runtime().nightly.tick()
        for account, short in runtime().looking_ahead.round().items():
            for each in short:
                log.warning("running_out", extra={"account": account, "what": each.what, "said": each.en})


@shared_task(name=NIGHTLY_TASK)
def nightly(account: str, local_date: str) -> None:
    """List one account's drafts and enqueue those its policy wants."""
    with weathering(NIGHTLY_TASK), bound(account=account):
        report = runtime().nightly.run(account, date.fromisoformat(local_date))
        if report is not None:
            log.info("night_enqueued", extra={"found": report.found, "enqueued": report.enqueued})
