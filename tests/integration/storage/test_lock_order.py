"""Overlapping transactions lock their rows in one order, so that none of them ends in a deadlock."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine

from tests.support.builders import ACCOUNT, NOON, a_request, ids
from tests.support.statements import recorded
from tests.support.together import together
from timbre_producers.contracts import EmitRequest, Priority
from worker.emission.ports import PlannedBatch
from worker.storage.ledger import SqlLedger
from worker.storage.requests import SqlRequests


def shuffled(seed: int, count: int, start: int) -> EmitRequest:
    documents = list(ids(count, start))
    random.Random(seed).shuffle(documents)
    return a_request(*documents, priority=Priority.HIGH)


def test_crossing_requests_for_the_same_new_documents_do_not_deadlock(requests: SqlRequests) -> None:
    requests.accept(a_request("1"), NOON)
    for start in range(1000, 6000, 1000):
        crossing: list[Callable[[], object]] = [
            partial(requests.accept, shuffled(start + n, 1000, start), NOON) for n in range(4)
        ]
        together(crossing)


def test_a_batch_is_claimed_and_given_back_in_the_order_of_its_rows(
    requests: SqlRequests, ledger: SqlLedger, engine: Engine
) -> None:
    if engine.dialect.name == "sqlite":
        return  # one writer at a time: there is no order to keep
    requests.accept(a_request(*ids(20)), NOON)
    works = ledger.works(ACCOUNT, "invoice", ids(20))
    with ledger.turn(ACCOUNT, NOON) as turn:
        turn.plan([PlannedBatch("b1", "invoice", works[:10]), PlannedBatch("b2", "invoice", works[10:])])
    verbs: list[Callable[[], object]] = [
        lambda: ledger.claim("b1", lambda _: True, worker="w1", now=NOON),
        lambda: ledger.abandon("b2", NOON),
    ]
    for verb in verbs:
        with recorded(engine) as statements:
            verb()
        first_on_rows = next(statement for statement, _ in statements.sent if "emissions" in statement)
        assert "ORDER BY emissions.id FOR UPDATE" in first_on_rows
