"""How long numbers and plans last: when each account was looked at, what was found, and the pace of its documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine, String, func, or_, select, update

from timbre_producers.contracts import Status
from worker.emission.observation import Company
from worker.emission.outlook import Prospect
from worker.storage.bulk import listed
from worker.storage.models import AccountRow
from worker.storage.rows import EMISSIONS
from worker.storage.session import reading, transaction
from worker.storage.upsert import insert_for


class SqlOutlook:
    """Implements `worker.emission.outlook.Memory`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, account: str, *, before: datetime, now: datetime) -> bool:
        with transaction(self._engine) as connection:
            connection.execute(
                insert_for(connection.dialect.name, AccountRow)
                .values(account=account, probing=False, updated_at=now)
                .on_conflict_do_nothing(index_elements=["account"])
            )
            return bool(
                connection.execute(
                    update(AccountRow)
                    .where(
                        AccountRow.account == account,
                        AccountRow.paused_at.is_(None),
                        or_(AccountRow.outlook_at.is_(None), AccountRow.outlook_at <= before),
                    )
                    .values(outlook_at=now)
                    .returning(AccountRow.account)
                ).all()
            )

    def of_the_same_company(self, account: str, identification: str) -> Sequence[str]:
        with reading(self._engine) as connection:
            return (
                connection.execute(
                    select(AccountRow.account)
                    .where(AccountRow.issuer == identification, AccountRow.account != account)
                    .order_by(AccountRow.account)
                )
                .scalars()
                .all()
            )

    def put_off(self, account: str, until: datetime) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(AccountRow).where(AccountRow.account == account).values(outlook_at=until))

    def save(self, account: str, company: Company, found: Sequence[Prospect], now: datetime) -> None:
        written = json.dumps(
            [{"what": each.what, "urgency": each.urgency.value, "en": each.en, "es": each.es} for each in found],
            ensure_ascii=False,
        )
        with transaction(self._engine) as connection:
            connection.execute(
                update(AccountRow)
                .where(AccountRow.account == account)
                .values(outlook=written, outlook_at=now, issuer=company.identification, updated_at=now)
            )

    def stamped_since(self, account: str, since: datetime, prefixes: Sequence[str]) -> Mapping[str, int]:
        with reading(self._engine) as connection:
            prefix = listed(connection.dialect.name, "prefixes", String()).c.value
            beginning = func.substr(EMISSIONS.c.document_number, 1, func.length(prefix))
            found = connection.execute(
                select(prefix.label("prefix"), func.count().label("documents"))
                .where(
                    beginning == prefix,
                    EMISSIONS.c.account == account,
                    EMISSIONS.c.status == Status.STAMPED,
                    # What moved last is found by its index; when it was stamped decides.
                    EMISSIONS.c.updated_at >= since,
                    func.coalesce(EMISSIONS.c.stamped_at, EMISSIONS.c.status_since) >= since,
                )
                .group_by(prefix),
                {"prefixes": list(prefixes)},
            )
            return {row.prefix: row.documents for row in found}
