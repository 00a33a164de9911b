"""The reference in a document: Alegra has no idempotency key, so the producer's own name of it is in its observations.

They are kept and listed, and not printed (alegra-api.md §2.2).
"""

from __future__ import annotations

import re
from typing import Final

_MARKER: Final = re.compile(r"\[ref ([A-Za-z0-9._:/-]{1,64})\]")


def marker(reference: str) -> str:
    """What stands for the reference. In brackets, so that REF-1 is never found in REF-10."""
    return f"[ref {reference}]"


def marked(observations: str | None, reference: str) -> str:
    """The observations with this reference before them, and no other: a body may have been copied from a document.

    Before them, because nobody knows how much of a long text a list shows: a reference cut off would seem absent.
    """
    own = observations or ""
    while _MARKER.search(own):  # what stood around one may be another
        own = _MARKER.sub("", own)
    own = own.strip()
    return f"{marker(reference)}\n{own}" if own else marker(reference)


def references_in(observations: object) -> frozenset[str]:
    """Every reference that stands in a document's observations, whatever else somebody wrote there since."""
    return frozenset(_MARKER.findall(observations)) if isinstance(observations, str) else frozenset()
