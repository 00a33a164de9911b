"""The pace of an account's documents, and the one look a day, on each engine."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Engine, insert

from tests.support.builders import ACCOUNT, NOON
from worker.emission.observation import Company
from worker.emission.outlook import EVERY, Prospect, Urgency
from worker.storage.accounts import SqlAccounts
from worker.storage.models import Emission
from worker.storage.outlook import SqlOutlook
from worker.storage.queries import Queries


def stamped(engine: Engine, number: str, at: datetime, account: str = ACCOUNT, status: str = "stamped") -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(Emission).values(
                account=account,
                kind="invoice",
                document_id=str(uuid.uuid4()),
                status=status,
                attempt=1,
                document_number=number,
                stamped_at=at,
                reads=0,
                priority="normal",
                created_at=at,
                updated_at=at,
                status_since=at,
                unstamped_reads=0,
                batch_limit=10,
                batch_refused=False,
                error_blames_account=False,
            )
        )


def test_documents_are_counted_by_the_prefix_of_their_number(engine: Engine) -> None:
    for number in ("FE1", "FE2", "SETP990000001"):
        stamped(engine, number, NOON)
    stamped(engine, "FE3", NOON - timedelta(days=31))
    stamped(engine, "FE4", NOON, account="other")
    stamped(engine, "FE5", NOON, status="rejected")
    table = SqlOutlook(engine)
    since = NOON - timedelta(days=30)
    assert table.stamped_since(ACCOUNT, since, ["FE", "SETP", "NONE"]) == {"FE": 2, "SETP": 1}
    assert table.stamped_since(ACCOUNT, since, [""]) == {"": 3}
    assert table.stamped_since(ACCOUNT, since, []) == {}


def test_one_caller_a_day_may_look_and_what_it_found_is_kept(engine: Engine) -> None:
    table = SqlOutlook(engine)
    assert table.take(ACCOUNT, before=NOON - EVERY, now=NOON)
    assert not table.take(ACCOUNT, before=NOON - EVERY, now=NOON)
    found = [Prospect("plan", Urgency.SOON, "soon over", "pronto se acaba")]
    table.save(ACCOUNT, Company("Demo Ñ", "CO", "900100200"), found, NOON)
    [view] = Queries(engine).accounts(ACCOUNT)
    assert view.outlook == [{"what": "plan", "urgency": "soon", "en": "soon over", "es": "pronto se acaba"}]
    assert SqlAccounts(engine).state(ACCOUNT).issuer == "900100200"
    assert table.take(ACCOUNT, before=NOON, now=NOON + EVERY)


def test_a_look_that_failed_may_be_repeated_when_it_was_put_off_to(engine: Engine) -> None:
    table = SqlOutlook(engine)
    assert table.take(ACCOUNT, before=NOON - EVERY, now=NOON)
    table.put_off(ACCOUNT, NOON - EVERY + timedelta(hours=1))
    soon, later = NOON + timedelta(minutes=59), NOON + timedelta(minutes=60)
    assert not table.take(ACCOUNT, before=soon - EVERY, now=soon)
    assert table.take(ACCOUNT, before=later - EVERY, now=later)


def test_a_paused_account_is_left_alone(engine: Engine) -> None:
    from worker.emission.outcomes import ErrorClass, Problem

    SqlAccounts(engine).pause(
        ACCOUNT, Problem(ErrorClass.CONFIGURATION, "401", "no"), by="test", probe_at=None, now=NOON
    )
    assert not SqlOutlook(engine).take(ACCOUNT, before=NOON - EVERY, now=NOON)


def test_accounts_of_one_tax_number_are_found_and_those_without_one_are_not(engine: Engine) -> None:
    table = SqlOutlook(engine)
    numbers = {"acme": "900123456", "beta": "900123456", "gamma": "800999888", "delta": None, "epsilon": None}
    for account, number in numbers.items():
        assert table.take(account, before=NOON - EVERY, now=NOON)
        table.save(account, Company("Café S. A. S.", "CO", number), [], NOON)
    assert table.of_the_same_company("acme", "900123456") == ["beta"]
    assert table.of_the_same_company("gamma", "800999888") == []
