"""Alegra as a model: documents with a true state, calls that do what they like with them, answers and reads that err.

What it may do is what the design lets it do, and no more:

* a call it has received is executed at once, later (within `LATEST_EXECUTION`), or never;
* an answer may be lost, whole or in part, claim a success that was none, or refuse the batch without naming anybody;
  only a row that refuses a document by name, and an answer that was none (connection refused, 401 …), never lies;
* a read may fail, answer for some, or show what was true up to `STALEST_READ` ago, yet never something older than an
  earlier read has shown.

Both bounds and the steps of a clock must stay inside the quiet window: that is what the window is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from tests.support.builders import code_of, seen
from tests.support.fakes import FakeClock
from worker.emission.kinds import Kind
from worker.emission.observation import Company, NumberTemplate, Observation, ReadReport, Remote
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Problem, Refused, StampReport, Uncertain

LATEST_EXECUTION = timedelta(seconds=240)
STALEST_READ = timedelta(seconds=60)


class Effect(Enum):
    """What a received call does to one document."""

    ACCEPTED = auto()
    IN_PROCESS_THEN_ACCEPTED = auto()
    IN_PROCESS_THEN_REJECTED = auto()
    REJECTED = auto()
    LATER = auto()
    NOTHING = auto()


class Reply(Enum):
    """What a call answers."""

    TRUTH = auto()
    LOST = auto()
    HALF = auto()
    """Every other document has no row."""
    SUCCESS = auto()
    """For all, whatever was done."""
    TRANSIENT = auto()
    """For all, whatever was done."""
    REFUSED_WHOLE = auto()
    """Names nobody, whatever was done."""
    NOT_REACHED = auto()
    ACCOUNT_REFUSED = auto()


NEVER_RECEIVED = frozenset({Reply.NOT_REACHED, Reply.ACCOUNT_REFUSED})


class Sight(Enum):
    """What a read shows."""

    FRESH = auto()
    STALE = auto()
    HALF = auto()
    FAILED = auto()


@dataclass
class TrueDocument:
    """One document as it really is."""

    document_id: str
    states: list[tuple[datetime, Remote]]
    """Since when it is what; the last is now."""
    bad: bool = False
    """Alegra refuses it, by name, as long as nobody corrects it."""
    coming: list[tuple[datetime, Remote]] = field(default_factory=list)
    """What will still happen to it."""
    emitted: int = 0
    """Legal documents made of it. Two are one too many."""
    shown: datetime | None = None
    """No read shows it as it was before this instant."""

    @property
    def state(self) -> Remote:
        return self.states[-1][1]

    def become(self, state: Remote, now: datetime) -> None:
        if state in {Remote.ACCEPTED, Remote.IN_PROCESS} and self.state is Remote.ACCEPTED:
            self.emitted += 1
            return
        if state is Remote.ACCEPTED:
            self.emitted += 1
        self.states.append((now, state))

    def as_of(self, moment: datetime) -> Remote:
        return [state for since, state in self.states if since <= moment or since == self.states[0][0]][-1]


class AbstractAlegra:
    """Implements `InvoicingApi`. A test sets what comes next, then lets a worker call."""

    def __init__(self, documents: Sequence[str], true_time: FakeClock, worker_clock: FakeClock) -> None:
        self._time = true_time
        self._worker_clock = worker_clock
        self.documents = {each: TrueDocument(each, [(true_time.now(), Remote.UNSTAMPED)]) for each in documents}
        self.effects: Mapping[str, Effect] = {}
        self.reply = Reply.TRUTH
        self.sight = Sight.FRESH

    def be_honest(self) -> None:
        """From now on everything works and everything said is true."""
        self.effects = {}
        self.reply, self.sight = Reply.TRUTH, Sight.FRESH

    def happen(self) -> None:
        """Let everything happen whose time has come."""
        now = self._time.now()
        for document in self.documents.values():
            due = sorted((each for each in document.coming if each[0] <= now), key=lambda each: each[0])
            document.coming = [each for each in document.coming if each[0] > now]
            for moment, state in due:
                document.become(state, moment)

    # The port.

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: datetime) -> StampReport:
        if self._worker_clock.now() > not_after:
            return StampReport(dict.fromkeys(ids, Deferred("its time to be sent was over")))
        if self.reply is Reply.NOT_REACHED:
            return StampReport(dict.fromkeys(ids, Deferred("connection refused")))
        if self.reply is Reply.ACCOUNT_REFUSED:
            plan = Problem(ErrorClass.CONFIGURATION, "402", "plan limit", blames_account=True)
            return StampReport(dict.fromkeys(ids, Refused(plan)), 402)
        done = {each: self._execute(self.documents[each]) for each in ids}
        return StampReport(self._answer(done), 200, self.reply.name)

    def read(self, account: str, kind: Kind, ids: Sequence[str]) -> ReadReport:
        if self.sight is Sight.FAILED:
            return ReadReport(failure="HTTP 503")
        answered = ids[::2] if self.sight is Sight.HALF else ids
        age = STALEST_READ if self.sight is Sight.STALE else timedelta(0)
        return ReadReport({each: self._show(self.documents[each], age) for each in answered})

    def drafts(self, account: str, kind: Kind, *, start: int = 0) -> tuple[Sequence[Observation], int | None]:
        return [], None

    def company(self, account: str) -> Company:
        return Company(account, "CO")

    def number_templates(self, account: str) -> Sequence[NumberTemplate]:
        return []

    # What really happens.

    def _execute(self, document: TrueDocument) -> Effect:
        now = self._time.now()
        effect = Effect.NOTHING if document.bad else self.effects.get(document.document_id, Effect.ACCEPTED)
        match effect:
            case Effect.ACCEPTED:
                document.become(Remote.ACCEPTED, now)
            case Effect.REJECTED:
                if document.state is not Remote.ACCEPTED:
                    document.become(Remote.REJECTED, now)
            case Effect.IN_PROCESS_THEN_ACCEPTED | Effect.IN_PROCESS_THEN_REJECTED:
                verdict = Remote.ACCEPTED if effect is Effect.IN_PROCESS_THEN_ACCEPTED else Remote.REJECTED
                document.become(Remote.IN_PROCESS, now)
                document.coming.append((now + timedelta(minutes=20), verdict))
            case Effect.LATER:
                document.coming.append((now + LATEST_EXECUTION, Remote.ACCEPTED))
            case Effect.NOTHING:
                pass
        return effect

    def _answer(self, done: Mapping[str, Effect]) -> Mapping[str, Outcome]:
        match self.reply:
            case Reply.LOST:
                return dict.fromkeys(done, Uncertain("read timeout"))
            case Reply.SUCCESS:
                return dict.fromkeys(done, Answered())
            case Reply.TRANSIENT:
                return dict.fromkeys(done, Answered(Problem(ErrorClass.TRANSIENT, "EPR503", "intente más tarde")))
            case Reply.REFUSED_WHOLE if len(done) > 1:
                return dict.fromkeys(done, Answered(Problem(ErrorClass.DATA, "3051", "error"), whole_batch=True))
            case Reply.HALF:
                truth = {each: self._row(each, effect) for each, effect in done.items()}
                return truth | dict.fromkeys(list(done)[1::2], Uncertain("no row for it"))
            case _:
                return {each: self._row(each, effect) for each, effect in done.items()}

    def _row(self, document_id: str, effect: Effect) -> Outcome:
        if self.documents[document_id].bad:
            return Answered(Problem(ErrorClass.DATA, "3051", "AEP6016"))
        match effect:
            case Effect.ACCEPTED:
                return Answered(emission_status="STAMPED_AND_ACCEPTED")
            case Effect.REJECTED:
                return Answered(Problem(ErrorClass.DATA, "STAMPED_AND_REJECTED", "rejected by the authority"))
            case Effect.IN_PROCESS_THEN_ACCEPTED | Effect.IN_PROCESS_THEN_REJECTED:
                return Answered(Problem(ErrorClass.IN_PROCESS, "3246", "en proceso"))
            case _:
                return Answered(Problem(ErrorClass.TRANSIENT, "EPR503", "intente más tarde"))

    def _show(self, document: TrueDocument, age: timedelta) -> Observation:
        moment = self._time.now() - age
        document.shown = moment = max(moment, document.shown or moment)
        return seen(document.document_id, document.as_of(moment))

    # What a test asks.

    def code(self, document_id: str) -> str:
        """The only right fiscal code of a document."""
        return code_of(document_id)
