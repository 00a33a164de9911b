"""Every way httpx can fail has its place."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from worker.alegra import errors
from worker.alegra.errors import AnswerLost, BrokenRequest, NotSent, placed


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
    [(httpx.ConnectError, NotSent), (httpx.PoolTimeout, NotSent), (httpx.UnsupportedProtocol, BrokenRequest)],
)
def test_before_that_the_kind_of_error_decides(kind: type[httpx.RequestError], place: type[Exception]) -> None:
    assert placed(kind("x"), left=False) is place


def test_an_error_that_comes_after_sending_is_never_called_unsent() -> None:
    """Even if the library stopped announcing the moment of sending."""
    assert placed(httpx.ReadTimeout("x"), left=False) is AnswerLost
