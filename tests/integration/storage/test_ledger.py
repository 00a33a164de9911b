"""The ledger: intents claimed once, moves guarded, histories that only grow."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.builders import ACCOUNT, NOON, a_problem, a_request, a_snapshot, ids
from tests.support.house import House
from tests.support.statements import recorded
from tests.support.together import together
from timbre_producers.contracts import Status
from worker.emission.outcomes import ErrorClass
from worker.emission.ports import PlannedBatch
from worker.emission.work import Move, Work, enter
from worker.storage.accounts import SqlAccounts
from worker.storage.ledger import SqlLedger
from worker.storage.requests import SqlRequests

LATER = NOON + timedelta(seconds=30)


def queued(house: House, *document_ids: str) -> Sequence[Work]:
    """Documents that were looked at and may be sent."""
    house.ask(*document_ids)
    works = house.ledger.works(ACCOUNT, "invoice", document_ids)
    looked = [
        Move(work, replace(work, ready_at=NOON, looked_at=NOON, next_read_at=None, reads=1), "looked", silent=True)
        for work in works
    ]
    assert len(house.ledger.apply(looked, NOON, actor="test")) == len(works)
    return house.ledger.works(ACCOUNT, "invoice", document_ids)


def planned(house: House, *document_ids: str, batch_id: str = "b1") -> Sequence[Work]:
    """The same, in a batch that nobody has claimed yet."""
    works = queued(house, *document_ids)
    with house.ledger.turn(ACCOUNT, NOON) as turn:
        turn.plan([PlannedBatch(batch_id, "invoice", works)])
    return house.ledger.works_of_batch(batch_id)


def only(works: Sequence[Work]) -> Callable[[Work], bool]:
    """Which of a batch are fit to be sent: these."""
    return lambda work: work in works


def emitting(house: House, *document_ids: str, batch_id: str = "b1") -> Sequence[Work]:
    """The same, claimed."""
    return house.ledger.claim(batch_id, only(planned(house, *document_ids, batch_id=batch_id)), worker="w1", now=NOON)


def to(work: Work, status: Status, **changes: Any) -> Move:
    return Move(work, enter(work, status, LATER, **changes), "because the test says so")


def record(ledger: SqlLedger, batch_id: str, moves: Sequence[Move], **changes: Any) -> frozenset[int]:
    ordinary: dict[str, Any] = {"actor": "w1", "state": "answered", "http_status": 200, "answer": "{}"}
    return ledger.record(batch_id, moves, LATER, **(ordinary | changes))


# Claiming: the intent.


def test_a_claim_commits_the_intent_with_its_attempt_numbers(house: House) -> None:
    claimed = emitting(house, "501", "502")
    assert [(work.status, work.attempt, work.batch_id) for work in claimed] == [(Status.EMITTING, 1, "b1")] * 2
    batch = house.batch("b1")
    assert (batch.state, batch.called_at, batch.worker, batch.closed_at) == ("calling", NOON, "w1", None)
    assert json.loads(batch.documents) == {"501": 1, "502": 1}
    assert house.path("501") == ["queued", "emitting"]


def test_a_batch_is_claimed_once_however_often_it_is_announced(house: House) -> None:
    works = planned(house, "501")
    assert len(house.ledger.claim("b1", only(works), worker="w1", now=NOON)) == 1
    assert house.ledger.claim("b1", only(works), worker="w2", now=NOON) == []
    assert house.ledger.planned("b1") == []
    assert house.work("501").attempt == 1


def test_who_comes_too_late_to_claim_leaves_the_call_to_be_missed_if_its_worker_dies(house: House) -> None:
    works = planned(house, "501")
    house.ledger.claim("b1", only(works), worker="w1", now=NOON)
    called = house.batch("b1")
    house.ledger.claim("b1", only(works), worker="w2", now=LATER)
    assert house.batch("b1") == called
    assert [each.id for each in house.ledger.open_batches()] == ["b1"]


def test_of_many_who_claim_at_the_same_moment_one_gets_the_batch(house: House) -> None:
    works = planned(house, *ids(10))

    def claim(worker: str) -> Callable[[], Sequence[Work]]:
        return lambda: house.ledger.claim("b1", only(works), worker=worker, now=NOON)

    outcomes = together([claim(f"w{n}") for n in range(6)])
    assert sorted(len(each) for each in outcomes) == [0, 0, 0, 0, 0, 10]
    assert {work.attempt for work in house.ledger.works(ACCOUNT, "invoice", ids(10))} == {1}


def test_what_is_not_fit_goes_back_to_be_looked_at(house: House) -> None:
    first, _ = planned(house, "501", "502")
    assert [work.document.document_id for work in house.ledger.claim("b1", only([first]), worker="w1", now=LATER)] == [
        "501"
    ]
    left = house.work("502")
    assert (left.status, left.batch_id, left.next_read_at, left.attempt) == (Status.QUEUED, None, LATER, 0)
    assert json.loads(house.batch("b1").documents) == {"501": 1}
    assert [(work.document.document_id, work.next_read_at) for work in house.ledger.works_of_batch("b1")] == [
        ("501", None)
    ]


def test_a_claim_of_nothing_closes_the_batch(house: House) -> None:
    planned(house, "501")
    assert house.ledger.claim("b1", only([]), worker="w1", now=LATER) == []
    assert (house.batch("b1").state, house.batch("b1").closed_at) == ("abandoned", LATER)
    assert house.work("501").next_read_at == LATER


def test_a_document_cancelled_after_planning_is_not_claimed(house: House) -> None:
    works = planned(house, "501", "502")
    house.ledger.apply([to(works[0], Status.CANCELLED)], LATER, actor="ana")
    claimed = house.ledger.claim("b1", only(works), worker="w1", now=LATER)
    assert [work.document.document_id for work in claimed] == ["502"]
    assert house.status("501") is Status.CANCELLED


def test_a_document_planned_anew_elsewhere_is_not_claimed_by_its_old_batch(house: House) -> None:
    works = planned(house, "501")
    house.ledger.apply([to(works[0], Status.CANCELLED)], LATER, actor="ana")
    planned(house, "501", batch_id="b2")
    assert house.ledger.claim("b1", only(works), worker="w1", now=LATER) == []
    assert house.work("501").batch_id == "b2"


def test_an_unknown_batch_holds_nothing(house: House) -> None:
    assert house.ledger.planned("nowhere") == []
    assert house.ledger.claim("nowhere", only([]), worker="w1", now=NOON) == []
    assert house.ledger.abandon("nowhere", NOON) == 0


# Giving back what nobody picked up.


def test_an_unclaimed_batch_gives_its_documents_back(house: House) -> None:
    planned(house, "501", "502")
    assert house.ledger.abandon("b1", LATER) == 2
    assert house.ledger.planned("b1") == []
    work = house.work("501")
    assert (work.status, work.batch_id, work.next_read_at, work.ready_at) == (Status.QUEUED, None, LATER, None)
    assert house.ledger.open_batches() == []


def test_a_claimed_batch_is_not_given_back(house: House) -> None:
    emitting(house, "501")
    assert house.ledger.abandon("b1", LATER) == 0
    assert house.status("501") is Status.EMITTING
    assert house.batch("b1").state == "calling"


def claim_all(house: House, batch_id: str, works: Sequence[Work]) -> int:
    return len(house.ledger.claim(batch_id, only(works), worker="w1", now=NOON))


def test_of_claim_and_abandon_at_the_same_moment_one_wins_whole(house: House) -> None:
    for n in range(5):
        batch_id, documents = f"b{n}", ids(10, 100 * (n + 1))
        works = planned(house, *documents, batch_id=batch_id)
        claimed, freed = together(
            [
                partial(claim_all, house, batch_id, works),
                partial(house.ledger.abandon, batch_id, NOON),
            ]
        )
        assert sorted([claimed, freed]) == [0, 10]
        left = house.ledger.works(ACCOUNT, "invoice", documents)
        assert {(work.status, work.batch_id) for work in left} == {
            (Status.EMITTING, batch_id) if claimed else (Status.QUEUED, None)
        }


def pause_the_account(house: House) -> int:
    accounts = SqlAccounts(house.engine)
    accounts.pause(ACCOUNT, a_problem(ErrorClass.CONFIGURATION), by="ana", probe_at=None, now=NOON)
    return 0


def test_of_claims_and_a_pause_at_the_same_moment_each_batch_is_either_called_or_given_back(house: House) -> None:
    for n in range(5):
        batches = {f"b{n}{m}": ids(5, 1000 * (n + 1) + 100 * m) for m in range(3)}
        works = {batch_id: planned(house, *each, batch_id=batch_id) for batch_id, each in batches.items()}
        claims = [partial(claim_all, house, batch_id, works[batch_id]) for batch_id in batches]
        *claimed, _ = together([*claims, partial(pause_the_account, house)])
        for batch_id, size in zip(batches, claimed, strict=True):
            left = house.ledger.works(ACCOUNT, "invoice", batches[batch_id])
            assert {(work.status, work.batch_id) for work in left} == {
                (Status.EMITTING, batch_id) if size else (Status.QUEUED, None)
            }
            assert house.batch(batch_id).state == ("calling" if size else "abandoned")
        house.accounts.resume(ACCOUNT, NOON, by="ana")


# Moves: carried out only while the row is as it was when they were decided.


def test_a_move_writes_the_row_and_its_history(house: House) -> None:
    (work,) = emitting(house, "501")
    move = to(work, Status.CONFIRMING, next_read_at=LATER, problem=a_problem(), legal_status="PENDING")
    assert house.ledger.apply([replace(move, evidence={"said": "Peña"})], LATER, actor="w1") == {work.id}
    assert house.work("501") == move.after
    last = house.events("501")[-1]
    assert (last.from_status, last.to_status, last.actor, last.attempt, last.batch_id, last.at) == (
        "emitting",
        "confirming",
        "w1",
        1,
        "b1",
        LATER,
    )
    assert json.loads(last.evidence) == {"said": "Peña"}


def test_everything_a_work_carries_survives_the_table(house: House) -> None:
    (work,) = emitting(house, "501")
    full = enter(
        work,
        Status.UNCERTAIN,
        LATER,
        reads=3,
        next_read_at=LATER,
        looked_at=NOON,
        snapshot=a_snapshot(number="SETP-Ñ1", total=Decimal("119000.10")),
        unstamped_since=LATER,
        unstamped_reads=2,
        batch_limit=5,
        split_from="b0",
        batch_refused=True,
        fiscal_code="c" * 96,
        fiscal_code_type="cufe",
        document_number="SETP-Ñ1",
        legal_status="STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS",
        stamped_at=NOON,
        problem=a_problem(ErrorClass.CONFIGURATION, blames_account=True, message='línea 1\nlínea 2 "x" 🎉'),
    )
    assert house.ledger.apply([Move(work, full, "everything")], LATER, actor="w1")
    assert house.work("501") == full


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": Status.CONFIRMING},
        {"attempt": 2},
        {"attempt": 0},
        {"batch_id": "b0"},
        {"batch_id": None},
        {"reads": 1},
        {"since": NOON - timedelta(microseconds=1)},
    ],
    ids=["status", "newer attempt", "older attempt", "other batch", "no batch", "reads", "left and entered again"],
)
def test_a_move_decided_on_another_row_than_there_is_now_moves_nothing(house: House, wrong: dict[str, Any]) -> None:
    (work,) = emitting(house, "501")
    stale = replace(work, **wrong)
    known = house.events("501")
    target = Status.STAMPED if stale.status is Status.CONFIRMING else Status.UNCERTAIN
    assert house.ledger.apply([to(stale, target)], LATER, actor="late") == frozenset()
    assert house.work("501") == work
    assert house.events("501") == known


def test_one_stale_move_does_not_stop_the_others(house: House) -> None:
    first, second = emitting(house, "501", "502")
    moves = [to(replace(first, attempt=9), Status.UNCERTAIN), to(second, Status.UNCERTAIN)]
    assert house.ledger.apply(moves, LATER, actor="w1") == {second.id}
    assert house.statuses() == {"501": Status.EMITTING, "502": Status.UNCERTAIN}


def test_of_two_who_move_the_same_documents_at_the_same_moment_one_moves_each(house: House) -> None:
    works = emitting(house, *ids(10))
    there = [to(work, Status.CONFIRMING) for work in works]
    back = [to(work, Status.UNCERTAIN) for work in reversed(works)]
    one, other = together(
        [
            partial(house.ledger.apply, there, LATER, actor="w1"),
            partial(house.ledger.apply, back, LATER, actor="sweep"),
        ]
    )
    assert one | other == {work.id for work in works}
    assert not one & other


def test_no_moves_are_no_statement(house: House, engine: Engine) -> None:
    with recorded(engine) as statements:
        assert house.ledger.apply([], LATER, actor="w1") == frozenset()
    assert len(statements) == 0


def test_a_silent_move_leaves_no_event(house: House) -> None:
    (work,) = emitting(house, "501")
    known = house.events("501")
    house.ledger.apply([replace(to(work, Status.UNCERTAIN), silent=True)], LATER, actor="w1")
    assert house.events("501") == known


# Recording: the moves and the batch's end, in one.


def test_a_record_closes_the_batch_with_its_answer(house: House) -> None:
    (work,) = emitting(house, "501")
    assert record(house.ledger, "b1", [to(work, Status.CONFIRMING)], http_status=207, answer="{…}") == {work.id}
    batch = house.batch("b1")
    assert (batch.state, batch.http_status, batch.answer, batch.closed_at) == ("answered", 207, "{…}", LATER)
    assert house.ledger.open_batches() == []


def test_an_answer_for_a_batch_the_sweep_already_closed_moves_nothing_and_is_kept(house: House) -> None:
    (work,) = emitting(house, "501")
    record(house.ledger, "b1", [to(work, Status.UNCERTAIN)], actor="sweep", state="lost", http_status=None, answer="")
    closed_at = house.batch("b1").closed_at
    assert record(house.ledger, "b1", [to(work, Status.CONFIRMING)], answer="late") == frozenset()
    assert house.status("501") is Status.UNCERTAIN
    assert (house.batch("b1").answer, house.batch("b1").closed_at) == ("late", closed_at)


def test_a_batch_is_open_from_its_plan_until_its_record(house: House) -> None:
    planned(house, "501")
    (open_batch,) = house.ledger.open_batches()
    assert (open_batch.id, open_batch.account, open_batch.called_at) == ("b1", ACCOUNT, None)
    house.ledger.claim("b1", lambda _: True, worker="w1", now=LATER)
    (open_batch,) = house.ledger.open_batches()
    assert open_batch.called_at == LATER


# History.


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE emission_events SET reason = 'nothing happened'",
        "DELETE FROM emission_events",
        "DELETE FROM emission_events WHERE id = 1",
    ],
)
def test_the_database_refuses_to_rewrite_history(house: House, engine: Engine, statement: str) -> None:
    house.ask("501")
    known = house.events("501")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert house.events("501") == known


def test_postgresql_refuses_to_truncate_history(house: House, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # SQLite has no TRUNCATE
    house.ask("501")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE emission_events CASCADE")


def test_a_document_with_a_history_cannot_be_deleted(house: House, engine: Engine) -> None:
    house.ask("501")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM emissions")


def test_a_note_is_a_line_without_a_move(house: House) -> None:
    (work,) = emitting(house, "501")
    house.ledger.note(work, "discrepancy: late", {"code": "x"}, LATER, actor="w1", alert=True)
    last = house.events("501")[-1]
    assert (last.from_status, last.to_status, last.alert, last.reason) == (None, None, True, "discrepancy: late")
    assert house.work("501") == work


def test_evidence_is_kept_in_bounds_and_stays_readable(house: House) -> None:
    (work,) = emitting(house, "501")
    house.ledger.note(work, "long", {"answer": "ñ" * 50_000}, LATER, actor="w1", alert=False)
    kept = house.events("501")[-1].evidence
    assert 1000 < len(kept) <= 4000
    assert "ñññ" in json.loads(kept)["cut"]


# Statuses are what the database knows them as.


@pytest.mark.parametrize("status", Status)
def test_every_status_is_stored_by_its_value(house: House, engine: Engine, status: Status) -> None:
    house.ask("501")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE emissions SET status = '{status.value}'")  # noqa: S608  # our own enum
    assert house.status("501") is status


def test_the_database_refuses_a_status_it_does_not_know(house: House, engine: Engine) -> None:
    house.ask("501")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql("UPDATE emissions SET status = 'sent'")


# As many statements for a thousand documents as for one.


Verb = Callable[[SqlLedger, str, Sequence[Work]], object]


def take_a_turn(ledger: SqlLedger, batch_id: str, works: Sequence[Work]) -> None:
    most = len(works)
    with ledger.turn(ACCOUNT, LATER) as turn:
        turn.settling(most)
        turn.looks(most)
        turn.ready_count(most)
        turn.next_due_at()
        turn.lease(works, LATER)
        turn.look_again(works)
        turn.ready(most)
        turn.plan([PlannedBatch(f"{batch_id}-anew", "invoice", works)])


VERBS: list[tuple[str, Callable[..., Sequence[Work]], Verb]] = [
    ("works", queued, lambda led, _, works: led.works(ACCOUNT, "invoice", [w.document.document_id for w in works])),
    ("apply", planned, lambda led, _, works: led.apply([to(w, Status.HELD) for w in works], LATER, actor="w1")),
    ("planned", planned, lambda led, batch_id, _: led.planned(batch_id)),
    ("claim", planned, lambda led, batch_id, works: led.claim(batch_id, only(works), worker="w1", now=LATER)),
    ("abandon", planned, lambda led, batch_id, _: led.abandon(batch_id, LATER)),
    ("record", emitting, lambda led, batch_id, works: record(led, batch_id, [to(w, Status.CONFIRMING) for w in works])),
    ("turn", queued, take_a_turn),
]


@pytest.mark.parametrize(("arrange", "verb"), [row[1:] for row in VERBS], ids=[row[0] for row in VERBS])
def test_no_verb_sends_more_statements_for_more_documents(
    house: House, engine: Engine, arrange: Callable[..., Sequence[Work]], verb: Verb
) -> None:
    counts = []
    for size, start in ((2, 1000), (300, 2000)):
        batch = {} if arrange is queued else {"batch_id": f"b{size}"}
        works = arrange(house, *ids(size, start), **batch)
        with recorded(engine) as statements:
            verb(house.ledger, f"b{size}", works)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_thousand_documents_move_in_one_call(house: House, requests: SqlRequests) -> None:
    every = ids(1000, 10_000)
    requests.accept(a_request(*every), NOON)
    works = house.ledger.works(ACCOUNT, "invoice", every)
    assert len(house.ledger.apply([to(work, Status.CANCELLED) for work in works], LATER, actor="ana")) == 1000
    assert set(house.statuses().values()) == {Status.CANCELLED}


# What Alegra sends has no length and no alphabet we could count on.

ODD = "x\x00y \ud800z Ñ 🎉 "


def test_a_document_with_unstorable_texts_is_moved_all_the_same_and_so_are_its_companions(house: House) -> None:
    odd, plain = emitting(house, "501", "502")
    long = ODD * 200
    moves = [
        Move(
            odd,
            enter(
                odd,
                Status.CONFIRMING,
                LATER,
                fiscal_code=long,
                fiscal_code_type=long,
                document_number=long,
                legal_status=long,
                snapshot=a_snapshot(client=long),
                problem=a_problem(code=long, message=long),
            ),
            long,
            {"stamp": long},
        ),
        to(plain, Status.CONFIRMING),
    ]
    assert record(house.ledger, "b1", moves, answer=long) == {odd.id, plain.id}
    assert house.statuses() == {"501": Status.CONFIRMING, "502": Status.CONFIRMING}
    kept = house.work("501")
    assert kept.problem is not None
    assert "Ñ 🎉" in kept.problem.message
    assert len(kept.legal_status or "") == 60
    assert "Ñ 🎉" in house.batch("b1").answer


def test_a_note_with_unstorable_text_is_kept(house: House) -> None:
    (work,) = emitting(house, "501")
    house.ledger.note(work, ODD, {"answer": ODD}, LATER, actor=ODD * 100, alert=True)
    assert "Ñ 🎉" in house.events("501")[-1].reason


# A recorded answer is evidence.


def test_a_sweep_that_comes_late_does_not_overwrite_the_answer(house: House) -> None:
    (work,) = emitting(house, "501")
    record(house.ledger, "b1", [to(work, Status.CONFIRMING)], answer="what Alegra said")
    lost: dict[str, Any] = {"actor": "sweep", "state": "lost", "http_status": None, "answer": "no answer was recorded"}
    assert record(house.ledger, "b1", [to(work, Status.UNCERTAIN)], **lost) == frozenset()
    batch = house.batch("b1")
    assert (batch.state, batch.http_status, batch.answer) == ("answered", 200, "what Alegra said")


def test_of_two_answers_to_one_call_the_first_is_kept(house: House) -> None:
    (work,) = emitting(house, "501")
    record(house.ledger, "b1", [to(work, Status.CONFIRMING)], answer="the first")
    record(house.ledger, "b1", [], answer="the second", http_status=500)
    batch = house.batch("b1")
    assert (batch.http_status, batch.answer) == (200, "the first")


def test_a_call_that_was_not_executed_is_not_called_lost_by_a_late_sweep(house: House) -> None:
    (work,) = emitting(house, "501")
    not_executed: dict[str, Any] = {"state": "deferred", "http_status": None, "answer": ""}
    record(house.ledger, "b1", [to(work, Status.QUEUED, batch_id=None)], **not_executed)
    record(house.ledger, "b1", [], actor="sweep", state="lost", http_status=None, answer="no answer was recorded")
    assert house.batch("b1").state == "deferred"
