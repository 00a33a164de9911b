"""Together: threads that come at the same time have one of them do for all what each would have done for itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

AT_MOST: Final = 100
"""Items that one thread does at once."""

COMPANY: Final = 0.02
"""Seconds that whoever finds company waits for more of it: where two come at once, a hundred are coming."""


class Together(Generic[Item, Outcome]):
    """While one thread works, the next ones gather; whoever comes first of these then works for all of them.

    Who comes alone goes at once. And nobody suffers from company: when the many cannot be done together, for whatever
    reason, each thread does its own, as if it had come alone, and has its own failure.
    """

    def __init__(
        self, at_once: Callable[[Sequence[Item]], Sequence[Outcome] | None], apart: Callable[[Item], Outcome]
    ) -> None:
        """`at_once` gives an outcome for each, or None when these must be done apart; it has changed nothing then."""
        self._at_once = at_once
        self._apart = apart
        self.gathered: deque[_Place[Item, Outcome]] = deque()
        """Those who wait."""
        self._turn = threading.Lock()

    def do(self, item: Item) -> Outcome:
        """The outcome for this item. Raises what doing it apart raises."""
        place: _Place[Item, Outcome] = _Place(item)
        self.gathered.append(place)
        with self._turn:
            while not place.served:
                if len(self.gathered) > 1:
                    time.sleep(COMPANY)
                self._serve([self.gathered.popleft() for _ in range(min(len(self.gathered), AT_MOST))])
        return self._apart(item) if place.outcome is None else place.outcome

    def _serve(self, places: Sequence[_Place[Item, Outcome]]) -> None:
        try:
            outcomes = self._at_once([place.item for place in places])
        except Exception as error:  # noqa: BLE001  # one's failure must not be everybody's; each meets its own
            log.warning("done_apart", extra={"of": len(places), "cause": type(error).__name__})
            outcomes = None
        finally:
            for place in places:
                place.served = True
        for place, outcome in zip(places, outcomes or (), strict=outcomes is not None):
            place.outcome = outcome


class _Place(Generic[Item, Outcome]):
    """One thread's in the queue."""

    __slots__ = ("item", "outcome", "served")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Outcome | None = None
        self.served = False
        """Somebody had its turn with it; without an outcome it is done apart."""
