"""Creations as several commands show them: each with the emission that followed it, if one did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from worker.cli import reach
from worker.cli.lists import why as why_not_stamped
from worker.cli.output import COLOURS, answers, shortened, table

if TYPE_CHECKING:
    from worker.storage.creation_queries import CreationView
    from worker.storage.views import EmissionView

ROOM_FOR_THE_REST: Final = 62
"""What the other columns of the table want."""

LEAST_CODE: Final = 19

_STILL_TO_COME: Final = {
    "queued": "waits to be created",
    "creating": "its call is under way",
    "uncertain": "the answer was lost; Alegra's list tells",
    "created": "created, and not asked to be emitted",
    "cancelled": "withdrawn before it was sent",
}

_COLOURS: Final = {**COLOURS, "creating": "cyan", "created": "green"}


@dataclass(frozen=True, slots=True)
class Created:
    """A creation, and what became of its document afterwards."""

    creation: CreationView
    emission: EmissionView | None
    """None when nobody asked for the document to be emitted, or it is not there yet."""

    @property
    def stands(self) -> str:
        """Where the document stands on its whole way."""
        return (self.emission.status if self.emission else self.creation.status).value

    @property
    def over(self) -> bool:
        """Nothing moves it any more."""
        from worker.creation.lifecycle import FINISHED
        from worker.emission.lifecycle import FINISHED as EMITTED

        if self.creation.status not in FINISHED:
            return False
        if self.creation.status != "created":
            return True
        return self.emission.status in EMITTED if self.emission else not self.creation.emits

    @property
    def is_draft(self) -> bool:
        """It was created, and nobody asked for it to be emitted."""
        return self.stands == "created" and not self.creation.emits

    def described(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self.creation), "emission": self.emission}


def with_emissions(creations: Sequence[CreationView]) -> list[Created]:
    """Each with its document's row in the status table."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in creations:
        if each.document_id is not None:
            places[each.account, each.kind].append(each.document_id)
    rows = {
        (account, kind, row.document_id): row
        for (account, kind), ids in places.items()
        for row in reach.queries().named(ids, account=account, kind=kind)
    }
    return [Created(each, rows.get((each.account, each.kind, each.document_id or ""))) for each in creations]


def creations_table(creations: Sequence[Created]) -> Table:
    """Where each stands, and its fiscal code, or why it has none."""
    names = [name for name in ("account", "kind") if len({getattr(each.creation, name) for each in creations}) > 1]
    made = table(*names, "reference", "document", "status", "fiscal code, or what is the matter")
    room = max(answers().width - ROOM_FOR_THE_REST, LEAST_CODE)
    for each in creations:
        made.add_row(
            *(getattr(each.creation, name) for name in names),
            each.creation.reference,
            each.creation.document_id or "",
            creation_status(each.stands),
            _outcome(each, room),
        )
    return made


def creation_status(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style=_COLOURS.get(status, "default"))


def _outcome(created: Created, room: int) -> str:
    emission = created.emission
    if emission is None:
        return why(created.creation)
    if emission.status == "stamped" and emission.fiscal_code:
        return shortened(emission.fiscal_code, room)
    return why_not_stamped(emission)


def why(creation: CreationView) -> str:
    """What keeps it from being created, in a line."""
    if creation.held_reason and creation.status == "held":
        return creation.held_reason
    if creation.error_code or creation.error_message:
        return f"{creation.error_code or ''} {creation.error_message or ''}".strip()
    if creation.status == "created" and creation.emits:
        return "created; waits to be emitted"
    return _STILL_TO_COME.get(creation.status, "")
