"""The backlog: how much is unfinished, what waits for a worker, and since when. Reads only what is being worked on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BindParameter, Engine, bindparam, func, select

from timbre_producers.contracts import Status
from timbre_producers.creations import CreationStatus
from worker.emission.lifecycle import FINISHED
from worker.storage.creation_models import CreationRow
from worker.storage.models import AccountRow, Batch
from worker.storage.queries import PLACES
from worker.storage.rows import EMISSIONS
from worker.storage.session import reading

COUNTED: Final = [status.value for status in Status if status not in FINISHED or status is Status.HELD]
"""Everything that somebody still has to do something about."""


CREATIONS_COUNTED: Final = (
    CreationStatus.QUEUED,
    CreationStatus.CREATING,
    CreationStatus.UNCERTAIN,
    CreationStatus.HELD,
)
"""Likewise, of documents that do not exist yet."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """A look at the tables."""

    documents: Mapping[Status, int]
    """Unfinished ones, and those that are held."""
    oldest_due: timedelta
    """For how long a document of an account that is not paused could have been read or sent. A full quota makes it grow
    as well, and more workers do not help against that."""
    on_the_wire: int
    """Stamp calls and creations that a worker has begun."""
    waiting: int
    """The same, handed out and not begun: quota and in-flight limit allow them, and no worker is free."""
    longest_wait: timedelta
    """For how long the first of them has waited."""
    paused: int
    """Accounts."""
    creations: Mapping[CreationStatus, int]
    """Unfinished ones, and those that are held."""


def look_at_backlog(engine: Engine, now: datetime) -> Backlog:
    """Nine statements, of which none grows with the finished documents. Raises `SQLAlchemyError`."""
    with reading(engine) as connection:
        # Place by place, each with an index that has nothing finished, or has it apart. The statuses are written out: a
        # plan that does not know which are meant takes them for as frequent as the finished one, and reads the table.
        counted: BindParameter[Sequence[str]] = bindparam("counted", COUNTED, expanding=True, literal_execute=True)
        each = (
            select(EMISSIONS.c.status, func.count().label("documents"))
            .where(EMISSIONS.c.status.in_(counted))
            .group_by(EMISSIONS.c.status)
        )
        documents = Counter[Status]()
        for place in PLACES:
            for row in connection.execute(each.where(*place)):
                documents[Status(row.status)] += row.documents
        # By the partial indexes that hold live rows only.
        working = select(AccountRow.account).where(AccountRow.paused_at.is_(None))
        due = connection.execute(
            select(func.min(EMISSIONS.c.next_read_at)).where(
                EMISSIONS.c.next_read_at <= now, EMISSIONS.c.account.in_(working)
            )
        ).scalar_one()
        ready = connection.execute(
            select(func.min(EMISSIONS.c.ready_at)).where(
                EMISSIONS.c.ready_at.is_not(None), EMISSIONS.c.account.in_(working)
            )
        ).scalar_one()
        calls = connection.execute(
            select(
                func.count(Batch.called_at).label("begun"),
                func.count().label("open"),
                func.min(Batch.planned_at).filter(Batch.called_at.is_(None)).label("oldest"),
            ).where(Batch.closed_at.is_(None))
        ).one()
        paused = connection.execute(
            select(func.count()).select_from(AccountRow).where(AccountRow.paused_at.is_not(None))
        ).scalar_one()
        posts = connection.execute(
            select(
                func.count().filter(CreationRow.status == CreationStatus.CREATING).label("begun"),
                func.count().label("open"),
                func.min(CreationRow.planned_at).filter(CreationRow.status == CreationStatus.QUEUED).label("oldest"),
            ).where(CreationRow.planned_at.is_not(None))
        ).one()
        unfinished = [status.value for status in CREATIONS_COUNTED]
        creations = {
            CreationStatus(row.status): row.creations
            for row in connection.execute(
                select(CreationRow.status, func.count().label("creations"))
                .where(CreationRow.status.in_(unfinished))
                .group_by(CreationRow.status)
            )
        }
    return Backlog(
        documents={status: documents[status] for status in Status if status.value in COUNTED},
        oldest_due=max((_since(at, now) for at in (due, ready)), default=timedelta(0)),
        on_the_wire=calls.begun + posts.begun,
        waiting=calls.open - calls.begun + posts.open - posts.begun,
        longest_wait=max(_since(oldest, now) for oldest in (calls.oldest, posts.oldest)),
        paused=paused,
        creations={status: creations.get(status, 0) for status in CREATIONS_COUNTED},
    )


def _since(moment: datetime | None, now: datetime) -> timedelta:
    return timedelta(0) if moment is None else max(now - moment, timedelta(0))
