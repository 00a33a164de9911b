"""Alegra in the domain's words: implements the port `InvoicingApi` on top of the HTTP client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from worker.alegra.access import AccountAccess
from worker.alegra.answers import accepted, body_of, rows_of_list
from worker.alegra.client import LIST_LIMIT, AlegraClient, Answer
from worker.alegra.document_reads import DocumentReads
from worker.alegra.errors import AccountRefused, AlegraError, NotSent
from worker.alegra.kinds import SHAPES, Stamped
from worker.alegra.kinds.shape import RECENT
from worker.alegra.reading import observe
from worker.alegra.schemas import CompanyBody, NumberTemplateBody, UnreadableDocument
from worker.alegra.stamp_answer import read_stamp_answer
from worker.countries import Country, country, from_application_version
from worker.emission.kinds import Kind, foreign
from worker.emission.observation import Company, NumberTemplate, Observation, ReadReport, Remote, Snapshot
from worker.emission.outcomes import Deferred, Outcome, StampReport, Uncertain
from worker.emission.ports import AlegraUnavailable, CoordinationDown, Grant, QuotaSpent

_MOST_TEMPLATE_PAGES: Final = 20

STAMP_BY_EDIT: Final = {"status": "open", "stamp": {"generateStamp": True}}
"""What makes an edit stamp: what a creation that stamps carries (alegra-api.md §3), and no field of the document."""

_Row = TypeVar("_Row")

_log = logging.getLogger(__name__)


class AlegraInvoicing:
    """`InvoicingApi` over HTTP.

    `accounts` gives the access of an account by its name. `permit` is asked, with that name, before every request that
    no dispatch planned: listings, lookups, and the single reads that a list makes necessary. `remember_country` is told
    the account and the ISO code Alegra named, when its access names no country.
    """

    def __init__(
        self,
        client: AlegraClient,
        accounts: Callable[[str], AccountAccess],
        *,
        permit: Callable[[str], Grant],
        remember_country: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._accounts = accounts
        self._permit = permit
        self._remember_country = remember_country
        self._countries: dict[str, Country] = {}

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: datetime) -> StampReport:
        """One stamp call; an outcome for every id, whatever the network or Alegra does."""
        try:
            answer = self._sent(self._accounts(account), kind, ids, not_after)
        except NotSent as error:
            return _same_for_all(ids, Deferred(f"not sent: {error}"))
        except AlegraError as error:
            return _same_for_all(ids, Uncertain(str(error)))
        together = SHAPES[kind.name].stamped is Stamped.TOGETHER
        return read_stamp_answer(answer.status, answer.body, ids, retry_in=answer.rate.wait, together=together)

    def read(self, account: str, kind: Kind, ids: Sequence[str]) -> ReadReport:
        """Up to thirty documents; never raises for what the network or Alegra does."""
        reads = DocumentReads(self._client, self._accounts(account), kind, self._may_ask)
        try:
            where = self._known_country(account)
            if where is None:
                reads.count()
                where = self._ask_country(account)
                self._spend(account)
            if not kind.exists_in(where.code):
                return _of_nowhere(ids, foreign(kind, where.code))
            reads.read(list(dict.fromkeys(ids)), where)
        except AccountRefused as error:
            return reads.report(str(error), error.problem)
        except (AlegraError, AlegraUnavailable, CoordinationDown, UnreadableDocument) as error:
            return reads.report(str(error))
        return reads.report()

    def drafts(self, account: str, kind: Kind, *, start: int = 0) -> tuple[Sequence[Observation], int | None]:
        """One page of drafts, oldest first, and where the next starts. Raises `AlegraUnavailable`."""
        shape = SHAPES[kind.name]
        with _or_unavailable("the drafts could not be listed"):
            self._spend(account)
            where = self._known_country(account)
            if where is None:
                where = self._ask_country(account)
                self._spend(account)
            today = datetime.now(ZoneInfo(where.zone)).date()
            parameters = {**shape.listed(today), "start": start, "limit": LIST_LIMIT}
            access = self._accounts(account)
            rows = rows_of_list(accepted(self._client.documents(access, shape.resource, parameters)))
        shown = list(_readable(rows, lambda row: observe(row, where, kind.name, access.issuer), "drafts", account))
        since = (today - RECENT).isoformat()
        asked_for = [each for each in shown if each.is_draft or not shape.has_drafts]
        if not shape.has_drafts:
            asked_for = [each for each in asked_for if (each.snapshot.date or "") >= since]
        if shown and not asked_for:
            # A filter Alegra does not know is ignored in silence; paging on would walk through every document.
            raise AlegraUnavailable(
                "Alegra answered the list of drafts with documents that are none; nothing was taken"
            )
        return [each for each in asked_for if each.is_draft], start + len(rows) if len(rows) >= LIST_LIMIT else None

    def company(self, account: str) -> Company:
        """Who the account belongs to. Raises `AlegraUnavailable`, also for a country Timbre does not emit in."""
        with _or_unavailable("the company could not be read"):
            self._spend(account)
            return self._company(account)

    def number_templates(self, account: str) -> Sequence[NumberTemplate]:
        """Every numbering, the inactive ones, too. Raises `AlegraUnavailable`."""
        access = self._accounts(account)
        templates: list[NumberTemplate] = []
        with _or_unavailable("the numberings could not be listed"):
            for page in range(_MOST_TEMPLATE_PAGES):
                self._spend(account)
                answer = self._client.number_templates(access, start=page * LIST_LIMIT)
                rows = rows_of_list(accepted(answer))
                templates += _readable(rows, _template, "numberings", account)
                if len(rows) < LIST_LIMIT:
                    break
        return templates

    def country_of(self, account: str) -> Country:
        """The account's country; asked of Alegra once when nobody said it. Raises `AlegraUnavailable`."""
        if (known := self._known_country(account)) is not None:
            return known
        with _or_unavailable("the company could not be read"):
            self._spend(account)
            return self._ask_country(account)

    def _sent(self, access: AccountAccess, kind: Kind, ids: Sequence[str], not_after: datetime) -> Answer:
        """The one call that stamps documents of this kind."""
        shape = SHAPES[kind.name]
        if shape.stamped is Stamped.TOGETHER:
            return self._client.stamp(access, shape.resource, ids, not_after=not_after)
        (document_id,) = ids
        if shape.stamped is Stamped.ALONE:
            return self._client.stamp_one(access, shape.resource, document_id, not_after=not_after)
        return self._client.edit(access, shape.resource, document_id, STAMP_BY_EDIT, not_after=not_after)

    def _may_ask(self, account: str) -> bool:
        """Whether there is a permit for one more request; without Redis there is none, and what was read is kept."""
        try:
            return self._permit(account).granted == 1
        except CoordinationDown:
            return False

    def _spend(self, account: str) -> None:
        """Take the permit for one request. Raises `QuotaSpent`, `CoordinationDown`."""
        grant = self._permit(account)
        if grant.granted == 0:
            raise QuotaSpent(grant.retry_in)

    def _company(self, account: str) -> Company:
        answer = accepted(self._client.company(self._accounts(account)))
        body = CompanyBody.read(body_of(answer))
        version = body.application_version or ""
        found = from_application_version(version)
        if found is None:
            raise AlegraUnavailable(f"Alegra says the company is of {version[:40]!r}, where Timbre does not emit")
        return Company(name=body.name or "", country=found.code, identification=body.identification)

    def _known_country(self, account: str) -> Country | None:
        """The account's country as configured, or as learned before."""
        configured = self._accounts(account).country
        return self._countries.get(account) if configured is None else country(configured)

    def _ask_country(self, account: str) -> Country:
        """Ask Alegra, and remember; a request that the caller's permit pays."""
        code = self._company(account).country
        self._remember_country(account, code)
        self._countries[account] = country(code)
        return self._countries[account]


def _of_nowhere(ids: Sequence[str], reason: str) -> ReadReport:
    """What a read shows of documents whose kind the account's country does not have."""
    nothing = Snapshot(None, None, None, None)
    return ReadReport({each: Observation(each, Remote.FOREIGN, nothing, reason=reason) for each in ids}, requests=0)


def _same_for_all(ids: Sequence[str], outcome: Outcome) -> StampReport:
    return StampReport(dict.fromkeys(ids, outcome))


def _readable(rows: Sequence[Any], read: Callable[[Any], _Row], what: str, account: str) -> Iterator[_Row]:
    """The rows that can be read; the others are counted in the log and hide none of these."""
    unreadable = 0
    for row in rows:
        try:
            yield read(row)
        except UnreadableDocument:
            unreadable += 1
    if unreadable:
        _log.warning("rows_unreadable what=%s account=%s count=%d", what, account, unreadable)


def _template(row: Any) -> NumberTemplate:
    body = NumberTemplateBody.read(row)
    return NumberTemplate(
        id=body.id,
        name=body.name or "",
        prefix=body.prefix or "",
        document_type=body.document_type or "",
        is_electronic=body.is_electronic is True,
        is_active=body.status != "inactive",
        sub_document_type=body.sub_document_type,
        first_number=body.first_number,
        next_number=body.next_number,
        last_number=body.last_number,
        start_date=body.start_date,
        end_date=body.end_date,
    )


@contextmanager
def _or_unavailable(what: str) -> Iterator[None]:
    """Alegra's failures as the one exception that listings and lookups raise."""
    try:
        yield
    except (AlegraError, UnreadableDocument) as error:
        raise AlegraUnavailable(f"{what}: {error}") from error
