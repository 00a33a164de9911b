"""Look before you send: what one read of a queued document decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_snapshot, a_work, code_of, seen
from tests.support.papers import paper
from timbre_producers.contracts import Status
from worker.alegra.drafts import draft_shown
from worker.countries import finding_from
from worker.emission.look import PREFLIGHT, look
from worker.emission.observation import Remote
from worker.emission.outcomes import ErrorClass
from worker.emission.work import Move

LATER = NOON + timedelta(seconds=2)


def looked_at(remote: Remote, **changes: object) -> Move:
    return look(a_work(), seen("501", remote, **changes), a_policy(), LATER)


@pytest.mark.parametrize(
    ("remote", "status"),
    [
        (Remote.UNSTAMPED, Status.QUEUED),
        (Remote.REJECTED, Status.QUEUED),
        (Remote.IN_PROCESS, Status.WAITING),
        (Remote.ACCEPTED, Status.STAMPED),
        (Remote.VOID, Status.REJECTED),
        (Remote.NOT_ELECTRONIC, Status.REJECTED),
        (Remote.MISSING, Status.REJECTED),
        (Remote.DUBIOUS, Status.HELD),
    ],
)
def test_what_alegra_shows_decides(remote: Remote, status: Status) -> None:
    assert looked_at(remote).after.status is status


def test_every_way_alegra_can_show_a_document_is_decided() -> None:
    for remote in Remote:
        looked_at(remote)


def test_an_unstamped_document_may_be_sent_and_is_not_read_again() -> None:
    after = looked_at(Remote.UNSTAMPED).after
    assert (after.ready_at, after.looked_at, after.next_read_at) == (LATER, LATER, None)
    assert after.snapshot == a_snapshot()


def test_each_look_counts_so_that_a_slower_one_finds_its_guard_broken() -> None:
    assert looked_at(Remote.UNSTAMPED).after.reads == 1


def test_a_document_found_stamped_is_adopted_with_its_code_and_never_sent() -> None:
    after = looked_at(Remote.ACCEPTED).after
    assert (after.fiscal_code, after.fiscal_code_type) == (code_of("501"), "cufe")
    assert after.ready_at is None
    assert after.attempt == 0


def test_a_document_found_in_process_waits_and_is_read_on_the_waiting_schedule() -> None:
    after = looked_at(Remote.IN_PROCESS).after
    assert after.ready_at is None
    assert after.next_read_at == LATER + a_policy().waiting_schedule[0]


@pytest.mark.parametrize(
    ("remote", "word"), [(Remote.VOID, "void"), (Remote.NOT_ELECTRONIC, "electronic"), (Remote.MISSING, "no such")]
)
def test_what_cannot_be_emitted_is_rejected_with_a_sentence_that_says_why(remote: Remote, word: str) -> None:
    move = looked_at(remote)
    assert move.after.problem is not None
    assert word in move.after.problem.message


def test_a_dubious_document_is_held_with_its_raw_code_and_somebody_is_told() -> None:
    move = looked_at(Remote.DUBIOUS, fiscal_code="not-a-cufe", reason="its code has the wrong format")
    assert move.alert
    assert (move.after.fiscal_code, move.after.held_reason) == ("not-a-cufe", "its code has the wrong format")


def test_adopting_clears_the_problem_of_an_earlier_attempt() -> None:
    work = a_work(problem=a_problem())
    assert look(work, seen("501", Remote.ACCEPTED), a_policy(), LATER).after.problem is None


def test_a_code_once_seen_is_never_erased_by_a_read_without_one() -> None:
    work = a_work(fiscal_code="kept")
    assert look(work, seen("501"), a_policy(), LATER).after.fiscal_code == "kept"


def test_the_verdict_that_counts_is_the_one_this_look_saw() -> None:
    fixed = a_work(legal_status="STAMPED_AND_REJECTED")
    assert look(fixed, seen("501"), a_policy(), LATER).after.legal_status is None
    again = look(fixed, seen("501", Remote.REJECTED), a_policy(), LATER).after
    assert again.legal_status == "STAMPED_AND_REJECTED"


@pytest.mark.parametrize("remote", [Remote.UNSTAMPED, Remote.REJECTED])
def test_a_look_before_the_time_a_producer_named_lets_nothing_be_sent(remote: Remote) -> None:
    work = a_work(not_before=LATER + timedelta(microseconds=1))
    early = look(work, seen("501", remote), a_policy(), LATER).after
    assert (early.status, early.ready_at, early.next_read_at) == (Status.QUEUED, None, work.not_before)
    assert early.reads == 1
    in_time = look(a_work(not_before=LATER), seen("501", remote), a_policy(), LATER).after
    assert in_time.ready_at == LATER


def test_what_is_found_stamped_before_its_time_is_adopted_all_the_same() -> None:
    work = a_work(not_before=LATER + timedelta(days=1))
    assert look(work, seen("501", Remote.ACCEPTED), a_policy(), LATER).after.status is Status.STAMPED


def test_one_that_a_person_let_go_is_sent_when_the_quiet_window_since_its_last_read_is_over() -> None:
    held_at = LATER - a_policy().quiet_window
    early = look(a_work(unstamped_since=held_at + timedelta(seconds=1)), seen("501"), a_policy(), LATER).after
    assert (early.ready_at, early.next_read_at) == (None, LATER + timedelta(seconds=1))
    assert look(a_work(unstamped_since=held_at), seen("501"), a_policy(), LATER).after.ready_at == LATER


def test_of_two_reasons_to_wait_the_longer_one_counts() -> None:
    soon, late = LATER + timedelta(seconds=1), LATER + timedelta(seconds=2)
    for not_before, quiet_until in ((soon, late), (late, soon)):
        work = a_work(not_before=not_before, unstamped_since=quiet_until - a_policy().quiet_window)
        assert look(work, seen("501"), a_policy(), LATER).after.next_read_at == late


EMAIL, DV, CITY = "client.email", "client.identificationObject.dv", "client.address.city"


def looked_through(changes: dict[str, Any], *, country: str = "CO", now: datetime = LATER, **work: Any) -> Move:
    draft = draft_shown(paper(country, changes), country, "invoice")
    return look(a_work(**work), seen("501", Remote.UNSTAMPED, draft=draft), a_policy(), now)


def test_what_is_certain_to_be_refused_is_rejected_before_it_costs_a_call_with_all_its_problems() -> None:
    move = looked_through({EMAIL: "", DV: "5", CITY: "Bogotá"})
    assert (move.after.status, move.after.attempt) == (Status.REJECTED, 0)
    problem = move.after.problem
    assert problem is not None
    assert (problem.error_class, problem.code) == (ErrorClass.DATA, PREFLIGHT)
    assert "(1) client.identificationObject.dv '5'" in problem.message
    assert "(2) client.email" in problem.message
    assert move.reason == "pre-flight found 2 problems; nothing was sent"
    kept = [finding_from(each) for each in move.evidence[PREFLIGHT]]
    assert [finding and finding.rule.key for finding in kept] == [
        "co-nit-check-digit",
        "co-client-email",
        "co-client-city",
    ]


def test_an_authoritys_rejection_is_examined_before_it_is_sent_again() -> None:
    draft = draft_shown(paper("CO", {EMAIL: ""}), "CO", "invoice")
    move = look(a_work(), seen("501", Remote.REJECTED, draft=draft), a_policy(), LATER)
    assert move.after.status is Status.REJECTED


def test_a_warning_becomes_an_event_once_and_the_document_goes_on() -> None:
    first = looked_through({CITY: "Bogotá"})
    assert (first.after.status, first.after.ready_at, first.silent) == (Status.QUEUED, LATER, False)
    assert "1 warning: (1) client.address.city" in first.reason
    again = looked_through({CITY: "Bogotá"}, looked_at=NOON)
    assert (again.after.ready_at, again.silent) == (LATER, True)


def test_a_good_document_makes_no_event() -> None:
    assert looked_through({}).silent


def test_asked_for_without_validation_it_goes_and_the_history_says_so() -> None:
    move = looked_through({EMAIL: ""}, preflight=False)
    assert (move.after.status, move.after.ready_at, move.silent) == (Status.QUEUED, LATER, False)
    assert "goes unvalidated, with 1 problem: (1) client.email" in move.reason
    assert move.evidence[PREFLIGHT]


def test_many_problems_are_told_as_far_as_there_is_room() -> None:
    items = [{"quantity": 0, "tax": [{"id": "1"}]}] * 60
    message = looked_through({"items": items}).after.problem
    assert message is not None
    assert len(message.message) <= 2000
    assert message.message.endswith("…")


@pytest.mark.parametrize(
    ("now", "warn_at"),
    [
        # Peru, dated 2 March: a factura may be sent until 6 March 05:00 UTC.
        (datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 5, 5, tzinfo=UTC)),
        (datetime(2026, 3, 5, 12, tzinfo=UTC), datetime(2026, 3, 5, 13, tzinfo=UTC)),
        (datetime(2026, 3, 6, 4, tzinfo=UTC), datetime(2026, 3, 6, 4, 30, tzinfo=UTC)),
        (datetime(2026, 3, 6, 5, tzinfo=UTC), None),
    ],
)
def test_somebody_is_warned_a_day_before_the_laws_time_is_over_or_soon_when_less_is_left(
    now: datetime, warn_at: datetime | None
) -> None:
    after = looked_through({}, country="PE", now=now).after
    assert (after.send_by, after.warn_at) == (datetime(2026, 3, 6, 5, tzinfo=UTC), warn_at)


def test_where_no_deadline_is_known_nobody_is_warned() -> None:
    after = looked_through({}).after
    assert (after.send_by, after.warn_at) == (None, None)
