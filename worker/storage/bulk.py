"""Many values as one bind parameter: the statement is the same, and cached, for one value and for a thousand.

Statements are built once for each dialect, by cached functions: building one costs more than the database takes for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Dialect, FromClause, Text, any_, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

Columns = Mapping[str, TypeEngine[Any]]

POSTGRESQL: Final = "postgresql"


def among(dialect: str, of: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The column has one of the values in the list bound to `name`.

    On PostgreSQL an array, looked up in an index value by value: joined with a table of unknown size instead, it would
    be read in whatever way fits what the planner believes of the tables that day.
    """
    if dialect == POSTGRESQL:
        return of == any_(bindparam(name, type_=ARRAY(of.type)))
    return of.in_(select(listed(dialect, name, of.type).c.value))


def listed(dialect: str, name: str, kind: TypeEngine[Any]) -> FromClause:
    """A table of the values in the list bound to `name`, in its one column `value`."""
    values, alias = column("value", kind), f"{name}_listed"
    if dialect == POSTGRESQL:
        return func.unnest(bindparam(name, type_=ARRAY(kind))).table_valued(values, name=alias).render_derived()
    return func.json_each(bindparam(name, type_=_Json())).table_valued(values, name=alias)


def rows(dialect: str, name: str, columns: Columns) -> FromClause:
    """A table of the mappings in the list bound to `name`; a value left out is null."""
    if dialect == POSTGRESQL:
        return (
            func.jsonb_to_recordset(cast(bindparam(name, type_=_Rows()), JSONB))
            .table_valued(*(column(key, kind) for key, kind in columns.items()), name=name)
            .render_derived(with_types=True)
        )
    each = func.json_each(bindparam(name, type_=_Rows())).table_valued(column("value", Text), name=f"{name}_each")
    return select(
        *(func.json_extract(each.c.value, f"$.{key}", type_=kind).label(key) for key, kind in columns.items())
    ).subquery(name)


class _Json(TypeDecorator[Sequence[Any]]):
    """A list as JSON, instants written as the database at hand writes them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return (_FOR_SQLITE if dialect.name == "sqlite" else _FOR_POSTGRESQL).encode(value)


class _Rows(_Json):
    """A list of mappings as JSON, without their nulls: half of what a row of ours holds."""

    cache_ok = True

    def process_bind_param(self, value: Sequence[Mapping[str, Any]] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        some = [{name: inner for name, inner in row.items() if inner is not None} for row in value]
        return super().process_bind_param(some, dialect)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            raise TypeError(f"no JSON for {value!r}")


def _plain_for_sqlite(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return _plain(value)


_FOR_POSTGRESQL: Final = json.JSONEncoder(default=_plain, ensure_ascii=False, separators=(",", ":"))
_FOR_SQLITE: Final = json.JSONEncoder(default=_plain_for_sqlite, ensure_ascii=False, separators=(",", ":"))
