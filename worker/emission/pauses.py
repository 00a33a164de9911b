"""Pauses: an account that fails as a whole is paused, not burned; one probe at a time resumes it (rule 10)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from worker.emission.outcomes import Answered, Outcome, Problem, Refused
from worker.emission.ports import Accounts, AlegraUnavailable, Announcer, Clock, CoordinationDown, InvoicingApi

CREDENTIALS = frozenset({"401", "403"})
"""What a successful read of the company disproves; everything else only a stamped document does."""


class Pauses:
    """Who decides that an account rests, and when it is tried again."""

    def __init__(
        self,
        accounts: Accounts,
        api: InvoicingApi,
        announcer: Announcer,
        clock: Clock,
        probe_every: timedelta,
        worker: str,
    ) -> None:
        self._accounts = accounts
        self._api = api
        self._announcer = announcer
        self._clock = clock
        self._probe_every = probe_every
        self._worker = worker

    def weigh(self, account: str, outcomes: Sequence[Outcome]) -> None:
        """Pause on a refusal of the account, or resume one whose probe Alegra just answered for.

        A call of a paused account that brought no answer puts its next probe off. A probe is a call of one document,
        so what a larger one says concerns no pause, unless it is a refusal.
        """
        if problem := next(filter(None, map(_blame, outcomes)), None):
            self.pause(account, problem)
        elif len(outcomes) > 1:
            return
        elif any(isinstance(outcome, Answered) for outcome in outcomes):
            self._accounts.resume_probed(account, self._clock.now(), by=self._worker)
        elif earlier := self._accounts.state(account).pause:
            # A probe without an answer is over, too; otherwise each dispatch would send one more document.
            self.pause(account, earlier)

    def pause(self, account: str, problem: Problem) -> None:
        """Its documents stay queued and unspent until a probe passes."""
        now = self._clock.now()
        self._accounts.pause(account, problem, by=self._worker, probe_at=now + self._probe_every, now=now)

    def probe(self, configured: Collection[str]) -> Sequence[str]:
        """Try each paused account whose probe is due; which could be reached again.

        One taken out of the accounts file stays as it is until it is back.
        """
        now = self._clock.now()
        reached = []
        for state in self._accounts.states():
            if state.account not in configured or state.pause is None:
                continue
            if state.probe_at is None or state.probe_at > now:
                continue
            if not self._accounts.take_probe(state.account, next_probe_at=now + self._probe_every, now=now):
                continue
            try:
                self._api.company(state.account)
            except (AlegraUnavailable, CoordinationDown):
                # That was the probe: no document goes on top of it.
                self._accounts.end_probe(state.account, now)
                continue
            if state.pause.code in CREDENTIALS:
                # Not if a person paused it while Alegra was asked: that ended the probe.
                self._accounts.resume_probed(state.account, now, by=self._worker)
            # Otherwise the account is left paused and probing: the dispatch lets a single document through.
            self._announcer.dispatch(state.account)
            reached.append(state.account)
        return reached


def _blame(outcome: Outcome) -> Problem | None:
    match outcome:
        case Refused(problem=problem):
            return problem
        case Answered(problem=Problem(blames_account=True) as problem):
            return problem
        case _:
            return None
