"""Text from strangers, made so that either database takes it: a row that cannot be written would stop its document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import FromClause, String

# PostgreSQL stores neither NUL nor half a surrogate pair, and JSON can carry both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def legible(text: str) -> str:
    """The text with U+FFFD for every character a database refuses."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def fitting(table: FromClause, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text legible and no longer than its column.

    What Alegra sends has no length we know of. Nothing is lost by the cut: the event beside the row keeps the answer.
    """
    return {name: _fit(table.c[name].type, value) for name, value in values.items()}


def _fit(kind: object, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return legible(value)[: kind.length if isinstance(kind, String) else None]
