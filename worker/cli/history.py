"""One document from the first request to its fiscal code: every step, who made it, and on what evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from worker.cli.explain import PREFLIGHT, Explained, explain
from worker.cli.lists import why
from worker.cli.output import answers, local, say, status_text, write_json

if TYPE_CHECKING:
    from worker.countries import Finding, Language
    from worker.storage.creation_queries import CreationEventView
    from worker.storage.queries import Queries
    from worker.storage.views import ActView, BatchView, EmissionView, EventView


UNSENT = frozenset({"queued", "emitting", "confirming", "uncertain", "held"})
"""Whether it was sent in time is not known."""


def show_history(queries: Queries, emission: EmissionView, lang: str, *, as_json: bool) -> None:
    """Everything Timbre knows of one document, what its problem means and what to do next."""
    events = queries.history(emission.id)
    batches = queries.batches(sorted({each.batch_id for each in events if each.batch_id}))
    acts = queries.acts(emission)
    explained = explain(emission, lang)
    if as_json:
        found = [finding.described() for finding in findings_in(events)]
        write_json(
            {
                "emission": emission,
                "explanation": explained,
                "preflight": found,
                "acts": acts,
                "events": events,
                "batches": batches,
            }
        )
        return
    _print_facts(emission)
    for act in acts:
        print_line(act.what, _told_of(act))
    if explained:
        _print_problem(emission, explained, lang)
    if emission.status in {"rejected", "queued"}:
        print_findings(findings_in(events), lang)
    _print_events(emission, events, {each.id: each for each in batches})


def _print_facts(emission: EmissionView) -> None:
    screen = answers()
    heading = Text.assemble(
        (f"{emission.kind} {emission.document_id}", "bold"),
        f" of account {emission.account}: ",
        status_text(emission.status),
        f" since {local(emission.status_since)}",
    )
    screen.print(heading)
    facts = {
        "fiscal code": emission.fiscal_code and f"{emission.fiscal_code} ({emission.fiscal_code_type})",
        "number": emission.document_number,
        "legalStatus": emission.legal_status,
        "stamped at": local(emission.stamped_at),
        "sent": f"{emission.attempt} times" if emission.attempt > 1 else ("once" if emission.attempt else "not yet"),
        "next read": local(emission.next_read_at),
        "not before": local(emission.not_before),
        "send by": local(emission.send_by) if emission.status in UNSENT else None,
        "e-mail": "to its client, once it is stamped" if emission.email else None,
        "validated": None if emission.preflight else "no: asked for with --no-validate",
        "asked by": emission.requested_by and f"{emission.requested_by}, request {emission.request_id}",
        "held because": emission.held_reason if emission.status == "held" else None,
        "waits": emission.held_reason if emission.status == "queued" else None,
    }
    for name, value in facts.items():
        if value:
            print_line(name, value)


def _told_of(act: ActView) -> str:
    """What became of an e-mail, a void, an open: `sent 2026-03-02 12:00:01 (to ana@acme.example: …), asked by ana`."""
    when = local(act.ended_at or act.sent_at or act.due_at)
    told = _ACT_TOLD[act.state].format(when=when)
    return f"{told}{f' ({act.said})' if act.said else ''}, asked by {act.asked_by}"


_ACT_TOLD: Final = {
    "wanted": "to be done from {when}",
    "sending": "being done since {when}",
    "done": "done {when}",
    "refused": "not done, {when}",
    "unknown": "perhaps done: the answer was lost {when}, and it is not repeated by itself",
}


def _print_problem(emission: EmissionView, explained: Explained, lang: str) -> None:
    problem, means, todo = {"en": ("Problem", "means", "next"), "es": ("Problema", "significa", "qué hacer")}[lang]
    if emission.error_code != PREFLIGHT:
        print_line(problem, why(emission) or emission.status)
    print_line(means, explained.meaning)
    print_line(todo, explained.next)


def findings_in(events: Sequence[EventView | CreationEventView]) -> Sequence[Finding]:
    """What pre-flight said since the document was asked for last."""
    from worker.countries import finding_from

    for event in reversed(events):
        found = event.evidence.get(PREFLIGHT) if isinstance(event.evidence, Mapping) else None
        if isinstance(found, list):
            return [finding for each in found if (finding := finding_from(each))]
        if event.to_status == "queued" and event.from_status in {None, "rejected", "cancelled", "held"}:
            break
    return []


def print_findings(found: Sequence[Finding], lang: str) -> None:
    """What pre-flight said, a line each."""
    blocks, warns = {"en": ("problem", "warning"), "es": ("problema", "aviso")}[lang]
    for finding in found:
        print_line(blocks if finding.blocks else warns, finding.sentence(cast("Language", lang)))


def print_line(name: str, value: str | Text) -> None:
    """A named fact, its further lines below the first."""
    grid = Table.grid(padding=(0, 0, 0, 2))
    grid.add_column(width=12, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(name, value)
    answers().print(grid)


def _print_events(emission: EmissionView, events: Sequence[EventView], batches: Mapping[str, BatchView]) -> None:
    screen = answers()
    screen.print()
    screen.print(Text("History (this machine's time)", "bold"))
    told: set[str] = set()
    for event in events:
        line = Text.assemble((local(event.at), "dim"), "  ", (step(event.from_status, event.to_status), "bold"))
        if event.alert:
            line.append("  ALERT", style="bold red")
        screen.print(line)
        print_below(Text(event.reason))
        print_below(Text(f"by {event.actor}{_sent_as(event)}", "dim"))
        for name, value in evidence_lines(event.evidence):
            print_below(Text(f"{name}: {value}", "dim"))
        batch = batches.get(event.batch_id or "")
        if batch and batch.answer and batch.closed_at and event.at >= batch.closed_at and batch.id not in told:
            told.add(batch.id)
            status = f"HTTP {batch.http_status}" if batch.http_status else "no HTTP status"
            said = answer_about(batch.answer, emission.document_id)
            print_below(Text(f"Alegra's answer ({status}, batch of {batch.size}, {batch.state}): {said}", "dim"))
    if not events:
        say("No history: the row was not written by Timbre.")


def print_below(text: Text) -> None:
    """What belongs to the line above."""
    answers().print(Padding(text, (0, 0, 0, 4), expand=False))


def step(before: str | None, after: str | None) -> str:
    """What an event moved from what to what."""
    if after is None:
        return "note"
    return after if before in (None, after) else f"{before} → {after}"


def _sent_as(event: EventView) -> str:
    return f", attempt {event.attempt}, batch {event.batch_id}" if event.batch_id else ""


def evidence_lines(evidence: object) -> Iterator[tuple[str, str]]:
    """What an event rests on, a fact a line; what says nothing is left out."""
    if not isinstance(evidence, Mapping):
        return
    for name, value in evidence.items():
        decoded = None if name == PREFLIGHT else _decoded(value)
        if decoded in (None, "", False, [], {}):
            continue
        if isinstance(decoded, Mapping):
            yield from ((f"{name}.{inner}", said) for inner, said in evidence_lines(decoded))
        else:
            said = decoded if isinstance(decoded, str) else json.dumps(decoded, ensure_ascii=False)
            yield str(name), " · ".join(said.splitlines())


def answer_about(answer: str, document_id: str) -> str:
    """The rows of a batch's answer that name this document; all of it when none does, or when it cannot be read."""
    decoded = _decoded(answer)
    parts = decoded.values() if isinstance(decoded, Mapping) else [decoded]
    rows = [row for part in parts for row in (part if isinstance(part, list) else [part]) if isinstance(row, Mapping)]
    mine = [row for row in rows if str(row.get("id")) == document_id]
    return " ".join(json.dumps(row, ensure_ascii=False) for row in mine) or answer


def _decoded(value: object) -> Any:
    """Evidence and answers are often JSON inside a text."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
