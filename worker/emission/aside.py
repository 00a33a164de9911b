"""Set aside: what cannot be accepted is kept where an operator sees it, and never retried (design.md §5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from worker.emission.ports import Clock, Conflict, Shelf


class Asked(Protocol):
    """A producer's request, whatever it asks for."""

    @property
    def request_id(self) -> UUID: ...

    def model_dump_json(self) -> str:
        """The request as it came."""
        ...


class Aside:
    """Puts messages on the shelf, each with the reason."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    def unreadable(self, reason: str, body: str, request_id: str | None = None) -> None:
        """A message nobody can read."""
        self._shelf.set_aside(
            cause="unreadable", reason=reason, body=body, request_id=request_id, now=self._clock.now()
        )

    def refused(self, request: Asked, reason: str) -> None:
        """A request for what cannot be done here."""
        self._put(request, "refused", reason)

    def conflicting(self, request: Asked, conflict: Conflict) -> None:
        """A request under an id that stood for another before."""
        self._put(request, "conflict", conflict.reason)

    def _put(self, request: Asked, cause: str, reason: str) -> None:
        self._shelf.set_aside(
            cause=cause,
            reason=reason,
            body=request.model_dump_json(),
            request_id=str(request.request_id),
            now=self._clock.now(),
        )


def not_configured(account: str, known: Collection[str]) -> str | None:
    """Why a request for this account is refused; None when it is one of ours."""
    if account in known:
        return None
    names = ", ".join(sorted(known)) or "none"
    return (
        f"account {account!r} is not configured here (known: {names}); "
        "add it to the accounts file or correct the request"
    )
