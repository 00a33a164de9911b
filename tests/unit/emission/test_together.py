"""Threads that come at the same time: one does for all what each would have done, and none is the worse for it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.together import together
from worker.emission.together import AT_MOST, Together


class Work:
    """Doubles numbers; notes how it was asked to."""

    def __init__(self, refuses: Callable[[Sequence[int]], bool] = lambda _: False) -> None:
        self._refuses = refuses
        self.at_once: list[list[int]] = []
        self.apart: list[int] = []
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.together = Together(self.do_at_once, self.do_apart)

    def do_at_once(self, numbers: Sequence[int]) -> Sequence[int] | None:
        self.at_once.append(list(numbers))
        self.began.set()
        assert self.may_end.wait(30)
        return None if self._refuses(numbers) else [2 * number for number in numbers]

    def do_apart(self, number: int) -> int:
        self.apart.append(number)
        if number < 0:
            raise ValueError(f"{number} is negative")
        return 2 * number

    def first_and_then(self, first: int, *others: int) -> list[int]:
        """The others come while the first is at it; what each came to."""
        with ThreadPoolExecutor(1 + len(others)) as threads:
            ones = [threads.submit(self.together.do, first)]
            assert self.began.wait(30)
            ones += [threads.submit(self.together.do, other) for other in others]
            while len(self.together.gathered) < len(others):
                threading.Event().wait(0.001)
            self.may_end.set()
            return [one.result(timeout=30) for one in ones]


def test_who_comes_alone_goes_at_once() -> None:
    work = Work()
    work.may_end.set()
    assert work.together.do(1) == 2
    assert (work.at_once, work.apart) == ([[1]], [])


def test_who_comes_while_one_is_at_it_is_done_by_one_of_those_who_wait() -> None:
    work = Work()
    assert work.first_and_then(1, 2, 3, 4) == [2, 4, 6, 8]
    assert work.at_once[0] == [1]
    assert sorted(work.at_once[1]) == [2, 3, 4]
    assert work.apart == []


def test_what_cannot_be_done_together_is_done_apart() -> None:
    work = Work(refuses=lambda numbers: 3 in numbers)
    assert work.first_and_then(1, 2, 3, 4) == [2, 4, 6, 8]
    assert sorted(work.apart) == [2, 3, 4]


def test_a_failure_is_that_ones_and_nobody_elses() -> None:
    def fails(numbers: Sequence[int]) -> bool:
        if min(numbers) < 0:
            raise KeyError("one of these")
        return False

    work = Work(refuses=fails)
    with pytest.raises(ValueError, match="-3 is negative"):
        work.first_and_then(1, 2, -3, 4)
    assert sorted(work.apart) == [-3, 2, 4]


def test_a_crowd_is_done_in_parts() -> None:
    work = Work()
    numbers = range(1, 2 * AT_MOST)
    assert work.first_and_then(0, *numbers) == [2 * number for number in range(2 * AT_MOST)]
    assert [len(each) for each in work.at_once] == [1, AT_MOST, AT_MOST - 1]


def test_each_has_its_own_outcome_whoever_worked() -> None:
    work = Work(refuses=lambda numbers: sum(numbers) % 5 == 0)
    work.may_end.set()
    for start in range(0, 200, 20):
        calls = [lambda number=number: work.together.do(number) for number in range(start, start + 20)]
        assert together(calls) == [2 * number for number in range(start, start + 20)]
    assert sorted(itertools.chain(*work.at_once)) == list(range(200))
