"""Ids of batches: version 7 of RFC 9562, in the order of time, and no two alike."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from tests.support.builders import NOON
from worker.emission.batch_ids import new_batch_id


def test_the_example_of_the_standard_begins_as_ours_of_that_moment() -> None:
    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert new_batch_id(moment).startswith("017f22e2-79b0-7")


def test_it_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(new_batch_id(NOON))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_later_ones_sort_after_earlier_ones() -> None:
    made = [new_batch_id(NOON + timedelta(milliseconds=number)) for number in range(1000)]
    assert made == sorted(made)


def test_no_two_of_one_moment_are_alike() -> None:
    assert len({new_batch_id(NOON) for _ in range(10_000)}) == 10_000
