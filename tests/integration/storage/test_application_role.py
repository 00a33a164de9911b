"""On PostgreSQL the application's own role cannot change the history either, and the main job needs no more than it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from tests.support.machine import a_machine
from worker.storage.models import Base

SCRIPT = Path(__file__).parents[3] / "ops" / "postgresql-role.sql"

ROLE = "timbre_worker"

REFUSED = {
    "change a line": "UPDATE emission_events SET reason = 'nothing happened'",
    "remove a line": "DELETE FROM emission_events",
    "remove all lines": "TRUNCATE emission_events",
    "remove a document": "DELETE FROM emissions",
    "take the trigger away": "DROP TRIGGER emission_events_append_only ON emission_events",
    "switch the trigger off": "ALTER TABLE emission_events DISABLE TRIGGER ALL",
    "switch all triggers off": "SET session_replication_role = replica",
    "redefine what the trigger does": "CREATE OR REPLACE FUNCTION emission_events_append_only() RETURNS trigger "
    "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "remove the table": "DROP TABLE emission_events",
    "become the owner": "SET ROLE timbre",
}


@pytest.fixture
def owner(postgres_url: str) -> Iterator[Engine]:
    """The migrated database, as `timbre migrate` connects to it, with the script run once and again."""
    with engine_on(postgres_url) as engine:
        for _ in range(2):
            with engine.begin() as connection:
                connection.exec_driver_sql(SCRIPT.read_text())
        yield engine


@pytest.fixture
def worker_url(owner: Engine) -> str:
    return make_url(owner.url).set(username=ROLE).render_as_string(hide_password=False)


def test_the_main_job_runs_as_a_role_that_cannot_change_the_history(
    worker_url: str, redis_url: str, tmp_path: Path
) -> None:
    with a_machine(tmp_path, redis_url=redis_url, database_url=worker_url) as machine:
        machine.add_account("acme")
        ids = machine.sandbox.add_drafts("acme", 24)
        # So that every verb has something to do.
        machine.sandbox.faults.set(reset={"next": 1, "moment": "before"})
        machine.start_beat()
        machine.start_worker()
        machine.client.emit(ids, account="acme")
        machine.await_end("acme", ids)
        machine.judge("acme", ids)
        doctor = machine.timbre("doctor")
        assert "migrated to" in doctor.stdout, doctor.stdout + doctor.stderr
        migrated = machine.timbre("migrate")
        assert migrated.returncode == 0, migrated.stderr


@pytest.mark.parametrize("attempt", REFUSED)
def test_the_role_is_refused(attempt: str, worker_url: str) -> None:
    with engine_on(worker_url) as engine:
        House(engine, ScriptedAlegra()).run_to_the_end("501")
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            engine.begin() as connection,
        ):
            connection.execute(text(REFUSED[attempt]))


@pytest.mark.parametrize("attempt", ["change a line", "remove a line", "remove all lines"])
def test_the_owner_is_refused_by_the_trigger(attempt: str, owner: Engine) -> None:
    House(owner, ScriptedAlegra()).run_to_the_end("501")
    with pytest.raises(DBAPIError, match="append-only"), owner.begin() as connection:
        connection.execute(text(REFUSED[attempt]))


def test_the_script_names_every_table(owner: Engine) -> None:
    """A migration that adds one must say here what the workers may do with it."""
    script = SCRIPT.read_text()
    assert [name for name in inspect(owner).get_table_names() if name not in script] == []
    assert set(inspect(owner).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
