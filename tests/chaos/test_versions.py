"""A release beside the next one: a migration that only expands is applied while workers of both do their work."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from alembic import command
from alembic.config import Config

from tests.support.house import engine_on
from tests.support.machine import a_machine, await_that
from worker.storage import migrate

EXPANSION = dedent('''
    """What a next release may do while this one runs (ops/decisions/expand-then-contract.md)."""

    import sqlalchemy as sa
    from alembic import op

    revision = "9999"
    down_revision = "{head}"


    def upgrade():
        op.add_column("emissions", sa.Column("note", sa.Text(), nullable=True))
        op.add_column("emission_events", sa.Column("severity", sa.Integer(), nullable=False, server_default="0"))
        op.add_column("batches", sa.Column("region", sa.Text(), nullable=True))
        op.add_column("requests", sa.Column("tenant", sa.Text(), nullable=True))
        op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
        with op.get_context().autocommit_block():
            op.create_index("ix_emissions_note", "emissions", ["note"], postgresql_concurrently=True)
''')


def expand(url: str, folder: Path) -> None:
    """`timbre migrate` of a release that is not written yet."""
    folder.mkdir()
    (folder / "9999_expansion.py").write_text(EXPANSION.replace("{head}", migrate.head()))
    config: Config = migrate._config(url)
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", f"{migrate._SCRIPTS / 'versions'}:{folder}")
    command.upgrade(config, "head")


def test_workers_go_on_while_the_tables_are_expanded_under_them(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        before, after = machine.sandbox.add_drafts("acme", 24), machine.sandbox.add_drafts("acme", 24)
        machine.sandbox.faults.set(stamp_latency=1)
        machine.start_beat()
        machine.start_worker()
        machine.client.emit(before, account="acme")
        await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
        expand(postgres_url, tmp_path / "next")
        with engine_on(postgres_url) as engine:
            assert migrate.revision_of(engine) == "9999"
        # Started before the migration, and after it: each takes part of what comes now.
        machine.start_worker()
        machine.client.emit(after, account="acme")
        machine.await_end("acme", before + after)
        machine.judge("acme", before + after)
        assert "UndefinedColumn" not in machine.logs()
