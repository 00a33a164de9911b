"""A list of documents: the filters Alegra knows, its order and its pages; parameters it does not know do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from worker.sandbox.accounts import Account, Shelf
from worker.sandbox.documents import Document
from worker.sandbox.faults import Faults
from worker.sandbox.kinds import Kind
from worker.sandbox.view import Viewer

PAGE: Final = 30
"""The largest page, and the usual one."""

_DATES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "": lambda value, wanted: value == wanted,
    "_after": lambda value, wanted: value > wanted,
    "_afterOrNow": lambda value, wanted: value >= wanted,
    "_before": lambda value, wanted: value < wanted,
    "_beforeOrNow": lambda value, wanted: value <= wanted,
}
_ORDERS: Final = ("id", "name", "date", "dueDate", "status")


class Listing:
    """Answers list requests of any account."""

    def __init__(self, viewer: Viewer, faults: Faults) -> None:
        self._viewer = viewer
        self._faults = faults

    def by_ids(self, account: Account, kind: Kind, ids: Iterable[str], now: float) -> bytes:
        """The documents of `id=`: a bare array, whatever else was asked; looked up, never searched for."""
        found = []
        for document_id in dict.fromkeys(islice(ids, self._faults.whole("list_max_ids"))):
            document = account.shelf(kind).documents.get(document_id)
            if document is not None:
                found.append(document)
        return b"[" + self._joined(account, found, now) + b"]"

    def page(self, account: Account, kind: Kind, query: Mapping[str, str], now: float) -> bytes:
        """One page by filters, order, `start` and `limit`; wrapped with a total when `metadata=true`."""
        start, limit = _natural(query.get("start"), 0), min(_natural(query.get("limit"), PAGE), PAGE)
        matches = self._filter(account.shelf(kind), query, now)
        order = query.get("order_field")
        if order in _ORDERS or query.get("order_direction", "").upper() == "DESC":
            found = sorted(matches, key=_order_key(order or "id"))
            if query.get("order_direction", "").upper() == "DESC":
                found.reverse()
            matches = found
        total: int | None = None
        if query.get("metadata") == "true":
            found = list(matches)
            total, matches = len(found), found
        rows = self._joined(account, islice(matches, start, start + limit), now)
        if total is None:
            return b"[" + rows + b"]"
        return b'{"metadata":{"total":%d},"data":[%s]}' % (total, rows)

    def _joined(self, account: Account, documents: Iterable[Document], now: float) -> bytes:
        return b",".join(
            self._viewer.bytes_of(document, now)
            for document in documents
            if self._faults.strikes("drop_listed", account.name, document.key) is None
        )

    def _filter(self, shelf: Shelf, query: Mapping[str, str], now: float) -> Iterable[Document]:
        for late in [each for each in shelf.lagging.values() if each.before is None or now >= each.before[2]]:
            del shelf.lagging[late.id]
        only_drafts = query.get("status") == "draft" and not shelf.lagging
        tests = self._tests(query, now, statuses="" if only_drafts else query.get("status", ""))
        documents: Iterable[Document] = (shelf.drafts if only_drafts else shelf.documents).values()
        if not tests:
            return documents
        return (document for document in documents if all(test(document) for test in tests))

    def _tests(self, query: Mapping[str, str], now: float, *, statuses: str) -> list[Callable[[Document], bool]]:
        tests: list[Callable[[Document], bool]] = []
        if wanted_statuses := set(filter(None, statuses.split(","))):
            tests.append(lambda document: self._viewer.status(document, now) in wanted_statuses)
        for name in ("date", "dueDate"):
            for suffix, holds in _DATES.items():
                if wanted := query.get(name + suffix):
                    tests.append(_dated(name, wanted, holds))
        if client := query.get("client_id"):
            tests.append(lambda document: str(document.party.get("id")) == client)
        if client_name := query.get("client_name"):
            tests.append(lambda document: client_name.lower() in str(document.party.get("name")).lower())
        if identification := query.get("client_identification"):
            tests.append(lambda document: document.party.get("identification") == identification)
        if item := query.get("item_id"):
            tests.append(lambda document: any(str(line["id"]) == item for line in document.facts.get("items", ())))
        if number := query.get("numberTemplate_fullNumber"):
            tests.append(lambda document: document.full_number == number)
        return tests


def _dated(name: str, wanted: str, holds: Callable[[str, str], bool]) -> Callable[[Document], bool]:
    return lambda document: holds(document.facts.get(name, ""), wanted)


def _order_key(order: str) -> Callable[[Document], tuple[Any, ...]]:
    def key(document: Document) -> tuple[Any, ...]:
        by_id = (len(document.id), document.id)
        match order:
            case "name":
                return (str(document.party.get("name")), *by_id)
            case "date" | "dueDate":
                return (document.facts.get(order, ""), *by_id)
            case "status":
                return (document.status, *by_id)
            case _:
                return by_id

    return key


def _natural(raw: str | None, default: int) -> int:
    """A number of 0 or more; anything else is as if it had not been sent."""
    return int(raw) if raw is not None and raw.isascii() and raw.isdigit() and len(raw) < 10 else default
