"""Bring a database's tables to this release, and say whether they are."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from worker.storage.metadata import METADATA
from worker.storage.session import make_engine

_SCRIPTS = Path(__file__).parent / "migrations"


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Apply every migration that is missing. Safe to run again, and by two at once on PostgreSQL."""
    command.upgrade(_config(url), "head")


def head() -> str:
    """The revision this release was written for."""
    revision = ScriptDirectory.from_config(_config("")).get_current_head()
    if revision is None:
        raise RuntimeError("no migrations are packaged with this release")
    return revision


def revision_of(engine: Engine) -> str | None:
    """The revision a database stands at; None when it never was migrated."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(url: str) -> list[str]:
    """What the models have that the migrations do not make, or the other way round; empty when they agree."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return [str(difference) for difference in compare_metadata(context, METADATA)]
    finally:
        engine.dispose()
