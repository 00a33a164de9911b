"""Mail: send a stamped document to its client, once; whatever becomes of it never touches the emission."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from timbre_producers.contracts import Status
from worker.emission.acts import DEPARTURE, KINDS_OF, Act, ActApi, Acts, ActState, Carried, What
from worker.emission.observation import Observation, Remote
from worker.emission.operate import UNKNOWN_DOCUMENT, Verdict
from worker.emission.policy import Policy
from worker.emission.ports import AlegraUnavailable, Announcer, Clock, CoordinationDown, Ledger, Quota, QuotaSpent
from worker.emission.work import Document, Work

WRITTEN_DOWN_AT_ONCE: Final = 1000

AT_ONCE: Final = 4
"""E-mails of one account on the wire: a slow Alegra holds no more threads than these."""

MOST_IN_A_ROUND: Final = 20

LONGEST_ROUND: Final = timedelta(seconds=30)

WHILE_OTHERS_WAIT: Final = 1
"""E-mails a round may send while documents wait to be stamped or read: mail yields, and yet never stands still."""

RETRIES: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600))
"""Between the tries of a call that provably was not executed; after them it is given up."""


class Mailing:
    """The verb behind task `timbre.mail`, `timbre emit --email` and `timbre email`."""

    def __init__(
        self,
        acts: Acts,
        api: ActApi,
        ledger: Ledger,
        quota: Quota,
        announcer: Announcer,
        clock: Clock,
        configured: Callable[[], Collection[str]],
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._acts = acts
        self._api = api
        self._ledger = ledger
        self._quota = quota
        self._announcer = announcer
        self._clock = clock
        self._configured = configured
        self._policy_of = policy_of
        self._worker = worker

    def round(self) -> Sequence[str]:
        """Write down what is to be sent, give up what died on the wire, and nudge; the accounts nudged."""
        now = self._clock.now()
        configured = self._configured()
        self._acts.want_emails(now, WRITTEN_DOWN_AT_ONCE)
        for act in self._acts.silent_since(now - DEPARTURE, WRITTEN_DOWN_AT_ONCE):
            account = act.document.account
            if account in configured and _given_up(act, self._policy_of(account), now):
                self._acts.end(act, Carried(ActState.UNKNOWN, "its worker died"), now, actor=self._worker)
        due = [each for each in self._acts.accounts_due(What.EMAIL, now, AT_ONCE) if each in configured]
        for account in due:
            self._announcer.mail(account)
        return due

    def run(self, account: str) -> int:
        """Send what is due of one account, as far as stamping leaves room; how many calls were made."""
        began = self._clock.now()
        busy = account in self._ledger.accounts_with_work(began)
        sent = 0
        for act in self._acts.due(account, What.EMAIL, began, WHILE_OTHERS_WAIT if busy else MOST_IN_A_ROUND):
            if self._clock.now() - began > LONGEST_ROUND:
                break
            # As a stamp call, so that the reads' share stays untouched.
            if self._quota.take(account, 1, "stamp").granted == 0:
                break
            called = self._send(act)
            if not called:
                self._quota.give_back(account, 1, "stamp")
            if called is None:
                break
            sent += called
        return sent

    def ask(self, account: str, kind: str, ids: Sequence[str], *, actor: str) -> Sequence[Verdict]:
        """A person wants these stamped documents sent, again or for the first time."""
        works = {work.document.document_id: work for work in self._ledger.works(account, kind, ids)}
        verdicts = [self._asked(Document(account, kind, each), works.get(each), actor) for each in dict.fromkeys(ids)]
        if any(verdict.done for verdict in verdicts):
            self._announcer.mail(account)
        return verdicts

    def _asked(self, document: Document, work: Work | None, actor: str) -> Verdict:
        if refusal := self._refusal(document, work):
            return Verdict(document.document_id, False, work.status if work else None, refusal)
        self._acts.ask(document, What.EMAIL, occasion=str(uuid.uuid4()), by=actor, reason=None, now=self._clock.now())
        return Verdict(document.document_id, True, Status.STAMPED, "will be sent")

    def _refusal(self, document: Document, work: Work | None) -> str | None:
        if document.kind not in KINDS_OF[What.EMAIL]:
            return no_path(What.EMAIL, document.kind)
        if work is None:
            return UNKNOWN_DOCUMENT
        if work.status is not Status.STAMPED:
            return f"it is {work.status}: only stamped documents are sent to the client"
        if any(act.state in {ActState.WANTED, ActState.SENDING} for act in self._acts.of(document, What.EMAIL)):
            return "an e-mail of it is on its way already"
        return None

    def _send(self, act: Act) -> bool | None:
        """Look, write the intent down, send; whether a call was made, None when the quota allows no more looks."""
        document = act.document
        if document.kind not in KINDS_OF[What.EMAIL]:
            self._refuse(act, no_path(What.EMAIL, document.kind))
            return False
        try:
            shown = self._api.show(document)
        except QuotaSpent:
            return None
        except (AlegraUnavailable, CoordinationDown) as error:
            self._put_off(act, f"it could not be read: {error}")
            return False
        if refusal := _unfit(shown.observation, shown.emails):
            self._refuse(act, refusal)
            return False
        now = self._clock.now()
        begun = self._acts.begin(act, f"to {', '.join(shown.emails)}", now, actor=self._worker)
        if begun is None:
            return False
        carried = self._api.carry_out(document, What.EMAIL, to=shown.emails, not_after=now + DEPARTURE)
        now = self._clock.now()
        if carried.state is ActState.WANTED and begun.tries > len(RETRIES):
            carried = Carried(ActState.REFUSED, f"given up after {begun.tries} tries: {carried.said}")
        due_at = now + max(carried.retry_in or timedelta(0), RETRIES[min(begun.tries, len(RETRIES)) - 1])
        self._acts.end(
            begun, carried, now, actor=self._worker, due_at=due_at if carried.state is ActState.WANTED else None
        )
        # A permit whose call never left was given back where that was seen.
        return True

    def _refuse(self, act: Act, reason: str) -> None:
        self._acts.end(act, Carried(ActState.REFUSED, reason), self._clock.now(), actor=self._worker)

    def _put_off(self, act: Act, why: str) -> None:
        """A read that failed is no news: asked again for as long as it takes, for nothing was sent."""
        self._acts.put_off(act, self._clock.now() + RETRIES[1], why)


def no_path(what: What, kind: str) -> str:
    """The sentence that refuses what Alegra has no path for."""
    kinds = ", ".join(sorted(KINDS_OF[what]))
    return f"Alegra has no {what.value} for a {kind}, only for: {kinds}"


def _unfit(seen: Observation, emails: Sequence[str]) -> str | None:
    if seen.remote is not Remote.ACCEPTED:
        return f"Alegra does not show it stamped now, but {seen.remote.value.replace('_', ' ')}"
    if not emails:
        return "Alegra shows no e-mail of the client: write it there, then `timbre email`"
    return None


def _given_up(act: Act, policy: Policy, now: datetime) -> bool:
    """Nothing can come of its call any more."""
    return act.sent_at is not None and now - act.sent_at > DEPARTURE + policy.stamp_timeout + policy.sweep_grace
