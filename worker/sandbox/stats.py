"""What was asked of the sandbox: requests by endpoint and account, answers by status, and every stamp call."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

_CALLS_KEPT: Final = 100_000


@dataclass(slots=True)
class StampCall:
    """One stamp call as it arrived: what was asked, which fault met it, and what became of its documents."""

    id: str
    account: str
    ids: list[str]
    at: str
    fault: str | None = None
    executed: list[str] = field(default_factory=list)
    kind: str = "invoice"

    def as_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


class Stats:
    """Counters since the start or the last reset."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.by_account: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        """By account."""
        self.stamp_calls = 0
        self.stamp_ids = 0
        self.max_ids_per_stamp_call = 0
        self.max_ids_per_list = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.calls: deque[StampCall] = deque(maxlen=_CALLS_KEPT)

    def stamp_call(self, id_: str, account: str, ids: Sequence[str], at: str, kind: str = "invoice") -> StampCall:
        """Note a stamp call; returns its record."""
        self.stamp_calls += 1
        self.stamp_ids += len(ids)
        self.max_ids_per_stamp_call = max(self.max_ids_per_stamp_call, len(ids))
        call = StampCall(id_, account, list(ids), at, kind=kind)
        self.calls.append(call)
        return call

    def began(self) -> None:
        """A stamp call is on the wire."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def ended(self) -> None:
        """A stamp call is answered, or its client has gone."""
        self.in_flight -= 1

    def as_json(self) -> dict[str, Any]:
        """All counters."""
        return {
            "requests": dict(self.requests),
            "requests_total": self.requests.total(),
            "requests_by_account": dict(self.by_account),
            "answers": {str(status): times for status, times in sorted(self.answers.items())},
            "faults": dict(self.faults),
            "throttled": self.throttled.total(),
            "throttled_by_account": dict(self.throttled),
            "stamp_calls": self.stamp_calls,
            "stamp_ids": self.stamp_ids,
            "max_ids_per_stamp_call": self.max_ids_per_stamp_call,
            "max_ids_per_list": self.max_ids_per_list,
            "stamp_calls_in_flight": self.in_flight,
            "max_stamp_calls_in_flight": self.max_in_flight,
        }
