"""Intake of creations: write a producer's request down, once, or set it aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection

from timbre_producers.creations import CreateRequest
from worker.creation.ports import CreationAnnouncer, CreationRequests, CreationsAccepted
from worker.emission.aside import Aside, not_configured
from worker.emission.kinds import KINDS, foreign
from worker.emission.points import Point, reached
from worker.emission.ports import Clock, Conflict


class CreationIntake:
    """The one door for every document that does not exist yet."""

    def __init__(
        self,
        requests: CreationRequests,
        announcer: CreationAnnouncer,
        clock: Clock,
        accounts: Callable[[], Collection[str]],
        country_of: Callable[[str], str | None],
    ) -> None:
        """`country_of` gives an account's ISO code, as far as it is known: Alegra may not have been asked yet."""
        self.aside = Aside(requests, clock)
        self._requests = requests
        self._announcer = announcer
        self._clock = clock
        self._accounts = accounts
        self._country_of = country_of

    def accept(self, request: CreateRequest) -> CreationsAccepted | Conflict | None:
        """Queue what is new and nudge the dispatch; None when the request was refused and set aside."""
        reached(Point.CREATION_RECEIVED)
        now = self._clock.now()
        if refusal := self._refusal(request):
            self.aside.refused(request, refusal)
            return None
        outcome = self._requests.accept(request, now)
        reached(Point.CREATION_WRITTEN)
        if isinstance(outcome, Conflict):
            self.aside.conflicting(request, outcome)
        else:
            if outcome.queued:
                self._announcer.creations(request.account)
            if outcome.known and request.emit:
                # What was there as a draft may be wanted emitted now.
                self._announcer.dispatch(request.account)
        return outcome

    def _refusal(self, request: CreateRequest) -> str | None:
        if unknown := not_configured(request.account, self._accounts()):
            return unknown
        kind = KINDS.get(request.kind)
        if kind is None:
            return f"kind {request.kind!r} cannot be created (can be: {', '.join(KINDS)}); correct the request"
        country = self._country_of(request.account)
        if country is not None and not kind.exists_in(country):
            return f"{foreign(kind, country)}; correct the kind or the account of the request"
        if kind.emitted_by_creation and not request.emit:
            return f"a {kind.title} is emitted by its creation, so that there is no draft of it; ask with emit"
        return None
