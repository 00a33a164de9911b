"""Alegra in memory, as a script: it stamps what it is asked to, until a test says what the next call or read does."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from tests.support.builders import seen
from worker.emission.kinds import Kind
from worker.emission.observation import Company, NumberTemplate, Observation, ReadReport, Remote
from worker.emission.outcomes import Answered, Deferred, Outcome, Problem, Refused, StampReport, Uncertain
from worker.emission.ports import AlegraUnavailable

Fate = Callable[["ScriptedAlegra", Sequence[str]], Mapping[str, Outcome]]
"""What one stamp call does to the documents and what it answers for each."""

Reading = Callable[[Sequence[str]], ReadReport]


class ScriptedAlegra:
    """Implements `InvoicingApi`; counts what it executed, so that a test can ask whether anything was emitted twice."""

    def __init__(self) -> None:
        self.shown: dict[str, Observation] = {}
        """What a read shows of a document; unstamped when it is not here."""
        self.executed: Counter[str] = Counter()
        self.calls: list[tuple[str, ...]] = []
        self.reads: list[tuple[str, ...]] = []
        self.fates: deque[Fate] = deque()
        """What the next stamp calls do; when it is empty they succeed."""
        self.readings: deque[Reading] = deque()
        """What the next reads answer; when it is empty they tell the truth."""
        self.during_call: Callable[[Sequence[str]], None] = lambda _ids: None
        """Runs while a stamp call is on the wire."""
        self.during_read: Callable[[Sequence[str]], None] = lambda _ids: None
        self.reachable = True
        self.listed: list[Observation] = []
        """The account's drafts."""

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: datetime) -> StampReport:
        self.calls.append(tuple(ids))
        fate = self.fates.popleft() if self.fates else succeeds
        outcomes = fate(self, ids)
        self.during_call(ids)
        return StampReport(outcomes, http_status=200, excerpt="what Alegra answered")

    def read(self, account: str, kind: Kind, ids: Sequence[str]) -> ReadReport:
        self.reads.append(tuple(ids))
        reading = self.readings.popleft() if self.readings else self.truth
        report = reading(ids)
        self.during_read(ids)
        return report

    def drafts(
        self,
        account: str,
        kind: Kind,
        *,
        start: int = 0,
    ) -> tuple[Sequence[Observation], int | None]:
        if not self.reachable:
            raise AlegraUnavailable("Alegra does not answer")
        end = start + 30
        return self.listed[start:end], end if end < len(self.listed) else None

    def company(self, account: str) -> Company:
        if not self.reachable:
            raise AlegraUnavailable("Alegra does not answer")
        return Company(account, "CO")

    def number_templates(self, account: str) -> Sequence[NumberTemplate]:
        return []

    def truth(self, ids: Sequence[str]) -> ReadReport:
        """Every document as it is."""
        return ReadReport({each: self.shown.get(each, seen(each)) for each in ids})

    def execute(self, ids: Sequence[str]) -> None:
        """Emit these documents: each time, one more legal document."""
        self.executed.update(ids)
        self.shown |= {each: seen(each, Remote.ACCEPTED) for each in ids}

    @property
    def twice(self) -> list[str]:
        """Documents that were emitted more than once; must always be empty."""
        return [document_id for document_id, times in self.executed.items() if times > 1]


def succeeds(alegra: ScriptedAlegra, ids: Sequence[str]) -> Mapping[str, Outcome]:
    """All emitted, and Alegra says so."""
    alegra.execute(ids)
    return {each: Answered() for each in ids}


def answers(outcomes: Mapping[str, Outcome], *, executes: Sequence[str] = ()) -> Fate:
    """Emits some documents and answers as told."""

    def fate(alegra: ScriptedAlegra, ids: Sequence[str]) -> Mapping[str, Outcome]:
        alegra.execute(executes)
        return outcomes

    return fate


def says(outcome: Outcome, *, executes: bool = False) -> Fate:
    """The same outcome for every document of the call."""

    def fate(alegra: ScriptedAlegra, ids: Sequence[str]) -> Mapping[str, Outcome]:
        if executes:
            alegra.execute(ids)
        return dict.fromkeys(ids, outcome)

    return fate


def loses_the_answer(*, executes: bool) -> Fate:
    """The call may have been executed, and nobody hears of it."""
    return says(Uncertain("read timeout"), executes=executes)


def is_not_reached() -> Fate:
    """Connection refused: provably not executed."""
    return says(Deferred("connection refused"))


def refuses_the_account(problem: Problem) -> Fate:
    """401, 402, 403: nothing executed."""
    return says(Refused(problem))


def does_not_answer(cause: str = "read timeout") -> Reading:
    """A read that brings no news."""
    return lambda _ids: ReadReport(failure=cause)
