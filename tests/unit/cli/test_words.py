"""The small words of the command's output: durations, shortened codes, evidence, explanations, the next night."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.builders import NOON
from timbre_producers.contracts import Status
from worker.cli.explain import explain
from worker.cli.history import answer_about, evidence_lines
from worker.cli.lists import emissions_table, settling_table, why
from worker.cli.nightly import _offset, next_run
from worker.cli.output import plural, shortened, span, write_json
from worker.emission.nightly import NightlyPolicy
from worker.storage.views import EmissionView


def a_view(**changes: Any) -> EmissionView:
    empty: dict[str, Any] = dict.fromkeys(EmissionView.__dataclass_fields__)
    ordinary = {
        "id": 1,
        "account": "acme",
        "kind": "invoice",
        "document_id": "501",
        "status": Status.QUEUED,
        "attempt": 0,
        "reads": 0,
        "priority": "normal",
        "created_at": NOON,
        "updated_at": NOON,
        "status_since": NOON,
    }
    return EmissionView(**(empty | ordinary | changes))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (7500, "2 h 5 min"), (90000, "1 d 1 h"), (-5, "5 s")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_code_is_shortened_by_its_middle() -> None:
    assert shortened("0123456789", 10) == "0123456789"
    assert shortened("0123456789abcdef", 11) == "01234…bcdef"


def test_one_is_not_many() -> None:
    assert [plural(1, "document"), plural(2, "document"), plural(1000, "draft")] == [
        "1 document",
        "2 documents",
        "1,000 drafts",
    ]


def test_json_has_instants_in_utc_and_everything_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    bogota = datetime(2026, 3, 2, 7, tzinfo=ZoneInfo("America/Bogota"))
    write_json({"at": bogota, "day": date(2026, 3, 2), "view": a_view(), "total": Decimal("1.10"), "n": (1, None)})
    said = json.loads(capsys.readouterr().out)
    assert said["at"] == "2026-03-02T12:00:00+00:00"
    assert (said["day"], said["total"], said["n"]) == ("2026-03-02", "1.10", [1, None])
    assert said["view"]["status"] == "queued"
    assert said["view"]["document_id"] == "501"


def test_evidence_is_told_fact_by_fact_and_silence_is_left_out() -> None:
    evidence = {"read": "accepted", "stamp": '{"cufe": "abc", "bar": "a\\nb"}', "number": None, "whole_batch": False}
    assert list(evidence_lines(evidence)) == [("read", "accepted"), ("stamp.cufe", "abc"), ("stamp.bar", "a · b")]
    assert list(evidence_lines(None)) == []


def test_of_a_batchs_answer_the_rows_about_the_document_are_shown() -> None:
    answer = '{"data": [{"id": 501, "success": true}], "error": [{"id": "502", "code": 3051}]}'
    assert json.loads(answer_about(answer, "501")) == {"id": 501, "success": True}
    assert json.loads(answer_about(answer, "502")) == {"id": "502", "code": 3051}


@pytest.mark.parametrize("answer", ["<html>", '{"message": "Service Unavailable"}', '[1, "x"]', '{"data": [{"id"'])
def test_an_answer_that_names_no_document_is_shown_whole(answer: str) -> None:
    assert answer_about(answer, "501") == answer


@pytest.mark.parametrize("lang", ["en", "es"])
def test_a_problem_is_explained_by_the_catalogue(lang: str) -> None:
    explained = explain(a_view(status=Status.REJECTED, error_code="3051", error_message="AEP6016 El correo"), lang)
    assert explained is not None
    assert ("cliente" if lang == "es" else "client") in explained.meaning
    assert explained.next


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("status", [Status.HELD, Status.UNCERTAIN, Status.WAITING])
def test_a_status_that_worries_people_is_explained(status: Status, lang: str) -> None:
    explained = explain(a_view(status=status), lang)
    assert explained is not None
    assert explained.meaning


def test_what_is_in_order_needs_no_explanation() -> None:
    assert explain(a_view(status=Status.STAMPED), "en") is None


BOGOTA = ZoneInfo("America/Bogota")


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-03-02T05:00", None, "2026-03-02T07:00"),  # midnight in Bogotá: tonight at two
        ("2026-03-02T20:00", None, "2026-03-03T07:00"),  # the afternoon of its first day: the next night
        ("2026-03-02T20:00", "2026-03-01", "2026-03-02T20:00"),  # missed, and caught up at once
        ("2026-03-02T20:00", "2026-03-02", "2026-03-03T07:00"),
        ("2026-03-02T05:00", "2026-03-02", "2026-03-03T07:00"),  # this date's night is over
        ("2026-03-02T05:00", "2026-03-01", "2026-03-02T07:00"),
    ],
)
def test_the_next_night_is_the_next_hour_that_has_not_been_run(now: str, last: str | None, expected: str) -> None:
    policy = NightlyPolicy(enabled=True, hour=time(2), zone=BOGOTA)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    night = next_run(policy, moment, date.fromisoformat(last) if last else None)
    assert night == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_next_night_follows_daylight_saving() -> None:
    policy = NightlyPolicy(enabled=True, hour=time(2), zone=ZoneInfo("America/Santiago"))
    # Chile sets its clocks back on 5 April 2026: the same local hour is one hour later in UTC.
    assert next_run(policy, datetime(2026, 4, 4, 4, tzinfo=UTC), None) == datetime(2026, 4, 4, 5, tzinfo=UTC)
    assert next_run(policy, datetime(2026, 4, 5, 5, tzinfo=UTC), None) == datetime(2026, 4, 5, 6, tzinfo=UTC)


def test_the_hour_of_a_night_is_told_with_its_offset_at_that_time() -> None:
    policy = NightlyPolicy(enabled=True, hour=time(2), zone=ZoneInfo("America/Santiago"))
    assert _offset(datetime(2026, 4, 4, 5, tzinfo=UTC), policy) == "UTC-03:00"
    assert _offset(datetime(2026, 4, 5, 6, tzinfo=UTC), policy) == "UTC-04:00"


def test_a_night_that_is_off_has_no_next() -> None:
    assert next_run(NightlyPolicy(enabled=False), NOON, None) is None


def test_a_list_names_the_account_and_the_kind_only_where_they_differ() -> None:
    def heads(*views: EmissionView) -> list[list[str]]:
        tables = (emissions_table(views), settling_table(views))
        return [[str(column.header) for column in made.columns][:2] for made in tables]

    invoice, note = a_view(), a_view(kind="credit_note")
    assert heads(invoice, a_view(document_id="502")) == [["document", "number"], ["document", "status"]]
    assert heads(invoice, note) == [["kind", "document"]] * 2
    assert heads(invoice, a_view(account="other", kind="credit_note")) == [["account", "kind"]] * 2
    several = emissions_table([invoice], told=["account"]), settling_table([invoice], told=["account"])
    assert [made.columns[0].header for made in several] == ["account"] * 2


def test_a_queued_note_says_what_it_waits_for() -> None:
    waits = "waits for sales invoice 501, which is uncertain"
    note = a_view(kind="credit_note", held_reason=waits)
    assert why(note) == waits
    assert list(settling_table([note]).columns[-1].cells) == [waits]
