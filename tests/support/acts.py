"""Alegra's side of acts, scripted: what each document shows, how calls end, and what was called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from tests.support.builders import seen
from worker.emission.acts import ActState, Carried, Shown, What
from worker.emission.observation import Observation, Remote
from worker.emission.ports import AlegraUnavailable, QuotaSpent
from worker.emission.work import Document

DONE = Carried(ActState.DONE, "El correo fue enviado", 200)
LOST = Carried(ActState.UNKNOWN, "the answer was lost: ReadTimeout")
THROTTLED = Carried(ActState.WANTED, "Too Many request(s)", 429)
REFUSED = Carried(ActState.REFUSED, "3001 emails es obligatorio", 400)


class Killed(BaseException):
    """The process dies right here."""


class ScriptedActs:
    """Implements `ActApi`: documents are accepted and have an address, and calls are done, until a test says else."""

    def __init__(self) -> None:
        self.shown: dict[str, Observation] = {}
        self.emails: tuple[str, ...] = ("ana@cliente.example",)
        self.away = False
        self.looks: int | None = None
        """How many looks the quota still allows; None for any number."""
        self.answers: list[Carried | Killed] = []
        """How the next calls end; then they are done."""
        self.calls: list[tuple[str, What]] = []
        self.while_sending: Callable[[], None] = lambda: None

    def show(self, document: Document) -> Shown:
        if self.looks == 0:
            raise QuotaSpent(timedelta(seconds=20))
        self.looks = self.looks - 1 if self.looks else self.looks
        if self.away:
            raise AlegraUnavailable("the document could not be read: HTTP 503")
        found = self.shown.get(document.document_id) or seen(document.document_id, Remote.ACCEPTED)
        return Shown(found, self.emails)

    def carry_out(self, document: Document, what: What, *, to: Sequence[str], not_after: datetime) -> Carried:
        assert not_after.tzinfo is not None
        assert bool(to) == (what is What.EMAIL)
        self.calls.append((document.document_id, what))
        self.while_sending()
        answer = self.answers.pop(0) if self.answers else DONE
        if isinstance(answer, Killed):
            raise answer
        if answer.state is ActState.DONE and what is not What.EMAIL:
            self.show_as(document.document_id, Remote.VOID if what is What.VOID else Remote.UNSTAMPED)
        return answer

    def show_as(self, document_id: str, remote: Remote, **changes: object) -> None:
        """From now on reads show it so."""
        self.shown[document_id] = seen(document_id, remote, **changes)
