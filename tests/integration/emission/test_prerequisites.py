"""What must be stamped first: a note waits for its invoice, says so, starves nobody, and goes as soon as it may."""

from __future__ import annotations

import pytest

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, a_problem, a_snapshot, ids, seen
from tests.support.fakes import FakeClock
from tests.support.house import House
from timbre_producers.contracts import Status
from worker.emission.kinds import KINDS, foreign
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import Answered
from worker.emission.work import Work

INVOICE, NOTE = "501", "901"


def note_about(*invoices: str, remote: Remote = Remote.UNSTAMPED) -> Observation:
    return seen(NOTE, remote, follows=invoices)


@pytest.fixture
def alegra() -> ScriptedAlegra:
    alegra = ScriptedAlegra()
    alegra.shown[NOTE] = note_about(INVOICE)
    return alegra


def ask_for_the_note(house: House) -> None:
    house.ask(NOTE, kind="credit_note")


def note(house: House) -> Work:
    [work] = house.ledger.works(ACCOUNT, "credit_note", [NOTE])
    return work


def test_a_note_goes_once_its_invoice_is_stamped(house: House, alegra: ScriptedAlegra) -> None:
    ask_for_the_note(house)
    house.ask(INVOICE)
    house.run(rounds=60)
    assert house.statuses() == {NOTE: Status.STAMPED, INVOICE: Status.STAMPED}
    assert alegra.calls == [(INVOICE,), (NOTE,)]


def test_while_the_invoice_is_in_doubt_the_note_stays_queued_and_says_why(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.ask(INVOICE)
    ask_for_the_note(house)
    truth = alegra.shown
    for _ in range(40):
        alegra.shown = {NOTE: note_about(INVOICE)}
        house.round()
        clock.advance(seconds=5)
    assert (house.status(INVOICE), note(house).status) == (Status.UNCERTAIN, Status.QUEUED)
    assert note(house).held_reason == f"waits for sales invoice {INVOICE}, which is uncertain"
    alegra.shown = truth | {NOTE: note_about(INVOICE), INVOICE: seen(INVOICE, Remote.ACCEPTED)}
    house.run(rounds=200)
    assert (house.status(INVOICE), note(house).status) == (Status.STAMPED, Status.STAMPED)
    assert note(house).held_reason is None
    assert alegra.twice == []


def test_its_history_says_once_what_it_waits_for(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    alegra.shown[INVOICE] = seen(INVOICE, Remote.IN_PROCESS)
    ask_for_the_note(house)
    for _ in range(10):
        house.round()
        clock.advance(seconds=60)
    reasons = [event.reason for event in house.events(NOTE)]
    assert reasons[1:] == [f"waits for sales invoice {INVOICE}, which has no answer of the tax authority yet"]


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (seen(INVOICE), "is not stamped"),
        (seen(INVOICE, Remote.IN_PROCESS), "has no answer of the tax authority yet"),
        (seen(INVOICE, Remote.REJECTED), "was rejected by the tax authority"),
        (seen(INVOICE, Remote.VOID), "was voided before it was stamped"),
        (seen(INVOICE, Remote.MISSING), "does not exist in Alegra"),
        (seen(INVOICE, Remote.DUBIOUS, reason="?"), "is in doubt"),
    ],
)
def test_an_invoice_timbre_was_never_asked_for_is_looked_at(
    house: House, alegra: ScriptedAlegra, shown: Observation, why: str
) -> None:
    alegra.shown[INVOICE] = shown
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    assert note(house).held_reason == f"waits for sales invoice {INVOICE}, which {why}"
    assert alegra.calls == []


@pytest.mark.parametrize(
    "shown",
    [
        seen(INVOICE, Remote.ACCEPTED),
        seen(INVOICE, Remote.NOT_ELECTRONIC),
        seen(INVOICE, Remote.VOID, fiscal_code="ab" * 48),
    ],
)
def test_it_waits_for_nothing_that_was_stamped_or_never_will_be(
    house: House, alegra: ScriptedAlegra, shown: Observation
) -> None:
    alegra.shown[INVOICE] = shown
    ask_for_the_note(house)
    house.run(rounds=20)
    assert note(house).status is Status.STAMPED


def test_it_waits_for_all_of_them(house: House, alegra: ScriptedAlegra) -> None:
    alegra.shown |= {
        NOTE: note_about("501", "502"),
        "501": seen("501", Remote.ACCEPTED),
        "502": seen("502", Remote.IN_PROCESS),
    }
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    assert note(house).held_reason == "waits for sales invoice 502, which has no answer of the tax authority yet"


def test_a_payment_of_more_invoices_than_one_read_shows_goes_too(house: House, alegra: ScriptedAlegra) -> None:
    invoices = ids(70, start=3000)
    alegra.shown |= {each: seen(each, Remote.ACCEPTED) for each in invoices} | {NOTE: note_about(*invoices)}
    house.country = "CR"
    house.ask(NOTE, kind="payment")
    house.run(rounds=20)
    [work] = house.ledger.works(ACCOUNT, "payment", [NOTE])
    assert work.status is Status.STAMPED


def test_a_rejected_invoice_that_somebody_stamped_since_is_believed(house: House, alegra: ScriptedAlegra) -> None:
    alegra.fates.append(lambda _alegra, asked: dict.fromkeys(asked, Answered(a_problem())))
    house.run_to_the_end(INVOICE)
    assert house.status(INVOICE) is Status.REJECTED
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    assert note(house).held_reason == f"waits for sales invoice {INVOICE}, which is not stamped (rejected by Timbre)"
    alegra.shown[INVOICE] = seen(INVOICE, Remote.ACCEPTED)
    house.run(rounds=20)
    assert note(house).status is Status.STAMPED


def test_a_note_already_stamped_is_adopted_whatever_its_invoice_does(house: House, alegra: ScriptedAlegra) -> None:
    alegra.shown |= {NOTE: note_about(INVOICE, remote=Remote.ACCEPTED), INVOICE: seen(INVOICE)}
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    assert (note(house).status, alegra.calls) == (Status.STAMPED, [])


def test_many_that_wait_keep_nobody_from_going(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    waiting = ids(150, start=2000)
    for each in waiting:
        alegra.shown[each] = seen(each, follows=(INVOICE,), snapshot=a_snapshot())
    alegra.shown[INVOICE] = seen(INVOICE, Remote.IN_PROCESS)
    house.ask(*waiting, kind="credit_note")
    for _ in range(10):
        house.round()
        clock.advance(seconds=60)
    others = ids(20, start=5000)
    house.ask(*others)
    for _ in range(6):
        house.round()
        clock.advance(seconds=3)
    statuses = house.statuses()
    assert {statuses[each] for each in others} == {Status.STAMPED}
    assert {statuses[each] for each in waiting} == {Status.QUEUED}


def test_a_waiting_note_is_asked_about_less_and_less_often(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.shown[INVOICE] = seen(INVOICE, Remote.IN_PROCESS)
    ask_for_the_note(house)
    for _ in range(40):
        house.round()
        clock.advance(seconds=180)
    looks = [read for read in alegra.reads if NOTE in read]
    assert len(looks) <= 6 + 7200 / 900 + 1


def test_without_a_permit_it_waits_and_says_so(house: House, alegra: ScriptedAlegra) -> None:
    house.permitted = False
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    assert note(house).held_reason == f"waits for sales invoice {INVOICE}, which could not be looked at in Alegra yet"
    house.permitted = True
    alegra.shown[INVOICE] = seen(INVOICE, Remote.ACCEPTED)
    house.run(rounds=20)
    assert note(house).status is Status.STAMPED


def test_a_waiting_note_can_be_cancelled(house: House, alegra: ScriptedAlegra) -> None:
    alegra.shown[INVOICE] = seen(INVOICE, Remote.MISSING)
    ask_for_the_note(house)
    house.clock.advance(seconds=2)
    house.round()
    house.operations.cancel(ACCOUNT, "credit_note", [NOTE], actor="ana", reason=None)
    assert (note(house).status, note(house).held_reason) == (Status.CANCELLED, None)


def test_a_kind_that_the_country_does_not_have_is_refused_at_the_door(house: House) -> None:
    assert house.ask("7", kind="global_invoice") is None
    assert house.refusals() == [
        f"{foreign(KINDS['global_invoice'], 'CO')}; correct the kind or the account of the request"
    ]


@pytest.mark.parametrize("country", ["CO", None])
def test_a_kind_that_nobody_knows_is_refused_at_the_door(house: House, country: str | None) -> None:
    house.country = country
    assert house.ask("7", kind="recibo") is None
    (refusal,) = house.refusals()
    assert refusal.startswith("kind 'recibo' cannot be emitted (can be: invoice, ")


def test_as_long_as_the_country_is_unknown_the_look_refuses_it(house: House, alegra: ScriptedAlegra) -> None:
    house.country = None
    alegra.shown["7"] = seen("7", Remote.FOREIGN, reason="a global invoice exists in México")
    house.ask("7", kind="global_invoice")
    house.run(rounds=5)
    [work] = house.ledger.works(ACCOUNT, "global_invoice", ["7"])
    assert (work.status, work.problem and work.problem.code) == (Status.REJECTED, "not_in_country")
    assert alegra.calls == []
