"""What a finished document costs the verbs: nothing. The dispatch reads only the indexes that hold live rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, insert

from tests.support.builders import ACCOUNT, NOON, a_request, ids
from tests.support.house import engine_on
from tests.support.statements import plan_of, recorded
from worker.emission.acts import What
from worker.emission.ports import Turn
from worker.storage.act_models import ActRow
from worker.storage.acts import SqlActs
from worker.storage.backlog import look_at_backlog
from worker.storage.ledger import SqlLedger
from worker.storage.models import Batch
from worker.storage.requests import SqlRequests

FINISHED = 20_000

COLUMNS = """account, kind, document_id, status, attempt, reads, priority, created_at, updated_at, status_since,
    unstamped_reads, batch_limit, batch_refused, error_blames_account, fiscal_code"""

# Our own constants, and no input of anybody.
FILL = {
    "sqlite": f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FINISHED})
        INSERT INTO emissions ({COLUMNS})
        SELECT '{ACCOUNT}', 'invoice', 100000 + i, 'stamped', 1, 0, 'normal', '2026-01-01 00:00:00.000000',
            '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', 0, 10, 0, 0, 'c' || i FROM n""",  # noqa: S608
    "postgresql": f"""
        INSERT INTO emissions ({COLUMNS})
        SELECT '{ACCOUNT}', 'invoice', 100000 + i, 'stamped', 1, 0, 'normal', '2026-01-01', '2026-01-01',
            '2026-01-01', 0, 10, false, false, 'c' || i FROM generate_series(1, {FINISHED}) AS n(i)""",  # noqa: S608
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with 20,000 stamped documents and a hundred live ones."""
    with engine_on(database_url) as engine:
        SqlRequests(engine).accept(a_request(*ids(100)), NOON)
        with engine.begin() as connection:
            connection.exec_driver_sql(FILL[engine.dialect.name])
            connection.exec_driver_sql("ANALYZE")
        yield engine


QUERIES: dict[str, tuple[Callable[[Turn], object], str]] = {
    "settling": (lambda turn: turn.settling(600), "ix_emissions_due"),
    "looks": (lambda turn: turn.looks(600), "ix_emissions_due"),
    "urgent looks": (lambda turn: turn.urgent_looks(NOON, NOON), "ix_emissions_due"),
    "next due": (lambda turn: turn.next_due_at(), "ix_emissions_due"),
    "ready": (lambda turn: turn.ready(80), "ix_emissions_ready"),
    "ready count": (lambda turn: turn.ready_count(110), "ix_emissions_ready"),
}


@pytest.mark.parametrize(("ask", "index"), QUERIES.values(), ids=QUERIES)
def test_a_dispatch_round_reads_only_live_rows(engine: Engine, ask: Callable[[Turn], object], index: str) -> None:
    with SqlLedger(engine).turn(ACCOUNT, NOON) as turn, recorded(engine) as statements:
        ask(turn)
    _uses_only(engine, statements.sent, index)


def test_a_round_learns_from_the_calls_that_ended_since_and_from_no_others(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(Batch),
            [
                {
                    "id": str(number),
                    "account": ACCOUNT,
                    "kind": "invoice",
                    "state": "answered",
                    "size": 10,
                    "documents": "{}",
                    "planned_at": NOON,
                    "called_at": NOON,
                    "closed_at": NOON - timedelta(minutes=number),
                }
                for number in range(5000)
            ],
        )
        connection.exec_driver_sql("ANALYZE")
    with SqlLedger(engine).turn(ACCOUNT, NOON) as turn, recorded(engine) as statements:
        turn.ended_calls(200)
    _uses_only(engine, statements.sent, "ix_batches_closed")


def test_the_sweep_reads_only_live_rows_and_open_batches(engine: Engine) -> None:
    ledger = SqlLedger(engine)
    with recorded(engine) as statements:
        ledger.accounts_with_work(NOON + timedelta(hours=1))
    _uses_only(engine, statements.sent, "ix_emissions_due", "ix_emissions_ready")


def test_the_sweep_looks_for_mail_only_where_it_was_wished_for(engine: Engine) -> None:
    done = {"account": ACCOUNT, "kind": "invoice", "what": "email", "occasion": "stamped", "state": "done", "tries": 1}
    with engine.begin() as connection:
        rows = [
            {**done, "document_id": str(number), "asked_by": "ana", "asked_at": NOON, "sent_at": NOON, "ended_at": NOON}
            for number in range(5000)
        ]
        connection.execute(insert(ActRow), rows)
        connection.exec_driver_sql("ANALYZE")
    acts = SqlActs(engine)
    with recorded(engine) as wished:
        acts.want_emails(NOON, 1000)
    _uses_only(engine, wished.sent, "ix_emissions_to_mail")
    for ask in (
        lambda: acts.accounts_due(What.EMAIL, NOON, 4),
        lambda: acts.due(ACCOUNT, What.EMAIL, NOON, 20),
        lambda: acts.silent_since(NOON, 1000),
    ):
        with recorded(engine) as statements:
            ask()
        _uses_only(engine, statements.sent, "ix_acts_live")


def test_documents_are_found_by_their_key(engine: Engine) -> None:
    with recorded(engine) as statements:
        SqlLedger(engine).works(ACCOUNT, "invoice", ids(30))
    _uses_only(engine, statements.sent, "uq_emissions_account_kind_document_id")


def test_a_batchs_documents_are_found_by_their_batch(engine: Engine) -> None:
    with recorded(engine) as statements:
        SqlLedger(engine).works_of_batch("b1")
    _uses_only(engine, statements.sent, "ix_emissions_batch_id")


def test_a_look_at_the_backlog_reads_only_what_is_unfinished(engine: Engine) -> None:
    with recorded(engine) as statements:
        look_at_backlog(engine, NOON)
    _uses_only(engine, statements.sent, "ix_emissions_at_rest", "ix_emissions_due", "ix_emissions_ready")


def _uses_only(engine: Engine, sent: list[tuple[str, object]], *indexes: str) -> None:
    """No statement walks the whole table, and each index is used."""
    assert sent
    with engine.begin() as connection:
        plans = [plan_of(connection, statement, parameters) for statement, parameters in sent]
    for plan in plans:
        assert not _walks(connection, plan), plan
    for index in indexes:
        assert any(_named(engine, index, plan) for plan in plans), "\n\n".join(plans)


def _walks(connection: Connection, plan: str) -> bool:
    if connection.dialect.name == "sqlite":
        return any(line.startswith("SCAN emissions") and "INDEX" not in line for line in plan.splitlines())
    return "Seq Scan on emissions" in plan


def _named(engine: Engine, index: str, plan: str) -> bool:
    if engine.dialect.name == "sqlite" and index.startswith("uq_"):
        # SQLite names the index of a UNIQUE constraint by itself.
        return "sqlite_autoindex_emissions" in plan
    return index in plan
