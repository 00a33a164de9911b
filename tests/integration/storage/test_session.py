"""The engine: commits when a block ends well, and never lets a frozen process hold up the others for ever."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from tests.support.builders import NOON, a_request
from tests.support.house import engine_on
from worker.storage.models import Emission
from worker.storage.requests import SqlRequests
from worker.storage.session import transaction


class Broken(Exception):
    """Something goes wrong in the middle of a transaction."""


def test_a_block_that_ends_well_is_committed_and_one_that_does_not_leaves_nothing(engine: Engine) -> None:
    requests = SqlRequests(engine)
    requests.accept(a_request("501"), NOON)
    with pytest.raises(Broken), transaction(engine) as connection:  # noqa: PT012  # where it breaks is the point
        connection.exec_driver_sql("UPDATE emissions SET status = 'held'")
        raise Broken
    with transaction(engine) as connection:
        assert connection.execute(select(Emission.status)).scalars().all() == ["queued"]


def test_sqlite_makes_an_intent_survive_a_power_cut(sqlite_url: str) -> None:
    with engine_on(sqlite_url) as engine, transaction(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_postgresql_ends_the_transaction_of_a_process_that_froze_in_it(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine, transaction(engine) as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "10s"


def test_nobody_waits_for_a_row_for_ever(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine, transaction(engine) as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "20s"


def test_a_rolled_back_transaction_does_not_take_the_limits_with_it(postgres_url: str) -> None:
    with engine_on(postgres_url) as engine:
        with pytest.raises(Broken), transaction(engine):
            raise Broken
        with transaction(engine) as connection:
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "20s"
