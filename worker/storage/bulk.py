"""Many rows as one bind parameter: the statement is the same, and cached, for one row and for a thousand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, FromClause, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

Columns = Mapping[str, TypeEngine[Any]]


def rows(connection: Connection, name: str, columns: Columns) -> FromClause:
    """A table of the rows bound to `name`; pass them as `{name: encode(connection, rows)}`."""
    if connection.dialect.name == "postgresql":
        return (
            func.jsonb_to_recordset(cast(bindparam(name, type_=Text), JSONB))
            .table_valued(*(column(key, kind) for key, kind in columns.items()), name=name)
            .render_derived(with_types=True)
        )
    each = func.json_each(bindparam(name, type_=Text)).table_valued(column("value", Text), name=f"{name}_each")
    return select(
        *(func.json_extract(each.c.value, f"$.{key}", type_=kind).label(key) for key, kind in columns.items())
    ).subquery(name)


def encode(connection: Connection, values: Sequence[Mapping[str, Any]]) -> str:
    """The rows as JSON, instants written as this database writes them."""
    sqlite = connection.dialect.name == "sqlite"

    def plain(value: object) -> object:
        match value:
            case datetime():
                moment = value.astimezone(UTC)
                return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else moment.isoformat()
            case Decimal():
                return str(value)
            case _:
                raise TypeError(f"no JSON for {value!r}")

    return json.dumps(values, default=plain, ensure_ascii=False)
