"""What is sent to the database: counted, and explained by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event


@dataclass
class Statements:
    """The statements one block of code sent, with their parameters."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent)


@contextmanager
def recorded(engine: Engine) -> Iterator[Statements]:
    """Record every statement until the block ends. `executemany` counts as one for each of its rows."""
    statements = Statements()

    def note(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool
    ) -> None:
        if not statement.startswith("BEGIN"):  # which PostgreSQL's driver says by itself
            statements.sent += [(statement, each) for each in (parameters if executemany else [parameters])]

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plan_once(connection: Connection, statement: str, parameters: Any) -> str:
    """How the database would run a statement with these parameters, as text: what it does for one that comes rarely."""
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))


def plan_of(connection: Connection, statement: str, parameters: Any) -> str:
    """How the database would run a statement, as text, without having seen its parameters' values.

    PostgreSQL makes such a generic plan once a prepared statement has run a few times; SQLite always does.
    """
    if connection.dialect.name == "sqlite":
        return plan_once(connection, statement, parameters)
    names = {name: f"${position}" for position, name in enumerate(parameters, start=1)}
    generic = re.sub(r"%\((\w+)\)s", lambda found: names[found[1]], statement)
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE explained AS {generic}")
    values = ", ".join("NULL" for _ in parameters)
    call = f"EXPLAIN EXECUTE explained({values})" if parameters else "EXPLAIN EXECUTE explained"
    plan = "\n".join(row[0] for row in connection.exec_driver_sql(call))
    connection.exec_driver_sql("DEALLOCATE explained")
    return plan
