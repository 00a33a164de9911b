"""How many calls may be in flight: up by one while it is calm, down by half when an answer is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON
from worker.emission.in_flight import Call, InFlight, adapted, beginning, enough

TOOK = timedelta(seconds=5)


def call(at: datetime, *, took: timedelta = TOOK, lost: bool = False) -> Call:
    return Call(at, at + took, lost)


def calm(count: int, start: datetime = NOON) -> list[Call]:
    return [call(start + timedelta(seconds=1 + place)) for place in range(count)]


instants = st.integers(0, 600).map(lambda second: NOON + timedelta(seconds=second))
calls = st.lists(
    st.builds(call, instants, took=st.integers(-5, 200).map(lambda s: timedelta(seconds=s)), lost=st.booleans()),
    max_size=60,
)
bounds = st.tuples(st.integers(1, 40), st.integers(1, 40))
states = st.builds(
    InFlight,
    limit=st.none() | st.integers(1, 1000),
    calm=st.integers(0, 50),
    usual=st.none() | st.just(TOOK),
    shrunk_at=st.none() | instants,
)


@given(states, calls, bounds)
def test_the_limit_is_never_outside_its_bounds(before: InFlight, calls: list[Call], bounds: tuple[int, int]) -> None:
    lower, upper = bounds
    limit = adapted(before, calls, lower=lower, upper=upper).limit
    assert limit is not None
    assert min(lower, upper) <= limit <= upper


@given(states, bounds)
def test_after_calm_it_has_grown_to_the_most(before: InFlight, bounds: tuple[int, int]) -> None:
    lower, upper = bounds
    enough = calm(upper * upper + 60, NOON + timedelta(seconds=601))
    assert adapted(before, enough, lower=lower, upper=upper).limit == upper


@given(states, st.integers(2, 40))
def test_after_a_lost_answer_it_has_shrunk(before: InFlight, upper: int) -> None:
    held = adapted(before, [], lower=1, upper=upper)
    after = adapted(held, [call(NOON + timedelta(seconds=700), lost=True)], lower=1, upper=upper)
    assert held.limit is not None
    assert after.limit == max(held.limit // 2, 1)


@given(states, calls, st.integers(1, 40), st.integers(0, 60))
def test_it_makes_no_difference_in_how_many_rounds_it_learns(
    before: InFlight, calls: list[Call], upper: int, cut: int
) -> None:
    ordered = sorted(calls, key=lambda each: each.closed_at)
    halfway = adapted(before, ordered[:cut], lower=1, upper=upper)
    in_two = adapted(halfway, ordered[cut:], lower=1, upper=upper)
    assert in_two == adapted(before, ordered, lower=1, upper=upper)


def test_it_begins_with_half_the_most() -> None:
    assert [beginning(1, upper) for upper in (1, 2, 8, 9)] == [1, 1, 4, 5]
    assert beginning(6, 8) == 6


def test_it_grows_by_one_after_as_many_calm_answers() -> None:
    grown = [adapted(InFlight(), calm(count), lower=1, upper=8).limit for count in (0, 3, 4, 8, 9)]
    assert grown == [4, 4, 5, 5, 6]


def test_a_whole_volley_that_is_lost_halves_it_once() -> None:
    volley = [call(NOON, took=timedelta(seconds=180 + late), lost=True) for late in range(8)]
    assert adapted(InFlight(limit=8), volley, lower=1, upper=8).limit == 4


def test_one_bad_minute_does_not_bury_it_for_an_hour() -> None:
    minute = [call(NOON + timedelta(seconds=10 * place), took=timedelta(seconds=9), lost=True) for place in range(6)]
    buried = adapted(InFlight(limit=8, usual=TOOK), minute, lower=1, upper=8)
    assert buried.limit == 1
    # One call after the other, five seconds each: less than three minutes of calls.
    assert adapted(buried, calm(30, NOON + timedelta(seconds=60)), lower=1, upper=8).limit == 8


def test_an_answer_slower_than_usual_lets_it_wait() -> None:
    slow = [call(NOON + timedelta(seconds=place), took=TOOK * 3**place) for place in range(1, 5)]
    assert adapted(InFlight(limit=2, usual=TOOK), slow, lower=1, upper=8).limit == 2


def test_enough_calls_at_once_are_those_that_begin_while_one_lasts() -> None:
    alegras = 150 / 60 * 0.6
    assert [enough(timedelta(seconds=took), alegras) for took in (0, 0.1, 5, 15, 60)] == [1, 1, 8, 23, 90]
