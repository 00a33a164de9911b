"""The producers of a campaign: services that keep asking until the broker took it, and again when the broker forgot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.campaign.plan import SLOWEST_RECOVERY, Order, Phase
from timbre_producers import BrokerUnreachable, EmissionClient

TRIES_AGAIN: Final = 0.7
"""Seconds after which a service asks again when the broker was away."""

NOTICED_AFTER: Final = 3.0
"""Seconds after its receipt in which a request may still be on its way, though the broker was emptied."""

MISSED_AFTER: Final = SLOWEST_RECOVERY / 2
"""Seconds after its receipt that a service waits for its request to appear in the table before it asks again."""


Shelf = tuple[str, str]
"""Account and kind: ids are counted for each apart."""


@dataclass(slots=True)
class Asking:
    """One order on its way into the broker."""

    order: Order
    ids: Sequence[str]
    due: float
    receipt_at: float | None = None
    """When the broker took it last."""

    @property
    def request_id(self) -> str:
        return str(self.order.request_id)


class Producers:
    """All of them, taking turns in one thread."""

    def __init__(self, broker_url: str) -> None:
        self._client = EmissionClient(broker_url)
        self.askings: list[Asking] = []
        self.refused = 0
        """How often the broker was away, and the service was told so at once."""
        self.forgotten: Counter[str] = Counter()
        """How often a service asked again, and what had made the broker forget."""

    def take(self, phase: Phase, ids: Mapping[Shelf, Sequence[str]], now: float) -> None:
        """Ask for this phase's documents from now on, each order at its time."""
        left = {shelf: list(of_shelf) for shelf, of_shelf in ids.items()}
        for order in phase.orders:
            mine = [left[order.account, order.kind].pop(0) for _ in range(order.count)]
            self.askings.append(Asking(order, mine, due=now + order.at))

    def step(self, now: float) -> None:
        """Ask for what is due; one that the broker did not take is tried again soon."""
        for asking in self.askings:
            if asking.receipt_at is None and asking.due <= now:
                self.ask(asking, now)
                return

    def ask(self, asking: Asking, now: float) -> None:
        """Ask once, always under the same request id."""
        try:
            self._hand_over(asking.order, asking.ids)
        except BrokerUnreachable:
            self.refused += 1
            asking.due = now + TRIES_AGAIN
        else:
            asking.receipt_at = now

    def _hand_over(self, order: Order, ids: Sequence[str]) -> None:
        self._client.emit(
            ids,
            account=order.account,
            kind=order.kind,
            request_id=order.request_id,
            priority="high" if order.urgent else "normal",
            requested_by="campaign",
        )

    def look(self, written: Collection[str], emptied_at: float | None, now: float) -> None:
        """Ask again, under the same request id, for what the table does not have although the broker gave a receipt.

        Redis forgets what it is emptied of. And it had handed a message to a worker that died before it could note
        having it (Celery's BRPOP), or that died while it held the lock under which others look for such messages,
        which lasts five minutes. This is what a request id is for; whatever comes of it is counted, never hidden.
        """
        for asking in self.askings:
            if asking.receipt_at is None or asking.request_id in written:
                continue
            emptied = emptied_at is not None and asking.receipt_at <= emptied_at
            if now > asking.receipt_at + (NOTICED_AFTER if emptied else MISSED_AFTER):
                self.forgotten["emptied" if emptied else "missing"] += 1
                asking.receipt_at, asking.due = None, now

    @property
    def all_taken(self) -> bool:
        """Whether the broker gave a receipt for everything."""
        return all(asking.receipt_at is not None for asking in self.askings)

    @property
    def documents(self) -> int:
        """How many documents they ask for."""
        return sum(len(asking.ids) for asking in self.askings)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()
