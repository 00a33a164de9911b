"""A night of several kinds: one is listed and enqueued after the other, and a night that stops goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, ids, seen
from tests.support.house import House
from worker.emission.kinds import Kind
from worker.emission.nightly import Nightly, NightlyPolicy
from worker.emission.observation import Observation
from worker.emission.ports import QuotaSpent
from worker.storage.models import Emission, NightlyRun

NIGHT = date(2026, 3, 2)


class Shelves(ScriptedAlegra):
    """Has drafts of several kinds, whose ids are the same."""

    def __init__(self, drafts: Mapping[str, int]) -> None:
        super().__init__()
        self.counts = drafts
        self.asked: list[tuple[str, int]] = []
        self.permits: int | None = None
        """How many pages the quota allows now."""

    def drafts(self, account: str, kind: Kind, *, start: int = 0) -> tuple[Sequence[Observation], int | None]:
        if self.permits == 0:
            raise QuotaSpent(timedelta(seconds=20))
        self.permits = None if self.permits is None else self.permits - 1
        self.asked.append((kind.name, start))
        listed = [seen(each, is_draft=True) for each in ids(self.counts.get(kind.name, 0))]
        end = start + 30
        return listed[start:end], end if end < len(listed) else None


def nightly_of(house: House, alegra: Shelves, *kinds: str, country: str | None = "CO") -> Nightly:
    policy = NightlyPolicy(enabled=True, kinds=kinds, country=country)
    return Nightly(
        house.nights,
        alegra,
        house.intake,
        house.announcer,
        house.clock,
        lambda: {ACCOUNT: policy},
        timedelta(minutes=10),
    )


def never(spent: QuotaSpent) -> None:
    raise AssertionError(spent)


def open_night(house: House) -> None:
    assert house.nights.open(ACCOUNT, NIGHT, lease_until=house.clock.now(), now=house.clock.now())


def queued(engine: Engine) -> dict[str, int]:
    found: dict[str, int] = {}
    with engine.begin() as connection:
        for kind in connection.execute(select(Emission.kind)).scalars():
            found[kind] = found.get(kind, 0) + 1
    return found


def test_a_night_enqueues_every_kind_it_was_told(house: House, engine: Engine) -> None:
    alegra = Shelves({"invoice": 31, "credit_note": 2, "debit_note": 5})
    open_night(house)
    report = nightly_of(house, alegra, "credit_note", "invoice").run(ACCOUNT, NIGHT)
    assert report is not None
    assert (report.found, report.enqueued) == (33, 33)
    assert queued(engine) == {"invoice": 31, "credit_note": 2}
    assert [kind for kind, _ in alegra.asked] == ["invoice", "invoice", "credit_note"]


@pytest.mark.parametrize("stops_after", [1, 2, 3, 4])
def test_a_night_that_runs_out_of_quota_goes_on_where_it_was(house: House, engine: Engine, stops_after: int) -> None:
    alegra = Shelves({"invoice": 31, "credit_note": 61})
    nightly = nightly_of(house, alegra, "invoice", "credit_note")
    open_night(house)
    alegra.permits = stops_after
    assert nightly.run(ACCOUNT, NIGHT) is None
    alegra.permits = None
    assert nightly.run(ACCOUNT, NIGHT) is not None
    assert queued(engine) == {"invoice": 31, "credit_note": 61}
    assert len(alegra.asked) == len(set(alegra.asked)) == 5


def test_what_a_night_collected_of_a_note_is_never_read_as_an_invoices_id(house: House, engine: Engine) -> None:
    alegra = Shelves({"credit_note": 61})
    open_night(house)
    alegra.permits = 2
    nightly_of(house, alegra, "credit_note").run(ACCOUNT, NIGHT)
    with engine.begin() as connection:
        written = connection.execute(select(NightlyRun.collected)).scalar_one()
    assert '"credit_note/501"' in written


def test_a_kind_switched_off_in_the_middle_of_a_night_is_left(house: House, engine: Engine) -> None:
    alegra = Shelves({"invoice": 31, "credit_note": 61, "income_debit_note": 1})
    open_night(house)
    alegra.permits = 3
    nightly_of(house, alegra, "invoice", "credit_note", "income_debit_note").run(ACCOUNT, NIGHT)
    alegra.permits = None
    report = nightly_of(house, alegra, "invoice", "income_debit_note").run(ACCOUNT, NIGHT)
    assert report is not None
    assert queued(engine) == {"invoice": 31, "income_debit_note": 1}


def test_a_kind_the_country_does_not_have_is_not_asked_for(house: House) -> None:
    alegra = Shelves({})
    open_night(house)
    nightly_of(house, alegra, "invoice", "global_invoice").run(ACCOUNT, NIGHT)
    assert alegra.asked == [("invoice", 0)]


def test_a_plan_names_the_kind_of_every_draft(house: House) -> None:
    alegra = Shelves({"invoice": 1, "credit_note": 1})
    report = nightly_of(house, alegra, "invoice", "credit_note").plan(ACCOUNT, on_spent=never)
    assert [(each.kind, each.document_id) for each in report.wanted] == [("invoice", "501"), ("credit_note", "501")]


def test_a_plan_waits_for_the_quota_as_its_caller_says_and_misses_nothing(house: House) -> None:
    alegra = Shelves({"invoice": 61})
    alegra.permits = 2
    waits: list[timedelta] = []

    def wait(spent: QuotaSpent) -> None:
        waits.append(spent.retry_in)
        alegra.permits = 1

    report = nightly_of(house, alegra, "invoice").plan(ACCOUNT, on_spent=wait)
    assert ([each.document_id for each in report.wanted], waits) == (list(ids(61)), [timedelta(seconds=20)])


def test_a_night_without_quota_holds_no_worker_and_is_told_when_to_go_on(house: House) -> None:
    alegra = Shelves({"invoice": 31})
    alegra.permits = 1
    open_night(house)
    assert nightly_of(house, alegra, "invoice").run(ACCOUNT, NIGHT) is None
    assert house.announcer.nights == [(ACCOUNT, NIGHT, timedelta(seconds=20))]
