"""Alembic's entry: run the migrations on the database `worker.storage.migrate` was given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from worker.storage.metadata import METADATA
from worker.storage.session import make_engine

# Two `timbre migrate` at once take turns; the number only has to be the same for both.
_ADVISORY_LOCK = 7_462_073

engine = make_engine(context.config.attributes["url"])
with engine.connect() as connection:
    if connection.dialect.name == "postgresql":
        # A migration that waits for a lock must not make the whole service wait behind it.
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})"))
        connection.commit()
    context.configure(connection=connection, target_metadata=METADATA, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
