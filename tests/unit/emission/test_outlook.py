"""Outlook: what runs out, told before it does, at the pace of the last thirty days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import NOON
from tests.support.fakes import FakeClock
from worker.emission.observation import Company, NumberTemplate
from worker.emission.outlook import ACCOUNTS_AT_ONCE, LookingAhead, Prospect, Urgency, prospects
from worker.emission.ports import AlegraUnavailable, QuotaSpent

TODAY = date(2026, 3, 2)


def a_numbering(**changes: Any) -> NumberTemplate:
    ordinary: dict[str, Any] = {
        "id": "9",
        "name": "Electrónica",
        "prefix": "SETP",
        "document_type": "invoice",
        "is_electronic": True,
        "is_active": True,
        "next_number": 1001,
        "last_number": 5000,
        "end_date": "2027-12-31",
    }
    return NumberTemplate(**(ordinary | changes))


@pytest.mark.parametrize(
    ("numbering", "stamped", "urgency", "said"),
    [
        ({}, 0, Urgency.FINE, "numbering SETP (9): 4,000 numbers left, until 2027-12-31"),
        ({}, 3000, Urgency.FINE, "4,000 numbers left"),
        ({}, 6000, Urgency.SOON, "has 4,000 numbers left, at 200.0 a day until about 2026-03-22"),
        ({"last_number": 1050}, 0, Urgency.SOON, "has 50 numbers left"),
        ({"last_number": 1000}, 10, Urgency.OVER, "has no numbers left"),
        ({"end_date": "2026-03-20"}, 0, Urgency.SOON, "ends on 2026-03-20"),
        ({"end_date": "2026-03-02"}, 0, Urgency.SOON, "ends on 2026-03-02"),
        ({"end_date": "2026-03-01"}, 0, Urgency.OVER, "ended on 2026-03-01"),
        ({"last_number": None, "end_date": None}, 9000, Urgency.FINE, "no last number"),
        ({"end_date": "no day"}, 0, Urgency.FINE, "4,000 numbers left"),
    ],
)
def test_a_numbering_lasts_as_long_as_its_numbers_and_its_resolution(
    numbering: dict[str, Any], stamped: int, urgency: Urgency, said: str
) -> None:
    [found] = prospects([a_numbering(**numbering)], {"SETP": stamped}, TODAY)
    assert found.urgency is urgency
    assert said in found.en
    assert found.es.startswith("numbering SETP (9)")
    assert found.es != found.en


def test_numberings_that_nobody_can_use_are_not_spoken_of() -> None:
    assert prospects([a_numbering(is_active=False), a_numbering(is_electronic=False)], {}, TODAY) == []


@pytest.mark.parametrize(
    ("used", "stamped", "urgency", "said"),
    [
        (100, 300, Urgency.FINE, "100 of the plan's 1,000 documents this month"),
        # 29 days of March are left, at 40 a day.
        (100, 1200, Urgency.SOON, "at 40.0 a day it will be 1,260"),
        (1000, 0, Urgency.OVER, "1,000 of the plan's 1,000"),
    ],
)
def test_a_plans_documents_are_foretold_to_the_end_of_the_month(
    used: int, stamped: int, urgency: Urgency, said: str
) -> None:
    found = prospects([], {"SETP": stamped}, date(2026, 3, 3), this_month=used, documents_per_month=1000)
    assert [each.urgency for each in found] == [urgency]
    assert said in found[0].en


@dataclass
class FakeMemory:
    """Implements `Memory`."""

    due: set[str] = field(default_factory=set)
    saved: dict[str, Sequence[Prospect]] = field(default_factory=dict)
    later: dict[str, datetime] = field(default_factory=dict)
    stamped: Mapping[str, int] = field(default_factory=dict)
    relatives: Sequence[str] = ()

    def take(self, account: str, *, before: datetime, now: datetime) -> bool:
        assert before == now - timedelta(days=1)
        return account in self.due and not self.due.remove(account)  # type: ignore[func-returns-value]

    def save(self, account: str, company: Company, found: Sequence[Prospect], now: datetime) -> None:
        self.saved[account] = found

    def of_the_same_company(self, account: str, identification: str) -> Sequence[str]:
        return self.relatives

    def put_off(self, account: str, until: datetime) -> None:
        self.later[account] = until

    def stamped_since(self, account: str, since: datetime, prefixes: Sequence[str]) -> Mapping[str, int]:
        return self.stamped


class Alegra(ScriptedAlegra):
    """With numberings, or a budget that is spent."""

    def __init__(self) -> None:
        super().__init__()
        self.numberings: Sequence[NumberTemplate] | AlegraUnavailable = []
        self.identification: str | None = None

    def company(self, account: str) -> Company:
        return Company(account, "CO", self.identification)

    def number_templates(self, account: str) -> Sequence[NumberTemplate]:
        if isinstance(self.numberings, AlegraUnavailable):
            raise self.numberings
        return self.numberings


def looking(memory: FakeMemory, alegra: Alegra, accounts: Sequence[str], plan: int | None = None) -> LookingAhead:
    return LookingAhead(
        memory,
        alegra,
        FakeClock(),
        configured=lambda: accounts,
        plan_of=lambda _account: plan,
        today_of=lambda _account, _now: TODAY,
    )


def test_each_account_is_looked_at_once_a_day_and_what_runs_out_is_told() -> None:
    memory, alegra = FakeMemory(due={"acme", "beta"}, stamped={"SETP": 6000}), Alegra()
    alegra.numberings = [a_numbering()]
    ahead = looking(memory, alegra, ["acme", "beta", "gamma"], plan=100_000)
    told = ahead.round()
    assert {account: [each.urgency for each in found] for account, found in told.items()} == {
        "acme": [Urgency.SOON],
        "beta": [Urgency.SOON],
    }
    assert [each.what for each in memory.saved["acme"]] == ["numbering SETP (9)", "plan"]
    assert ahead.round() == {}


def test_two_accounts_of_one_company_are_told_of_before_both_emit_one_document() -> None:
    memory, alegra = FakeMemory(due={"acme"}, relatives=["beta", "forgotten"]), Alegra()
    alegra.identification = "900123456"
    (told,) = looking(memory, alegra, ["acme", "beta"]).round()["acme"]
    assert (told.what, told.urgency) == ("company", Urgency.SOON)
    assert told.en.startswith("beta has the same tax number, 900123456")
    assert "beta tiene la misma identificación" in told.es


@pytest.mark.parametrize(
    ("failure", "again_in"),
    [(AlegraUnavailable("away"), timedelta(hours=1)), (QuotaSpent(timedelta(seconds=20)), timedelta(seconds=20))],
)
def test_when_alegra_does_not_tell_it_is_asked_again_sooner_than_tomorrow(
    failure: AlegraUnavailable, again_in: timedelta
) -> None:
    memory, alegra = FakeMemory(due={"acme"}), Alegra()
    alegra.numberings = failure
    assert looking(memory, alegra, ["acme"]).round() == {}
    assert memory.later["acme"] == NOON - timedelta(days=1) + again_in
    assert memory.saved == {}


def test_many_accounts_are_looked_at_over_several_rounds() -> None:
    names = [f"account{number}" for number in range(ACCOUNTS_AT_ONCE + 5)]
    memory = FakeMemory(due=set(names))
    ahead = looking(memory, Alegra(), names)
    ahead.round()
    assert len(memory.saved) == ACCOUNTS_AT_ONCE
    ahead.round()
    assert len(memory.saved) == len(names)
