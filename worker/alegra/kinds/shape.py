"""What one kind of document looks like at Alegra: its path, how it is stamped and listed, and which keys say what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from typing import Any, Final

from worker.creation.reference import marked

Document = Mapping[str, Any]
Parameters = Mapping[str, str | int]

RECENT: Final = timedelta(days=45)
"""How far back documents without a draft status are listed: a REP is due by the fifth of the month that follows."""


class Stamped(Enum):
    """The call that stamps a document which exists (alegra-api.md §5)."""

    TOGETHER = auto()
    """`POST /{resource}/stamp` with up to ten ids."""
    ALONE = auto()
    """`POST /{resource}/{id}/stamp`."""
    BY_EDIT = auto()
    """`PUT /{resource}/{id}` with `stamp.generateStamp`, as long as it is unstamped."""


def _any(_: Document) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of document at Alegra."""

    kind: str
    resource: str
    """Its path."""
    body_key: str
    """Under which an answer shows the document beside a code or a message."""
    stamped: Stamped = Stamped.BY_EDIT
    parties: tuple[str, ...] = ("client",)
    """Keys that may hold the other party, the best first."""
    totals: tuple[str, ...] = ("total",)
    """Keys that may hold what it comes to."""
    follows: tuple[str, ...] = ()
    """Keys that hold the documents it refers to: objects with an `id`, or ids."""
    refused: Callable[[Document], str | None] = _any
    """Why a document of this path is none of this kind; None when it is one."""
    has_drafts: bool = True
    """It has the status draft, which its list can be filtered by."""
    more: Parameters = field(default_factory=dict)
    """What else its list is asked with."""
    listed_by_client: bool = False
    """Its list is known to understand `client_id`. Any other that took it for something else would hide documents."""

    def new(self, body: Document, reference: str, *, stamp: bool) -> dict[str, Any]:
        """What is posted to create one: the producer's body with its reference, and of stamping only what is said here.

        A draft where there are drafts: with `payments` in it, an invoice would otherwise be opened and numbered (§3).
        """
        posted = {name: value for name, value in body.items() if name != "stamp"}
        posted["observations"] = marked(body.get("observations"), reference)
        if self.has_drafts:
            posted["status"] = "draft"
        if stamp:
            posted["stamp"] = {"generateStamp": True}
        return posted

    def seen(self, document: Document) -> dict[str, Any]:
        """The document with its party and its total under the names that an invoice has."""
        shown = dict(document)
        shown["client"] = _first(document, self.parties)
        shown["total"] = _first(document, self.totals)
        return shown

    def followed(self, document: Document) -> Iterator[str]:
        """The ids of the documents it refers to; what cannot be read as an id is Alegra's to refuse."""
        for key in self.follows:
            found = document.get(key)
            for each in found if isinstance(found, list) else [found]:
                named = each.get("id") if isinstance(each, Mapping) else each
                if isinstance(named, str | int) and not isinstance(named, bool) and str(named).strip():
                    yield str(named).strip()

    def swept(self, party: str | None, first: date, last: date) -> Parameters:
        """What its list is asked with so that every document of these days is in it, the newest first.

        A filter Alegra does not know is ignored, and then more is shown, never less.
        """
        wanted: dict[str, str | int] = {
            "date_afterOrNow": first.isoformat(),
            "date_beforeOrNow": last.isoformat(),
            "order_field": "id",
            "order_direction": "DESC",
            "metadata": "true",
            **self.more,
        }
        return {"client_id": party, **wanted} if party and self.listed_by_client else wanted

    def listed(self, today: date) -> Parameters:
        """What its list is asked with so that it shows what is still to be stamped."""
        wanted: dict[str, str | int] = {"order_field": "id", "order_direction": "ASC", **self.more}
        if self.has_drafts:
            return {"status": "draft", **wanted}
        return {"date_afterOrNow": (today - RECENT).isoformat(), **wanted}


def _first(document: Document, keys: tuple[str, ...]) -> Any:
    return next((document[key] for key in keys if document.get(key) not in (None, "", [])), None)
