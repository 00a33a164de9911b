"""What a caller of the client can catch.

* EmissionError
  - InvalidRequest     the request is wrong; nothing was sent, and sending it again would not help
  - BrokerUnreachable  the broker did not take it (or not all of it); the same call may be made again
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from timbre_producers.problems import FieldProblem, one_sentence

if TYPE_CHECKING:
    from timbre_producers.calls import Part


class EmissionError(Exception):
    """Anything that kept a request from being handed over."""


class InvalidRequest(EmissionError, ValueError):
    """The request cannot be sent as it is; nothing left this process."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(one_sentence(problems))
        self.problems = tuple(problems)


class BrokerUnreachable(EmissionError, ConnectionError):
    """The broker did not take the request, or not all of it.

    Repeating the call with `request_id=error.request_id` and the same arguments is safe: what had arrived is
    recognised, however often it comes.
    """

    def __init__(self, broker: str, reason: str, *, request_id: uuid.UUID, sent: Sequence[Part], parts: int) -> None:
        self.broker = broker
        """The broker's address without user and password."""
        self.request_id = request_id
        self.sent = tuple(sent)
        """The parts the broker had confirmed; the next one may have arrived too."""
        extent = f"parts 1 to {len(sent)} of {parts} were sent" if sent else "nothing was confirmed"
        super().__init__(
            f"the broker at {broker} did not take the request ({reason}); {extent}. "
            f"Repeat the call with request_id={str(request_id)!r} when it is back: nothing will be done twice."
        )
