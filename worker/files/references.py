"""The producer's own name of a document: taken from the file, or made from the content so that it is stable."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

LONGEST: Final = 64

FORM: Final = re.compile(rf"[A-Za-z0-9._:/-]{{1,{LONGEST}}}")
"""What the contract allows."""

MADE: Final = "content-"
"""How a made reference begins."""

DIGITS: Final = 20
"""Hexadecimal ones: among a billion documents of one account and kind, two alike are one chance in two million."""

_OURS: Final = frozenset({"stamp", "status"})
"""What Timbre decides by itself: the same sale is the same document, as a draft or emitted."""


def made_of(body: Mapping[str, Any]) -> str:
    """The reference that follows from the content alone: equal for equal content, however it is written."""
    content = {name: value for name, value in body.items() if name not in _OURS}
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return MADE + hashlib.sha256(written.encode()).hexdigest()[:DIGITS]


def found_at(body: Mapping[str, Any], path: Sequence[str]) -> Any:
    """What stands at a dotted path; None when nothing does."""
    here: Any = body
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here
