"""`timbre emit --dry-run`: read, and show what would be stamped in which batches; nothing is written, nothing sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from worker.cli import reach
from worker.cli.drafts import LeftOut, progress, take_a_read, wait_for_quota
from worker.cli.failures import unreachable
from worker.cli.output import answers, plural, say, table, write_json

if TYPE_CHECKING:
    from worker.countries import Finding, Language
    from worker.emission.observation import NumberTemplate, Observation, ReadReport
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
    findings: Mapping[str, Sequence[Finding]]
    """What pre-flight says, by document."""


def make_plan(account: str, kind: str, ids: Sequence[str], *, validate: bool = True) -> Plan:
    """By the very look a worker takes before it sends, and the very rule by which it fills batches.

    Pre-flight also knows here how far the numberings reach, which takes a request of its own.

    Raises `Failure` when Alegra cannot be read.
    """
    from timbre_producers.contracts import Status
    from worker.emission.dispatch import READ_SIZE, close_batches
    from worker.emission.look import findings_of, look
    from worker.emission.observation import Remote
    from worker.emission.work import Document, Work

    running = reach.runtime()
    of_kind = reach.known_kind(kind)
    now = running.clock.now()
    policy = running.facts.policy_of(account)
    left_out = _already_known(account, kind, ids)
    known = {each.document_id for each in left_out}
    fit: list[Work] = []
    shown: dict[str, Observation] = {}
    findings: dict[str, Sequence[Finding]] = {}
    asked = [each for each in ids if each not in known]
    numberings = _numberings(account) if asked else {}
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
                seen = _with_numbering(seen, numberings)
                if found := findings_of(seen, now):
                    findings[each] = found
                waiting = now - policy.linger
                work = Work(0, Document(account, kind, each), Status.QUEUED, since=waiting, preflight=validate)
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
        findings,
    )


def show_plan(plan: Plan, lang: str, *, as_json: bool) -> None:
    """Print it, pre-flight's words in this language; on JSON, the same facts."""
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
    if plan.findings:
        _print_findings(plan, lang)
    calls = plural(len(plan.batches), "stamp call")
    print(f"{plural(count, 'document')} of account {plan.account} would be stamped in {calls}; {_others(plan)}.")
    say("This was a dry run: nothing was sent.")


def _facts(plan: Plan) -> dict[str, object]:
    return {
        "account": plan.account,
        "kind": plan.kind,
        "batches": plan.batches,
        "left_out": plan.left_out,
        "preflight": {each: [finding.described() for finding in found] for each, found in plan.findings.items()},
    }


def _print_findings(plan: Plan, lang: str) -> None:
    """Every problem of every document, each with its remedy."""
    words = {
        "en": ("document", "", "field", "value", "problem, and what to do"),
        "es": ("documento", "", "campo", "valor", "problema y qué hacer"),
    }[lang]
    marks = {"en": ("blocks", "warns"), "es": ("bloquea", "avisa")}[lang]
    language = cast("Language", lang)
    made = table(*words)
    for document_id, found in plan.findings.items():
        for place, finding in enumerate(found):
            made.add_row(
                document_id if place == 0 else "",
                marks[0] if finding.blocks else marks[1],
                finding.field,
                finding.value,
                f"{finding.problem(language)} {finding.remedy(language)}",
                end_section=place == len(found) - 1,
            )
    answers().print(made)


def _numberings(account: str) -> Mapping[str, NumberTemplate]:
    """The account's numberings by id; none when Alegra does not tell now, and then nothing is said of them."""
    from worker.emission.ports import AlegraUnavailable, QuotaSpent

    while True:
        try:
            return {each.id: each for each in reach.runtime().api.number_templates(account)}
        except QuotaSpent as spent:
            wait_for_quota(spent, say)
        except AlegraUnavailable as away:
            say(f"Ranges and dates of the numberings are not checked: {away}")
            return {}


def _with_numbering(seen: Observation, numberings: Mapping[str, NumberTemplate]) -> Observation:
    from worker.alegra.drafts import with_numbering

    template = numberings.get(seen.draft.numbering.id or "") if seen.draft else None
    return replace(seen, draft=with_numbering(seen.draft, template)) if seen.draft and template else seen


def _others(plan: Plan) -> str:
    return f"{plural(len(plan.left_out), 'other')} would not" if plan.left_out else "none is left out"


def _already_known(account: str, kind: str, ids: Sequence[str]) -> list[LeftOut]:
    """Documents that a new request would not queue, as intake decides it; none without a database."""
    from worker.cli.failures import Failure
    from worker.emission.lifecycle import ASKED_AGAIN

    try:
        rows = reach.queries().named(ids, account=account, kind=kind)
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
