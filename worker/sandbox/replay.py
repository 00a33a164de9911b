"""The journal read back: each record does to the world again what it wrote down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.documents import Document
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.ledger import Entry
from worker.sandbox.outcomes import read_outcome

if TYPE_CHECKING:
    from worker.sandbox.world import World

_Facts = dict[str, Any]


def _kind(facts: _Facts) -> Kind:
    """Records written before there were other kinds name none."""
    return KINDS[facts.get("kind", INVOICE.name)]


def _account(world: World, facts: _Facts) -> None:
    highest = facts.pop("highest")
    world.add_account(**facts)
    world.accounts[facts["name"]].numbering(electronic=True).max_number = highest


def _document(world: World, facts: _Facts) -> None:
    account = world.accounts[facts["account"]]
    template = account.templates[facts["template"]]
    kind, outcome = _kind(facts), read_outcome(facts["outcome"])
    shelf = account.shelf(kind)
    shelf.add(Document(facts["id"], account.nation, template, facts["facts"], kind, outcome=outcome))
    shelf.next_id += 1


def _moved(world: World, facts: _Facts) -> None:
    shelf = world.accounts[facts["account"]].shelf(_kind(facts))
    document = shelf.documents[facts["id"]]
    document.move(facts["to"])
    shelf.settle_status(document)


def _edited(world: World, facts: _Facts) -> None:
    document = world.accounts[facts["account"]].shelf(_kind(facts)).documents[facts["id"]]
    document.rewrite(facts["facts"])


def _deleted(world: World, facts: _Facts) -> None:
    shelf = world.accounts[facts["account"]].shelf(_kind(facts))
    shelf.drop(shelf.documents[facts["id"]])


def _ledger(world: World, facts: _Facts) -> None:
    world.ledger.add(Entry(**facts))


def _mailed(world: World, facts: _Facts) -> None:
    world.mail(facts)


def _created(world: World, facts: _Facts) -> None:
    world.creations.remember(facts)


def _postponed(world: World, facts: _Facts) -> None:
    world.postpone(facts["call"], facts["account"], facts["ids"], facts["due"], _kind(facts))


def _caught_up(world: World, facts: _Facts) -> None:
    world.caught_up(facts["call"])


def _clock(world: World, facts: _Facts) -> None:
    world.clock.offset = facts["offset"]


def _started(world: World, _: _Facts) -> None:
    world.run += 1


def _reset(world: World, _: _Facts) -> None:
    world.reset()


_AGAIN: Final[Mapping[str, Callable[[World, _Facts], None]]] = MappingProxyType(
    {
        "started": _started,
        "account": _account,
        "document": _document,
        "moved": _moved,
        "edited": _edited,
        "deleted": _deleted,
        "ledger": _ledger,
        "mailed": _mailed,
        "created": _created,
        "postponed": _postponed,
        "caught_up": _caught_up,
        "clock": _clock,
        "reset": _reset,
    }
)


def again(world: World, record: _Facts) -> None:
    """Do what one record says."""
    _AGAIN[record.pop("record")](world, record)
