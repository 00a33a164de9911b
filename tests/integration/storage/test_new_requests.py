"""Many requests in one transaction: exactly what each alone would have written, or nothing."""

from __future__ import annotations

import functools
import itertools
import json
import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select

from tests.support.builders import ACCOUNT, NOON, a_request, ids
from tests.support.house import House
from tests.support.statements import recorded
from tests.support.together import together
from timbre_producers.contracts import EmitRequest, Force, Priority
from worker.emission.ports import Conflict
from worker.storage.models import AccountRow, Emission, EmissionEvent, Request
from worker.storage.requests import SqlRequests

TABLES = (Request, Emission, EmissionEvent)


def written(engine: Engine, requests: Sequence[EmitRequest] = ()) -> list[str]:
    """All rows that are about these requests, without what is different in each: row ids, request and document ids."""
    names = {str(each.request_id): f"request {number}" for number, each in enumerate(requests)}
    # In their quotes: an id may stand inside some uuid by chance.
    documents = enumerate(itertools.chain(*_ids_of(requests)))
    names |= {f"{quote}{each}{quote}": f"document {number}" for number, each in documents for quote in ('"', '\\"')}
    found = []
    with engine.begin() as connection:
        for table in TABLES:
            for row in connection.execute(select(table.__table__)).mappings():
                told = json.dumps({name: value for name, value in row.items() if name not in OWN}, default=str)
                common = functools.reduce(lambda text, name: text.replace(name, names[name]), names, told)
                if common != told or not requests:
                    found.append(f"{table.__tablename__} {common}")
    return sorted(found)


def _ids_of(requests: Sequence[EmitRequest]) -> Iterable[Sequence[str]]:
    return (each.document_ids for each in requests)


OWN = {"id", "emission_id", "fingerprint"}


def every_kind(start: int) -> list[EmitRequest]:
    """Requests with everything a request may carry."""
    changes: list[dict[str, Any]] = [
        {},
        {"priority": Priority.HIGH, "account": "other"},
        {"kind": "credit_note", "requested_by": "Ana Muñoz 🧾"},
        {"not_before": NOON + timedelta(days=1), "callback_url": "https://billing.example/timbre?a=1"},
        {"not_before": NOON - timedelta(days=1), "validate": False},
        {"email": True},
        {"force": Force(reason='she said "now", \\ and meant it')},
    ]
    return [a_request(*ids(3, start + 10 * number), **each) for number, each in enumerate(changes)]


def test_together_is_written_what_each_alone_would_have_written(requests: SqlRequests, engine: Engine) -> None:
    many, alone = every_kind(1000), every_kind(2000)
    assert requests.accept_new(many, NOON)
    for each in alone:
        requests.accept(each, NOON)
    assert written(engine, many) == written(engine, alone)
    assert len(written(engine, many)) == 7 + 21 + 21
    with engine.begin() as connection:
        kept = {row.request_id: row.fingerprint for row in connection.execute(select(Request.__table__))}
        assert kept == {str(each.request_id): each.fingerprint() for each in (*many, *alone)}
        assert set(connection.execute(select(AccountRow.account)).scalars()) == {ACCOUNT, "other"}


def again(first: EmitRequest) -> list[EmitRequest]:
    return [a_request("601"), first]


def other_content(first: EmitRequest) -> list[EmitRequest]:
    return [a_request("601"), a_request("602", request_id=first.request_id)]


def a_known_document(first: EmitRequest) -> list[EmitRequest]:
    return [a_request("601"), a_request("602", *first.document_ids)]


def one_document_twice(_first: EmitRequest) -> list[EmitRequest]:
    return [a_request("601"), a_request("602", "601")]


def one_request_twice(_first: EmitRequest) -> list[EmitRequest]:
    return [a_request("601", request_id=(same := uuid.uuid4())), a_request("602", request_id=same)]


@pytest.mark.parametrize("many", [again, other_content, a_known_document, one_document_twice, one_request_twice])
def test_where_anything_is_known_nothing_is_written(
    many: Callable[[EmitRequest], list[EmitRequest]], requests: SqlRequests, engine: Engine
) -> None:
    first = a_request("501")
    requests.accept(first, NOON)
    before = written(engine)
    assert not requests.accept_new(many(first), NOON)
    assert written(engine) == before


def test_a_hundred_take_as_many_statements_as_one(requests: SqlRequests, engine: Engine) -> None:
    counts = []
    for start, size in ((1000, 1), (2000, 100)):
        with recorded(engine) as statements:
            requests.accept_new([a_request(each) for each in ids(size, start)], NOON)
        counts.append(len([each for each, _ in statements.sent if not each.startswith("BEGIN")]))
    assert counts == [4, 4]


def test_crossing_crowds_and_single_requests_do_not_deadlock(requests: SqlRequests, engine: Engine) -> None:
    """The same requests, delivered twice, in any order and company: each document is queued once."""
    for start in range(1000, 4000, 1000):
        asked = [a_request(each) for each in ids(60, start)]
        random.Random(start).shuffle(asked)
        crowds: list[Callable[[], object]] = [
            partial(requests.accept_new, random.Random(n).sample(asked, len(asked)), NOON) for n in range(3)
        ]
        singles: list[Callable[[], object]] = [partial(requests.accept, each, NOON) for each in asked[:3]]
        together([*crowds, *singles])
        for each in asked:
            requests.accept(each, NOON)
    with engine.begin() as connection:
        assert len(connection.execute(select(EmissionEvent.id)).all()) == 180


def test_through_the_door_a_crowd_is_sorted_out_one_by_one(house: House) -> None:
    """Repeated, in conflict, known and new at the same moment: each has the outcome it would have had alone."""
    first = a_request("501")
    house.intake.accept(first)
    new = [a_request(each) for each in ids(20, 600)]
    conflict, known = a_request("502", request_id=first.request_id), a_request("501", "503")
    with ThreadPoolExecutor(30) as threads:
        outcomes = list(threads.map(house.intake.accept, [*new, first, conflict, known, *new]))
    assert [getattr(each, "queued", None) for each in outcomes] == [*[1] * 20, 1, None, 1, *[1] * 20]
    assert isinstance(outcomes[21], Conflict)
    assert sum(getattr(each, "repeated", False) for each in outcomes) == 21
    assert len(house.statuses()) == 22
    assert len(house.events("503")) == len(house.events("610")) == len(house.events("501")) == 1
    assert [reason for reason in house.refusals() if "other content" in reason]
    assert ACCOUNT in {nudge for nudge, _ in house.announcer.dispatches}
