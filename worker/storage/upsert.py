"""INSERT … ON CONFLICT, which only the dialects know, under one name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite


def insert_for(connection: Connection, table: Any) -> Any:
    """The insert of this connection's dialect; both offer the same ON CONFLICT methods."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
