"""Creation's verbs over a real database, on each engine Timbre runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support.creations import CreationHouse, ScriptedCreations
from tests.support.fakes import FakeClock, FakeLocks
from tests.support.house import engine_on


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with engine_on(database_url) as engine:
        yield engine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def locks() -> FakeLocks:
    return FakeLocks()


@pytest.fixture
def alegra(clock: FakeClock) -> ScriptedCreations:
    return ScriptedCreations(clock)


@pytest.fixture
def house(engine: Engine, alegra: ScriptedCreations, locks: FakeLocks) -> CreationHouse:
    return CreationHouse(engine, alegra, locks=locks)
