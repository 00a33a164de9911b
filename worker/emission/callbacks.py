"""Callbacks: tell a producer, at the address it gave, how its request ended. At least once, never before the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from worker.emission.lifecycle import FINISHED
from worker.emission.ports import Clock
from worker.emission.work import Work

LOOK_AGAIN = timedelta(seconds=5)
"""Between two looks at a request whose documents are still on their way."""

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600, 24 * 3600))
"""After these the address is given up; the status table still has the answer."""


class Pending(Protocol):
    """A request that asked to be called back and was not yet, whatever it asked for."""

    @property
    def request_id(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def tries(self) -> int: ...

    @property
    def ended(self) -> bool:
        """None of its documents is on its way any more."""
        ...

    def body(self, now: datetime) -> dict[str, Any]:
        """What the producer receives."""
        ...


@dataclass(frozen=True, slots=True)
class PendingCallback:
    """A request that asked to be called back and was not yet."""

    request_id: str
    account: str
    kind: str
    url: str
    tries: int
    works: Sequence[Work]
    """Its documents, in the order in which they were queued; while they have not all ended, perhaps only some."""

    @property
    def ended(self) -> bool:
        return all(work.status in FINISHED for work in self.works)

    def body(self, now: datetime) -> dict[str, Any]:
        return body_of(self, now)


class Callbacks(Protocol):
    """The callback columns of a table of requests."""

    def due(self, now: datetime, limit: int) -> Sequence[Pending]: ...

    def look_again(self, request_ids: Sequence[str], at: datetime) -> None:
        """Their documents have not all ended: they fall due again."""
        ...

    def failed(self, request_id: str, *, until: datetime | None, tries: int, error: str) -> None:
        """Try again at `until`; None gives it up."""
        ...

    def delivered(self, request_id: str, now: datetime) -> None: ...


class Postman(Protocol):
    """Delivers one JSON body."""

    def post(self, url: str, body: dict[str, Any]) -> str | None:
        """None when it was taken, otherwise why not. Never raises for what the network does."""
        ...


class CallingBack:
    """The verb behind the sweep's last step."""

    def __init__(self, callbacks: Callbacks, postman: Postman, clock: Clock) -> None:
        self._callbacks = callbacks
        self._postman = postman
        self._clock = clock

    def round(self, limit: int = 50) -> int:
        """Call back for requests that ended; how many were delivered."""
        delivered = 0
        due = self._callbacks.due(self._clock.now(), limit)
        early = [each.request_id for each in due if not each.ended]
        if early:
            self._callbacks.look_again(early, self._clock.now() + LOOK_AGAIN)
        for pending in (each for each in due if each.request_id not in early):
            now = self._clock.now()
            error = self._postman.post(pending.url, pending.body(now))
            if error is None:
                self._callbacks.delivered(pending.request_id, now)
                delivered += 1
            else:
                until = now + RETRIES[pending.tries] if pending.tries < len(RETRIES) else None
                self._callbacks.failed(pending.request_id, until=until, tries=pending.tries + 1, error=error)
        return delivered


def body_of(pending: PendingCallback, now: datetime) -> dict[str, Any]:
    """What the producer receives: one entry for each document of its request, in the words of the status table."""
    documents = [emitted(work) for work in pending.works]
    return envelope(pending.request_id, pending.account, pending.kind, now) | {"documents": documents}


def envelope(request_id: str, account: str, kind: str, now: datetime) -> dict[str, Any]:
    """What every callback begins with."""
    return {
        "version": 1,
        "request_id": request_id,
        "account": account,
        "kind": kind,
        "finished_at": now.isoformat(),
    }


def emitted(work: Work) -> dict[str, Any]:
    """One document in the words of the status table."""
    return {
        "document_id": work.document.document_id,
        "status": work.status.value,
        "fiscal_code": work.fiscal_code,
        "fiscal_code_type": work.fiscal_code_type,
        "document_number": work.document_number,
        "legal_status": work.legal_status,
        "error_class": work.problem.error_class.value if work.problem else None,
        "error_code": work.problem.code if work.problem else None,
        "error_message": work.held_reason or (work.problem.message if work.problem else None),
    }
