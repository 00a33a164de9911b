"""Voiding: void a document that was not stamped, or open a void one again; a person's will, read before and after."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from timbre_producers.contracts import Status
from worker.emission.acts import DEPARTURE, KINDS_OF, Act, ActApi, Acts, ActState, Carried, What
from worker.emission.lifecycle import IN_FLIGHT
from worker.emission.mail import no_path
from worker.emission.observation import Observation, Remote
from worker.emission.operate import Verdict
from worker.emission.policy import Policy
from worker.emission.ports import AlegraUnavailable, Clock, CoordinationDown, Ledger, Locks, Quota
from worker.emission.work import Document, Work

_GOAL: Final = {What.VOID: "void", What.OPEN: "open"}

_AGAIN: Final = "`timbre {what} ID` looks again"


class _Refused(Exception):
    """The answer to the person who asked."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Voiding:
    """The verbs of `timbre void` and `timbre open`."""

    def __init__(
        self,
        acts: Acts,
        api: ActApi,
        ledger: Ledger,
        locks: Locks,
        quota: Quota,
        clock: Clock,
        policy_of: Callable[[str], Policy],
    ) -> None:
        self._acts = acts
        self._api = api
        self._ledger = ledger
        self._locks = locks
        self._quota = quota
        self._clock = clock
        self._policy_of = policy_of

    def run(
        self, what: What, account: str, kind: str, ids: Sequence[str], *, actor: str, reason: str
    ) -> Sequence[Verdict]:
        """Void these, or open them again, each by itself. Raises `CoordinationDown` before anything is sent."""
        return [self._one(what, Document(account, kind, each), actor, reason) for each in dict.fromkeys(ids)]

    def _one(self, what: What, document: Document, actor: str, reason: str) -> Verdict:
        if document.kind not in KINDS_OF[what]:
            return Verdict(document.document_id, False, None, no_path(what, document.kind))
        # The emission's own lock: while it is held, nobody looks at the document to send it.
        with self._locks.hold([document]) as held:
            work = next(iter(self._ledger.works(document.account, document.kind, [document.document_id])), None)
            status = work.status if work else None
            if document not in held:
                return Verdict(document.document_id, False, status, "a worker is busy with it: try again in a moment")
            try:
                return Verdict(document.document_id, True, status, self._done(what, document, work, actor, reason))
            except _Refused as refused:
                return Verdict(document.document_id, False, status, refused.sentence)

    def _done(self, what: What, document: Document, work: Work | None, actor: str, reason: str) -> str:
        """Look, write the intent down, act, look. Raises `_Refused`."""
        if refusal := _forbidden(what, work):
            raise _Refused(refusal)
        seen = self._look(document)
        if self._settled(what, document, seen, actor):
            return f"an earlier call had done it: Alegra shows it {_GOAL[what]}"
        if refusal := _unfit(what, seen):
            raise _Refused(refusal)
        if self._quota.take(document.account, 1, "stamp").granted == 0:
            raise _Refused("the account's quota is spent: try again in a minute")
        now = self._clock.now()
        act = self._acts.ask(document, what, occasion=str(uuid.uuid4()), by=actor, reason=reason, now=now)
        begun = self._acts.begin(act, f"{what.value}: {reason}", now, actor=actor)
        if begun is None:
            raise _Refused("it was taken from us before it was sent: try again")
        carried = self._api.carry_out(document, what, to=(), not_after=now + DEPARTURE)
        if carried.state is ActState.WANTED:
            carried = Carried(ActState.REFUSED, f"not sent: {carried.said}", carried.http_status)
        return self._told(what, begun, carried, actor)

    def _told(self, what: What, act: Act, carried: Carried, actor: str) -> str:
        """What became of it: Alegra's refusal counts, anything else is what a read shows."""
        if carried.state is ActState.REFUSED:
            self._acts.end(act, carried, self._clock.now(), actor=actor)
            raise _Refused(f"Alegra did not do it: {carried.said}")
        try:
            shown = self._look(act.document)
        except _Refused as unread:
            shown = None
            carried = Carried(carried.state, f"{carried.said}; {unread.sentence}", carried.http_status)
        if shown is not None and _reached(what, shown):
            done = Carried(ActState.DONE, carried.said or "a read shows it", carried.http_status)
            self._acts.end(act, done, self._clock.now(), actor=actor)
            return f"Alegra shows it {_GOAL[what]}"
        unknown = Carried(ActState.UNKNOWN, carried.said or "a read does not show it yet", carried.http_status)
        self._acts.end(act, unknown, self._clock.now(), actor=actor)
        raise _Refused(f"it may be done, and a read does not show it yet; {_AGAIN.format(what=what.value)}")

    def _settled(self, what: What, document: Document, seen: Observation, actor: str) -> bool:
        """End earlier acts whose answer was lost, by this read; whether one of them has done what is asked now.

        While one may still be executed, nothing is sent on top of it.
        """
        now = self._clock.now()
        reached = False
        for act in self._acts.of(document):
            if act.what is What.EMAIL or act.state not in {ActState.SENDING, ActState.UNKNOWN}:
                continue
            done = _reached(act.what, seen)
            reached |= done and act.what is what
            if not done and not self._over(act, now):
                raise _Refused(
                    f"an earlier {act.what.value} has no answer, and may still be executed; "
                    f"{_AGAIN.format(what=what.value)}"
                )
            outcome = "a read shows it" if done else "it can no longer be executed, and a read shows that it was not"
            self._acts.end(act, Carried(ActState.DONE if done else ActState.REFUSED, outcome), now, actor=actor)
        return reached

    def _over(self, act: Act, now: datetime) -> bool:
        """Its call can no longer be executed (the quiet window of its country)."""
        policy = self._policy_of(act.document.account)
        return act.sent_at is not None and now - act.sent_at > DEPARTURE + policy.quiet_window

    def _look(self, document: Document) -> Observation:
        try:
            return self._api.show(document).observation
        except (AlegraUnavailable, CoordinationDown) as error:
            raise _Refused(f"Alegra could not be asked how it stands: {error}") from error


def _forbidden(what: What, work: Work | None) -> str | None:
    """What the emission's own row forbids, before Alegra is asked."""
    if work is None:
        return None
    if work.status is Status.STAMPED:
        return _IMMUTABLE
    if work.status in IN_FLIGHT:
        return f"it is {work.status}: it may have been sent, and is being settled by reading"
    if work.status is Status.QUEUED:
        return f"it is queued to be emitted: `timbre cancel` it first, then {what.value} it"
    if work.status is Status.HELD and what is What.VOID and work.attempt:
        return "it is held, and was sent: look in Alegra, then `timbre release` or `timbre cancel` it first"
    return None


def _unfit(what: What, seen: Observation) -> str | None:
    """What Alegra's own view forbids."""
    match seen.remote:
        case Remote.ACCEPTED:
            return _IMMUTABLE
        case Remote.VOID if what is What.VOID:
            return "it is void already"
        case Remote.VOID if seen.carries_code:
            return "it was stamped before it was voided: what was cancelled stays so; emit a new document"
        case Remote.VOID:
            return None
        case Remote.MISSING | Remote.FOREIGN:
            return seen.reason or "Alegra has no such document"
        case Remote.IN_PROCESS | Remote.DUBIOUS:
            return f"it may be stamped: {seen.reason or 'the authority has it and has not answered'}"
        case Remote.UNSTAMPED | Remote.REJECTED | Remote.NOT_ELECTRONIC:
            return None if what is What.VOID else "it is not void; what is a draft is opened by emitting it"


_IMMUTABLE: Final = "it is stamped, and a stamped document is immutable: `timbre correct` prepares its credit note"


def _reached(what: What, seen: Observation) -> bool:
    """Whether the document shows what the act was to bring about."""
    if what is What.VOID:
        return seen.remote is Remote.VOID
    return seen.remote not in {Remote.VOID, Remote.MISSING, Remote.FOREIGN}
