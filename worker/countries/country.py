"""What Timbre knows of one country: how its fiscal codes look, where they stand, how long its authority may take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from worker.countries.deadlines import Deadline
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, day_of
from worker.countries.rules import Finding

Delays = tuple[timedelta, ...]
"""Of successive reads: the first counts from entering a status, each further one from the read before."""


def delays(*seconds: int) -> Delays:
    """A schedule, written in seconds."""
    return tuple(timedelta(seconds=each) for each in seconds)


_CONFIRM = delays(2, 5, 15, 60, 300, 900)
_WAITING = delays(5, 15, 60, 300, 900, 3600, 10800, 21600, 21600, 21600)
_UNCERTAIN = delays(5, 15, 45, 120, 300, 900, 3600, 3600)


@dataclass(frozen=True, slots=True)
class CodeFormat:
    """One fiscal code: its name, its exact form, and where Alegra puts it."""

    type: str
    """How the status table names it: cufe, cude, uuid, clave, cae, encf, ncf, number."""
    pattern: re.Pattern[str]
    """Matched in full; a value that matches in part is not a code."""
    source: str
    """Where the form is known from, and how sure that is (alegra-api.md §8)."""
    kinds: frozenset[str] | None = None
    """The kinds of document that carry it; None for all."""
    keys: tuple[str, ...] = ()
    """Keys of `stamp` that hold this code and nothing else, best first: another value there is a malformed code."""
    shared_keys: tuple[str, ...] = ()
    """Keys of `stamp` where it was seen or is suspected, that may as well hold something else."""
    is_document_number: bool = False
    """The legal number of the document is the code: it stands in `numberTemplate`, and says nothing about emission."""

    def carried_by(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Country:
    """One country Timbre emits in."""

    code: str
    """ISO 3166: CO, MX, CR, AR, DO, PE, PA."""
    name: str
    zone: str
    """The time zone of its capital; Alegra writes local times without one."""
    application_version: str
    """How `GET /company` names the country."""
    examine: Callable[[Draft, date], Iterator[Finding]]
    """The country's own rules of pre-flight, given its local date; `preflight` adds those of every country."""
    formats: tuple[CodeFormat, ...]
    deadline: Callable[[Draft], Deadline | None] = lambda _: None
    """How long after its date a document may be sent; None where no such limit is known."""
    deadlines: tuple[Deadline, ...] = ()
    """All that `deadline` may name."""
    contradiction: Callable[[str, Issued], str] = lambda _code, _issued: ""
    """Why a code of valid form cannot belong to the document it stands in; empty when nothing speaks against it."""
    expects_legal_status: bool = True
    """Alegra shows the authority's verdict in `stamp.legalStatus`. Where it does not, a valid code is the verdict."""
    texts: tuple[str, ...] = ()
    """Keys of `stamp` whose value is a text with the code somewhere inside."""
    never_sent_keys: tuple[str, ...] = ()
    """Keys of `stamp` that mark a document which never goes to the authority electronically."""
    confirm_schedule: Delays = _CONFIRM
    """After Alegra answered for the document: codes appear seconds later."""
    waiting_schedule: Delays = _WAITING
    """While the authority has it: about a day, then a person must look."""
    uncertain_schedule: Delays = _UNCERTAIN
    """After the answer was lost; spans the quiet window."""
    quiet_window: timedelta = timedelta(seconds=600)
    """How long Alegra must show a document unstamped before it may be sent again."""

    def send_by(self, draft: Draft) -> datetime | None:
        """Until when the law lets this document be sent, as far as that is known."""
        deadline = self.deadline(draft)
        return deadline.last_instant(draft.issued, self.zone) if deadline and draft.issued else None

    def law_of(self, send_by: datetime | None, issued: str | None) -> Deadline | None:
        """The deadline that makes a document of this date due at this instant."""
        day = day_of(issued) if issued else None
        if day is None:
            return None
        return next((each for each in self.deadlines if each.last_instant(day, self.zone) == send_by), None)

    def today(self, now: datetime) -> date:
        """The country's date at this instant."""
        return now.astimezone(ZoneInfo(self.zone)).date()
