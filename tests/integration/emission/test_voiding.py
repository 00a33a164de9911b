"""A void and its taking back: by a person only, read before and after, never beside an emission, never on doubt."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, update

from tests.support.acts import DONE, LOST, REFUSED, THROTTLED, Killed, ScriptedActs
from tests.support.builders import ACCOUNT, a_policy
from tests.support.fakes import FakeClock, FakeLocks
from tests.support.house import House
from timbre_producers.contracts import Status
from worker.emission.acts import Act, ActState, What
from worker.emission.observation import Remote
from worker.emission.operate import Verdict
from worker.emission.ports import CoordinationDown
from worker.emission.voiding import Voiding
from worker.emission.work import Document
from worker.storage.acts import SqlActs
from worker.storage.models import Emission

THE_DOCUMENT = Document(ACCOUNT, "invoice", "501")


class Desk:
    """Where a person voids and opens."""

    def __init__(self, engine: Engine, house: House) -> None:
        self.house = house
        self.alegra = ScriptedActs()
        self.alegra.show_as("501", Remote.UNSTAMPED)
        self.acts = SqlActs(engine)
        self.voiding = Voiding(
            self.acts, self.alegra, house.ledger, house.locks, house.quota, house.clock, lambda _account: a_policy()
        )

    def do(self, what: What, document_id: str = "501", kind: str = "invoice") -> Verdict:
        (verdict,) = self.voiding.run(what, ACCOUNT, kind, [document_id], actor="ana@office", reason="made twice")
        return verdict

    @property
    def states(self) -> list[tuple[What, ActState]]:
        return [(act.what, act.state) for act in self.acts.of(THE_DOCUMENT)]

    def only(self) -> Act:
        (act,) = self.acts.of(THE_DOCUMENT)
        return act


@pytest.fixture
def desk(engine: Engine, house: House) -> Desk:
    return Desk(engine, house)


def stand(engine: Engine, status: Status, attempt: int = 0) -> None:
    """Have document 501 in this status."""
    with engine.begin() as connection:
        connection.execute(
            update(Emission).values(status=status.value, attempt=attempt, next_read_at=None, ready_at=None)
        )


def test_a_document_is_voided_and_opened_again_and_both_are_kept(desk: Desk) -> None:
    assert desk.do(What.VOID).done
    assert desk.do(What.OPEN).done
    assert desk.alegra.calls == [("501", What.VOID), ("501", What.OPEN)]
    assert desk.states == [(What.VOID, ActState.DONE), (What.OPEN, ActState.DONE)]
    assert desk.acts.of(THE_DOCUMENT)[0].reason == "made twice"


def test_the_history_of_an_emission_says_who_voided_it_and_why(desk: Desk, engine: Engine) -> None:
    desk.house.ask("501")
    stand(engine, Status.REJECTED)
    assert desk.do(What.VOID).done
    told = [(event.actor, event.reason) for event in desk.house.events("501")][1:]
    assert [actor for actor, _ in told] == ["ana@office"] * 3
    assert "made twice" in told[1][1]
    assert told[-1][1].startswith("void done")
    assert desk.house.status("501") is Status.REJECTED


@pytest.mark.parametrize(
    ("status", "attempt", "because"),
    [
        (Status.QUEUED, 0, "timbre cancel"),
        (Status.EMITTING, 1, "may have been sent"),
        (Status.CONFIRMING, 1, "may have been sent"),
        (Status.WAITING, 1, "may have been sent"),
        (Status.UNCERTAIN, 1, "may have been sent"),
        (Status.HELD, 1, "was sent"),
        (Status.STAMPED, 1, "timbre correct"),
    ],
)
def test_nothing_is_done_beside_an_emission_or_to_what_is_stamped(
    desk: Desk, engine: Engine, status: Status, attempt: int, because: str
) -> None:
    desk.house.ask("501")
    stand(engine, status, attempt)
    # A held document that is void may be opened: releasing it reads it first.
    for what in [What.VOID] if status is Status.HELD else [What.VOID, What.OPEN]:
        verdict = desk.do(what)
        assert not verdict.done
        assert because in verdict.sentence
    assert (desk.alegra.calls, desk.states) == ([], [])


@pytest.mark.parametrize(
    ("what", "remote", "because"),
    [
        (What.VOID, Remote.ACCEPTED, "timbre correct"),
        (What.OPEN, Remote.ACCEPTED, "timbre correct"),
        (What.VOID, Remote.IN_PROCESS, "may be stamped"),
        (What.VOID, Remote.DUBIOUS, "may be stamped"),
        (What.VOID, Remote.VOID, "void already"),
        (What.VOID, Remote.MISSING, "no such document"),
        (What.OPEN, Remote.UNSTAMPED, "not void"),
        (What.OPEN, Remote.REJECTED, "not void"),
    ],
)
def test_what_alegra_shows_decides_whatever_timbre_knows(desk: Desk, what: What, remote: Remote, because: str) -> None:
    desk.alegra.show_as("501", remote)
    verdict = desk.do(what)
    assert not verdict.done
    assert because in verdict.sentence
    assert desk.alegra.calls == []


def test_a_document_that_was_stamped_before_it_was_voided_is_not_opened(desk: Desk) -> None:
    desk.alegra.show_as("501", Remote.VOID, carries_code=True)
    assert "stamped before" in desk.do(What.OPEN).sentence
    assert desk.alegra.calls == []


def test_a_kind_without_the_path_is_refused_before_anything_is_asked(desk: Desk) -> None:
    desk.alegra.away = True
    assert "only for" in desk.do(What.VOID, kind="credit_note").sentence


def test_nothing_is_sent_when_alegra_cannot_be_asked_first(desk: Desk) -> None:
    desk.alegra.away = True
    assert "could not be asked" in desk.do(What.VOID).sentence
    assert (desk.alegra.calls, desk.states) == ([], [])


def test_a_worker_that_is_busy_with_it_is_not_disturbed(desk: Desk, locks: FakeLocks) -> None:
    locks.busy.add(THE_DOCUMENT)
    assert "busy" in desk.do(What.VOID).sentence
    assert desk.alegra.calls == []


def test_without_redis_nothing_is_done(desk: Desk, locks: FakeLocks) -> None:
    locks.down = True
    with pytest.raises(CoordinationDown):
        desk.do(What.VOID)
    assert desk.alegra.calls == []


def test_the_lock_is_held_until_the_answer_is_written_down(desk: Desk, locks: FakeLocks) -> None:
    held = []
    desk.alegra.while_sending = lambda: held.append(THE_DOCUMENT in locks.busy)
    desk.do(What.VOID)
    assert held == [True]
    assert not locks.busy


def test_the_intent_is_committed_before_the_call(desk: Desk) -> None:
    at_the_call: list[ActState] = []
    desk.alegra.while_sending = lambda: at_the_call.append(desk.only().state)
    desk.do(What.VOID)
    assert at_the_call == [ActState.SENDING]


def test_alegras_refusal_is_told_in_its_words(desk: Desk) -> None:
    desk.alegra.answers = [REFUSED]
    verdict = desk.do(What.VOID)
    assert (verdict.done, desk.only().state) == (False, ActState.REFUSED)
    assert "3001" in verdict.sentence


def test_what_was_not_executed_is_said_and_can_be_asked_again(desk: Desk) -> None:
    desk.alegra.answers = [THROTTLED]
    assert not desk.do(What.VOID).done
    assert desk.only().state is ActState.REFUSED
    assert desk.do(What.VOID).done


def test_a_lost_answer_is_settled_by_the_read_that_follows(desk: Desk) -> None:
    desk.alegra.answers = [LOST]
    desk.alegra.while_sending = lambda: desk.alegra.show_as("501", Remote.VOID)
    assert desk.do(What.VOID).done
    assert desk.only().state is ActState.DONE


def test_a_lost_answer_that_no_read_shows_is_never_followed_by_another_call_while_it_may_be_executed(
    desk: Desk,
) -> None:
    desk.alegra.answers = [LOST]
    first = desk.do(What.VOID)
    assert "timbre void" in first.sentence
    assert desk.states == [(What.VOID, ActState.UNKNOWN)]
    again = desk.do(What.VOID)
    assert "may still be executed" in again.sentence
    assert len(desk.alegra.calls) == 1
    desk.alegra.show_as("501", Remote.VOID)
    assert desk.do(What.VOID).done, "it was executed late, and the read settles it"
    assert desk.states == [(What.VOID, ActState.DONE)]
    assert len(desk.alegra.calls) == 1


def test_after_the_quiet_window_a_lost_call_counts_as_not_executed(desk: Desk, clock: FakeClock) -> None:
    desk.alegra.answers = [LOST]
    desk.do(What.VOID)
    clock.advance(minutes=11)
    assert desk.do(What.VOID).done
    assert desk.states == [(What.VOID, ActState.REFUSED), (What.VOID, ActState.DONE)]


@pytest.mark.parametrize("executed", [True, False])
def test_a_command_killed_at_its_call_is_settled_by_the_next_one(desk: Desk, clock: FakeClock, executed: bool) -> None:
    desk.alegra.answers = [Killed()]
    if executed:
        desk.alegra.while_sending = lambda: desk.alegra.show_as("501", Remote.VOID)
    with pytest.raises(Killed):
        desk.do(What.VOID)
    assert desk.only().state is ActState.SENDING
    verdict = desk.do(What.VOID)
    assert verdict.done is executed
    assert len(desk.alegra.calls) == 1
    clock.advance(minutes=11)
    assert desk.do(What.VOID).done is not executed
    assert len(desk.alegra.calls) == (1 if executed else 2)


def test_nothing_is_sent_when_the_quota_is_spent(desk: Desk) -> None:
    desk.house.quota.left[ACCOUNT, "stamp"] = 0
    assert "quota" in desk.do(What.VOID).sentence
    assert (desk.alegra.calls, desk.states) == ([], [])


def test_an_answer_that_says_done_and_a_read_that_does_not_show_it_leave_it_unknown(desk: Desk) -> None:
    desk.alegra.answers = [DONE]
    desk.alegra.while_sending = lambda: setattr(desk.alegra, "away", True)
    assert not desk.do(What.VOID).done
    assert desk.only().state is ActState.UNKNOWN
