"""Whatever happens, in whatever order: never two documents for one reference, never one lost, on a real database."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.builders import ACCOUNT
from tests.support.creations import CreationHouse, Post, ScriptedCreations, Sight, WorkerDied, creation_request
from tests.support.fakes import FakeClock, FakeLocks
from tests.support.house import engine_on
from timbre_producers.creations import CreationStatus
from worker.emission.points import Point, watch
from worker.storage.migrate import upgrade

REFERENCES = ("INV-1", "INV-2", "INV-3")

POINTS = [point for point in Point if point.value.startswith("creation")]

steps = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(REFERENCES)),
    st.tuples(st.just("work"), st.integers(1, 6)),
    st.tuples(st.just("round"), st.none()),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("twice"), st.integers(0, 5)),
    st.tuples(st.just("lose"), st.integers(0, 5)),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 61, 200, 700])),
    st.tuples(st.just("flush"), st.booleans()),
    st.tuples(st.just("die"), st.sampled_from(POINTS)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(steps, min_size=5, max_size=40),
    st.lists(st.sampled_from(Post), max_size=8),
    st.lists(st.sampled_from(Sight), max_size=12),
)
def test_never_two_and_never_none(walk: list[tuple[str, object]], posts: list[Post], sights: list[Sight]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'timbre.db'}"
        upgrade_once(url)
        with engine_on(url) as engine:
            alegra = ScriptedCreations(FakeClock(), posts=list(posts), sights=list(sights))
            locks = FakeLocks()
            house = CreationHouse(engine, alegra, locks=locks)
            for what, argument in walk:
                survive(lambda: take(house, locks, what, argument))  # noqa: B023 - called at once
            watch(lambda _point: None)
            locks.busy.clear()
            alegra.posts.clear()
            for reference in REFERENCES:
                house.intake.accept(creation_request(reference, emit=True))
            house.announcer.creates.clear()
            house.announcer.looks.clear()
            house.run()
            check(house, alegra)


def take(house: CreationHouse, locks: FakeLocks, what: str, argument: object) -> None:
    """One step of the walk."""
    match what, argument:
        case "ask", str():
            house.intake.accept(creation_request(argument, emit=True))
        case "work", int():
            work(house, argument)
        case "round", _:
            house.dispatch.round(ACCOUNT)
        case (("deliver" | "twice" | "lose"), int()):
            hand_over(house, what, argument)
        case "sweep", _:
            house.sweep.round()
        case "wait", int():
            house.clock.advance(seconds=argument)
        case "flush", bool():
            locks.flushed = argument
        case "die", Point():
            watch(dying_at(argument))
        case _:
            pass


def hand_over(house: CreationHouse, how: str, place: int) -> None:
    """Let a worker take one message, take it without its being acknowledged, or lose it."""
    queue: list[Callable[[], object]] = [
        *(lambda each=each: house.creating.run(each) for each in house.announcer.creates),
        *(lambda each=each: house.looking_for.run(*each) for each in house.announcer.looks),
    ]
    if not queue:
        return
    place %= len(queue)
    if how != "twice":
        forget(house, place)
    if how != "lose":
        queue[place]()


def work(house: CreationHouse, rounds: int) -> None:
    """Let everything go its way for a while."""
    for _ in range(rounds):
        house.sweep.round()
        house.pauses.probe([ACCOUNT])
        wake_in = house.round().wake_in
        house.clock.advance(seconds=min(wake_in.total_seconds(), 60) if wake_in else 10)


def forget(house: CreationHouse, place: int) -> None:
    creates = house.announcer.creates
    if place < len(creates):
        creates.pop(place)
    else:
        house.announcer.looks.pop(place - len(creates))


def dying_at(point: Point) -> Callable[[Point], None]:
    def die(reached: Point) -> None:
        if reached is point:
            watch(lambda _point: None)
            raise WorkerDied

    return die


def survive(step: Callable[[], None]) -> None:
    """A worker that dies is replaced by another."""
    with suppress(WorkerDied):
        step()


def check(house: CreationHouse, alegra: ScriptedCreations) -> None:
    assert alegra.twice == []
    emitted = [emission.document_id for emission in house.emissions()]
    assert len(emitted) == len(set(emitted))
    for reference in REFERENCES:
        creation = house.of(reference)
        match creation.status:
            case CreationStatus.CREATED:
                (document,) = [each for each in alegra.documents if each.reference == reference]
                assert creation.document_id == document.document_id
                assert document.document_id in emitted
            case CreationStatus.REJECTED:
                assert alegra.count(reference) == 0
            case held:
                # A person must look; that is allowed only where nobody else can tell.
                assert held is CreationStatus.HELD
                assert creation.held_reason


_template: list[bytes] = []


def upgrade_once(url: str) -> None:
    """A migrated database, migrated once for all walks."""
    file = Path(url.removeprefix("sqlite:///"))
    if not _template:
        upgrade(url)
        _template.append(file.read_bytes())
    file.write_bytes(_template[0])
