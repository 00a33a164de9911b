"""One creation from the first request to its document: every step with its evidence, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, cast

from rich.text import Text

from worker.cli.creation_lists import Created, creation_status, why
from worker.cli.explain import PREFLIGHT, Explained
from worker.cli.history import evidence_lines, findings_in, print_below, print_findings, print_line, step
from worker.cli.output import answers, local, say, write_json

if TYPE_CHECKING:
    from worker.storage.creation_queries import CreationEventView, CreationView

_NEXT: Final[Mapping[str, Mapping[str, Explained]]] = {
    "held": {
        "en": Explained(
            "Timbre will not decide this alone: creating it again could make a second document.",
            "Look in Alegra for its reference, in the observations. If the document is there: `timbre creations adopt "
            "REFERENCE ID --reason …`. If it is not: `release` creates it, `cancel` gives it up. A voided one keeps "
            "the reference: then cancel, and ask for it under another.",
        ),
        "es": Explained(
            "Timbre no decide esto solo: crearlo de nuevo podría hacer un segundo documento.",
            "Busque su referencia en Alegra, en las observaciones. Si el documento está: `timbre creations adopt "
            "REFERENCE ID --reason …`. Si no está: `release` lo crea, `cancel` lo abandona. Uno anulado conserva la "
            "referencia: entonces cancele y pídalo con otra.",
        ),
    },
    "uncertain": {
        "en": Explained(
            "It was sent and the answer was lost: its document may be there, or not.",
            "Nothing: Timbre looks through Alegra's list for the reference, and never sends on doubt.",
        ),
        "es": Explained(
            "Se envió y la respuesta se perdió: su documento puede existir o no.",
            "Nada: Timbre busca la referencia en la lista de Alegra y nunca reenvía ante la duda.",
        ),
    },
    "rejected": {
        "en": Explained(
            "Nothing was created: its body cannot be accepted as it is.",
            "Correct it and ask again under the same reference: `timbre create -f FILE`.",
        ),
        "es": Explained(
            "No se creó nada: su contenido no puede aceptarse tal como está.",
            "Corríjalo y pídalo otra vez con la misma referencia: `timbre create -f FILE`.",
        ),
    },
}


def show_creation(created: Created, events: Sequence[CreationEventView], lang: str, *, as_json: bool) -> None:
    """Everything Timbre knows of one creation."""
    said = explained(created.creation, lang)
    found = findings_in(events)
    if as_json:
        described = [finding.described() for finding in found]
        write_json({"creation": created.described(), "explanation": said, "preflight": described, "events": events})
        return
    _print_facts(created)
    if said:
        problem, means, todo = {"en": ("Problem", "means", "next"), "es": ("Problema", "significa", "qué hacer")}[lang]
        if created.creation.error_code != PREFLIGHT:
            print_line(problem, why(created.creation) or created.creation.status.value)
        print_line(means, said.meaning)
        print_line(todo, said.next)
    if created.creation.status in {"rejected", "queued"}:
        print_findings(found, lang)
    _print_events(events)


def explained(creation: CreationView, lang: str) -> Explained | None:
    """What its status asks for, and what Alegra's code means where it gave one."""
    of_status = _NEXT.get(creation.status.value, {}).get(lang)
    if of_status is None or creation.status != "rejected" or creation.error_code in {None, PREFLIGHT}:
        return of_status
    from worker.alegra.catalogue import explain

    found = explain(creation.error_code or "", cast("Literal['en', 'es']", lang), creation.error_message or "")
    return Explained(found.meaning, f"{found.next_step} {of_status.next}")


def _print_facts(created: Created) -> None:
    creation, emission = created.creation, created.emission
    heading = Text.assemble(
        (f"{creation.kind} {creation.reference}", "bold"),
        f" of account {creation.account}: ",
        creation_status(creation.status.value),
        f" since {local(creation.status_since)}",
    )
    answers().print(heading)
    tries = f"{creation.attempt} times" if creation.attempt > 1 else ("once" if creation.attempt else "not yet")
    wanted = "emitted once it is there" if creation.emits else "left a draft"
    facts = {
        "document": creation.document_id,
        "emission": emission
        and f"{emission.status} (`timbre status {emission.document_id} --account {emission.account}`)",
        "fiscal code": emission and emission.fiscal_code,
        "to be": wanted,
        "sent": tries,
        "next look": local(creation.next_look_at),
        "not before": local(creation.not_before),
        "validated": None if creation.preflight else "no: asked for with --no-validate",
        "asked by": f"{creation.requested_by}, request {creation.request_id}",
        "held because": creation.held_reason if creation.status == "held" else None,
    }
    for name, value in facts.items():
        if value:
            print_line(name, value)


def _print_events(events: Sequence[CreationEventView]) -> None:
    screen = answers()
    screen.print()
    screen.print(Text("History (this machine's time)", "bold"))
    for event in events:
        line = Text.assemble((local(event.at), "dim"), "  ", (step(event.from_status, event.to_status), "bold"))
        if event.alert:
            line.append("  ALERT", style="bold red")
        screen.print(line)
        print_below(Text(event.reason))
        tried = f", attempt {event.attempt}" if event.attempt else ""
        print_below(Text(f"by {event.actor}{tried}", "dim"))
        for name, value in evidence_lines(event.evidence):
            print_below(Text(f"{name}: {value}", "dim"))
    if not events:
        say("No history: the row was not written by Timbre.")
