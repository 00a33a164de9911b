"""A table as it looks after years: what was really emitted a moment ago, multiplied inside the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, DateTime, NullPool, create_engine, inspect, text

_ANEW: Final = "md5(t.{0} || '/' || n)::uuid::text"
_EMISSION: Final = ":base + (n - :first) * :size + array_position(CAST(:ids AS bigint[]), {0})"

_COPIES: Final[Sequence[tuple[str, str, Mapping[str, str]]]] = (
    (
        "requests",
        "t.request_id IN (SELECT request_id FROM emissions WHERE id = ANY(:ids))",
        {"request_id": _ANEW.format("request_id")},
    ),
    (
        "batches",
        "t.id IN (SELECT batch_id FROM emissions WHERE id = ANY(:ids))",
        {"id": _ANEW.format("id")},
    ),
    (
        "emissions",
        "t.id = ANY(:ids)",
        {
            "id": _EMISSION.format("t.id"),
            # Before those that are asked for now, as older ones are.
            "document_id": "'0' || n || '-' || t.document_id",
            "batch_id": _ANEW.format("batch_id"),
            "request_id": _ANEW.format("request_id"),
        },
    ),
    (
        "emission_events",
        "t.emission_id = ANY(:ids)",
        {
            "id": "nextval(pg_get_serial_sequence('emission_events', 'id'))",
            "emission_id": _EMISSION.format("t.emission_id"),
            "batch_id": _ANEW.format("batch_id"),
        },
    ),
)
"""Tables, which of their rows are copied, and what is different in each copy; times move back by a second each."""


class FinishedRows:
    """The documents that are stamped now, and as many copies of them as somebody wants."""

    def __init__(self, database_url: str) -> None:
        # Foreign keys hold by construction, and checking them would take longer than the rows do.
        options = {"options": "-c session_replication_role=replica"}
        self._engine = create_engine(
            database_url, poolclass=NullPool, connect_args=options, isolation_level="AUTOCOMMIT"
        )
        with self._engine.connect() as connection:
            stamped = text("SELECT id FROM emissions WHERE status = 'stamped' ORDER BY id")
            self._ids = list(connection.scalars(stamped))
            columns = inspect(connection).get_columns
            self._statements = [
                text(_statement(table, which, anew, {each["name"]: each["type"] for each in columns(table)}))
                for table, which, anew in _COPIES
            ]
        self._copies = 1

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._copies * len(self._ids)

    def grow(self, rows: int) -> None:
        """Copy them until there are about so many."""
        wanted = max(self._copies, rows // len(self._ids))
        with self._engine.connect() as connection:
            if wanted > self._copies:
                self._copy(connection, self._copies + 1, wanted)
            # As autovacuum would have by then.
            for table, _, _ in _COPIES:
                connection.execute(text(f"VACUUM (ANALYZE) {table}"))
            # What was copied is written out now, not while somebody measures.
            connection.execute(text("CHECKPOINT"))
        self._copies = wanted

    def _copy(self, connection: Connection, first: int, last: int) -> None:
        base = connection.scalar(text("SELECT max(id) FROM emissions"))
        values = {"base": base, "first": first, "last": last, "size": len(self._ids), "ids": self._ids}
        for statement in self._statements:
            names = statement.compile().params
            connection.execute(statement, {name: values[name] for name in names})
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence('emissions', 'id'), (SELECT max(id) FROM emissions))")
        )


def _statement(table: str, which: str, anew: Mapping[str, str], columns: Mapping[str, object]) -> str:
    def copied(name: str) -> str:
        if name in anew:
            return anew[name]
        return f"t.{name} - n * interval '1 second'" if isinstance(columns[name], DateTime) else f"t.{name}"

    values = ", ".join(copied(name) for name in columns)
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608  # our own words
        f"FROM {table} t CROSS JOIN generate_series(CAST(:first AS int), CAST(:last AS int)) n WHERE {which}"
    )
