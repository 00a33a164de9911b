"""Intake: write a producer's request down, once, or set it aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from timbre_producers.contracts import EmitRequest, Priority
from worker.emission.aside import Aside, not_configured
from worker.emission.kinds import KINDS, foreign
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Accepted, Announcer, Clock, Conflict, Requests


class Intake:
    """The one door for every producer: services, the command line, the nightly run."""

    def __init__(
        self,
        requests: Requests,
        announcer: Announcer,
        clock: Clock,
        accounts: Callable[[], Collection[str]],
        policy_of: Callable[[str], Policy],
        country_of: Callable[[str], str | None],
    ) -> None:
        """`country_of` gives an account's ISO code, as far as it is known: Alegra may not have been asked yet."""
        self.aside = Aside(requests, clock)
        self._requests = requests
        self._announcer = announcer
        self._clock = clock
        self._accounts = accounts
        self._policy_of = policy_of
        self._country_of = country_of

    def accept(self, request: EmitRequest) -> Accepted | Conflict | None:
        """Queue what is new and nudge the dispatch; None when the request was refused and set aside."""
        if refusal := self._examined(request):
            self.aside.refused(request, refusal)
            return None
        outcome = self._requests.accept(request, self._clock.now())
        self._tell([request] if isinstance(outcome, Accepted) and outcome.queued else [])
        if isinstance(outcome, Conflict):
            self.aside.conflicting(request, outcome)
        return outcome

    def accept_new(self, requests: Sequence[EmitRequest]) -> bool:
        """Many at once, in one transaction, as PostgreSQL lets commits share a flush.

        False, and nothing is written, when anything in them is refused or known: each is then for `accept`, which
        knows again what was written before a failure.
        """
        if any(self._examined(each) for each in requests):
            return False
        new = self._requests.accept_new(requests, self._clock.now())
        if new:
            self._tell(requests)
        return new

    def _tell(self, requests: Sequence[EmitRequest]) -> None:
        """They are committed, and the dispatch is nudged: once for each account."""
        reached(Point.INTAKE_WRITTEN)
        urgent = {each.account: False for each in requests}
        urgent |= {each.account: True for each in requests if each.priority is Priority.HIGH}
        for account, at_once in urgent.items():
            # Half of it passes before the look, which is shared, too; the other half before the batch.
            linger = timedelta(0) if at_once else self._policy_of(account).linger / 2
            self._announcer.dispatch(account, delay=linger)

    def _examined(self, request: EmitRequest) -> str | None:
        """Why it is refused."""
        reached(Point.INTAKE_RECEIVED)
        if unknown := not_configured(request.account, self._accounts()):
            return unknown
        if request.kind not in KINDS:
            return f"kind {request.kind!r} cannot be emitted (can be: {', '.join(KINDS)}); correct the request"
        country = self._country_of(request.account)
        if country is not None and not KINDS[request.kind].exists_in(country):
            return f"{foreign(KINDS[request.kind], country)}; correct the kind or the account of the request"
        return None
