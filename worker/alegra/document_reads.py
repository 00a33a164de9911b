"""One read of up to thirty documents: a list by ids, and singles for those the list leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from worker.alegra.access import AccountAccess
from worker.alegra.answers import ListRefused, accepted, body_of, denies_existence, rows_of_list
from worker.alegra.client import LIST_LIMIT, AlegraClient
from worker.alegra.kinds import SHAPES
from worker.alegra.reading import missing, observe
from worker.alegra.schemas import UnreadableDocument
from worker.countries import Country
from worker.emission.kinds import Kind
from worker.emission.observation import Observation, ReadReport
from worker.emission.outcomes import Problem


class DocumentReads:
    """Gathers what the requests of one read bring; what was seen before one of them failed stays seen."""

    def __init__(self, client: AlegraClient, access: AccountAccess, kind: Kind, permit: Callable[[str], bool]) -> None:
        self._client = client
        self._access = access
        self._kind = kind
        self._shape = SHAPES[kind.name]
        self._permit = permit
        self._observations: dict[str, Observation] = {}
        self._failures: list[str] = []
        self._requests = 0

    def count(self) -> None:
        """One more request was made."""
        self._requests += 1

    def report(self, failure: str | None = None, refused: Problem | None = None) -> ReadReport:
        """Everything seen so far."""
        failures = "; ".join(filter(None, [*self._failures, failure]))
        return ReadReport(self._observations, failures[:500] or None, refused, self._requests)

    def read(self, ids: Sequence[str], country: Country) -> None:
        """Read these documents. Raises `AlegraError` for what concerns the read as a whole."""
        if len(ids) == 1:
            self._single(ids[0], country)
            return
        for document_id in self._listed(ids, country):
            if not self._permit(self._access.name):
                self._failures.append("the list left some out, and the quota allows no single reads now")
                return
            self._single(document_id, country)

    def _listed(self, ids: Sequence[str], country: Country) -> Sequence[str]:
        """Read the list; the ids it said nothing of."""
        self.count()
        parameters = {**self._shape.more, "id": ",".join(ids), "limit": LIST_LIMIT}
        answer = accepted(self._client.documents(self._access, self._shape.resource, parameters))
        try:
            rows = rows_of_list(answer)
        except ListRefused:
            return ids
        # Parameters may be ignored: a row nobody asked for is no news of anything.
        by_id: dict[str, list[Any]] = {}
        for row in rows:
            if (document_id := _id_of(row)) in ids:
                by_id.setdefault(document_id, []).append(row)
        for document_id, shown in by_id.items():
            self._take(document_id, shown, country)
        return [document_id for document_id in ids if document_id not in by_id]

    def _single(self, document_id: str, country: Country) -> None:
        self.count()
        answer = accepted(self._client.document(self._access, self._shape.resource, document_id))
        if denies_existence(answer):
            self._observations[document_id] = missing(document_id)
        else:
            self._take(document_id, [body_of(answer)], country)

    def _take(self, document_id: str, shown: Sequence[Any], country: Country) -> None:
        """Believe what is shown of a document if it can be read and does not contradict itself."""
        try:
            first, *others = observations(shown, country, self._kind, self._access.issuer)
        except UnreadableDocument as error:
            self._failures.append(f"{document_id} cannot be read: {error}")
            return
        if first.document_id == document_id and all(each == first for each in others):
            self._observations[document_id] = first
        else:
            self._failures.append(f"{document_id} is shown in contradicting ways, or as another document")


def observations(rows: Sequence[Any], country: Country, kind: Kind, issuer: str | None = None) -> Iterator[Observation]:
    """Each row as an observation. Raises `UnreadableDocument` at the first that is none."""
    for row in rows:
        yield observe(row, country, kind.name, issuer)


def _id_of(row: Any) -> str:
    value = row.get("id") if isinstance(row, dict) else None
    return str(value).strip() if isinstance(value, str | int) else ""
