"""The twelve rules of the design, each by its name, over a real database and a scripted Alegra."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from threading import Barrier

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from tests.support.alegra import (
    ScriptedAlegra,
    answers,
    does_not_answer,
    is_not_reached,
    loses_the_answer,
    refuses_the_account,
    says,
    succeeds,
)
from tests.support.builders import ACCOUNT, a_policy, a_problem, a_snapshot, code_of, ids, seen
from tests.support.fakes import FakeClock, FakeLocks, ReadMessage
from tests.support.house import PROBE_EVERY, House
from tests.support.together import together
from timbre_producers.contracts import Force, Status
from worker.emission.observation import Remote
from worker.emission.operate import Operations
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Refused, Uncertain
from worker.emission.points import Point, watch
from worker.storage.models import Batch, Emission
from worker.storage.session import make_engine


class WorkerDied(BaseException):
    """What `kill -9` looks like from inside: nothing after it runs."""


def die(_ids: Sequence[str]) -> None:
    raise WorkerDied


WINDOW = timedelta(seconds=600)

PLAN_LIMIT = a_problem(ErrorClass.CONFIGURATION, code="402", message="plan limit reached", blames_account=True)


def let_the_call_die(house: House, alegra: ScriptedAlegra, batch_id: str) -> None:
    """The worker dies with its call on the wire."""
    alegra.during_call = die
    with pytest.raises(WorkerDied):
        house.stamping.run(batch_id)
    alegra.during_call = lambda _ids: None


# 1. Intent first.


def test_rule_01_intent_first(house: House, alegra: ScriptedAlegra, engine: Engine) -> None:
    found: list[tuple[object, ...]] = []

    def look_from_outside(_ids: Sequence[str]) -> None:
        # Another connection sees only what is committed.
        outside = make_engine(engine.url.render_as_string(hide_password=False))
        with outside.begin() as connection:
            batch = connection.execute(select(Batch.state, Batch.documents, Batch.called_at)).one()
            rows = connection.execute(select(Emission.status, Emission.attempt)).all()
            found.append((batch.state, json.loads(batch.documents), batch.called_at, {tuple(row) for row in rows}))
        outside.dispose()

    alegra.during_call = look_from_outside
    house.send("501", "502")
    assert found == [("calling", {"501": 1, "502": 1}, house.clock.now(), {("emitting", 1)})]


def test_rule_01_a_crash_with_the_call_on_the_wire_leaves_evidence_that_is_settled(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    batch_id = house.plan("501", "502")
    let_the_call_die(house, alegra, batch_id)
    assert set(house.statuses().values()) == {Status.EMITTING}
    clock.advance(seconds=300)
    assert house.sweep.round().uncertain == 2
    house.run()
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert alegra.twice == []


# 2. Only an explicit answer is an outcome.


@pytest.mark.parametrize(
    ("outcome", "status", "attempts"),
    [
        (Deferred("connection refused"), Status.QUEUED, 0),
        (Deferred("429", timedelta(seconds=30)), Status.QUEUED, 0),
        (Refused(PLAN_LIMIT), Status.QUEUED, 0),
        (Uncertain("read timeout"), Status.UNCERTAIN, 1),
        (Uncertain("HTTP 502"), Status.UNCERTAIN, 1),
        (Answered(), Status.CONFIRMING, 1),
        (Answered(a_problem()), Status.CONFIRMING, 1),
    ],
)
def test_rule_02_only_an_explicit_answer_is_an_outcome(
    house: House, alegra: ScriptedAlegra, outcome: Outcome, status: Status, attempts: int
) -> None:
    alegra.fates.append(says(outcome))
    house.send("501")
    work = house.work("501")
    assert (work.status, work.attempt) == (status, attempts)


# 3. Every id is settled by itself.


def test_rule_03_every_id_is_settled_by_itself(house: House, alegra: ScriptedAlegra) -> None:
    documents = ids(5)
    emitted, refused, in_process, missing, already = documents
    alegra.fates.append(
        answers(
            {
                emitted: Answered(),
                refused: Answered(a_problem()),
                in_process: Answered(a_problem(ErrorClass.IN_PROCESS, code="3246")),
                missing: Uncertain("no row for it"),
                already: Answered(a_problem(ErrorClass.ALREADY_SENT)),
            },
            executes=(emitted, missing, already),
        )
    )
    alegra.shown[in_process] = seen(in_process)
    house.send(*documents)
    alegra.shown[in_process] = seen(in_process, Remote.IN_PROCESS)
    for _ in range(12):
        house.round()
        house.clock.advance(seconds=5)
    assert house.statuses() == {
        emitted: Status.STAMPED,
        refused: Status.REJECTED,
        in_process: Status.WAITING,
        missing: Status.STAMPED,
        already: Status.STAMPED,
    }
    assert len(alegra.calls) == 1


def refuses_a_batch_with(poison: str) -> object:
    """Nothing of a batch with this document is emitted, and the answer names nobody."""

    def fate(alegra: ScriptedAlegra, asked: Sequence[str]) -> dict[str, Outcome]:
        if poison in asked:
            return dict.fromkeys(asked, Answered(a_problem(), whole_batch=len(asked) > 1))
        return dict(succeeds(alegra, asked))

    return fate


def test_rule_03_a_batch_refused_whole_is_split_until_the_bad_document_stands_alone(
    house: House, alegra: ScriptedAlegra
) -> None:
    documents = ids(10)
    alegra.fates.extend([refuses_a_batch_with("504")] * 20)  # type: ignore[list-item]
    house.send(*documents)
    house.run(rounds=400)
    statuses = house.statuses()
    assert statuses.pop("504") is Status.REJECTED
    assert set(statuses.values()) == {Status.STAMPED}
    assert alegra.twice == []
    assert len(alegra.calls) <= 9
    assert ("504",) in alegra.calls


def test_rule_03_documents_of_a_refused_batch_that_were_emitted_all_the_same_are_not_sent_again(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    documents = ids(10)
    alegra.fates.append(says(Answered(a_problem(), whole_batch=True), executes=True))
    house.send(*documents)
    truth, alegra.shown = alegra.shown, {}
    for _ in range(6):  # for a minute, reads do not show it yet
        house.round()
        clock.advance(seconds=10)
    alegra.shown = truth
    house.run()
    assert alegra.twice == []
    assert set(house.statuses().values()) == {Status.STAMPED}


# 4. Never resend on doubt.


def test_rule_04_never_resend_on_doubt(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    sent_at = clock.now()
    for _ in range(180):
        if house.status("501") is Status.UNCERTAIN:
            house.round()
            clock.advance(seconds=5)
    assert clock.now() - sent_at > WINDOW
    assert len(alegra.reads) >= 3  # the look, and two reads or more
    house.run()
    assert house.path("501") == ["queued", "emitting", "uncertain", "queued", "emitting", "confirming", "stamped"]
    assert (house.work("501").attempt, alegra.executed["501"]) == (2, 1)


def test_rule_04_an_execution_that_shows_late_is_adopted(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")
    truth, alegra.shown = alegra.shown, {}
    for _ in range(118):
        house.round()
        clock.advance(seconds=5)
    assert house.status("501") is Status.UNCERTAIN
    alegra.shown = truth
    house.run()
    assert (house.status("501"), alegra.executed["501"]) == (Status.STAMPED, 1)


def test_rule_04_a_failed_read_is_no_news(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    clock.advance(seconds=5)
    house.read("501")
    for _ in range(40):
        clock.advance(seconds=60)
        alegra.readings.append(does_not_answer())
        house.read("501")
    assert (house.status("501"), house.work("501").unstamped_reads) == (Status.UNCERTAIN, 1)


def test_rule_04_reads_that_contradict_each_other_hold_it(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    house.read("501")
    clock.advance(seconds=601)
    alegra.shown["501"] = seen("501", snapshot=a_snapshot(client="another"))
    house.read("501")
    assert house.status("501") is Status.HELD
    assert house.events("501")[-1].alert


def test_rule_04_no_news_until_the_schedule_ends_holds_it(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")
    for _ in range(100):
        if house.status("501") is not Status.UNCERTAIN:
            break
        alegra.readings.append(does_not_answer())
        house.read("501")
        clock.advance(minutes=10)
    assert house.status("501") is Status.HELD
    assert house.events("501")[-1].alert
    house.run()
    assert len(alegra.calls) == 1


@pytest.mark.parametrize("how", ["released", "forced", "cancelled and asked for again"])
def test_rule_04_a_held_document_that_a_person_lets_go_is_not_sent_while_its_call_may_still_be_executed(
    house: House, alegra: ScriptedAlegra, clock: FakeClock, how: str
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    alegra.shown["501"] = seen("501", snapshot=a_snapshot(client="another"))
    house.read("501")
    held_at = clock.now()
    operations = Operations(house.ledger, house.accounts, house.announcer, clock, lambda _account: house.policy)
    match how:
        case "released":
            operations.release(ACCOUNT, "invoice", ["501"], actor="ana", reason="it is a draft in Alegra")
        case "forced":
            house.ask("501", force=Force(reason="it is a draft in Alegra"))
        case _:
            operations.cancel(ACCOUNT, "invoice", ["501"], actor="ana", reason="it is a draft in Alegra")
            house.ask("501")
    while clock.now() - held_at < WINDOW:
        house.round()
        assert len(alegra.calls) == 1
        clock.advance(seconds=7)
    house.run()
    assert (house.status("501"), len(alegra.calls)) == (Status.STAMPED, 2)


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "released"])
def test_rule_04_a_held_document_that_was_never_sent_has_nothing_to_wait_for(
    house: House, alegra: ScriptedAlegra, clock: FakeClock, forced: bool
) -> None:
    alegra.shown["501"] = seen("501", Remote.DUBIOUS, reason="Alegra shows a status nobody knows")
    house.ask("501")
    house.read("501")
    assert house.status("501") is Status.HELD
    del alegra.shown["501"]
    if forced:
        house.ask("501", force=Force(reason="it is a draft in Alegra"))
    else:
        operations = Operations(house.ledger, house.accounts, house.announcer, clock, lambda _account: house.policy)
        operations.release(ACCOUNT, "invoice", ["501"], actor="ana", reason="it is a draft in Alegra")
    house.read("501")
    assert house.work("501").ready_at == clock.now()


def test_rule_04_a_document_that_was_rejected_goes_again_as_soon_as_it_is_corrected_and_asked_for(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(says(Answered(a_problem())))
    house.send("501")
    house.read("501")
    assert house.status("501") is Status.REJECTED
    house.ask("501")
    house.read("501")
    assert house.work("501").ready_at == clock.now()


def test_rule_04_a_held_document_that_turns_out_to_be_emitted_is_adopted_at_once_when_it_is_let_go(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    alegra.shown["501"] = seen("501", Remote.VOID)
    house.read("501")
    alegra.shown["501"] = seen("501", Remote.ACCEPTED)
    house.ask("501", force=Force(reason="it is stamped in Alegra"))
    clock.advance(seconds=2)
    house.round()
    assert house.status("501") is Status.STAMPED


# 5. Lock and fence.


def test_rule_05_what_somebody_else_holds_is_not_sent(house: House, alegra: ScriptedAlegra, locks: FakeLocks) -> None:
    batch_id = house.plan("501", "502")
    locks.busy.add(house.work("501").document)
    house.stamping.run(batch_id)
    assert alegra.calls == [("502",)]
    assert house.work("501").batch_id is None


def test_rule_05_a_document_is_locked_while_it_is_sent_and_while_it_is_read(
    house: House, alegra: ScriptedAlegra, locks: FakeLocks
) -> None:
    held: list[set[str]] = []
    alegra.during_call = alegra.during_read = lambda _ids: held.append({each.document_id for each in locks.busy})
    house.run_to_the_end("501", "502")
    assert held == [{"501", "502"}] * 3
    assert locks.busy == set()


def test_rule_05_a_document_is_locked_until_what_was_learned_of_it_is_written_down(
    house: House, locks: FakeLocks
) -> None:
    held: dict[Point, int] = {}
    watch(lambda point: held.__setitem__(point, len(locks.busy)))
    try:
        house.run_to_the_end("501", "502")
    finally:
        watch(lambda _point: None)
    assert (held[Point.READ_RECORDED], held[Point.STAMP_RECORDED]) == (2, 2)


def test_rule_05_without_any_lock_the_row_alone_lets_one_worker_send(
    house: House, alegra: ScriptedAlegra, locks: FakeLocks
) -> None:
    locks.flushed = True
    batch_id = house.plan(*ids(10))
    locks.meeting = Barrier(4)
    together([partial(house.stamping.run, batch_id)] * 4)
    assert alegra.twice == []
    assert len(alegra.calls) == 1


def test_rule_05_nothing_is_sent_while_redis_cannot_be_reached(
    house: House, alegra: ScriptedAlegra, locks: FakeLocks
) -> None:
    batch_id = house.plan("501")
    locks.down = True
    with pytest.raises(Exception, match="Redis"):
        house.stamping.run(batch_id)
    assert alegra.calls == []
    assert house.ledger.planned(batch_id)


@pytest.mark.parametrize("lost_after", ["asking", "planning", "stamping"])
def test_rule_05_the_database_alone_rebuilds_every_queue(
    house: House, alegra: ScriptedAlegra, clock: FakeClock, lost_after: str
) -> None:
    match lost_after:
        case "asking":
            house.ask("501", "502")
        case "planning":
            house.plan("501", "502")
        case _:
            house.send("501", "502")
    for _ in range(8):
        house.announcer.work.clear()  # the broker lost everything
        house.announcer.dispatches.clear()
        clock.advance(seconds=100)
        house.sweep.round()
        for account, _delay in list(house.announcer.dispatches):
            house.round(account)
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert alegra.twice == []


# 6. Redelivery is harmless.


def test_rule_06_redelivery_is_harmless(house: House, alegra: ScriptedAlegra) -> None:
    batch_id = house.plan("501", "502")
    for _ in range(3):
        house.stamping.run(batch_id)
    late_look = ReadMessage(ACCOUNT, "invoice", ("501", "502"))
    house.deliver(late_look)
    house.deliver(late_look)
    house.run()
    assert len(alegra.calls) == 1
    assert set(house.statuses().values()) == {Status.STAMPED}


def test_rule_06_a_late_worker_writes_a_discrepancy_and_never_a_status(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    batch_id = house.plan("501")

    def taken_for_dead(_ids: Sequence[str]) -> None:
        clock.advance(seconds=300)
        assert house.sweep.round().uncertain == 1

    alegra.during_call = taken_for_dead
    house.stamping.run(batch_id)
    assert house.status("501") is Status.UNCERTAIN
    last = house.events("501")[-1]
    assert (last.to_status, last.alert, last.attempt) == (None, True, 1)
    assert "discrepancy" in last.reason
    alegra.during_call = lambda _ids: None
    house.run()
    assert (house.status("501"), alegra.executed["501"]) == (Status.STAMPED, 1)


def test_rule_06_a_worker_of_an_older_attempt_cannot_speak_for_the_newer(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    old_batch = house.plan("501")
    house.locks.flushed = True  # the frozen worker's lock has run out

    def a_whole_attempt_later(_ids: Sequence[str]) -> None:
        alegra.during_call = lambda _ids: None
        clock.advance(seconds=300)
        house.sweep.round()
        for _ in range(60):
            if house.work("501").attempt < 2:
                house.round()
                clock.advance(seconds=30)

    alegra.during_call = a_whole_attempt_later
    alegra.fates.extend([is_not_reached(), loses_the_answer(executes=True)])
    house.stamping.run(old_batch)
    # The old call was not executed; believing its late word now would send the document a third time.
    work = house.work("501")
    assert (work.status, work.attempt) == (Status.UNCERTAIN, 2)
    house.run()
    assert alegra.executed["501"] == 1


def test_rule_06_a_fiscal_code_that_comes_late_is_never_dropped(house: House, alegra: ScriptedAlegra) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")

    def somebody_else_settles_it(_ids: Sequence[str]) -> None:
        alegra.during_read = lambda _ids: None
        alegra.readings.append(lambda ids: type(alegra.truth(ids))({each: seen(each, Remote.VOID) for each in ids}))
        house.locks.busy.clear()
        house.read("501")

    alegra.during_read = somebody_else_settles_it
    house.read("501")
    assert house.status("501") is Status.HELD
    last = house.events("501")[-1]
    assert last.alert
    assert code_of("501") in last.reason


def test_rule_06_a_read_that_is_delivered_again_sends_nothing_before_its_time(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.shown["501"] = seen("501", Remote.VOID)
    house.ask("501")
    house.read("501")
    assert house.status("501") is Status.REJECTED
    del alegra.shown["501"]
    tomorrow = clock.now() + timedelta(days=1)
    house.ask("501", not_before=tomorrow)
    house.read("501")  # the broker brings the same message once more
    for _ in range(5):
        house.round()
        clock.advance(minutes=1)
    assert alegra.calls == []
    clock.move_to(tomorrow)
    house.run()
    assert house.status("501") is Status.STAMPED


# 7. Look before you send.


@pytest.mark.parametrize(
    ("remote", "status"),
    [
        (Remote.ACCEPTED, Status.STAMPED),
        (Remote.VOID, Status.REJECTED),
        (Remote.MISSING, Status.REJECTED),
        (Remote.NOT_ELECTRONIC, Status.REJECTED),
        (Remote.IN_PROCESS, Status.WAITING),
        (Remote.DUBIOUS, Status.HELD),
    ],
)
def test_rule_07_look_before_you_send(house: House, alegra: ScriptedAlegra, remote: Remote, status: Status) -> None:
    alegra.shown["501"] = seen("501", remote)
    house.ask("501")
    for _ in range(3):
        house.clock.advance(seconds=2)
        house.round()
    assert house.status("501") is status
    assert alegra.calls == []


def test_rule_07_thirty_documents_are_looked_at_in_one_request(house: House, alegra: ScriptedAlegra) -> None:
    house.ask(*ids(60))
    house.round()
    assert [len(read) for read in alegra.reads] == [30, 30]


def test_rule_07_a_look_that_has_gone_stale_is_repeated(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    batch_id = house.plan("501")
    clock.advance(seconds=121)
    alegra.execute(["501"])  # by hand, meanwhile
    house.stamping.run(batch_id)
    assert alegra.calls == []
    house.run()
    assert (house.status("501"), alegra.executed["501"]) == (Status.STAMPED, 1)


# 8. The status is the truth, not the presence of a code.


def test_rule_08_the_status_is_the_truth_not_the_code(house: House, alegra: ScriptedAlegra) -> None:
    house.send("501", "502", "503")
    alegra.shown["501"] = seen("501", Remote.REJECTED, fiscal_code=code_of("501"))
    alegra.shown["502"] = seen("502", Remote.IN_PROCESS, fiscal_code=code_of("502"))
    alegra.shown["503"] = seen("503", Remote.DUBIOUS, fiscal_code="not-a-code", reason="wrong format")
    house.read("501", "502", "503")
    assert house.statuses() == {"501": Status.REJECTED, "502": Status.WAITING, "503": Status.HELD}
    assert house.work("503").fiscal_code == "not-a-code"
    assert house.events("503")[-1].alert


# 9. One budget per Alegra user.


def test_rule_09_one_budget_per_user(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    house.quota.left = {(ACCOUNT, "read"): 1, (ACCOUNT, "stamp"): 1}
    house.ask(*ids(60))
    clock.advance(seconds=2)
    assert house.round().wake_in == house.quota.retry_in
    assert len(alegra.reads) == 1
    house.round()
    assert (len(alegra.reads), len(alegra.calls)) == (1, 1)


def test_rule_09_a_full_account_does_not_starve_another(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    house.quota.left = {(ACCOUNT, "read"): 0, (ACCOUNT, "stamp"): 0}
    house.ask(*ids(1000, 10_000))
    house.ask("1", account="other")
    clock.advance(seconds=2)
    house.round(ACCOUNT)
    house.run(account="other", rounds=6)
    assert house.status("1", account="other") is Status.STAMPED
    assert alegra.calls == [("1",)]


def test_rule_09_no_more_calls_are_handed_out_than_may_be_in_flight(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask(*ids(110))
    clock.advance(seconds=2)
    house.round()
    house.dispatch.round(ACCOUNT)
    assert len(house.announcer.stamps) == house.policy.max_in_flight
    house.dispatch.round(ACCOUNT)
    assert len(house.announcer.stamps) == house.policy.max_in_flight


# 10. An account that fails as a whole is paused, not burned.


def test_rule_10_a_refused_account_is_paused_not_burned(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    alegra.fates.append(refuses_the_account(PLAN_LIMIT))
    house.ask(*ids(30))
    clock.advance(seconds=2)
    house.round()
    house.dispatch.round(ACCOUNT)
    assert len(house.announcer.stamps) == 3
    house.deliver_all()  # of three batches the first is refused, and the others were planned by then
    pause = house.accounts.state(ACCOUNT).pause
    assert pause is not None
    assert (pause.code, pause.message) == ("402", "plan limit reached")
    for _ in range(20):
        house.round()
        clock.advance(seconds=5)
    assert len(alegra.calls) == 1
    assert set(house.statuses().values()) == {Status.QUEUED}
    assert {house.work(each).attempt for each in ids(30)} == {0}


def test_rule_10_one_probe_resumes_it(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    # Ten documents are refused while ten others stand looked at and ready.
    house.policy = a_policy(max_in_flight=1, look_fresh=timedelta(hours=1))
    alegra.fates.append(refuses_the_account(PLAN_LIMIT))
    house.send(*ids(20))
    assert len(alegra.calls[-1]) == 10
    clock.advance(seconds=PROBE_EVERY.total_seconds())
    assert house.sweep.round().probed == [ACCOUNT]
    calls = len(alegra.calls)
    for _ in range(3):
        if len(alegra.calls) == calls:
            house.round()
    assert [len(call) for call in alegra.calls[calls:]] == [1]
    assert house.accounts.state(ACCOUNT).pause is None
    house.run()
    assert set(house.statuses().values()) == {Status.STAMPED}


# 11. History is append-only.


def test_rule_11_history_is_append_only_and_survives_every_retry(
    house: House, alegra: ScriptedAlegra, engine: Engine
) -> None:
    alegra.fates.extend([is_not_reached(), loses_the_answer(executes=False)])
    house.run_to_the_end("501")
    known = house.events("501")
    for statement in ("UPDATE emission_events SET reason = ''", "DELETE FROM emission_events"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert house.events("501") == known
    assert house.path("501") == [
        *("queued", "emitting", "queued"),
        *("emitting", "uncertain", "queued"),
        *("emitting", "confirming", "stamped"),
    ]
    for before, after in pairwise(known):
        assert after.from_status == before.to_status
        assert after.at >= before.at
    assert all(event.actor and event.reason for event in known)


# 12. Force is narrow.


def test_rule_12_force_names_documents_a_person_and_a_reason_and_still_reads_first(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")
    alegra.shown["501"] = seen("501", Remote.VOID)
    house.read("501")
    assert house.status("501") is Status.HELD
    house.ask("501")
    assert house.status("501") is Status.HELD
    alegra.shown["501"] = seen("501", Remote.ACCEPTED)
    house.ask("501", requested_by="ana", force=Force(reason="opened again in Alegra"))
    forced = house.events("501")[-1]
    assert (forced.actor, forced.to_status) == ("ana", "queued")
    assert "opened again in Alegra" in forced.reason
    clock.advance(seconds=2)
    house.run()
    assert (house.status("501"), len(alegra.calls)) == (Status.STAMPED, 1)


def test_rule_12_a_look_from_before_a_document_was_held_does_not_stand_for_the_one_after_its_release(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.locks.flushed = True
    house.ask("501")
    operations = Operations(house.ledger, house.accounts, house.announcer, clock, lambda _account: house.policy)

    def held_and_released(_ids: Sequence[str]) -> None:
        alegra.during_read = lambda _ids: None
        alegra.shown["501"] = seen("501", Remote.DUBIOUS, reason="Alegra shows a legalStatus nobody knows")
        house.read("501")
        clock.advance(seconds=1)
        operations.release(ACCOUNT, "invoice", ["501"], actor="ana", reason="looked in Alegra")
        alegra.shown["501"] = seen("501", Remote.IN_PROCESS)

    alegra.during_read = held_and_released
    house.read("501")  # a slower worker than the one that held it
    clock.advance(seconds=2)
    house.round()
    assert (house.status("501"), alegra.calls) == (Status.WAITING, [])


@pytest.mark.parametrize("fate", [says(Answered()), loses_the_answer(executes=False)], ids=["confirming", "uncertain"])
def test_rule_12_force_is_refused_while_a_document_is_settling(
    house: House, alegra: ScriptedAlegra, fate: object
) -> None:
    alegra.fates.append(fate)  # type: ignore[arg-type]
    house.send("501")
    before = house.work("501")
    accepted = house.ask("501", requested_by="ana", force=Force(reason="impatient"))
    assert (accepted.queued, house.work("501")) == (0, before)
    assert "force refused" in house.events("501")[-1].reason


def test_rule_12_a_stamped_document_is_never_sent_again_by_force(house: House, alegra: ScriptedAlegra) -> None:
    house.run_to_the_end("501")
    alegra.shown["501"] = seen("501")  # even if Alegra showed it unstamped
    house.ask("501", force=Force(reason="a second one, please"))
    assert house.status("501") is Status.STAMPED
    house.run()
    assert (house.status("501"), alegra.executed["501"], alegra.calls) == (Status.STAMPED, 1, [("501",)])
