"""Bodies as they arrive: JSON read without trust, texts cleaned of what a database cannot hold."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

EXCERPT: Final = 1024
"""How much of an answer is kept as evidence, in bytes."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL stores neither; JSON can spell both."""
_MARKUP: Final = re.compile(rb"^\s*<", re.ASCII)


class UnreadableBody(ValueError):
    """The body is not JSON: empty, cut off, HTML, a plain text."""


def read_json(body: bytes) -> Any:
    """The body's JSON value, its fractions as `Decimal`. Raises `UnreadableBody`.

    `NaN` and the infinities, which JSON does not have, become those words: as `null` they would say that there is none.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=str, object_pairs_hook=_of_one_mind
        )
    except (ValueError, RecursionError, ArithmeticError):
        pass
    # Outside the handler: the parser's exception would carry the whole body along.
    kind = "empty" if not body.strip() else "HTML" if _MARKUP.match(body) else "not JSON, or cut off"
    raise UnreadableBody(f"its body is {kind} ({len(body)} bytes)")


def _of_one_mind(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless it gives a name two values: readers differ in which holds, and `stamp` could be the name."""
    read = dict(pairs)
    if len(read) == len(pairs):
        return read
    read.clear()
    for name, value in pairs:
        if read.setdefault(name, value) != value:
            raise ValueError(name)
    return read


def plain_text(body: bytes) -> str | None:
    """The body as a short text for people; None for HTML, for JSON that was cut off, for anything long or empty."""
    if len(body) > EXCERPT or body.lstrip()[:1] in {b"", b"<", b"{", b"[", b'"'}:
        return None
    try:
        return body.decode("utf-8").strip() or None
    except UnicodeDecodeError:
        return None


def clean(text: str, limit: int) -> str:
    """At most `limit` characters that any database can hold; the others leave a mark, or an id would become another."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:limit])


def excerpt(body: bytes) -> str:
    """The body's beginning, as text."""
    return clean(body[:EXCERPT].decode("utf-8", "replace"), EXCERPT)
