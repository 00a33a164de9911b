"""The ledger on a real database, on each engine Timbre runs on; whatever a test sees is committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from worker.storage.ledger import SqlLedger
from worker.storage.requests import SqlRequests


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with engine_on(database_url) as engine:
        yield engine


@pytest.fixture
def ledger(engine: Engine) -> SqlLedger:
    return SqlLedger(engine)


@pytest.fixture
def requests(engine: Engine) -> SqlRequests:
    return SqlRequests(engine)


@pytest.fixture
def house(engine: Engine) -> House:
    """Where a test only wants documents brought to some state before it begins."""
    return House(engine, ScriptedAlegra())
