"""A document is created once, whatever becomes of the call, the worker, the message or Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, a_policy
from tests.support.creations import BODY, CreationHouse, Post, ScriptedCreations, Sight, WorkerDied, creation_request
from tests.support.fakes import FakeClock, FakeLocks
from tests.support.house import House
from tests.support.together import together
from timbre_producers.contracts import Status
from timbre_producers.creations import CreationStatus
from worker.creation.outcomes import Created
from worker.emission.points import Point, watch
from worker.storage.creation_rows import CREATIONS
from worker.storage.session import make_engine


@pytest.fixture(autouse=True)
def nobody_watches() -> object:
    yield
    watch(lambda _point: None)


def dies_at(point: Point) -> Callable[[Point], None]:
    def die(reached: Point) -> None:
        if reached is point:
            watch(lambda _point: None)
            raise WorkerDied

    return die


def test_the_ordinary_way_is_one_post_and_no_sweep(house: CreationHouse, alegra: ScriptedCreations) -> None:
    house.ask("INV-1", "INV-2")
    house.run()
    assert set(house.statuses().values()) == {CreationStatus.CREATED}
    assert sorted(alegra.posted) == ["INV-1", "INV-2"]
    assert alegra.swept == []
    assert house.path("INV-1") == ["queued", "creating", "created"]
    assert house.emissions() == []


def test_the_intent_is_committed_before_a_byte_leaves(
    house: CreationHouse, alegra: ScriptedCreations, engine: Engine
) -> None:
    found: list[object] = []

    def look_from_outside() -> None:
        outside = make_engine(engine.url.render_as_string(hide_password=False))
        with outside.begin() as connection:
            found.extend(connection.execute(select(CREATIONS.c.status, CREATIONS.c.attempt)).one())
        outside.dispose()

    alegra.during_post = look_from_outside
    house.ask("INV-1")
    house.round()
    assert found == ["creating", 1]


def test_what_is_to_be_emitted_is_queued_in_the_same_breath(house: CreationHouse) -> None:
    house.ask("INV-1", emit=True, priority="high", validate=False)
    house.run()
    (emission,) = house.emissions()
    assert (emission.document_id, emission.status, emission.attempt) == ("501", Status.QUEUED, 0)
    assert (emission.priority, emission.preflight, emission.unstamped_since) == ("high", False, None)
    assert emission.request_id == house.of("INV-1").request_id
    assert house.announcer.dispatches == [ACCOUNT]


def test_a_night_that_listed_the_draft_first_leaves_one_emission(house: CreationHouse, engine: Engine) -> None:
    House(engine, ScriptedAlegra(), clock=house.clock).ask("501")
    house.ask("INV-1", emit=True)
    house.run()
    assert len(house.emissions()) == 1
    assert house.status("INV-1") is CreationStatus.CREATED


@pytest.mark.parametrize("post", [Post.LOST, Post.LATE, Post.NEVER, Post.DIES_AFTER, Post.DIES_BEFORE])
def test_a_lost_answer_ends_as_one_document_and_is_never_sent_blindly(
    house: CreationHouse, alegra: ScriptedCreations, post: Post
) -> None:
    alegra.posts = [post]
    house.ask("INV-1", emit=True)
    try:
        house.round()
    except WorkerDied:
        assert house.status("INV-1") is CreationStatus.CREATING
    else:
        assert house.status("INV-1") is CreationStatus.UNCERTAIN
    house.clock.advance(seconds=300 if "DIES" in post.name else 0)
    house.run()
    assert house.status("INV-1") is CreationStatus.CREATED
    assert alegra.count("INV-1") == 1
    executed = post not in {Post.NEVER, Post.DIES_BEFORE}
    assert len(alegra.posted) == (1 if executed else 2)
    assert [emission.document_id for emission in house.emissions()] == [house.of("INV-1").document_id]


def test_absence_is_proven_by_two_sweeps_over_the_whole_quiet_window(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    alegra.posts = [Post.NEVER]
    house.ask("INV-1")
    house.round()
    before = clock.now()
    house.run()
    sent_again = next(
        event for event in house.events("INV-1") if event.from_status == "uncertain" and event.to_status == "queued"
    )
    first_look = before + house.policy.uncertain_schedule[0]
    assert sent_again.at >= first_look + house.policy.quiet_window
    # And once more, right before the second POST.
    assert len(alegra.swept) >= 3


def test_a_sweep_read_by_half_is_no_news(house: CreationHouse, alegra: ScriptedCreations) -> None:
    alegra.posts, alegra.sights = [Post.NEVER], [Sight.HALF, Sight.FAILED] * 100
    house.ask("INV-1")
    house.run()
    assert house.status("INV-1") is CreationStatus.HELD
    assert alegra.posted == ["INV-1"]
    assert len(alegra.swept) < 40
    assert "no news until its schedule ended" in (house.of("INV-1").held_reason or "")


def test_a_half_read_sweep_does_not_even_count_for_what_it_shows(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts, alegra.sights = [Post.LOST], [Sight.HALF]
    house.ask("INV-1")
    house.round()
    house.clock.advance(seconds=5)
    house.round()
    assert house.status("INV-1") is CreationStatus.UNCERTAIN


@pytest.mark.parametrize(
    "post", [Post.STAMP_FAILED_LEAVING_NONE, Post.STAMP_FAILED_LEAVING_ONE], ids=["nothing", "one"]
)
def test_3051_never_leads_to_a_second_post(house: CreationHouse, alegra: ScriptedCreations, post: Post) -> None:
    alegra.posts = [post]
    house.ask("INV-1")
    house.run()
    leaves_one = post is Post.STAMP_FAILED_LEAVING_ONE
    assert house.status("INV-1") is (CreationStatus.CREATED if leaves_one else CreationStatus.HELD)
    assert alegra.posted == ["INV-1"]


def test_a_kind_that_its_creation_emits_is_never_posted_twice_by_itself(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    house.country = alegra.country = "MX"
    alegra.posts = [Post.NEVER]
    house.ask("GI-1", kind="global_invoice", emit=True)
    house.run()
    assert house.statuses() == {"GI-1": CreationStatus.HELD}
    assert alegra.posted == ["GI-1"]


def test_what_its_creation_emits_is_not_sent_again_before_the_quiet_window_is_over(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    house.country = alegra.country = "MX"
    house.ask("GI-1", kind="global_invoice", emit=True)
    house.run()
    (emission,) = house.emissions()
    assert emission.unstamped_since == clock.now()


def test_more_than_one_is_for_a_person(house: CreationHouse, alegra: ScriptedCreations) -> None:
    alegra.posts = [Post.LOST]
    alegra.add("INV-1")
    house.ask("INV-1")
    house.run()
    assert house.status("INV-1") is CreationStatus.HELD
    assert house.of("INV-1").held_reason == "2 documents have its reference: 501 (draft), 502 (draft)"
    assert house.events("INV-1")[-1].alert


def test_a_void_one_is_shown_to_a_person_and_is_no_fresh_one(house: CreationHouse, alegra: ScriptedCreations) -> None:
    alegra.posts = [Post.LOST, Post.LOST]
    alegra.add("INV-2", void=True)
    house.ask("INV-1", "INV-2")
    house.round()
    alegra.documents[1].void = True
    house.run()
    assert house.status("INV-1") is CreationStatus.HELD
    assert "void" in (house.of("INV-1").held_reason or "")
    assert house.status("INV-2") is CreationStatus.CREATED
    assert house.of("INV-2").document_id == "503"


def test_one_that_has_waited_long_is_looked_for_before_its_first_post(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    house.ask("INV-1", "INV-2")
    there = alegra.add("INV-1")
    clock.advance(seconds=house.policy.pickup_timeout.total_seconds() + 1)
    house.run()
    assert house.of("INV-1").document_id == there
    assert alegra.posted == ["INV-2"]
    assert len(alegra.swept) == 1, "one sweep answers for both: same kind, client and days"


def test_no_more_is_looked_for_than_may_soon_be_sent(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    house.policy = a_policy(max_in_flight=2, min_in_flight=2)
    for number in range(20):
        house.ask(f"INV-{number}", body={**BODY, "client": {"id": str(number)}})
    clock.advance(seconds=61)
    assert len(house.dispatch.round(ACCOUNT).looks) == 4
    house.deliver_all()
    assert len(house.dispatch.round(ACCOUNT).looks) == 0, "those are sent first"
    house.deliver_all()
    for _ in range(60):
        # As it is: whatever ends nudges the next round at once.
        house.round()
        clock.advance(seconds=3)
    assert set(house.statuses().values()) == {CreationStatus.CREATED}
    assert len(alegra.swept) == 20, "each was looked for once"


@pytest.mark.parametrize(
    ("post", "wait"), [(Post.NOT_REACHED, timedelta(seconds=2)), (Post.THROTTLED, timedelta(seconds=30))]
)
def test_what_provably_never_left_goes_again_and_costs_no_attempt(
    house: CreationHouse, alegra: ScriptedCreations, post: Post, wait: timedelta
) -> None:
    alegra.posts = [post]
    house.ask("INV-1")
    house.round()
    creation = house.of("INV-1")
    assert (creation.status, creation.attempt) == (CreationStatus.QUEUED, 0)
    assert creation.next_look_at == house.clock.now() + wait
    house.run()
    assert (house.status("INV-1"), alegra.posted) == (CreationStatus.CREATED, ["INV-1"])


def test_an_account_that_is_refused_is_paused_and_its_creations_wait(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    alegra.posts = [Post.ACCOUNT_REFUSED]
    house.ask("INV-1", "INV-2")
    house.dispatch.round(ACCOUNT)
    house.creating.run(house.announcer.creates.pop(0))
    assert house.accounts.state(ACCOUNT).pause is not None
    house.announcer.creates.clear()
    clock.advance(seconds=61)
    house.sweep.round()
    house.round()
    assert alegra.posted == []
    # A probe: one document, which shows that the plan allows it again.
    clock.advance(seconds=300)
    house.pauses.probe([ACCOUNT])
    house.run()
    assert house.accounts.state(ACCOUNT).pause is None
    assert sorted(alegra.posted) == ["INV-1", "INV-2"]


def test_data_that_alegra_refuses_is_rejected_at_once(house: CreationHouse, alegra: ScriptedCreations) -> None:
    alegra.posts = [Post.INVALID]
    house.ask("INV-1")
    house.run()
    creation = house.of("INV-1")
    assert (creation.status, creation.problem and creation.problem.code) == (CreationStatus.REJECTED, "3003")


def test_a_refusal_of_a_later_attempt_is_believed_only_after_the_list_agrees(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.NEVER, Post.INVALID]
    house.ask("INV-1")
    house.run()
    assert house.path("INV-1") == ["queued", "creating", "uncertain", "queued", "creating", "uncertain", "rejected"]


def test_a_refused_duplicate_of_a_later_attempt_is_the_document_of_the_first(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.NEVER, Post.INVALID]
    house.ask("INV-1")

    def the_first_one_is_executed_late() -> None:
        if len(alegra.posted) == 2:
            alegra.add("INV-1")

    alegra.during_post = the_first_one_is_executed_late
    house.run()
    assert house.status("INV-1") is CreationStatus.CREATED
    assert alegra.twice == []


# Crashes: at every point of the verbs.

OF_A_POST = [
    Point.CREATE_LOCKED,
    Point.CREATE_CLAIMED,
    Point.CREATE_ANSWERED,
    Point.CREATE_RECORDED,
    Point.CREATIONS_PLANNED,
    Point.CREATION_WRITTEN,
    Point.CREATION_RECEIVED,
]


@pytest.mark.parametrize("point", OF_A_POST)
@pytest.mark.parametrize("emit", [False, True])
def test_a_worker_killed_at_any_point_costs_nothing_and_doubles_nothing(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock, point: Point, emit: bool
) -> None:
    request = creation_request("INV-1", emit=emit)

    def work() -> None:
        house.intake.accept(request)
        house.round()

    watch(dies_at(point))
    with pytest.raises(WorkerDied):
        work()
    house.announcer.creates.clear()
    house.intake.accept(request)
    clock.advance(seconds=300)
    house.run()
    assert house.status("INV-1") is CreationStatus.CREATED
    assert (alegra.count("INV-1"), alegra.posted) == (1, ["INV-1"])
    assert len(house.emissions()) == int(emit)


@pytest.mark.parametrize("point", [Point.LOOK_FOR_ANSWERED, Point.LOOK_FOR_RECORDED, Point.CREATIONS_GIVEN_UP])
def test_a_worker_killed_while_settling_leaves_it_to_the_next(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock, point: Point
) -> None:
    alegra.posts = [Post.DIES_AFTER]
    house.ask("INV-1", emit=True)
    with pytest.raises(WorkerDied):
        house.round()
    clock.advance(seconds=300)
    watch(dies_at(point))
    with pytest.raises(WorkerDied):
        house.run()
    house.announcer.looks.clear()
    clock.advance(seconds=300)
    house.run()
    assert house.status("INV-1") is CreationStatus.CREATED
    assert (alegra.count("INV-1"), len(house.emissions())) == (1, 1)


# Messages: lost, twice, late; Redis flushed; two workers.


def test_a_message_delivered_three_times_is_one_post(house: CreationHouse, alegra: ScriptedCreations) -> None:
    (planned,) = house.planned("INV-1")
    for _ in range(3):
        house.creating.run(planned)
    assert alegra.posted == ["INV-1"]
    assert house.status("INV-1") is CreationStatus.CREATED


def test_a_message_that_was_lost_is_handed_out_anew(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    house.planned("INV-1")
    house.round()
    assert alegra.posted == [], "handed out once, it is nobody else's before its time is over"
    clock.advance(seconds=61)
    assert house.sweep.round().abandoned == 1
    house.run()
    assert alegra.posted == ["INV-1"]


@pytest.mark.parametrize("flushed", [False, True], ids=["locks", "no-locks"])
def test_two_workers_with_the_same_message_send_once(
    house: CreationHouse, engine: Engine, alegra: ScriptedCreations, locks: FakeLocks, flushed: bool
) -> None:
    (planned,) = house.planned("INV-1")
    locks.flushed = flushed
    if flushed:
        locks.meeting = Barrier(2)
    other = CreationHouse(engine, alegra, locks=locks, announcer=house.announcer, worker="worker-2")
    together([lambda: house.creating.run(planned), lambda: other.creating.run(planned)])
    assert alegra.posted == ["INV-1"]
    assert alegra.twice == []


def test_a_worker_that_wakes_up_late_writes_a_discrepancy_and_no_status(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    (planned,) = house.planned("INV-1")

    def frozen() -> None:
        clock.advance(seconds=300)
        house.sweep.round()

    alegra.during_post = frozen
    assert house.creating.run(planned) is None
    assert house.status("INV-1") is CreationStatus.UNCERTAIN
    last = house.events("INV-1")[-1]
    assert last.alert
    assert last.reason.startswith("discrepancy: a late answer for attempt 1")
    assert json.loads(last.evidence)["document_id"] == asdict(Created("501", marked=True))["document_id"]
    alegra.during_post = lambda: None
    house.run()
    assert (house.status("INV-1"), alegra.count("INV-1")) == (CreationStatus.CREATED, 1)


def test_a_worker_frozen_past_its_time_sends_nothing(
    house: CreationHouse, alegra: ScriptedCreations, clock: FakeClock
) -> None:
    def freeze(point: Point) -> None:
        if point is Point.CREATE_CLAIMED:
            clock.advance(seconds=31)

    watch(freeze)
    house.ask("INV-1")
    house.round()
    assert alegra.posted == []
    assert house.status("INV-1") is CreationStatus.QUEUED


def test_a_creation_cancelled_after_it_was_handed_out_is_not_sent(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    (planned,) = house.planned("INV-1")
    house.operations.cancel(ACCOUNT, "invoice", ["INV-1"], actor="ana", reason=None)
    house.creating.run(planned)
    assert (alegra.posted, house.status("INV-1")) == ([], CreationStatus.CANCELLED)


def test_no_more_go_at_once_than_the_account_bears_stamp_calls_and_creations_together(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    house.policy = a_policy(max_in_flight=6, min_in_flight=6)
    assert len(house.planned(*(f"INV-{number}" for number in range(8)))) == 3, "half of them are for stamp calls"
    assert house.dispatch.round(ACCOUNT).posts == []
    with house.ledger.turn(ACCOUNT, house.clock.now()) as turn:
        assert (turn.in_flight, turn.posts) == (3, 3)
    del alegra


def test_stamp_calls_that_fill_the_limit_leave_one_creation_its_way(house: CreationHouse, engine: Engine) -> None:
    house.policy = a_policy(max_in_flight=2, min_in_flight=2)
    stamps = House(engine, ScriptedAlegra(), clock=house.clock, policy=a_policy(max_in_flight=2, min_in_flight=2))
    stamps.ask(*(str(number) for number in range(30)))
    house.clock.advance(seconds=2)
    stamps.round()
    assert len(stamps.dispatch.round(ACCOUNT).batches) == 2
    assert len(house.planned("INV-1", "INV-2")) == 1


def test_a_date_that_only_alegra_can_read_is_never_posted_twice_by_itself(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.NEVER]
    house.ask("INV-1", body={**BODY, "date": "2 de marzo"}, validate=False)
    house.run()
    assert (house.status("INV-1"), alegra.posted) == (CreationStatus.HELD, ["INV-1"])
    assert "its date cannot be read" in (house.of("INV-1").held_reason or "")


def test_a_spent_quota_keeps_them_queued(house: CreationHouse, alegra: ScriptedCreations) -> None:
    house.quota.left[ACCOUNT, "stamp"] = 1
    house.ask("INV-1", "INV-2")
    handed_out = house.dispatch.round(ACCOUNT)
    assert (len(handed_out.posts), handed_out.wake_in) == (1, house.quota.retry_in)
    del alegra
