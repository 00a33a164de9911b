"""The night: which local date's hour has come, and which drafts the policy wants."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.builders import a_snapshot, seen
from worker.emission.nightly import (
    NightlyPolicy,
    begins_later,
    begun_night,
    due_night,
    is_first_and_late,
    reason_to_skip,
)
from worker.emission.observation import Remote

BOGOTA = ZoneInfo("America/Bogota")
HAVANA = ZoneInfo("America/Havana")
SANTIAGO = ZoneInfo("America/Santiago")


def nightly(zone: ZoneInfo = BOGOTA, hour: time = time(2), **changes: Any) -> NightlyPolicy:
    ordinary: dict[str, Any] = {"enabled": True, "hour": hour, "zone": zone}
    return NightlyPolicy(**(ordinary | changes))


def local(zone: ZoneInfo, *moment: int, fold: int = 0) -> datetime:
    return datetime(*moment, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ((2026, 3, 2, 1, 59), None),
        ((2026, 3, 2, 2, 0), date(2026, 3, 2)),
        ((2026, 3, 2, 23, 59), date(2026, 3, 2)),
        ((2026, 3, 3, 0, 0), None),
        ((2026, 3, 3, 2, 0), date(2026, 3, 3)),
    ],
)
def test_a_night_is_due_from_its_hour_until_local_midnight(moment: tuple[int, ...], night: date | None) -> None:
    assert due_night(nightly(), local(BOGOTA, *moment)) == night


def test_a_switched_off_night_is_never_due() -> None:
    assert due_night(nightly(enabled=False), local(BOGOTA, 2026, 3, 2, 3)) is None


def nights_between(policy: NightlyPolicy, start: datetime, end: datetime) -> list[date]:
    """What a tick every minute opens: each date once, as the table lets it."""
    opened: list[date] = []
    while start < end:
        night = due_night(policy, start)
        if night is not None and night not in opened:
            opened.append(night)
        start += timedelta(minutes=1)
    return opened


def test_an_hour_that_daylight_saving_skips_still_makes_its_night() -> None:
    # Havana, 8 March 2026: 00:00 becomes 01:00, and 00:30 does not exist.
    policy = nightly(HAVANA, time(0, 30))
    nights = nights_between(policy, local(HAVANA, 2026, 3, 7, 23), local(HAVANA, 2026, 3, 8, 6))
    assert nights == [date(2026, 3, 7), date(2026, 3, 8)]


def test_an_hour_that_daylight_saving_repeats_makes_one_night() -> None:
    # Santiago, 5 April 2026: 24:00 of the 4th becomes 23:00 again.
    policy = nightly(SANTIAGO, time(23, 30))
    nights = nights_between(policy, local(SANTIAGO, 2026, 4, 4, 22), local(SANTIAGO, 2026, 4, 5, 12))
    assert nights == [date(2026, 4, 4)]


def test_a_clock_set_back_within_the_day_makes_no_second_night() -> None:
    policy = nightly()
    before = due_night(policy, local(BOGOTA, 2026, 3, 2, 2, 5))
    assert due_night(policy, local(BOGOTA, 2026, 3, 2, 1, 5)) is None
    assert due_night(policy, local(BOGOTA, 2026, 3, 2, 2, 0)) == before


@pytest.mark.parametrize(
    ("last", "hour_of_day", "late"),
    [
        (None, 2, False),
        (None, 3, False),
        (None, 12, True),
        (date(2026, 3, 1), 12, False),
        (date(2026, 2, 23), 23, False),
        (date(2026, 2, 22), 12, True),
        (date(2026, 3, 3), 12, False),
    ],
)
def test_only_a_night_without_a_recent_one_before_it_is_a_surprise_when_late(
    last: date | None, hour_of_day: int, late: bool
) -> None:
    assert is_first_and_late(nightly(), local(BOGOTA, 2026, 3, 2, hour_of_day), last) is late


NOW = local(BOGOTA, 2026, 3, 2, 2)


WRITTEN = datetime(2026, 3, 1, 18)  # noqa: DTZ001  # Alegra's `datetime` is local time, without a zone


def draft(**changes: Any) -> Any:
    ordinary: dict[str, Any] = {"is_draft": True, "numbering": ("9", "SETP"), "created_at": WRITTEN}
    return seen("501", **(ordinary | changes))


@pytest.mark.parametrize(
    ("found", "policy", "word"),
    [
        (draft(), {}, None),
        (draft(is_draft=False), {}, "not a draft"),
        (draft(remote=Remote.ACCEPTED), {}, "accepted"),
        (draft(remote=Remote.IN_PROCESS), {}, "in process"),
        (draft(remote=Remote.NOT_ELECTRONIC), {}, "not electronic"),
        (draft(snapshot=a_snapshot(date="2026-03-03")), {}, "future"),
        (draft(snapshot=a_snapshot(date="2026-03-02")), {}, None),
        (draft(snapshot=a_snapshot(date=None)), {}, None),
        (draft(), {"numberings": frozenset({"SETP"})}, None),
        (draft(), {"numberings": frozenset({"9"})}, None),
        (draft(), {"numberings": frozenset({"FE"})}, "numbering"),
        (draft(numbering=()), {"numberings": frozenset({"FE"})}, "unknown"),
        (draft(), {"minimum_age": timedelta(hours=8)}, None),
        (draft(), {"minimum_age": timedelta(hours=9)}, "old"),
        (draft(created_at=None), {"minimum_age": timedelta(hours=9)}, "unknown"),
        (draft(created_at=None), {}, None),
    ],
)
def test_the_policy_says_which_drafts_it_wants_and_why_not_the_others(
    found: Any, policy: dict[str, Any], word: str | None
) -> None:
    reason = reason_to_skip(found, nightly(**policy), NOW)
    if word is None:
        assert reason is None
    else:
        assert reason is not None
        assert word in reason


def test_today_is_the_accounts_today_and_not_that_of_utc() -> None:
    late_evening = local(BOGOTA, 2026, 3, 2, 22)  # the 3rd in UTC
    assert reason_to_skip(draft(snapshot=a_snapshot(date="2026-03-03")), nightly(), late_evening) is not None


def test_the_nights_of_many_accounts_begin_one_after_the_other() -> None:
    night = date(2026, 3, 2)
    begin = Counter(begins_later(f"account-{number}", night, among=10_000) for number in range(10_000))
    assert max(begin) <= timedelta(hours=1)
    assert max(begin.values()) <= 15
    assert len(begin) > 3000


def test_every_beat_comes_to_the_same_beginning_and_another_night_to_another() -> None:
    nights = [begins_later("acme", date(2026, 3, day), among=1000) for day in range(1, 29)]
    assert nights == [begins_later("acme", date(2026, 3, day), among=1000) for day in range(1, 29)]
    assert len(set(nights)) > 20


def test_an_account_by_itself_begins_on_the_hour() -> None:
    assert begins_later("acme", date(2026, 3, 2), among=1) == timedelta(0)
    assert begun_night("acme", nightly(), local(BOGOTA, 2026, 3, 2, 2, 0), among=1) == (
        date(2026, 3, 2),
        timedelta(0),
    )


@pytest.mark.parametrize("hour", [time(2), time(23, 30)])
def test_a_night_that_begins_later_is_still_that_of_its_date_and_begins_once(hour: time) -> None:
    policy, opened = nightly(hour=hour), {}
    moment = local(BOGOTA, 2026, 3, 2, 1)
    while moment < local(BOGOTA, 2026, 3, 4, 1):
        begun = begun_night("acme", policy, moment, among=10_000)
        if begun is not None and begun[0] not in opened:
            opened[begun[0]] = (moment, begun[1])
        moment += timedelta(minutes=1)
    for night, (began, later) in opened.items():
        planned = datetime.combine(night, hour, BOGOTA) + later
        if night >= date(2026, 3, 2):
            assert timedelta(0) <= planned - began < timedelta(minutes=1)
    assert {date(2026, 3, 2), date(2026, 3, 3)} <= opened.keys()
