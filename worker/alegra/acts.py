"""Alegra for acts: implements the port `ActApi`. What an e-mail's, a void's and an open's answer mean, is said here.

Paths: alegra-api.md §1. The e-mail's body, `emails` and `sendCopyToUser`, was observed in public clients; its answer is
`success` and `message` (§2.2), whose exact form is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from worker.alegra.access import AccountAccess
from worker.alegra.answers import accepted, body_of, denies_existence
from worker.alegra.bodies import UnreadableBody, clean, read_json
from worker.alegra.client import AlegraClient, Answer
from worker.alegra.errors import AlegraError, NotSent
from worker.alegra.invoicing import AlegraInvoicing
from worker.alegra.kinds import SHAPES
from worker.alegra.reading import missing, observe
from worker.alegra.schemas import UnreadableDocument, text_of, truth_of
from worker.alegra.stamp_rows import rows_of
from worker.emission.acts import ActState, Carried, Shown, What
from worker.emission.ports import AlegraUnavailable, Grant, QuotaSpent
from worker.emission.work import Document

MOST_ADDRESSES: Final = 10


class AlegraActs:
    """`ActApi` over HTTP. `permit` is asked before each read, for the caller has one only for the call."""

    def __init__(
        self,
        client: AlegraClient,
        invoicing: AlegraInvoicing,
        accounts: Callable[[str], AccountAccess],
        *,
        permit: Callable[[str], Grant],
    ) -> None:
        self._client = client
        self._invoicing = invoicing
        self._accounts = accounts
        self._permit = permit

    def show(self, document: Document) -> Shown:
        """One single read: no list answers for a document as surely. Raises `AlegraUnavailable`, `QuotaSpent`."""
        return self.read(document)[0]

    def read(self, document: Document) -> tuple[Shown, Mapping[str, Any] | None]:
        """The same, and the very JSON; None when Alegra has none. Raises `AlegraUnavailable`, `QuotaSpent`."""
        body = self._body(document)
        if body is None:
            return Shown(missing(document.document_id)), None
        where = self._invoicing.country_of(document.account)
        try:
            seen = observe(body, where, document.kind, self._accounts(document.account).issuer)
        except UnreadableDocument as error:
            raise AlegraUnavailable(f"the document cannot be read: {error}") from error
        if seen.document_id != document.document_id:
            raise AlegraUnavailable("Alegra answered with another document")
        return Shown(seen, tuple(_addresses(SHAPES[document.kind].seen(body)))), body

    def _body(self, document: Document) -> Mapping[str, Any] | None:
        grant = self._permit(document.account)
        if grant.granted == 0:
            raise QuotaSpent(grant.retry_in)
        access, resource = self._accounts(document.account), SHAPES[document.kind].resource
        try:
            answer = accepted(self._client.document(access, resource, document.document_id))
            body = None if denies_existence(answer) else body_of(answer)
        except AlegraError as error:
            raise AlegraUnavailable(f"the document could not be read: {error}") from error
        if body is not None and not isinstance(body, Mapping):
            raise AlegraUnavailable("Alegra answered with something that is no document")
        return body

    def carry_out(self, document: Document, what: What, *, to: Sequence[str], not_after: datetime) -> Carried:
        """One call; never raises for what the network or Alegra does."""
        resource = SHAPES[document.kind].resource
        path = f"{resource}/{quote(document.document_id, safe='')}/{what.value}"
        body: dict[str, Any] = {"emails": list(to), "sendCopyToUser": False} if what is What.EMAIL else {}
        try:
            answer = self._client.act(self._accounts(document.account), path, body, not_after=not_after)
        except NotSent as error:
            return Carried(ActState.WANTED, f"not sent: {error}")
        except AlegraError as error:
            return Carried(ActState.UNKNOWN, f"the answer was lost: {error}")
        return carried(answer)


def carried(answer: Answer) -> Carried:
    """What an answer says was done. Only a refusal in Alegra's own words is one: a gateway's page tells nothing."""
    status = answer.status
    try:
        body = read_json(answer.body)
    except UnreadableBody as error:
        body, said = None, f"HTTP {status}, but {error}"
    else:
        said = _said(body) or f"HTTP {status}"
    if status == 429:
        return Carried(ActState.WANTED, said, status, answer.rate.wait)
    if status == 401:
        return Carried(ActState.WANTED, said, status)
    if not isinstance(body, Mapping):
        return Carried(ActState.UNKNOWN, said, status)
    if 400 <= status < 500 and status != 408:
        return Carried(ActState.REFUSED, said, status)
    if not 200 <= status < 300:
        return Carried(ActState.UNKNOWN, said, status)
    if truth_of(body.get("success")) is False or body.get("error"):
        return Carried(ActState.REFUSED, said, status)
    return Carried(ActState.DONE, said, status)


def _said(body: Any) -> str:
    """Code and text of the answer, if it has any."""
    row = next(iter(rows_of(body)), None)
    return clean(" ".join(part for part in (row.code, row.message) if part), 500) if row else ""


def _addresses(document: Mapping[str, Any]) -> Iterator[str]:
    """The client's e-mails: one, or several in one text, as people write them."""
    client = document.get("client")
    if isinstance(client, list) and len(client) == 1:
        client = client[0]
    written = text_of(client.get("email")) if isinstance(client, Mapping) else None
    found = [each.strip() for each in (written or "").replace(";", ",").split(",")]
    yield from [each for each in dict.fromkeys(found) if "@" in each.strip("@") and " " not in each][:MOST_ADDRESSES]
