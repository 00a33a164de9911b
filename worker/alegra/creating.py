"""Creating documents at Alegra and finding them again: implements the port `CreationApi` on top of the HTTP client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from worker.alegra.access import AccountAccess
from worker.alegra.answers import accepted, body_of
from worker.alegra.bodies import clean
from worker.alegra.client import LIST_LIMIT, AlegraClient
from worker.alegra.create_answer import read_create_answer
from worker.alegra.drafts import draft_to_create
from worker.alegra.errors import AccountRefused, AlegraError, AnswerLost, NotSent
from worker.alegra.kinds import SHAPES
from worker.alegra.schemas import text_of
from worker.countries import Country, Draft
from worker.creation.outcomes import CreateReport, Found, InDoubt, SweepReport
from worker.creation.reference import references_in
from worker.creation.work import Window
from worker.emission.kinds import Kind
from worker.emission.outcomes import Deferred
from worker.emission.ports import CoordinationDown, Grant

MOST_PAGES: Final = 40
"""Of one sweep. A list that is longer is not read to its end, which proves nothing, and at last a person must look."""


class AlegraCreating:
    """`CreationApi` over HTTP. `permit` is asked, with the account, for every page of a sweep after its first."""

    def __init__(
        self,
        client: AlegraClient,
        accounts: Callable[[str], AccountAccess],
        *,
        country_of: Callable[[str], Country],
        permit: Callable[[str], Grant],
    ) -> None:
        self._client = client
        self._accounts = accounts
        self._country_of = country_of
        self._permit = permit

    def draft(self, account: str, kind: Kind, body: Mapping[str, Any]) -> Draft:
        return draft_to_create(body, self._country_of(account).code, kind.name)

    def create(
        self, account: str, kind: Kind, reference: str, body: Mapping[str, Any], *, not_after: datetime
    ) -> CreateReport:
        """One POST; an outcome whatever the network or Alegra does."""
        shape = SHAPES[kind.name]
        posted = shape.new(body, reference, stamp=kind.emitted_by_creation)
        try:
            answer = self._client.create(self._accounts(account), shape.resource, posted, not_after=not_after)
        except NotSent as error:
            return CreateReport(Deferred(f"not sent: {error}"))
        except AlegraError as error:
            return CreateReport(InDoubt(str(error)))
        return read_create_answer(answer.status, answer.body, shape, reference, retry_in=answer.rate.wait)

    def sweep(self, account: str, window: Window) -> SweepReport:
        """Every page of the list, the newest first; never raises for what the network or Alegra does.

        Complete only when the pages meet and come to as many rows as Alegra says there are.
        """
        pages = _Pages()
        try:
            while pages.start is not None:
                if pages.requests == MOST_PAGES:
                    return pages.report(f"the list is longer than {MOST_PAGES} pages")
                if pages.requests and self._permit(account).granted == 0:
                    return pages.report("the quota allows no further page now")
                pages.take(self._page(account, window, pages))
        except AccountRefused as error:
            return pages.report(str(error), refused=error)
        except (AlegraError, CoordinationDown) as error:
            return pages.report(str(error))
        return pages.report()

    def _page(self, account: str, window: Window, pages: _Pages) -> Any:
        shape = SHAPES[window.kind]
        parameters = {
            **shape.swept(window.party, window.first, window.last),
            "start": pages.start or 0,
            "limit": LIST_LIMIT,
        }
        pages.requests += 1
        return body_of(accepted(self._client.documents(self._accounts(account), shape.resource, parameters)))


class _Pages:
    """What the pages of one sweep have shown so far."""

    def __init__(self) -> None:
        self.start: int | None = 0
        """Where the next page begins; None when there is none."""
        self.requests = 0
        self._seen: dict[str, Found] = {}
        self._total: int | None = None

    def take(self, value: Any) -> None:
        """One page. Raises `AnswerLost` when it is no list of documents, or does not meet the page before."""
        rows, total = _rows(value)
        ids = [_id_of(row) for row in rows]
        if self._seen and not self._seen.keys() & set(ids):
            # Something was deleted while we read: what moved up between the pages was on neither.
            raise AnswerLost("the list moved while it was read")
        for document_id, row in zip(ids, rows, strict=True):
            self._seen[document_id] = _found(document_id, row)
        self._total = total if total is not None else self._total
        begun = self.start or 0
        # One row again: the pages must meet.
        self.start = begun + len(rows) - 1 if len(rows) >= LIST_LIMIT else None

    def report(self, failure: str = "", *, refused: AccountRefused | None = None) -> SweepReport:
        if not failure and self._total is not None and len(self._seen) < self._total:
            failure = f"the list showed {len(self._seen)} of {self._total} documents"
        return SweepReport(
            found=tuple(each for each in self._seen.values() if each.references),
            complete=not failure,
            failure=failure,
            refused=refused.problem if refused else None,
            requests=self.requests,
        )


def _rows(value: Any) -> tuple[Sequence[Any], int | None]:
    """The rows of a page and how many Alegra says there are in all, if it does."""
    total = None
    if isinstance(value, Mapping):
        metadata = value.get("metadata")
        counted = metadata.get("total") if isinstance(metadata, Mapping) else None
        total = int(text) if (text := text_of(counted) or "").isdecimal() else None
        value = value.get("data")
    if not isinstance(value, list):
        raise AnswerLost("the answer is not a list")
    return value, total


def _id_of(row: Any) -> str:
    document_id = text_of(row.get("id")) if isinstance(row, Mapping) else None
    if document_id is None:
        raise AnswerLost("the list has a row that is no document")
    return document_id


def _found(document_id: str, row: Mapping[str, Any]) -> Found:
    if not isinstance(row.get("observations", 0), str | None):
        raise AnswerLost(f"the list does not show the observations of {document_id}")
    template = row.get("numberTemplate")
    number = template.get("fullNumber") if isinstance(template, Mapping) else None
    told = (text_of(row.get("status")), text_of(number), text_of(row.get("date")), text_of(row.get("total")))
    return Found(
        document_id=document_id,
        references=references_in(row.get("observations")),
        void=row.get("status") == "void",
        shown=clean(", ".join(filter(None, told)), 200),
    )
