"""The table `acts`: intents and ends of what is done besides stamping, each with a line in its document's history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from timbre_producers.contracts import Status
from worker.emission.acts import NEXT_STATES, WHEN_STAMPED, Act, ActState, Carried, What
from worker.emission.work import Document
from worker.storage.act_models import ActRow
from worker.storage.bulk import among, rows
from worker.storage.models import AccountRow
from worker.storage.moves import bounded, lock_rows, write_events
from worker.storage.rows import EMISSIONS, works_by_key
from worker.storage.session import reading, transaction
from worker.storage.text import fitting, without_secrets
from worker.storage.upsert import insert_for

ACTS: Final = cast("Table", ActRow.__table__)

_ALERTS: Final = frozenset({ActState.UNKNOWN, ActState.REFUSED})
"""Somebody must be told: nobody else will do anything about it."""


class SqlActs:
    """Implements `worker.emission.acts.Acts`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def want_emails(self, now: datetime, limit: int) -> int:
        # First by a read, which keeps no writer of SQLite waiting: mostly there are none.
        with reading(self._engine) as connection:
            found = connection.execute(_STAMPED_WITH_WISH, {"most": limit}).all()
        if not found:
            return 0
        with transaction(self._engine) as connection:
            dialect = connection.dialect.name
            ids = [row.id for row in found]
            lock_rows(connection, ids)
            asked = [
                {
                    "account": row.account,
                    "kind": row.kind,
                    "document_id": row.document_id,
                    "what": What.EMAIL.value,
                    "occasion": WHEN_STAMPED,
                    "state": ActState.WANTED.value,
                    "asked_by": row.requested_by or "unknown",
                    "tries": 0,
                    "due_at": now,
                    "asked_at": now,
                }
                for row in found
            ]
            written = connection.execute(_write_down(dialect), {"asked": asked}).all()
            connection.execute(_grant(dialect), {"ids": ids})
            return len(written)

    def ask(self, document: Document, what: What, *, occasion: str, by: str, reason: str | None, now: datetime) -> Act:
        with transaction(self._engine) as connection:
            values = {
                "account": document.account,
                "kind": document.kind,
                "document_id": document.document_id,
                "what": what.value,
                "occasion": occasion,
                "state": ActState.WANTED.value,
                "asked_by": by,
                "reason": reason,
                "tries": 0,
                "due_at": now,
                "asked_at": now,
            }
            row = connection.execute(insert(ACTS).values(**fitting(ACTS, values)).returning(*ACTS.c)).one()
            act = _act(row)
            self._tell(connection, act, f"{what.value} asked for", None, now, actor=by)
            return act

    def of(self, document: Document, what: What | None = None) -> Sequence[Act]:
        mine = _of(document)
        with reading(self._engine) as connection:
            chosen = mine if what is None else mine.where(ACTS.c.what == what.value)
            return [_act(row) for row in connection.execute(chosen)]

    def accounts_due(self, what: What, now: datetime, at_once: int) -> Sequence[str]:
        with reading(self._engine) as connection:
            return connection.execute(_ACCOUNTS_DUE, {"of": what.value, "moment": now, "most": at_once}).scalars().all()

    def due(self, account: str, what: What, now: datetime, limit: int) -> Sequence[Act]:
        asked = {"name": account, "of": what.value, "moment": now, "most": limit}
        with reading(self._engine) as connection:
            return [_act(row) for row in connection.execute(_DUE, asked)]

    def begin(self, act: Act, said: str, now: datetime, *, actor: str) -> Act | None:
        with transaction(self._engine) as connection:
            values = {
                "state": ActState.SENDING.value,
                "sent_at": now,
                "tries": act.tries + 1,
                "due_at": None,
                "said": said,
            }
            begun = self._move(connection, act, values)
            if begun is not None:
                self._tell(connection, begun, f"{act.what.value}: intent committed before the call", said, now, actor)
            return begun

    def put_off(self, act: Act, until: datetime, said: str) -> None:
        with transaction(self._engine) as connection:
            self._move(connection, act, {"due_at": until, "said": said})

    def end(self, act: Act, carried: Carried, now: datetime, *, actor: str, due_at: datetime | None = None) -> bool:
        if carried.state not in NEXT_STATES[act.state]:
            raise ValueError(f"an act that is {act.state} may not become {carried.state}")
        with transaction(self._engine) as connection:
            values = {
                "state": carried.state.value,
                "due_at": due_at,
                "ended_at": None if carried.state is ActState.WANTED else now,
                "http_status": carried.http_status,
                "said": func.coalesce(ACTS.c.said + ": ", "") + without_secrets(carried.said)[:_LONGEST],
            }
            ended = self._move(connection, act, values)
            if ended is None:
                return False
            self._tell(connection, ended, _ENDED[carried.state].format(act.what.value), carried.said, now, actor)
            return True

    def silent_since(self, before: datetime, limit: int) -> Sequence[Act]:
        with reading(self._engine) as connection:
            return [_act(row) for row in connection.execute(_SILENT, {"moment": before, "most": limit})]

    def _move(self, connection: Connection, act: Act, values: dict[str, Any]) -> Act | None:
        """Only while the row is as `act` says."""
        moved = connection.execute(
            update(ACTS)
            .where(ACTS.c.id == act.id, ACTS.c.state == act.state.value, ACTS.c.tries == act.tries)
            .values(**values)
            .returning(*ACTS.c)
        ).one_or_none()
        return None if moved is None else _act(moved)

    def _tell(self, connection: Connection, act: Act, reason: str, said: str | None, now: datetime, actor: str) -> None:
        """A line in the history of the emission, where there is one."""
        document = act.document
        for work in works_by_key(connection, document.account, document.kind, [document.document_id]):
            evidence = {"act": act.id, "said": said, "reason": act.reason}
            line = {
                "emission_id": work.id,
                "at": now,
                "attempt": work.attempt,
                "actor": actor,
                "reason": f"{reason}: {said}" if said else reason,
                "evidence": bounded({name: value for name, value in evidence.items() if value is not None}),
                "alert": act.state in _ALERTS,
            }
            write_events(connection, [line])


_LONGEST: Final = 1000

_ENDED: Final = {
    ActState.DONE: "{} done",
    ActState.REFUSED: "{} not done",
    ActState.UNKNOWN: "{}: the answer was lost; it may have been done, and is not repeated",
    ActState.WANTED: "{} was not executed; tried again later",
}

_STAMPED_WITH_WISH: Final = (
    select(EMISSIONS.c.id, *(EMISSIONS.c[each] for each in ("account", "kind", "document_id", "requested_by")))
    # Written as the index has it, or SQLite does not see that they are the same.
    .where(text("email"), EMISSIONS.c.status == Status.STAMPED.value)
    .order_by(EMISSIONS.c.id)
    .limit(bindparam("most"))
)


@cache
def _write_down(dialect: str) -> Insert:
    names = (
        "account", "kind", "document_id", "what", "occasion", "state", "asked_by", "tries", "due_at", "asked_at",
    )  # fmt: skip
    asked = rows(dialect, "asked", {name: ACTS.c[name].type for name in names})
    source = select(*(asked.c[name] for name in names)).where(asked.c.account.is_not(None))
    return insert_for(dialect, ACTS).from_select(list(names), source).on_conflict_do_nothing().returning(ACTS.c.id)


@cache
def _grant(dialect: str) -> Update:
    return update(EMISSIONS).where(among(dialect, EMISSIONS.c.id, "ids")).values(email=False)


def _of(document: Document) -> Select[Any]:
    return (
        select(ACTS)
        .where(
            ACTS.c.account == document.account,
            ACTS.c.kind == document.kind,
            ACTS.c.document_id == document.document_id,
        )
        .order_by(ACTS.c.id)
    )


# The first as the index has it: a bound state alone would not lead to it.
_WANTED = and_(ACTS.c.ended_at.is_(None), ACTS.c.state == ActState.WANTED.value)
_SENDING = and_(ACTS.c.ended_at.is_(None), ACTS.c.state == ActState.SENDING.value)

_on_the_wire = ACTS.alias()

_NOT_PAUSED = ~exists().where(AccountRow.account == ACTS.c.account, AccountRow.paused_at.is_not(None))

_ACCOUNTS_DUE: Final = (
    select(ACTS.c.account)
    .where(
        _WANTED,
        ACTS.c.what == bindparam("of"),
        ACTS.c.due_at <= bindparam("moment"),
        _NOT_PAUSED,
        select(func.count())
        .where(
            _on_the_wire.c.ended_at.is_(None),
            _on_the_wire.c.account == ACTS.c.account,
            _on_the_wire.c.state == ActState.SENDING.value,
            _on_the_wire.c.what == bindparam("of"),
        )
        .scalar_subquery()
        < bindparam("most"),
    )
    .distinct()
    .order_by(ACTS.c.account)
)

_DUE: Final = (
    select(ACTS)
    .where(
        ACTS.c.account == bindparam("name"),
        _WANTED,
        ACTS.c.what == bindparam("of"),
        ACTS.c.due_at <= bindparam("moment"),
        _NOT_PAUSED,
    )
    .order_by(ACTS.c.due_at, ACTS.c.id)
    .limit(bindparam("most"))
)

_SILENT: Final = (
    select(ACTS).where(_SENDING, ACTS.c.sent_at < bindparam("moment")).order_by(ACTS.c.sent_at).limit(bindparam("most"))
)


def _act(row: Row[Any]) -> Act:
    return Act(
        id=row.id,
        document=Document(row.account, row.kind, row.document_id),
        what=What(row.what),
        state=ActState(row.state),
        occasion=row.occasion,
        asked_by=row.asked_by,
        reason=row.reason,
        tries=row.tries,
        due_at=row.due_at,
        sent_at=row.sent_at,
    )
