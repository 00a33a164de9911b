"""What the past costs: nothing. With fifty thousand finished documents every verb reads the rows it read with none."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, ids
from tests.support.history import BIG, live_through
from tests.support.house import House, engine_on
from tests.support.statements import plan_of, plan_once, recorded
from timbre_producers.contracts import Priority, Status
from worker.storage.callbacks import SqlCallbacks
from worker.storage.queries import Queries

PAST = 50_000

LIVE = 60


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with engine_on(database_url) as engine:
        with engine.begin() as connection:
            live_through(connection, PAST)
        yield engine


def live(engine: Engine, start: int = 500) -> None:
    """Every verb has its turn: documents are asked for, looked at, given back, sent, lost, swept up and settled."""
    alegra = ScriptedAlegra()
    house = House(engine, alegra)
    house.ask(*ids(LIVE, start), callback_url="https://billing.example/timbre")
    house.ask(*ids(LIVE, start), priority=Priority.HIGH)
    house.round()
    house.dispatch.round(ACCOUNT)
    house.operations.pause(ACCOUNT, actor="ana", reason="its batches are given back")
    house.deliver_all()
    house.operations.resume(ACCOUNT, actor="ana")
    alegra.fates.append(loses_the_answer(executes=True))
    for _ in range(30):
        house.sweep.round()
        house.round()
        house.clock.advance(seconds=100)
    callbacks = SqlCallbacks(engine)
    for pending in callbacks.due(house.clock.now(), 50):
        callbacks.delivered(pending.request_id, house.clock.now())
    assert {house.status(each) for each in ids(LIVE, start)} == {Status.STAMPED}


def test_no_verbs_statement_walks_through_a_table_that_grows(engine: Engine) -> None:
    with recorded(engine) as statements:
        live(engine)
    assert len({statement for statement, _ in statements.sent}) > 20
    assert_no_walk(engine, statements.sent)


def test_the_verbs_read_no_more_rows_when_the_past_grows(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine:
        read = []
        for times in range(2):
            with engine.begin() as connection:
                live_through(connection, PAST, start=times * PAST)
            before = rows_read(engine)
            live(engine, start=1000 * (times + 1))
            read.append(rows_read(engine) - before)
    assert read[1] < 1.2 * read[0], read
    assert read[1] < 300 * LIVE, read


def test_a_documents_versions_stay_on_its_page(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine:
        with engine.begin() as connection:
            live_through(connection, PAST)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # As long as rows with a code are: on each page there is room left for a row that has none yet.
            connection.exec_driver_sql("UPDATE emissions SET error_message = repeat('x', 450)")
            connection.exec_driver_sql("VACUUM FULL emissions")
            connection.exec_driver_sql("VACUUM emissions")
        house = House(engine, ScriptedAlegra())
        house.ask(*ids(LIVE, 500))
        places = [pages_of_live(engine)]
        while house.status("501") is not Status.STAMPED:
            house.round()
            house.clock.advance(seconds=10)
            places.append(pages_of_live(engine))
        moved = sum(page != before[row] for before, after in pairwise(places) for row, page in after.items())
        assert moved < LIVE, f"{moved} moves of {LIVE} documents"


QUESTIONS: dict[str, Callable[[Queries, House], object]] = {
    "a status": lambda ask, _: ask.emissions(status=Status.HELD),
    "a status of an account": lambda ask, _: ask.emissions(status=Status.QUEUED, account=ACCOUNT),
    "documents by id": lambda ask, _: ask.named(["501", "1000001"]),
    "a request": lambda ask, _: ask.of_requests(["past-1"]),
    "what requests named": lambda ask, _: ask.asked_for(["past-1"]),
    "refusals": lambda ask, _: ask.refusals([str(uuid.uuid4())]),
    "a history": lambda ask, _: ask.history(1),
    "calls": lambda ask, _: ask.batches(["past-1"]),
    "the newest requests": lambda ask, _: ask.requests(),
    "an account's newest requests": lambda ask, _: ask.requests(account="quiet"),
    "alerts": lambda ask, house: ask.alerts(now=house.clock.now()),
    "deadlines": lambda ask, _: ask.deadlines(),
    "nights": lambda ask, _: ask.last_nights([ACCOUNT]),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_no_question_walks_through_a_table_that_grows(engine: Engine, ask: Callable[[Queries, House], object]) -> None:
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            # As PostgreSQL does by itself within the hour. The verbs above had to find their way without.
            connection.exec_driver_sql("ANALYZE")
    with recorded(engine) as statements:
        ask(Queries(engine), House(engine, ScriptedAlegra()))
    assert_no_walk(engine, statements.sent, plan_once)


def assert_no_walk(
    engine: Engine, sent: Sequence[tuple[str, Any]], plan: Callable[[Connection, str, Any], str] = plan_of
) -> None:
    """By default by the plan PostgreSQL makes for a statement that it prepares once and for all, and by SQLite's."""
    with engine.begin() as connection:
        plans = {statement: plan(connection, statement, parameters) for statement, parameters in sent}
    walk = "SCAN {}" if engine.dialect.name == "sqlite" else "Seq Scan on {}"
    for statement, lines in plans.items():
        for line in lines.splitlines():
            walked = any(re.search(rf"{walk.format(table)}\b(?!.* USING )", line) for table in BIG)
            assert not walked, f"{statement}\n\n{lines}"


def rows_read(engine: Engine) -> int:
    """So many rows of the tables that grow were read since the server began, by walking or by an index."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.exec_driver_sql("SHOW server_version_num").scalar_one() >= "150000":
            # The pool hands out one connection after the other: this is the one that did the work.
            connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        else:
            time.sleep(1)
    with engine.begin() as connection:
        read = text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_user_tables WHERE relname = ANY(:big)")
        return int(connection.execute(read, {"big": list(BIG)}).scalar_one())


def pages_of_live(engine: Engine) -> Mapping[int, int]:
    """By their rows, the pages of the table in which the documents are that are not of the past."""
    page = "split_part(trim('()' FROM ctid::text), ',', 1)::int"
    with engine.begin() as connection:
        found = connection.execute(text(f"SELECT id, {page} FROM emissions WHERE error_message IS NULL"))  # noqa: S608
        return {row.id: row[1] for row in found}
