"""One method per endpoint of Alegra: bytes out, an `Answer` or an `AlegraError` back. No retries, no redirects."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from worker.alegra.access import AccountAccess
from worker.alegra.deadline import DeadlineTransport, exchange_within
from worker.alegra.errors import AlegraError, AnswerLost, BrokenRequest, NotSent, placed
from worker.alegra.rates import BudgetKeeper, RateSeen, read_rate
from worker.alegra.redaction import redact
from worker.emission.ports import Purpose

LIST_LIMIT: Final = 30
"""Documents a page or an id list may have."""

LARGEST_BODY: Final = 10 * 1024 * 1024
"""Bytes. Thirty invoices are a few hundred kilobytes; what is larger is not an answer."""

KEEPALIVE_SECONDS: Final = 5.0
"""Short: a connection the server closes just as it is used again loses an answer for no reason."""

HEADERS: Final[Mapping[str, str]] = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "timbre"}
"""Of every request; beside them stands who asks, and nothing else."""

CLEAR_BY_STATUS: Final = frozenset({401, 429})
"""Refused before anybody looked at what is asked: the status line says it, even when the body never arrives. A 402 or
403 may go on to name documents that were emitted before the limit was met."""

_log = logging.getLogger(__name__)

for _name in ("httpx", "httpcore"):
    # They log what a server wrote in its status line and headers, below WARNING and before anybody can redact it.
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Alegra said, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    """Without the account's secrets."""
    rate: RateSeen


def utc_now() -> datetime:
    return datetime.now(UTC)


class AlegraClient:
    """The HTTP client: one per process, used by all its threads, for all accounts.

    Every method raises `NotSent` or `AnswerLost` for what the network does; statuses are for the caller to read.
    Credentials travel with each request and are kept nowhere; cookies are refused, since they would be shared.
    """

    def __init__(
        self,
        *,
        connections: int,
        budget: BudgetKeeper | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`connections` is the most requests at once: as many as the process has threads that may call.

        `budget` is told what each answer says of the quota, and of each request that never left.
        """
        self._budget = budget
        self._now = now
        self._http = httpx.Client(
            transport=DeadlineTransport(connections=connections, keepalive_seconds=KEEPALIVE_SECONDS),
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def stamp(self, access: AccountAccess, resource: str, ids: Sequence[str], *, not_after: datetime) -> Answer:
        """`POST /{resource}/stamp`. Past `not_after` not a byte is sent: `NotSent`."""
        path = f"{resource}/stamp"
        return self._send(
            access, "POST", path, json={"ids": list(ids)}, patience=access.stamp_timeout, not_after=not_after
        )

    def stamp_one(self, access: AccountAccess, resource: str, document_id: str, *, not_after: datetime) -> Answer:
        """`POST /{resource}/{id}/stamp`. Past `not_after` not a byte is sent: `NotSent`."""
        path = f"{resource}/{quote(document_id, safe='')}/stamp"
        return self._send(access, "POST", path, json={}, patience=access.stamp_timeout, not_after=not_after)

    def edit(
        self, access: AccountAccess, resource: str, document_id: str, body: Mapping[str, Any], *, not_after: datetime
    ) -> Answer:
        """`PUT /{resource}/{id}`, which stamps if the body says so. Past `not_after` not a byte is sent: `NotSent`."""
        path = f"{resource}/{quote(document_id, safe='')}"
        return self._send(access, "PUT", path, json=body, patience=access.stamp_timeout, not_after=not_after)

    def preview(self, access: AccountAccess, resource: str, body: Mapping[str, Any]) -> Answer:
        """`POST /{resource}/preview`: draws what is not created."""
        return self._send(access, "POST", f"{resource}/preview", json=body, purpose="read")

    def act(self, access: AccountAccess, path: str, body: Mapping[str, Any], *, not_after: datetime) -> Answer:
        """`POST /{resource}/{id}/email`, `/void` or `/open`. Past `not_after` not a byte is sent: `NotSent`."""
        return self._send(access, "POST", path, json=body, patience=access.stamp_timeout, not_after=not_after)

    def create(self, access: AccountAccess, resource: str, body: Mapping[str, Any], *, not_after: datetime) -> Answer:
        """`POST /{resource}`. Past `not_after` not a byte is sent: `NotSent`."""
        return self._send(access, "POST", resource, json=body, patience=access.stamp_timeout, not_after=not_after)

    def documents(self, access: AccountAccess, resource: str, parameters: Mapping[str, str | int]) -> Answer:
        """`GET /{resource}`: a list. Alegra ignores parameters it does not know."""
        return self._send(access, "GET", resource, parameters=parameters)

    def document(self, access: AccountAccess, resource: str, document_id: str) -> Answer:
        """`GET /{resource}/{id}`."""
        return self._send(access, "GET", f"{resource}/{quote(document_id, safe='')}")

    def company(self, access: AccountAccess) -> Answer:
        """`GET /company`."""
        return self._send(access, "GET", "company")

    def number_templates(self, access: AccountAccess, *, start: int) -> Answer:
        """`GET /number-templates`, a page of it."""
        return self._send(access, "GET", "number-templates", parameters={"start": start, "limit": LIST_LIMIT})

    def _send(
        self,
        access: AccountAccess,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        patience: timedelta | None = None,
        not_after: datetime | None = None,
        purpose: Purpose | None = None,
    ) -> Answer:
        total = (patience or access.read_timeout).total_seconds()
        connect = min(access.connect_timeout.total_seconds(), total)
        departure = _Departure(self._now, not_after)
        arrived = _Arrived()
        failure: AlegraError | BrokenRequest | None = None
        try:
            with (
                exchange_within(total),
                self._http.stream(
                    method,
                    f"{access.base_url.rstrip('/')}/{path}",
                    params=parameters,
                    json=json,
                    auth=httpx.BasicAuth(access.email, access.token.get_secret_value()),
                    timeout=httpx.Timeout(total, connect=connect, pool=connect),
                    extensions={"trace": departure},
                ) as response,
            ):
                arrived.read(response, self._now())
        except _TooLate:
            failure = NotSent("its time to be sent was over before it could be sent")
        except httpx.RequestError as error:
            failure = placed(error, left=departure.left)(_described(error, access))
        except httpx.InvalidURL:
            failure = BrokenRequest(f"no address: {method} {path} of account {access.name}")
        self._report(access, arrived.rate, departure, purpose or ("read" if method == "GET" else "stamp"))
        if arrived.rate is not None and (arrived.whole or arrived.status in CLEAR_BY_STATUS):
            return Answer(arrived.status, redact(bytes(arrived.body), access), arrived.rate)
        # Raised out here, not from the handler: httpx's exceptions hold the request, and with it the credentials.
        raise failure or AnswerLost(f"its body is longer than {LARGEST_BODY} bytes")

    def _report(self, access: AccountAccess, rate: RateSeen | None, departure: _Departure, purpose: Purpose) -> None:
        if self._budget is None:
            return
        try:
            if rate is not None:
                self._budget.observe(access.name, rate, age=departure.ago)
            elif not departure.left:
                self._budget.give_back(access.name, 1, purpose)
        except Exception as error:  # noqa: BLE001 - an answer must not be lost because the budget's keeper is down
            _log.warning("rate_not_observed account=%s error=%s", access.name, type(error).__name__)


class _TooLate(Exception):
    """The last instant to send has passed."""


class _Departure:
    """Watches the moment the request's first byte leaves, and forbids it once it is too late.

    httpcore announces that moment on the thread that sends, right before the write. A process frozen earlier, for
    however long, wakes up to this check. By two clocks: a wall clock that was set back does not allow it either.
    """

    def __init__(self, now: Callable[[], datetime], not_after: datetime | None) -> None:
        self.left = False
        self._left_at = time.monotonic()
        self._now = now
        self._not_after = not_after
        allowed = (not_after - now()).total_seconds() if not_after else 0.0
        self._ends_at = time.monotonic() + allowed

    def __call__(self, event: str, _: Mapping[str, Any], /) -> None:
        if not event.endswith(".send_request_headers.started"):
            return
        if self._not_after and (self._now() > self._not_after or time.monotonic() > self._ends_at):
            raise _TooLate
        self.left = True
        self._left_at = time.monotonic()

    @property
    def ago(self) -> timedelta:
        """How long ago it left, or was about to."""
        return timedelta(seconds=time.monotonic() - self._left_at)


class _Arrived:
    """What has been received so far of a response."""

    def __init__(self) -> None:
        self.status = 0
        self.rate: RateSeen | None = None
        self.body = bytearray()
        self.whole = False
        """Every byte is there; what fails afterwards, while closing, no longer matters."""

    def read(self, response: httpx.Response, now: datetime) -> None:
        self.status = response.status_code
        self.rate = read_rate(response.status_code, response.headers, now)
        for chunk in response.iter_bytes():
            self.body += chunk
            if len(self.body) > LARGEST_BODY:
                return
        self.whole = True


def _described(error: httpx.RequestError, access: AccountAccess) -> str:
    """The error in a line. Its text may repeat what the server sent, so secrets are taken out of it, too."""
    text = redact(str(error).encode("utf-8", "replace"), access).decode("utf-8", "replace")
    return f"{type(error).__name__}: {text[:200]}".rstrip(": ")
