"""The quota's headers, as servers really write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.alegra.rates import WINDOW, RateSeen, read_rate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def rate(status: int = 200, **headers: str) -> RateSeen:
    return read_rate(status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), NOW)


def test_alegras_three_headers_are_read() -> None:
    seen = rate(X_Rate_Limit_Limit="150", X_Rate_Limit_Remaining="149", X_Rate_Limit_Reset="42")
    assert seen == RateSeen(limit=150, remaining=149, reset=timedelta(seconds=42))


def test_an_answer_without_headers_says_nothing() -> None:
    assert rate() == RateSeen()


def test_retry_after_may_be_seconds() -> None:
    assert rate(429, Retry_After="7") == RateSeen(retry_after=timedelta(seconds=7), throttled=True)


def test_retry_after_may_be_a_date_by_the_servers_own_clock() -> None:
    seen = rate(Retry_After="Mon, 02 Mar 2026 10:00:30 GMT", Date="Mon, 02 Mar 2026 10:00:00 GMT")
    assert seen.retry_after == timedelta(seconds=30)


def test_retry_after_may_be_a_date_by_our_clock_when_the_server_tells_no_time() -> None:
    assert rate(Retry_After="Mon, 02 Mar 2026 09:00:30 GMT").retry_after == timedelta(seconds=30)
    assert rate(Retry_After="Mon, 02 Mar 2026 08:00:00 GMT").retry_after == timedelta(0)


@pytest.mark.parametrize("odd", ["", "-1", "NaN", "inf", "1e9", "soon", "٣", "1,5", "99999999999999999"])
def test_an_odd_value_is_no_value(odd: str) -> None:
    headers = httpx.Headers([(b"x-rate-limit-remaining", odd.encode()), (b"retry-after", odd.encode())])
    assert read_rate(200, headers, NOW) == RateSeen()


def test_a_reset_that_is_an_epoch_is_no_window() -> None:
    assert rate(X_Rate_Limit_Reset="1772442000").reset is None


def test_no_server_stops_an_account_for_more_than_a_day() -> None:
    assert rate(Retry_After="31536000").retry_after == timedelta(days=1)


def test_the_longest_of_what_was_said_is_waited_and_a_window_when_nothing_was() -> None:
    assert rate(429, Retry_After="0", X_Rate_Limit_Reset="30").wait == timedelta(seconds=30)
    assert rate(429, Retry_After="50", X_Rate_Limit_Reset="30").wait == timedelta(seconds=50)
    assert rate(429).wait == WINDOW


@given(
    st.integers(100, 599), st.dictionaries(st.sampled_from(["retry-after", "date", "x-rate-limit-reset"]), st.text())
)
def test_no_header_raises(status: int, headers: dict[str, str]) -> None:
    assert read_rate(status, headers, NOW).throttled == (status == 429)
