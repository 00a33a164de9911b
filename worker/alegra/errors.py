"""What can go wrong talking to Alegra, told apart by one question: whether it may have taken effect.

* AlegraError
  + NotSent         it did not: safe to send again
    - Throttled     …and Alegra said how long to wait
  + AnswerLost      it may have: ask before sending again
  + AccountRefused  it did not, and will not for any document: pause the account, tell a person

Beside the tree, `BrokenRequest` is a bug of ours, like any other surprise: it is raised, and never becomes an outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import httpx

from worker.emission.outcomes import Problem


class AlegraError(Exception):
    """Talking to Alegra failed. The text says how, and never holds a secret."""


class NotSent(AlegraError):
    """Not a byte of the request left, or Alegra said it did nothing."""


class Throttled(NotSent):
    """429: the quota is used up, and the request was not executed."""

    def __init__(self, retry_in: timedelta) -> None:
        super().__init__(f"429 too many requests; wait {retry_in.total_seconds():.0f} s")
        self.retry_in = retry_in


class AnswerLost(AlegraError):
    """The request may have been executed, and nobody told us."""


class AccountRefused(AlegraError):
    """Credentials, permission or plan: no request of this account passes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code} {problem.message}".strip())
        self.problem = problem


class BrokenRequest(RuntimeError):
    """We built a request that cannot be sent: an impossible URL, an illegal header."""


Placement = type[NotSent] | type[AnswerLost] | type[BrokenRequest]

BY_TRANSPORT_ERROR: Final[Mapping[type[httpx.RequestError], Placement]] = MappingProxyType(
    {
        # No connection, so no request.
        httpx.ConnectError: NotSent,
        httpx.ConnectTimeout: NotSent,
        httpx.PoolTimeout: NotSent,
        httpx.ProxyError: NotSent,
        # The request, or a part of it, was on its way.
        httpx.WriteError: AnswerLost,
        httpx.WriteTimeout: AnswerLost,
        httpx.ReadError: AnswerLost,
        httpx.ReadTimeout: AnswerLost,
        httpx.CloseError: AnswerLost,
        httpx.RemoteProtocolError: AnswerLost,
        httpx.DecodingError: AnswerLost,
        httpx.TooManyRedirects: AnswerLost,
        # Ours to repair.
        httpx.LocalProtocolError: BrokenRequest,
        httpx.UnsupportedProtocol: BrokenRequest,
    }
)
"""Every way a request can fail in httpx, placed; a test fails when httpx gains another."""


def placed(error: httpx.RequestError, *, left: bool) -> Placement:
    """What a transport error means, `left` being whether a byte of the request was seen to leave.

    Two witnesses must agree that nothing happened: no byte was seen to leave, and the error is of a kind that comes
    before sending. Either alone could be silenced by a change in the library underneath.
    """
    return AnswerLost if left else BY_TRANSPORT_ERROR.get(type(error), AnswerLost)
