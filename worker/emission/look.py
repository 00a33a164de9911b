"""Look before you send: what one read of a queued document decides (rule 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from timbre_producers.contracts import Status
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy
from worker.emission.work import Move, Work, enter, evidence_of

_CANNOT_BE_EMITTED = {
    Remote.FOREIGN: ("not_in_country", "its kind does not exist in the account's country"),
    Remote.VOID: ("void", "the document is void in Alegra; open it again or emit another one"),
    Remote.NOT_ELECTRONIC: (
        "not_electronic",
        "its numbering (numberTemplate) is not electronic; choose an electronic one in Alegra",
    ),
    Remote.MISSING: ("404", "Alegra has no such document; check the id and the account"),
}


def look(work: Work, seen: Observation, policy: Policy, now: datetime, waits_for: str = "") -> Move:
    """The move of a queued document that was just read; `waits_for` says which document must be stamped before it."""
    shown = work.showing(seen)
    evidence = evidence_of(work, seen)
    match seen.remote:
        case Remote.UNSTAMPED | Remote.REJECTED if (earliest := _earliest_sending(work, policy)) and now < earliest:
            # This look will be old by then.
            later = replace(work, next_read_at=earliest, reads=work.reads + 1)
            return Move(work, later, "looked at before it may be sent", evidence, silent=True)
        case Remote.UNSTAMPED | Remote.REJECTED if waits_for:
            return _wait(work, shown, waits_for, policy, now, evidence)
        case Remote.UNSTAMPED | Remote.REJECTED:
            # An earlier sending that the authority rejected was not an emission: asked again, it may go again.
            ready = replace(
                shown,
                ready_at=now,
                looked_at=now,
                snapshot=seen.snapshot,
                # Of this look, and of no earlier sending: settle compares what it reads with it.
                legal_status=seen.legal_status,
                next_read_at=None,
                reads=work.reads + 1,
                held_reason=None,
            )
            return Move(work, ready, "looked at: may be sent", evidence, silent=True)
        case Remote.ACCEPTED:
            stamped = enter(shown, Status.STAMPED, now, problem=None)
            return Move(work, stamped, "adopted: Alegra already shows it stamped", evidence)
        case Remote.IN_PROCESS:
            waiting = enter(shown, Status.WAITING, now, next_read_at=now + policy.waiting_schedule[0])
            return Move(work, waiting, "the authority already has it", evidence)
        case Remote.DUBIOUS:
            held = enter(shown, Status.HELD, now, held_reason=seen.reason)
            return Move(work, held, seen.reason, evidence, alert=True)
        case Remote.VOID | Remote.NOT_ELECTRONIC | Remote.MISSING | Remote.FOREIGN:
            code, sentence = _CANNOT_BE_EMITTED[seen.remote]
            sentence = seen.reason if seen.reason and seen.remote is not Remote.MISSING else sentence
            rejected = enter(shown, Status.REJECTED, now, problem=Problem(ErrorClass.DATA, code, sentence))
            return Move(work, rejected, sentence, evidence)


def _earliest_sending(work: Work, policy: Policy) -> datetime | None:
    """Not before its producer said, nor while a call that a person stopped asking about may still be executed (rule 4).

    A read of an earlier request, delivered again, looks too early; so does whoever lets a held document go at once.
    """
    quiet_until = work.unstamped_since + policy.quiet_window if work.unstamped_since else None
    return max((moment for moment in (work.not_before, quiet_until) if moment), default=None)


def _wait(work: Work, shown: Work, waits_for: str, policy: Policy, now: datetime, evidence: Mapping[str, Any]) -> Move:
    """It stays queued and is looked at again, less and less often: it takes nobody's place while it waits."""
    delay = policy.confirm_schedule[min(work.reads, len(policy.confirm_schedule) - 1)]
    waiting = replace(shown, reads=work.reads + 1, next_read_at=now + delay, held_reason=waits_for)
    return Move(work, waiting, waits_for, evidence, silent=work.held_reason == waits_for)
