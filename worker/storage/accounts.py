"""What is remembered of each account: its country, its pause and its probes, the quota last seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, insert, select, update

from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.ports import AccountState
from worker.storage.ledger import give_back
from worker.storage.models import AccountEvent, AccountRow, Batch
from worker.storage.session import reading, transaction
from worker.storage.text import fitting
from worker.storage.upsert import insert_for

ACCOUNTS = AccountRow.__table__


class SqlAccounts:
    """Implements `worker.emission.ports.Accounts`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def state(self, account: str) -> AccountState:
        with reading(self._engine) as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.account == account)).one_or_none()
        return AccountState(account) if row is None else _to_state(row)

    def states(self) -> Sequence[AccountState]:
        with reading(self._engine) as connection:
            return [_to_state(row) for row in connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.account))]

    def remember_country(self, account: str, country: str, now: datetime) -> None:
        self._upsert(account, now, country=country)

    def remember_quota(self, account: str, *, limit: int | None, remaining: int | None, now: datetime) -> None:
        """What the last answer's X-Rate-Limit headers said."""
        self._upsert(account, now, quota_limit=limit, quota_remaining=remaining, quota_seen_at=now)

    def pause(self, account: str, problem: Problem, *, by: str, probe_at: datetime | None, now: datetime) -> bool:
        self._upsert(account, now)
        with transaction(self._engine) as connection:
            fresh = connection.execute(
                update(AccountRow)
                .where(AccountRow.account == account, AccountRow.paused_at.is_(None))
                .values(
                    **fitting(
                        ACCOUNTS,
                        {
                            "paused_at": now,
                            "paused_by": by,
                            "pause_class": problem.error_class.value,
                            "pause_code": problem.code,
                            "pause_reason": problem.message,
                            "probe_at": probe_at,
                        },
                    )
                )
                .returning(AccountRow.account)
            ).all()
            again = update(AccountRow).where(AccountRow.account == account)
            if probe_at is not None:
                # A pause without a probe was made by a person, and stays one that only a person ends.
                again = again.where(AccountRow.probe_at.is_not(None))
            connection.execute(again.values(probe_at=probe_at, probing=False, updated_at=now))
            if fresh or probe_at is None:
                what = "paused" if fresh else "kept"
                _tell(connection, account, what, by, now, code=problem.code, reason=problem.message)
            # The account's row is ours until we commit, so no round plans another batch meanwhile.
            give_back(connection, Batch.account == account, now=now)
            return bool(fresh)

    def take_probe(self, account: str, *, next_probe_at: datetime, now: datetime) -> bool:
        with transaction(self._engine) as connection:
            return bool(
                connection.execute(
                    update(AccountRow)
                    .where(AccountRow.account == account, AccountRow.paused_at.is_not(None), AccountRow.probe_at <= now)
                    .values(probe_at=next_probe_at, probing=True, updated_at=now)
                    .returning(AccountRow.account)
                ).all()
            )

    def end_probe(self, account: str, now: datetime) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                update(AccountRow).where(AccountRow.account == account).values(probing=False, updated_at=now)
            )

    def resume(self, account: str, now: datetime, *, by: str) -> bool:
        return self._resume(account, AccountRow.paused_at.is_not(None), by=by, reason="asked for", now=now)

    def resume_probed(self, account: str, now: datetime, *, by: str) -> bool:
        return self._resume(account, AccountRow.probing.is_(True), by=by, reason="its probe went well", now=now)

    def _resume(self, account: str, condition: ColumnElement[bool], *, by: str, reason: str, now: datetime) -> bool:
        unpaused = dict.fromkeys(("paused_at", "paused_by", "pause_class", "pause_code", "pause_reason", "probe_at"))
        with transaction(self._engine) as connection:
            resumed = connection.execute(
                update(AccountRow)
                .where(AccountRow.account == account, condition)
                .values(**unpaused, probing=False, updated_at=now)
                .returning(AccountRow.account)
            ).all()
            if resumed:
                _tell(connection, account, "resumed", by, now, reason=reason)
            return bool(resumed)

    def _upsert(self, account: str, now: datetime, **values: Any) -> None:
        with transaction(self._engine) as connection:
            statement = insert_for(connection.dialect.name, AccountRow).values(
                account=account, updated_at=now, probing=False, **values
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["account"],
                    set_={name: statement.excluded[name] for name in ("updated_at", *values)},
                )
            )


def _tell(connection: Connection, account: str, what: str, by: str, now: datetime, **more: str) -> None:
    """A line of the account's history, in the transaction that makes it true."""
    line = {"account": account, "at": now, "what": what, "actor": by, **more}
    connection.execute(insert(AccountEvent).values(**fitting(AccountEvent.__table__, line)))


def _to_state(row: Row[Any]) -> AccountState:
    pause = None
    if row.paused_at is not None:
        pause = Problem(ErrorClass(row.pause_class), row.pause_code or "", row.pause_reason or "", blames_account=True)
    return AccountState(
        account=row.account,
        country=row.country,
        issuer=row.issuer,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        pause=pause,
        probe_at=row.probe_at,
    )
