"""A damaged answer may cost a question, never a wrong certainty: what is believed stands in the bytes, and says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.fuzz.bodies import ACCEPTED, INVOICE, STAMP_ANSWER, bodies, spoiled
from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import any_json, encoded, garbled_bytes, odd_texts
from worker.alegra.answers import accepted, body_of, denies_existence
from worker.alegra.bodies import UnreadableBody, read_json
from worker.alegra.client import Answer
from worker.alegra.errors import AlegraError
from worker.alegra.rates import RateSeen, read_rate
from worker.alegra.reading import observe
from worker.alegra.schemas import Invoice, UnreadableDocument
from worker.alegra.stamp_answer import read_stamp_answer
from worker.countries import COUNTRIES, country
from worker.emission.kinds import KINDS
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import Answered, Deferred, Refused

IDS = ("501", "502", "503", "504", "505")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

statuses = st.sampled_from([200, 200, 200, 200, 201, 400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 503])
asked_ids = st.integers(2, 5).map(lambda count: IDS[:count])

some_id = st.sampled_from([*IDS, *IDS, 501, "777", "", " 501", None, True, 501.0, {"id": "501"}])
a_row = st.fixed_dictionaries(
    {"id": some_id},
    optional={
        "success": st.sampled_from([True, True, False, None, "true", "false", 0, "odd"]),
        "code": st.sampled_from([3051, 3246, "900", 0, 200, None, "AEP2011", []]),
        "message": st.sampled_from(["Factura emitida", "Service Unavailable", "AEP6016 falta", None, 7]),
        "emissionStatus": st.sampled_from(
            ["STAMPED_AND_ACCEPTED", "STAMPED_AND_WAITING_RESPONSE", "STAMPED_AND_REJECTED", "PENDING", "ODD", 3]
        ),
        "error": st.sampled_from([None, "texto", {"code": 3051, "message": "m"}, [{"message": "m"}], [{"id": "502"}]]),
        "invoice": st.sampled_from([None, {"id": "501"}, {"id": "502"}, []]),
        "stamp": st.sampled_from([None, {"legalStatus": "STAMPED_AND_REJECTED"}, {"legalStatus": "ACCEPTED"}]),
    },
)
some_rows: st.SearchStrategy[list[Any]] = st.lists(a_row | st.sampled_from([None, "texto", 501, []]), max_size=6)
stamp_bodies = st.one_of(
    st.builds(lambda data, error: encoded({"data": data, "error": error}), some_rows, some_rows),
    st.builds(lambda name, inner: encoded({name: inner}), st.sampled_from(["data", "error", "errors"]), some_rows),
    some_rows.map(encoded),
    a_row.map(encoded),
    bodies(STAMP_ANSWER, STAMP_ANSWER["data"], STAMP_ANSWER["error"]),
)


@given(statuses, stamp_bodies, asked_ids)
@cases(700)
def test_a_document_counts_as_emitted_only_by_a_row_of_its_own(
    status: int, body: bytes, asked: tuple[str, ...]
) -> None:
    for each, outcome in read_stamp_answer(status, body, asked).outcomes.items():
        if isinstance(outcome, Answered) and outcome.problem is None:
            assert any(says_emitted(row, where) for row, where in rows_of(body, each)), (each, body)


@given(statuses, stamp_bodies, asked_ids)
@cases(500)
def test_a_document_counts_as_refused_only_by_its_row_or_with_its_whole_batch(
    status: int, body: bytes, asked: tuple[str, ...]
) -> None:
    report = read_stamp_answer(status, body, asked)
    for each, outcome in report.outcomes.items():
        if isinstance(outcome, Answered) and outcome.problem and not outcome.whole_batch:
            assert any(True for _ in rows_of(body, each)), (each, body)
        if isinstance(outcome, Answered) and outcome.whole_batch:
            assert all(other == outcome for other in report.outcomes.values())
            said = [where for other in asked for _, where in rows_of(body, other)]
            assert not any(where[:1] in {("data",), ("error",), ("errors",), ("[]",)} for where in said), body


@given(st.integers(100, 599), stamp_bodies, asked_ids)
@cases(500)
def test_only_a_refusal_of_the_call_or_of_the_plan_means_that_nothing_was_executed(
    status: int, body: bytes, asked: tuple[str, ...]
) -> None:
    for outcome in read_stamp_answer(status, body, asked).outcomes.values():
        if isinstance(outcome, Deferred):
            assert status == 429
        if isinstance(outcome, Refused):
            assert status in {401, 402, 403} or any(code.encode() in body for code in ("900", "907", "908"))


@given(statuses, st.sampled_from([STAMP_ANSWER, STAMP_ANSWER["data"], STAMP_ANSWER["error"]]), st.data())
@cases(250)
def test_an_answer_cut_short_says_nothing_of_any_document(status: int, answer: Any, data: st.DataObject) -> None:
    body = encoded(answer)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    for outcome in read_stamp_answer(status, cut, IDS).outcomes.values():
        # The status alone may refuse the form of the call: of the whole batch, to be proven by reads.
        assert not isinstance(outcome, Answered) or (outcome.whole_batch and outcome.problem), cut


# What a document shows of its stamp.

places = st.sampled_from(sorted(COUNTRIES))
kinds = st.sampled_from(["invoice", *sorted(KINDS)])
documents = places.flatmap(lambda code: st.tuples(st.just(code), spoiled({**INVOICE, **ACCEPTED[code]}), kinds))
STATUSES = ("draft", "open", "closed")


@given(documents)
@example(("CO", {**INVOICE, "stamp": float("nan")}, "invoice"))
@cases(700)
def test_a_document_is_shown_unstamped_only_where_nothing_speaks_of_a_stamp(written: tuple[str, Any, str]) -> None:
    seen = shown(*written)
    if seen is None or seen.remote is not Remote.UNSTAMPED:
        return
    document = json.loads(encoded(written[1]))
    assert str(document["status"]).strip().lower() in STATUSES
    stamp = document.get("stamp")
    if isinstance(stamp, list):
        (stamp,) = stamp or [None]
    if isinstance(stamp, dict) and stamp:
        said = [stamp.get("legalStatus"), stamp.get("emissionStatus"), document.get("emissionStatus")]
        words = [each for each in said if each not in (None, "")]
        pending = any("PENDING" in str(each).upper() for each in words)
        assert pending or not any(str(each).strip() for each in words), stamp
        assert pending or not (stamp.get("date") or stamp.get("stampDate")), stamp
        assert pending or not any(is_a_code(written[0], each) for each in stamp.values()), stamp
    else:
        assert stamp is None or stamp is False or stamp in ("", {}, []), stamp


@given(documents)
@cases(600)
def test_a_document_is_shown_accepted_only_with_the_authoritys_word_and_a_valid_code(
    written: tuple[str, Any, str],
) -> None:
    seen = shown(*written)
    if seen is None or seen.remote is not Remote.ACCEPTED:
        return
    assert is_a_code(written[0], seen.fiscal_code)
    assert seen.fiscal_code is not None
    assert seen.fiscal_code in json.dumps(written[1], ensure_ascii=False) or "prefix" in str(written[1])
    if COUNTRIES[written[0]].expects_legal_status:
        assert "ACCEPTED" in (seen.legal_status or "").upper()


@given(st.sampled_from([200, 200, 200, 404]), st.sampled_from(sorted(COUNTRIES)), st.data())
@cases(250)
def test_a_document_cut_short_is_no_news(status: int, code: str, data: st.DataObject) -> None:
    body = encoded({**INVOICE, **ACCEPTED[code], "stamp": None})
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    answer = Answer(status, cut, RateSeen())
    assert not denies_existence(answer)
    try:
        observe(body_of(accepted(answer)), country(code), "invoice")
    except (AlegraError, UnreadableDocument):
        return
    raise AssertionError(cut)


@given(garbled_bytes(*(encoded({**INVOICE, **each}) for each in ACCEPTED.values())) | any_json.map(encoded))
@example(b'{"id": "501", "status": "open", "stamp": {"legalStatus": "STAMPED_AND_ACCEPTED"}, "stamp": null}')
@example(b'{"id": "501", "status": "open", "stamp": NaN}')
@example(b'{"data": [{"id": "501", "success": true}], "data": []}')
@cases(300)
def test_what_is_read_is_what_any_other_reader_of_json_reads(body: bytes) -> None:
    """Where readers of JSON differ (a name given twice, NaN), nothing is read, or nothing that could mislead."""
    try:
        value = read_json(body)
    except UnreadableBody:
        return
    strict = json.loads(body, parse_float=Decimal, object_pairs_hook=each_name_once)
    assert without_odd_numbers(value) == without_odd_numbers(strict)


# Numbers, dates, headers.

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**12)


@given(amounts, st.sampled_from(["{}", " {} ", "{}0", "{}000000", "+{}", "{:E}", "0{}"]))
@cases(150)
def test_a_total_is_the_same_however_alegra_writes_it(amount: Decimal, form: str) -> None:
    """Otherwise two reads of one document would seem to show two documents (rule 4)."""
    assert Invoice.read({**INVOICE, "total": form.format(amount)}).total == amount
    assert Invoice.read({**INVOICE, "total": json.loads(str(amount), parse_float=Decimal)}).total == amount


@given(any_json | odd_texts, any_json | odd_texts, any_json | odd_texts)
@cases(250)
def test_odd_totals_dates_and_clients_are_left_out_and_fit_the_table(total: Any, date: Any, client: Any) -> None:
    invoice = Invoice.read({**INVOICE, "total": total, "date": date, "datetime": date, "client": client})
    if invoice.total is not None:
        assert invoice.total.is_finite()
        assert abs(invoice.total) < Decimal(10) ** 30
    for text in (invoice.date, invoice.created, invoice.client):
        assert text is None or (0 < len(text) <= 300 and "\x00" not in text)
        assert text is None or text.encode()


header_values = st.one_of(
    st.integers(-5, 10**13).map(str),
    st.floats().map(str),
    odd_texts,
    st.text(max_size=12),
    st.sampled_from(["Mon, 02 Mar 2026 12:00:37 GMT", "Mon, 02 Mar 2026 12:00:37", "Mon, 32 Mar 2026 25:61:61 GMT"]),
    st.sampled_from(["60, 60", "60;w=60", "0x10", "6_0", "１０", "1e3", "-0", "00060", "1772454000"]),
)
header_names = st.sampled_from(
    ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "retry-after", "date"]
)


@given(statuses, st.dictionaries(header_names, header_values))
@cases(300)
def test_headers_never_make_a_wait_negative_or_endless_nor_a_count_below_zero(
    status: int, headers: dict[str, str]
) -> None:
    seen = read_rate(status, headers, NOW)
    assert seen.throttled == (status == 429)
    for count in (seen.limit, seen.remaining):
        assert count is None or 0 <= count < 10**12
    for wait in (seen.reset, seen.retry_after, seen.wait):
        assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


# The oracles: what a reader without any knowledge of the implementation would say.


def rows_of(body: bytes, document_id: str) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Every object of the body that names the document, itself or by what it carries, and the keys that lead there."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    yield from _objects(value, document_id, ())


def _objects(value: Any, document_id: str, where: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    if isinstance(value, dict):
        carried = (value, *(each for each in value.values() if isinstance(each, dict)))
        if any(str(each.get("id")).strip() == document_id for each in carried):
            yield value, where
        for key, each in value.items():
            yield from _objects(each, document_id, (*where, key))
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each, document_id, (*where, "[]"))


def says_emitted(row: Mapping[str, Any], where: tuple[str, ...]) -> bool:
    success = str(row.get("success")).strip().lower()
    return success not in {"false", "0"} and not set(where) & {"error", "errors"}


def shown(code: str, document: Any, kind: str) -> Observation | None:
    """The document after its way over the wire; None where it says nothing."""
    try:
        return observe(read_json(encoded(document)), country(code), kind)
    except (UnreadableBody, UnreadableDocument):
        return None


LOOKS: Mapping[str, tuple[int, int, str]] = {
    "CO": (96, 96, "0123456789abcdefABCDEF"),
    "MX": (36, 36, "0123456789abcdefABCDEF-"),
    "CR": (50, 50, "0123456789"),
    "AR": (14, 14, "0123456789"),
    "DO": (11, 13, "0123456789EB"),
    "PE": (6, 13, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"),
    "PA": (66, 66, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"),
}
"""Shortest, longest and letters of each country's codes (alegra-api.md §8), told without regular expressions."""


def is_a_code(code: str, value: object) -> bool:
    shortest, longest, letters = LOOKS[code]
    text = value.strip() if isinstance(value, str) else ""
    return shortest <= len(text) <= longest and all(letter in letters for letter in text)


def each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a name is given twice"
    return dict(pairs)


def without_odd_numbers(value: Any) -> Any:
    """NaN and the infinities, which JSON does not have, by any reading but `null`."""
    if isinstance(value, dict):
        return {key: without_odd_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_odd_numbers(each) for each in value]
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)] if isinstance(value, float) else value
