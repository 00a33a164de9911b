"""What every test finds: a clean environment, and real servers that start when the first test asks for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from redis import Redis

from tests.support.servers import PostgresServer, ValkeyServer

# Before any module of ours is imported: a developer's credentials must never reach a test, nor a test Alegra.
for _name in [name for name in os.environ if name.startswith(("TIMBRE_", "ALEGRA"))]:
    del os.environ[_name]
# Everything the tests talk to is on this machine.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(autouse=True)
def _away_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in a directory of their own: a `.timbre` that somebody's `timbre up` left here is none of theirs."""
    monkeypatch.chdir(tmp_path)


def _migrate(url: str) -> None:
    from worker.storage.migrate import upgrade

    upgrade(url)


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """The run's Valkey. A test that hurts it wants `own_valkey`."""
    server = ValkeyServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    """A Valkey for one test, that keeps its data on disk: to be killed, frozen and restarted."""
    server = ValkeyServer(appendonly=True)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    """The URL of a Redis that knows nothing yet, and that nobody else knows."""
    return valkey.new_database()


@pytest.fixture
def fake_redis() -> Iterator[Redis]:
    """Redis in this process, with Lua: for fast tests of locks and quota."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer()) as client:
        yield client


@pytest.fixture(params=["fakeredis", "valkey"])
def redis_client(request: pytest.FixtureRequest) -> Iterator[Redis]:
    """The fake, then a real server: what holds on both makes the fake's answers worth having."""
    if request.param == "fakeredis":
        yield request.getfixturevalue("fake_redis")
    else:
        with Redis.from_url(request.getfixturevalue("redis_url")) as client:
            yield client


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The run's PostgreSQL. A test that hurts it wants `own_postgres`."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for one test, to be killed, frozen and restarted."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh PostgreSQL database with every migration applied."""
    url = postgres.new_database(postgres.template("migrated", _migrate))
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh SQLite file with every migration applied."""
    return f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path / 'timbre.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database on each engine in turn: storage means the same on both."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table, on each engine in turn: for the migrations themselves."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop_database(url)
