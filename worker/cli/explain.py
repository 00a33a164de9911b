"""What a document's status or problem means and what to do next, in English or in Spanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from worker.storage.views import EmissionView


@dataclass(frozen=True, slots=True)
class Explained:
    """Two sentences for people."""

    meaning: str
    next: str


_HELD: Final[Mapping[str, Explained]] = {
    "en": Explained(
        "Timbre will not decide this alone: sending it again could make a second legal document.",
        "Look at the document in Alegra. Then `timbre release ID --reason …` (it is read first: a stamped one is "
        "adopted, an unstamped one is sent), or `timbre cancel ID --reason …`.",
    ),
    "es": Explained(
        "Timbre no decide esto solo: reenviarlo podría crear un segundo documento legal.",
        "Revise el documento en Alegra. Luego `timbre release ID --reason …` (primero se consulta: si ya está "
        "timbrado se adopta, si no, se envía) o `timbre cancel ID --reason …`.",
    ),
}

_PREFLIGHT: Final[Mapping[str, Explained]] = {
    "en": Explained(
        "The tax authority is certain to refuse it as it is, so it was not sent: no call, no number was spent.",
        "Correct in Alegra what is listed, and ask again. If you know better, `timbre emit ID --no-validate` sends it.",
    ),
    "es": Explained(
        "La autoridad tributaria lo rechazaría tal como está, así que no se envió: no se gastó llamada ni número.",
        "Corrija en Alegra lo indicado y vuelva a pedirlo. Si está seguro, `timbre emit ID --no-validate` lo envía.",
    ),
}

_BY_STATUS: Final[Mapping[str, Mapping[str, Explained]]] = {
    "held": _HELD,
    "uncertain": {
        "en": Explained(
            "It was sent and the answer was lost: it may be stamped, or not.",
            "Nothing: Timbre finds out by reading, and never sends on doubt. `timbre settle ID` reads it now.",
        ),
        "es": Explained(
            "Se envió y la respuesta se perdió: puede estar timbrado o no.",
            "Nada: Timbre lo averigua consultando y nunca reenvía ante la duda. `timbre settle ID` lo consulta ya.",
        ),
    },
    "waiting": {
        "en": Explained(
            "The tax authority has it and has not answered yet.",
            "Nothing: Timbre reads it until the verdict shows, and never sends it again.",
        ),
        "es": Explained(
            "La autoridad tributaria lo tiene y aún no ha respondido.",
            "Nada: Timbre lo consulta hasta ver el veredicto y nunca lo reenvía.",
        ),
    },
}


PREFLIGHT: Final = "preflight"
"""The code of what was rejected before it was sent, and where its history keeps the findings."""


def explain(emission: EmissionView, lang: str) -> Explained | None:
    """The problem on record by Alegra's catalogue, else what the status asks for; None when all is in order."""
    if emission.status == "held":
        # Whatever the problem was, a person has to look now, and that comes first.
        return _HELD[lang]
    if emission.error_code == PREFLIGHT:
        return _PREFLIGHT[lang]
    if emission.error_code or emission.error_message:
        from worker.alegra.catalogue import explain as by_catalogue

        found = by_catalogue(emission.error_code or "", cast("Literal['en', 'es']", lang), emission.error_message or "")
        return Explained(found.meaning, found.next_step)
    return _BY_STATUS.get(emission.status, {}).get(lang)
