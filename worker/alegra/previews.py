"""Alegra's drawing of a document that is not created: `POST /invoices/preview` (alegra-api.md §1).

Only its path is documented, and that a client gets the address of a PDF from it. So whatever address stands in the
answer is taken for it, and a PDF for itself; anything else is told as it is. That nothing is created is assumed. What
is posted is a draft with its reference in it: if the assumption fails, a draft that can be found stands in Alegra, and
no number is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from worker.alegra.access import AccountAccess
from worker.alegra.answers import accepted, body_of
from worker.alegra.bodies import excerpt
from worker.alegra.client import AlegraClient
from worker.alegra.errors import AnswerLost
from worker.alegra.kinds import SHAPES

PREVIEWED: Final = frozenset({"invoice"})
"""Kinds that have one. Of transportation receipts the documentation names the word, and no path before one exists."""

_PDF: Final = b"%PDF"
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class Preview:
    """What Alegra answered for one document."""

    addresses: tuple[str, ...] = ()
    """Where the drawing is; they work for a while and for whoever knows them."""
    pdf: bytes | None = None
    refused: str | None = None
    """Why Alegra would not draw it, in its own words: it would not create it either."""
    said: str | None = None
    """The beginning of an answer nobody has described."""


def preview(client: AlegraClient, access: AccountAccess, kind: str, body: Mapping[str, Any]) -> Preview:
    """Have one document drawn. Raises `AlegraError`."""
    answer = accepted(client.preview(access, SHAPES[kind].resource, body))
    if answer.body.startswith(_PDF):
        return Preview(pdf=answer.body)
    try:
        found = body_of(answer)
    except AnswerLost as error:
        return Preview(refused=str(error)) if answer.status >= 400 else Preview(said=excerpt(answer.body))
    addresses = tuple(dict.fromkeys(_addresses(found)))
    return Preview(addresses) if addresses else Preview(said=excerpt(answer.body))


def _addresses(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        yield value
    elif depth < _DEEPEST and isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _addresses(each, depth + 1)
