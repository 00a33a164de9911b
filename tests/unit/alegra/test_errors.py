"""Every way httpx can fail has its place."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from worker.alegra import errors
from worker.alegra.errors import AnswerLost, BrokenRequest, NotSent, placed

# In one order in every process: the tests are dealt out to two.
BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
OURS = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


def leaves(base: type[httpx.RequestError]) -> Iterator[type[httpx.RequestError]]:
    subclasses = base.__subclasses__()
    if not subclasses:
        yield base
    for each in subclasses:
        yield from leaves(each)


def test_every_transport_error_is_placed() -> None:
    """A new httpx exception must be a decision, not a default."""
    assert set(leaves(httpx.RequestError)) == set(errors.BY_TRANSPORT_ERROR)


@pytest.mark.parametrize("kind", list(errors.BY_TRANSPORT_ERROR))
def test_once_a_byte_has_left_every_error_is_an_answer_lost(kind: type[httpx.RequestError]) -> None:
    assert placed(kind("x"), left=True) is AnswerLost


@pytest.mark.parametrize(
    ("kind", "place"),
    [*((each, NotSent) for each in BEFORE_SENDING), *((each, BrokenRequest) for each in OURS)],
)
def test_before_that_the_kind_of_error_decides(kind: type[httpx.RequestError], place: type[Exception]) -> None:
    assert placed(kind("x"), left=False) is place


@pytest.mark.parametrize("kind", [each for each in errors.BY_TRANSPORT_ERROR if each not in BEFORE_SENDING + OURS])
def test_an_error_that_comes_after_sending_is_never_called_unsent(kind: type[httpx.RequestError]) -> None:
    """Even if the library stopped announcing the moment of sending."""
    assert placed(kind("x"), left=False) is AnswerLost


def test_an_error_nobody_has_placed_yet_is_an_answer_lost() -> None:
    class New(httpx.RequestError):
        pass

    assert placed(New("x"), left=False) is AnswerLost
