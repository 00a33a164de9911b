"""What is remembered of accounts: who paused them, which probe is under way, who may resume them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.support.builders import ACCOUNT, NOON, a_problem
from tests.support.together import together
from worker.emission.outcomes import ErrorClass, Problem
from worker.storage.accounts import SqlAccounts
from worker.storage.queries import Queries

SOON = NOON + timedelta(minutes=5)
LATER = NOON + timedelta(minutes=10)

PLAN = a_problem(ErrorClass.CONFIGURATION, code="402", message="plan limit", blames_account=True)
BY_HAND = Problem(ErrorClass.CONFIGURATION, "operator", "inventory", blames_account=True)


@pytest.fixture
def accounts(engine: Engine) -> SqlAccounts:
    return SqlAccounts(engine)


def test_an_account_nobody_paused_is_not_paused(accounts: SqlAccounts) -> None:
    assert accounts.state(ACCOUNT).pause is None
    accounts.remember_country(ACCOUNT, "CO", NOON)
    assert (accounts.state(ACCOUNT).country, accounts.state(ACCOUNT).pause) == ("CO", None)


def test_the_first_reason_of_a_pause_stands_and_later_ones_move_the_probe(accounts: SqlAccounts) -> None:
    assert accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert not accounts.pause(ACCOUNT, a_problem(code="401"), by="w2", probe_at=LATER, now=NOON)
    state = accounts.state(ACCOUNT)
    assert (state.pause, state.paused_by, state.probe_at) == (PLAN, "w1", LATER)


def test_a_pause_says_nothing_of_other_accounts(accounts: SqlAccounts) -> None:
    accounts.remember_country("other", "MX", NOON)
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert accounts.state("other").pause is None


def test_a_probe_is_taken_when_it_is_due_by_one_only(accounts: SqlAccounts) -> None:
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert not accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=NOON)
    taken = together([lambda: accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=SOON)] * 4)
    assert sorted(taken) == [False, False, False, True]


def test_a_probe_that_passed_resumes_and_nothing_else_does(accounts: SqlAccounts) -> None:
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert not accounts.resume_probed(ACCOUNT, NOON, by="ana")
    accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=SOON)
    assert accounts.resume_probed(ACCOUNT, SOON, by="ana")
    assert accounts.state(ACCOUNT).pause is None
    assert not accounts.resume_probed(ACCOUNT, SOON, by="ana")


def test_a_person_resumes_what_is_paused(accounts: SqlAccounts) -> None:
    assert not accounts.resume(ACCOUNT, NOON, by="ana")
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert accounts.resume(ACCOUNT, NOON, by="ana")


def test_a_pause_by_hand_is_never_probed(accounts: SqlAccounts) -> None:
    accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=NOON)
    assert not accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=LATER)


def test_a_refusal_after_a_pause_by_hand_does_not_make_it_one_that_a_probe_ends(accounts: SqlAccounts) -> None:
    accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=NOON)
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    assert accounts.state(ACCOUNT).probe_at is None
    assert not accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=SOON)


def test_a_person_who_pauses_a_paused_account_ends_its_probes(accounts: SqlAccounts) -> None:
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=SOON)
    accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=SOON)
    assert not accounts.resume_probed(ACCOUNT, SOON, by="ana")
    assert not accounts.take_probe(ACCOUNT, next_probe_at=LATER, now=LATER)


def test_who_paused_and_resumed_an_account_is_kept_for_good(accounts: SqlAccounts, engine: Engine) -> None:
    accounts.pause(ACCOUNT, PLAN, by="w1", probe_at=SOON, now=NOON)
    accounts.pause(ACCOUNT, PLAN, by="w2", probe_at=LATER, now=NOON)
    accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=SOON)
    accounts.resume(ACCOUNT, LATER, by="luis")
    accounts.resume(ACCOUNT, LATER, by="luis")
    accounts.pause("other", PLAN, by="w1", probe_at=SOON, now=NOON)
    told = [(each.what, each.actor, each.code) for each in reversed(Queries(engine).pauses(ACCOUNT))]
    assert told == [("paused", "w1", PLAN.code), ("kept", "ana", BY_HAND.code), ("resumed", "luis", None)]
    for change in ("UPDATE account_events SET actor = 'nobody'", "DELETE FROM account_events"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(change)


def test_what_alegra_says_of_a_refusal_is_kept_however_long_or_odd(accounts: SqlAccounts) -> None:
    odd = Problem(ErrorClass.CONFIGURATION, "9" * 500, "plan\x00 \ud800 límite 🎉", blames_account=True)
    assert accounts.pause(ACCOUNT, odd, by="w1", probe_at=SOON, now=NOON)
    pause = accounts.state(ACCOUNT).pause
    assert pause is not None
    assert "límite 🎉" in pause.message
