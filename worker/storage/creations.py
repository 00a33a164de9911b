"""The creations: what the verbs read of them, an account's turn, and every step of a POST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, Integer, Select, Table, Update, bindparam, func, select, update

from timbre_producers.creations import CreationStatus
from worker.creation.ports import CreationTurn
from worker.creation.work import Creation, CreationMove
from worker.emission.outcomes import ErrorClass, Problem
from worker.storage.bulk import among
from worker.storage.creation_emissions import have_emitted
from worker.storage.creation_rows import CREATIONS, by_references_of, move_all, to_creation, write_creation_events
from worker.storage.models import AccountRow
from worker.storage.moves import bounded
from worker.storage.session import reading, transaction
from worker.storage.turn import OPEN_POSTS, AccountTurn

ACCOUNTS: Final = cast("Table", AccountRow.__table__)

DUE: Final = CREATIONS.c.next_look_at <= bindparam("now")


class SqlCreations:
    """Implements `worker.creation.ports.Creations`; each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_ids(self, ids: Sequence[int]) -> Sequence[Creation]:
        with reading(self._engine) as connection:
            found = connection.execute(_by_ids(connection.dialect.name), {"ids": list(ids)})
            return [to_creation(row) for row in found]

    def by_references(self, account: str, kind: str, references: Sequence[str]) -> Sequence[Creation]:
        with reading(self._engine) as connection:
            found = connection.execute(
                by_references_of(connection.dialect.name),
                {"of_account": account, "of_kind": kind, "references": list(references)},
            )
            return [to_creation(row) for row in found]

    @contextmanager
    def turn(self, account: str, now: datetime) -> Iterator[CreationTurn]:
        with transaction(self._engine) as connection:
            yield SqlCreationTurn(connection, account, now)

    def apply(self, moves: Sequence[CreationMove], now: datetime, *, actor: str) -> frozenset[int]:
        if not moves:
            return frozenset()
        with transaction(self._engine) as connection:
            made = move_all(connection, moves, now, actor)
            for move in made:
                if move.after.status is CreationStatus.CREATED and move.after.emits:
                    have_emitted(connection, move.after, now, actor)
            return frozenset(move.before.id for move in made)

    def note(self, creation: Creation, reason: str, evidence: Mapping[str, Any], now: datetime, *, actor: str) -> None:
        with transaction(self._engine) as connection:
            line = {
                "creation_id": creation.id,
                "at": now,
                "attempt": creation.attempt,
                "actor": actor,
                "reason": reason,
                "evidence": bounded(evidence),
                "alert": True,
            }
            write_creation_events(connection, [line])

    def calling(self) -> Sequence[Creation]:
        with reading(self._engine) as connection:
            return [to_creation(row) for row in connection.execute(_CALLING)]

    def accounts_with_work(self, now: datetime) -> Sequence[str]:
        with reading(self._engine) as connection:
            return connection.execute(_WITH_WORK, {"now": now}).scalars().all()


class SqlCreationTurn:
    """Implements `worker.creation.ports.CreationTurn`: the account's turn as emission takes it, for creations."""

    def __init__(self, connection: Connection, account: str, now: datetime) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._of = {"account": account, "now": now}
        turn = AccountTurn(connection, account, now)
        self.in_flight = turn.in_flight
        self.posts: int = connection.execute(OPEN_POSTS, self._of).scalar_one()
        self.paused = turn.paused
        self.probing = turn.probing
        self.learned = turn.learned
        self.pause = self._pause() if turn.paused else None

    def uncertain(self, limit: int) -> Sequence[Creation]:
        return self._next(_UNCERTAIN, limit)

    def queued(self, limit: int) -> Sequence[Creation]:
        return self._next(_QUEUED, limit)

    def next_due_at(self) -> datetime | None:
        earliest: datetime | None = self._connection.execute(_NEXT_DUE, self._of).scalar_one()
        return earliest

    def lease(self, creations: Sequence[Creation], until: datetime) -> None:
        self._set(creations, next_look_at=until)

    def plan(self, creations: Sequence[Creation]) -> None:
        self._set(creations, next_look_at=None, planned_at=self._of["now"])

    def _set(self, creations: Sequence[Creation], **values: Any) -> None:
        if creations:
            ids = {"ids": [each.id for each in creations]}
            self._connection.execute(_chosen(self._dialect).values(**values), ids)

    def _next(self, which: Select[*tuple[Any, ...]], limit: int) -> Sequence[Creation]:
        found = self._connection.execute(which, self._of | {"most": limit})
        return [to_creation(row) for row in found]

    def _pause(self) -> Problem | None:
        row = self._connection.execute(_PAUSE, self._of).one()
        if row.pause_class is None:
            return None
        return Problem(ErrorClass(row.pause_class), row.pause_code or "", row.pause_reason or "", blames_account=True)


@cache
def _by_ids(dialect: str) -> Select[*tuple[Any, ...]]:
    return select(CREATIONS).where(among(dialect, CREATIONS.c.id, "ids")).order_by(CREATIONS.c.id)


@cache
def _chosen(dialect: str) -> Update:
    return update(CREATIONS).where(among(dialect, CREATIONS.c.id, "ids"))


def _due(status: CreationStatus) -> Select[*tuple[Any, ...]]:
    return (
        select(CREATIONS)
        .where(CREATIONS.c.account == bindparam("account"), CREATIONS.c.status == status.value, DUE)
        .order_by(CREATIONS.c.priority, CREATIONS.c.next_look_at, CREATIONS.c.id)
        .limit(bindparam("most", type_=Integer))
        # A row another transaction is moving right now is its business, not ours.
        .with_for_update(skip_locked=True)
    )


_UNCERTAIN: Final = _due(CreationStatus.UNCERTAIN)
_QUEUED: Final = _due(CreationStatus.QUEUED)

_NEXT_DUE: Final = select(func.min(CREATIONS.c.next_look_at)).where(
    CREATIONS.c.account == bindparam("account"), CREATIONS.c.next_look_at > bindparam("now")
)

_PAUSE: Final = select(ACCOUNTS.c.pause_class, ACCOUNTS.c.pause_code, ACCOUNTS.c.pause_reason).where(
    ACCOUNTS.c.account == bindparam("account")
)

_CALLING: Final = select(CREATIONS).where(CREATIONS.c.planned_at.is_not(None)).order_by(CREATIONS.c.id)

_WITH_WORK: Final = (
    select(CREATIONS.c.account)
    .where(CREATIONS.c.next_look_at.is_not(None), DUE)
    .group_by(CREATIONS.c.account)
    .order_by(CREATIONS.c.account)
)
