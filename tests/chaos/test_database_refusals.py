"""A transaction that the database refuses, in each verb: nothing was sent for it, or nothing is sent again for it."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from timbre_producers.contracts import Status

IDS: Final = [f"{number}" for number in range(500, 510)]

Hurt = Callable[[Engine], AbstractContextManager[None]]


def impatient(connection: Any, _record: object) -> None:
    """Timbre's own patience, scaled down so that a test may see its end."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA busy_timeout = 300")
        return
    connection.execute("SET lock_timeout = '300ms'")
    connection.commit()


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """For longer than anybody waits."""
    event.listen(engine, "connect", impatient)
    engine.dispose()
    with engine_on(engine.url.render_as_string(hide_password=False)) as foreign, foreign.begin() as connection:
        # On SQLite the first write locks everything.
        connection.execute(text("UPDATE accounts_state SET country = country"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE emissions"))
        yield
    event.remove(engine, "connect", impatient)
    engine.dispose()


@contextmanager
def deadlocked(engine: Engine) -> Iterator[None]:
    """Somebody holds the last document and asks for the first; it is us whom the database chooses to refuse."""

    def ask_for_the_first(connection: Connection) -> None:
        connection.execute(text("SELECT id FROM emissions ORDER BY id LIMIT 1 FOR UPDATE"))

    with meddling(
        engine,
        first="SELECT id FROM emissions ORDER BY id DESC LIMIT 1 FOR UPDATE",
        once_we_wait=ask_for_the_first,
    ):
        yield


@contextmanager
def outrun(engine: Engine) -> Iterator[None]:
    """A database that its administrator made isolate strictly: who waited for another's change is refused."""
    name = engine.url.database
    with engine_on(engine.url.render_as_string(hide_password=False)) as foreign, foreign.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_isolation TO 'serializable'"))
    engine.dispose()
    with meddling(engine, first="UPDATE emissions SET updated_at = updated_at", once_we_wait=lambda _: None):
        yield


@contextmanager
def meddling(engine: Engine, *, first: str, once_we_wait: Callable[[Connection], None]) -> Iterator[None]:
    """Another program's transaction: does something, and more as soon as one of ours waits for it; then commits."""
    started, failures = threading.Event(), list[BaseException]()

    def meddle() -> None:
        try:
            with engine_on(engine.url.render_as_string(hide_password=False)) as foreign, foreign.begin() as connection:
                connection.execute(text("SET LOCAL deadlock_timeout = '30s'"))
                connection.execute(text(first))
                started.set()
                while not somebody_waits(connection):
                    time.sleep(0.02)
                once_we_wait(connection)
        except Exception as error:  # noqa: BLE001  # told by the test's thread
            failures.append(error)
            started.set()

    thread = threading.Thread(target=meddle, daemon=True)
    thread.start()
    started.wait(20)
    yield
    thread.join(20)
    assert not failures
    assert not thread.is_alive()


def somebody_waits(connection: Connection) -> bool:
    return connection.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).first() is not None


@contextmanager
def disk_full(engine: Engine) -> Iterator[None]:
    """No file of ours may grow beyond what SQLite's log has by now."""
    size = Path(f"{engine.url.database}-wal").stat().st_size
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


AT_ANY_VERB: Final = [
    *(("postgresql", hurt) for hurt in (locked, deadlocked, outrun)),
    *(("sqlite", hurt) for hurt in (locked, disk_full)),
]


@pytest.fixture
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with engine_on(url) as engine:
        yield House(engine, ScriptedAlegra())


def alegra_of(house: House) -> ScriptedAlegra:
    alegra: Any = house.stamping._api
    assert isinstance(alegra, ScriptedAlegra)
    return alegra


def all_stamped_once(house: House) -> None:
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert alegra_of(house).executed == dict.fromkeys(house.statuses(), 1)


@pytest.mark.parametrize(("house", "hurt"), AT_ANY_VERB, indirect=["house"])
def test_an_intent_that_could_not_be_committed_was_never_sent(house: House, hurt: Hurt) -> None:
    batch_id = house.plan(*IDS)
    with hurt(house.engine), pytest.raises(OperationalError):
        house.stamping.run(batch_id)
    assert alegra_of(house).calls == []
    assert set(house.statuses().values()) == {Status.QUEUED}
    house.stamping.run(batch_id)
    house.run()
    all_stamped_once(house)


@pytest.mark.parametrize(("house", "hurt"), AT_ANY_VERB, indirect=["house"])
def test_an_answer_that_could_not_be_recorded_is_found_by_reading(house: House, hurt: Hurt) -> None:
    batch_id = house.plan(*IDS)
    alegra, hurting = alegra_of(house), list[AbstractContextManager[None]]()

    def hurt_now(_ids: Sequence[str]) -> None:
        hurting.append(hurt(house.engine))
        hurting[0].__enter__()

    alegra.during_call = hurt_now
    with pytest.raises(OperationalError):
        house.stamping.run(batch_id)
    hurting[0].__exit__(None, None, None)
    alegra.during_call = lambda _ids: None
    assert set(house.statuses().values()) == {Status.EMITTING}
    # What its worker knew is gone. The sweep asks Alegra instead of sending again.
    house.clock.advance(seconds=(house.policy.stamp_timeout + house.policy.sweep_grace + timedelta(seconds=1)).seconds)
    assert house.sweep.round().uncertain == len(IDS)
    house.run()
    all_stamped_once(house)


@pytest.mark.parametrize(
    ("house", "hurt"), [("postgresql", locked), ("sqlite", locked), ("sqlite", disk_full)], indirect=["house"]
)
def test_a_request_that_could_not_be_written_leaves_nothing_and_may_come_again(house: House, hurt: Hurt) -> None:
    house.ask("1", account="other")
    with hurt(house.engine), pytest.raises(OperationalError):
        house.ask(*IDS)
    assert set(house.statuses()) == {"1"}
    house.ask(*IDS)
    house.run()
    house.run(account="other")
    all_stamped_once(house)
