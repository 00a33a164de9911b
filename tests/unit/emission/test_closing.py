"""When reads and batches close: full, urgent, or lingered long enough."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import NOON, a_policy, a_work, ids, ready
from timbre_producers.contracts import Status
from worker.emission.dispatch import believable, close_batches, close_reads
from worker.emission.work import Document, Work

LINGER = timedelta(seconds=2)
FRESH = NOON + timedelta(seconds=1)
LINGERED = NOON + LINGER


def due(count: int, **changes: Any) -> list[Work]:
    return [a_work(id=int(each), document=Document("acme", "invoice", each), **changes) for each in ids(count)]


def waiting_for_company(count: int, start: int = 501, **changes: Any) -> list[Work]:
    return [ready(each, **changes) for each in ids(count, start)]


@pytest.mark.parametrize(
    ("count", "now", "sizes", "opens_later"),
    [
        (0, FRESH, [], False),
        (10, FRESH, [10], False),
        (9, FRESH, [], True),
        (9, LINGERED, [9], False),
        (25, FRESH, [10, 10], True),
        (25, LINGERED, [10, 10, 5], False),
        (1, LINGERED, [1], False),
    ],
)
def test_a_batch_closes_when_it_is_full_or_its_oldest_has_lingered(
    count: int, now: Any, sizes: list[int], opens_later: bool
) -> None:
    batches, open_until = close_batches(waiting_for_company(count), now, LINGER)
    assert [len(batch.works) for batch in batches] == sizes
    assert open_until == (LINGERED if opens_later else None)


def test_one_urgent_document_closes_its_batch_at_once() -> None:
    urgent = [ready("501", urgent=True), *waiting_for_company(3, 502)]
    batches, open_until = close_batches(urgent, FRESH, LINGER)
    assert [len(batch.works) for batch in batches] == [4]
    assert open_until is None


def test_the_oldest_of_a_batch_decides_when_it_closes() -> None:
    works = [*waiting_for_company(2), ready("600", since=NOON - LINGER)]
    assert len(close_batches(works, NOON, LINGER)[0]) == 1


def test_companions_of_a_refused_batch_only_share_a_batch_with_each_other() -> None:
    halved = waiting_for_company(10, split_from="b1", batch_limit=5)
    quarter = waiting_for_company(3, 520, split_from="b2", batch_limit=3)
    batches, _ = close_batches([*halved, *quarter, *waiting_for_company(10, 540)], FRESH, LINGER)
    assert sorted(len(batch.works) for batch in batches) == [3, 5, 5, 10]
    for batch in batches:
        assert len({work.split_from for work in batch.works}) == 1


@pytest.mark.parametrize(
    ("changes", "other_changes"),
    [
        ({"split_from": "b1", "batch_limit": 3}, {"split_from": "b2", "batch_limit": 3}),
        ({"split_from": "b1", "batch_limit": 3}, {"split_from": "b1", "batch_limit": 5}),
        ({}, {"document": Document("acme", "credit_note", "9")}),
    ],
    ids=["of two refused batches", "of two sizes", "of two kinds"],
)
def test_what_is_not_alike_shares_no_batch(changes: dict[str, Any], other_changes: dict[str, Any]) -> None:
    works = [ready("501", **changes), ready("502", **other_changes)]
    batches, _ = close_batches(works, LINGERED, LINGER)
    assert [[work.id for work in batch.works] for batch in batches] == [[501], [502]]


def test_companions_of_a_refused_batch_wait_for_no_others() -> None:
    batches, open_until = close_batches(waiting_for_company(2, split_from="b1", batch_limit=3), FRESH, LINGER)
    assert ([len(batch.works) for batch in batches], open_until) == ([2], None)


def test_a_kind_that_is_stamped_one_by_one_is_never_sent_in_tens() -> None:
    notes = [ready(each, document=Document("acme", "credit_note", each)) for each in ids(3)]
    batches, _ = close_batches(notes, FRESH, LINGER)
    assert [len(batch.works) for batch in batches] == [1, 1, 1]


def test_two_kinds_share_no_read() -> None:
    works = [*due(2), a_work(id=9, document=Document("acme", "credit_note", "501"))]
    groups, _ = close_reads(works, LINGERED, LINGER)
    assert [{work.document.kind for work in group} for group in groups] == [{"invoice"}, {"credit_note"}]


def test_a_document_refused_alone_travels_alone() -> None:
    batches, _ = close_batches(waiting_for_company(3, split_from="b1", batch_limit=1), FRESH, LINGER)
    assert [len(batch.works) for batch in batches] == [1, 1, 1]


def test_no_document_is_in_two_batches_and_every_batch_has_its_own_id() -> None:
    works = waiting_for_company(95)
    batches, _ = close_batches(works, LINGERED, LINGER)
    carried = [work.id for batch in batches for work in batch.works]
    assert sorted(carried) == sorted(work.id for work in works)
    assert len({batch.id for batch in batches}) == len(batches)


@pytest.mark.parametrize(
    ("count", "now", "sizes"),
    [(30, NOON, [30]), (29, NOON, []), (29, LINGERED, [29]), (65, NOON, [30, 30]), (65, LINGERED, [30, 30, 5])],
)
def test_a_read_closes_at_thirty_documents_or_when_its_oldest_has_lingered(
    count: int, now: Any, sizes: list[int]
) -> None:
    groups, _ = close_reads(due(count), now, LINGER)
    assert [len(group) for group in groups] == sizes


def test_looks_linger_half_as_long_as_settling_reads() -> None:
    sent = due(5, status=Status.CONFIRMING, next_read_at=NOON)
    assert close_reads(due(5), NOON + LINGER / 2, LINGER)[1] is None
    assert close_reads(sent, NOON + LINGER / 2, LINGER) == ([], NOON + LINGER)


def test_an_open_batch_waits_for_company_that_is_being_looked_at_for_a_linger_from_when_it_was_ready() -> None:
    works = waiting_for_company(4, since=NOON - timedelta(hours=1), ready_at=NOON)
    assert len(close_batches(works, FRESH, LINGER)[0]) == 1
    assert close_batches(works, FRESH, LINGER, company_comes=True) == ([], LINGERED)
    assert len(close_batches(works, LINGERED, LINGER, company_comes=True)[0]) == 1


def test_an_urgent_document_is_read_at_once() -> None:
    groups, open_until = close_reads([*due(3), a_work(id=9, urgent=True)], NOON, LINGER)
    assert ([len(group) for group in groups], open_until) == ([4], None)


@pytest.mark.parametrize(
    ("age", "expected"), [(0, True), (120, True), (120.1, False), (3600, False), (-1, True), (-3600, False)]
)
def test_a_look_is_believed_as_long_as_it_is_fresh_by_a_clock_that_may_have_been_set_back(
    age: float, expected: bool
) -> None:
    assert believable(ready("501"), a_policy(), NOON + timedelta(seconds=age)) is expected


def test_a_document_nobody_looked_at_is_never_believed() -> None:
    assert not believable(ready("501", looked_at=None), a_policy(), NOON)
