"""Look before you send: what one read of a queued document decides (rule 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from timbre_producers.contracts import Status
from worker.countries import COUNTRIES, Finding, preflight
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy
from worker.emission.work import Move, Work, enter, evidence_of

PREFLIGHT: Final = "preflight"
"""The code of a rejection before sending, and where the history keeps what was found."""

LONGEST_TEXT: Final = 2000

WARN_BEFORE: Final = timedelta(days=1)

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
            return _fit_to_be_sent(work, shown, seen, now, evidence)
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


def _fit_to_be_sent(work: Work, shown: Work, seen: Observation, now: datetime, evidence: dict[str, Any]) -> Move:
    """Alegra would take it. Whether the authority would, pre-flight knows in part, before it costs a call."""
    findings = findings_of(seen, now)
    blocks = [finding for finding in findings if finding.blocks]
    if findings:
        evidence = {**evidence, PREFLIGHT: [finding.as_json() for finding in findings]}
    if blocks and work.preflight:
        problem = Problem(ErrorClass.DATA, PREFLIGHT, told(blocks))
        rejected = enter(shown, Status.REJECTED, now, problem=problem)
        return Move(work, rejected, f"pre-flight found {count_of(blocks)}; nothing was sent", evidence)
    send_by = COUNTRIES[seen.draft.country].send_by(seen.draft) if seen.draft else None
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
        send_by=send_by,
        # Told once is told: another look at the same deadline does not tell again.
        warn_at=work.warn_at if send_by and send_by == work.send_by else _warn_at(send_by, now),
    )
    if blocks:
        reason = f"looked at: goes unvalidated, with {count_of(blocks)}: {told(blocks)}"
    elif findings:
        reason = f"looked at: may be sent, with {count_of(findings)}: {told(findings)}"
    else:
        reason = "looked at: may be sent"
    # A document that waits long is looked at again and again; what there is to say is said once.
    return Move(work, ready, reason, evidence, silent=not findings or work.looked_at is not None)


def findings_of(seen: Observation, now: datetime) -> tuple[Finding, ...]:
    """What pre-flight says of a document that may be sent; nothing of any other."""
    return preflight(seen.draft, COUNTRIES[seen.draft.country].today(now)) if seen.draft else ()


def count_of(findings: Sequence[Finding]) -> str:
    """How many there are, in words."""
    blocks = sum(finding.blocks for finding in findings)
    name, count = ("problem", blocks) if blocks else ("warning", len(findings))
    return f"{count} {name}{'' if count == 1 else 's'}"


def told(findings: Sequence[Finding]) -> str:
    """All of them in a text, as far as it has room."""
    text = " ".join(f"({number}) {finding.sentence()}" for number, finding in enumerate(findings, start=1))
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 2]} …"


def _warn_at(send_by: datetime | None, now: datetime) -> datetime | None:
    """When to tell somebody that a document has not been sent: a day before its time is over.

    One that is looked at later than that gets half of what is left, up to an hour: it is about to be sent.
    """
    if send_by is None or send_by <= now:
        return None
    return max(send_by - WARN_BEFORE, now + min(timedelta(hours=1), (send_by - now) / 2))
