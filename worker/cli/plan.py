"""`timbre emit --dry-run`: read, and show what would be stamped in which batches; nothing is written, nothing sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from worker.cli import reach
from worker.cli.drafts import LeftOut, progress, take_a_read
from worker.cli.failures import unreachable
from worker.cli.output import answers, plural, say, table, write_json

if TYPE_CHECKING:
    from worker.emission.observation import Observation, ReadReport
    from worker.emission.work import Work


@dataclass(frozen=True, slots=True)
class Line:
    """One document that would be stamped."""

    document_id: str
    document_number: str | None
    client: str | None
    total: str | None
    date: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What `timbre emit` would do."""

    account: str
    kind: str
    batches: Sequence[Sequence[Line]]
    left_out: Sequence[LeftOut]


def make_plan(account: str, kind: str, ids: Sequence[str]) -> Plan:
    """By the very look a worker takes before it sends, and the very rule by which it fills batches.

    Raises `Failure` when Alegra cannot be read.
    """
    from timbre_producers.contracts import Status
    from worker.emission.dispatch import READ_SIZE, close_batches
    from worker.emission.look import look
    from worker.emission.observation import Remote
    from worker.emission.work import Document, Work

    running = reach.runtime()
    of_kind = reach.known_kind(kind)
    now = running.clock.now()
    policy = running.policy_of(account)
    left_out = _already_known(account, kind, ids)
    known = {each.document_id for each in left_out}
    fit: list[Work] = []
    shown: dict[str, Observation] = {}
    asked = [each for each in ids if each not in known]
    with progress("reading the documents") as tell:
        for start in range(0, len(asked), READ_SIZE):
            some = asked[start : start + READ_SIZE]
            take_a_read(account, tell)
            report = running.api.read(account, of_kind, some)
            _check(report)
            fit_to_send = [seen for seen in report.observations.values() if seen.remote is Remote.UNSTAMPED]
            waits = running.prerequisites.unmet(account, of_kind, fit_to_send)
            for each in some:
                seen = report.observations.get(each)
                if seen is None:
                    left_out.append(
                        LeftOut(each, f"Alegra did not answer for it: {report.failure or 'no reason given'}")
                    )
                    continue
                work = Work(0, Document(account, kind, each), Status.QUEUED, since=now - policy.linger)
                move = look(work, seen, policy, now, waits.get(each, ""))
                if move.after.ready_at is None:
                    left_out.append(LeftOut(each, move.reason))
                else:
                    fit.append(move.after)
                    shown[each] = seen
            tell(f"{min(start + READ_SIZE, len(asked))} of {len(asked)} documents read")
    batches, _ = close_batches(fit, now, timedelta(0))
    return Plan(
        account,
        kind,
        [[_line(work, shown) for work in batch.works] for batch in batches],
        left_out,
    )


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print it; on JSON, the same facts."""
    count = sum(len(batch) for batch in plan.batches)
    if as_json:
        write_json({"dry_run": True, "documents": count, **_facts(plan)})
        return
    if plan.batches:
        made = table("batch", "document", "number", "client", "date", "total")
        for number, batch in enumerate(plan.batches, start=1):
            for place, line in enumerate(batch):
                made.add_row(
                    str(number) if place == 0 else "",
                    line.document_id,
                    line.document_number or "",
                    line.client or "",
                    line.date or "",
                    line.total or "",
                    end_section=place == len(batch) - 1,
                )
        made.columns[-1].justify = "right"
        answers().print(made)
    if plan.left_out:
        made = table("left out", "why")
        for each in plan.left_out:
            made.add_row(each.document_id, each.reason)
        answers().print(made)
    calls = plural(len(plan.batches), "stamp call")
    print(f"{plural(count, 'document')} of account {plan.account} would be stamped in {calls}; {_others(plan)}.")
    say("This was a dry run: nothing was sent.")


def _facts(plan: Plan) -> dict[str, object]:
    return {"account": plan.account, "kind": plan.kind, "batches": plan.batches, "left_out": plan.left_out}


def _others(plan: Plan) -> str:
    return f"{plural(len(plan.left_out), 'other')} would not" if plan.left_out else "none is left out"


def _already_known(account: str, kind: str, ids: Sequence[str]) -> list[LeftOut]:
    """Documents that a new request would not queue, as intake decides it; none without a database."""
    from worker.cli.failures import Failure
    from worker.emission.lifecycle import ASKED_AGAIN

    try:
        rows = reach.queries().emissions(account=account, kind=kind, ids=ids, limit=len(ids))
    except Failure:
        return []
    return [
        LeftOut(row.document_id, f"Timbre knows it already: {row.status}{_code(row.fiscal_code)}")
        for row in rows
        if row.status not in ASKED_AGAIN
    ]


def _code(fiscal_code: str | None) -> str:
    return f", fiscal code {fiscal_code}" if fiscal_code else ""


def _check(report: ReadReport) -> None:
    if report.refused is not None:
        raise unreachable(f"Alegra refused the account: {report.refused.message}. `timbre doctor` checks it.")
    if not report.observations and report.failure:
        raise unreachable(f"Alegra could not be read: {report.failure}. Try again; `timbre doctor` checks the account.")


def _line(work: Work, shown: dict[str, Observation]) -> Line:
    snapshot = shown[work.document.document_id].snapshot
    total = None if snapshot.total is None else f"{snapshot.total:,}"
    return Line(work.document.document_id, snapshot.number, snapshot.client, total, snapshot.date)
