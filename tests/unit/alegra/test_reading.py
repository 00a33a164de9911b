"""One invoice's JSON as an observation: the status is the truth, not the presence of a code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.alegra.reading import observe
from worker.alegra.schemas import UnreadableDocument
from worker.countries import COUNTRIES, country
from worker.emission.observation import Observation, Remote

CUFE = "dcfe103c5c9ddd1e551a170e85534033a59c5c6f509b8c101ed489d70cdeadd2436ca8323fb4cd9e3699cdfa29ff1fb4"
UUID = "0c8c1f5e-7a0d-4c35-9d4c-5d3f0f6a7b21"
ACCEPTED = "STAMPED_AND_ACCEPTED"


def invoice(**changes: Any) -> dict[str, Any]:
    return {
        "id": "501",
        "status": "open",
        "date": "2026-03-02",
        "datetime": "2026-03-02 09:10:00",
        "total": 119000,
        "client": {"id": "77", "name": "Demo Compradora SAS"},
        "numberTemplate": {"id": "9", "prefix": "SETP", "number": "990200123", "isElectronic": True},
        "stamp": None,
    } | changes


def seen(where: str = "CO", **changes: Any) -> Observation:
    return observe(invoice(**changes), country(where), "invoice")


def test_an_accepted_invoice_brings_its_code_its_time_and_its_warnings() -> None:
    stamp = {
        "legalStatus": "STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS",
        "date": "2026-03-02 09:14:07",
        "cufe": CUFE,
        "warnings": ["Regla: FAZ09, Notificación: …"],
    }
    shown = seen(stamp=stamp)
    assert shown.remote is Remote.ACCEPTED
    assert (shown.fiscal_code, shown.fiscal_code_type) == (CUFE, "cufe")
    assert shown.stamped_at == datetime(2026, 3, 2, 14, 14, 7, tzinfo=UTC)
    assert shown.warnings == ("Regla: FAZ09, Notificación: …",)
    assert shown.snapshot.number == "SETP990200123"
    assert json.loads(shown.excerpt) == stamp


@pytest.mark.parametrize(
    ("stamp", "remote"),
    [
        (None, Remote.UNSTAMPED),
        ({}, Remote.UNSTAMPED),
        ([], Remote.UNSTAMPED),
        ("", Remote.UNSTAMPED),
        ({"legalStatus": None}, Remote.UNSTAMPED),
        ({"legalStatus": "PENDING"}, Remote.UNSTAMPED),
        ({"legalStatus": "STAMPED_AND_WAITING_RESPONSE"}, Remote.IN_PROCESS),
        ({"legalStatus": "STAMPED_AND_WAITING_RESPONSE", "cufe": CUFE}, Remote.IN_PROCESS),
        ({"cufe": CUFE}, Remote.IN_PROCESS),
        ({"date": "2026-03-02 09:14:07"}, Remote.IN_PROCESS),
        ({"legalStatus": ACCEPTED}, Remote.IN_PROCESS),
        ([{"legalStatus": ACCEPTED, "cufe": CUFE}], Remote.ACCEPTED),
        ({"legalStatus": ACCEPTED, "cufe": CUFE}, Remote.ACCEPTED),
        ({"emissionStatus": ACCEPTED, "cufe": CUFE}, Remote.ACCEPTED),
        ({"legalStatus": ACCEPTED, "cufe": CUFE[:-1]}, Remote.DUBIOUS),
        ({"legalStatus": "STAMPED_AND_REJECTED", "cufe": CUFE}, Remote.REJECTED),
        ({"legalStatus": "STAMPED_AND_CANCELLED", "cufe": CUFE}, Remote.DUBIOUS),
        ({"legalStatus": "CANCELLED_AND_WAITING_RESPONSE", "cufe": CUFE}, Remote.IN_PROCESS),
        ({"legalStatus": "SOMETHING_NEW", "cufe": CUFE}, Remote.DUBIOUS),
        ({"legalStatus": {"odd": 1}}, Remote.DUBIOUS),
    ],
)
def test_the_stamp_decides(stamp: Any, remote: Remote) -> None:
    for status in ("draft", "open", "closed"):
        assert seen(stamp=stamp, status=status).remote is remote


def test_a_stamp_that_is_absent_is_no_stamp() -> None:
    document = invoice()
    del document["stamp"]
    assert observe(document, country("CO"), "invoice").remote is Remote.UNSTAMPED


def test_mexico_is_believed_by_its_uuid_alone() -> None:
    assert seen("MX", stamp={"uuid": UUID}).remote is Remote.ACCEPTED
    assert seen("MX", stamp={"uuid": UUID, "legalStatus": ACCEPTED}).remote is Remote.ACCEPTED
    assert seen("MX", stamp={"uuid": UUID[:-1]}).remote is Remote.DUBIOUS
    assert seen("MX", stamp={"uuid": UUID, "legalStatus": "STAMPED_AND_REJECTED"}).remote is Remote.REJECTED
    assert seen("MX", stamp=None).remote is Remote.UNSTAMPED


@pytest.mark.parametrize(("where", "number"), [("DO", "E310000000001"), ("PE", "F001-123")])
def test_a_number_is_a_code_only_once_the_authority_accepted(where: str, number: str) -> None:
    template = {"id": "9", "fullNumber": number, "isElectronic": True}
    unsent = seen(where, numberTemplate=template)
    waiting = seen(where, numberTemplate=template, stamp={"legalStatus": "STAMPED_AND_WAITING_RESPONSE"})
    accepted = seen(where, numberTemplate=template, stamp={"legalStatus": ACCEPTED})
    assert (unsent.remote, unsent.fiscal_code) == (Remote.UNSTAMPED, None)
    assert (waiting.remote, waiting.fiscal_code) == (Remote.IN_PROCESS, None)
    assert (accepted.remote, accepted.fiscal_code) == (Remote.ACCEPTED, number)
    assert accepted.snapshot.number == number


def test_a_code_of_an_earlier_sending_is_not_taken_for_this_ones() -> None:
    pending = seen(stamp={"legalStatus": "PENDING", "cufe": CUFE})
    rejected = seen(stamp={"legalStatus": "STAMPED_AND_REJECTED", "cufe": CUFE})
    assert (pending.remote, pending.fiscal_code) == (Remote.UNSTAMPED, None)
    assert "earlier sending" in pending.reason
    assert pending.carries_code
    assert not seen(stamp={"legalStatus": "PENDING"}).carries_code
    assert (rejected.remote, rejected.fiscal_code) == (Remote.REJECTED, None)
    assert CUFE in rejected.excerpt


def test_a_malformed_code_is_kept_raw() -> None:
    shown = seen(stamp={"legalStatus": ACCEPTED, "cufe": "not-a-cufe"})
    assert shown.fiscal_code == "not-a-cufe"
    assert "fails the format" in shown.reason


def test_a_rejection_says_why() -> None:
    stamp = {"legalStatus": "STAMPED_AND_REJECTED", "warnings": ["Regla: FAJ43b"], "observations": "NIT errado"}
    assert seen(stamp=stamp).reason == "Regla: FAJ43b; NIT errado"
    assert "no reason" in seen(stamp={"legalStatus": "STAMPED_AND_REJECTED"}).reason


def test_a_void_document_is_void_whatever_its_stamp_and_keeps_its_code() -> None:
    shown = seen(status="void", stamp={"legalStatus": ACCEPTED, "cufe": CUFE})
    assert (shown.remote, shown.fiscal_code) == (Remote.VOID, CUFE)
    assert seen(status="void").remote is Remote.VOID


@pytest.mark.parametrize("value", [False, "false", "FALSE", 0])
def test_a_numbering_that_is_not_electronic_cannot_be_emitted(value: Any) -> None:
    template = {"id": "9", "isElectronic": value}
    assert seen(numberTemplate=template).remote is Remote.NOT_ELECTRONIC
    assert seen(numberTemplate=[template]).remote is Remote.NOT_ELECTRONIC
    stamped = seen(numberTemplate=template, stamp={"legalStatus": ACCEPTED, "cufe": CUFE})
    assert stamped.remote is Remote.ACCEPTED


def test_panamas_fiscal_printer_is_never_sent() -> None:
    assert seen("PA", stamp={"fiscalNumber": "TFHKA123"}).remote is Remote.NOT_ELECTRONIC


def test_a_status_nobody_knows_is_for_a_person() -> None:
    shown = seen(status="archived")
    assert shown.remote is Remote.DUBIOUS
    assert "archived" in shown.reason


@pytest.mark.parametrize(
    "changes",
    [{"stamp": "yes"}, {"stamp": [{}, {}]}, {"stamp": 7}, {"stamp": True}, {"status": None}, {"id": None}, {"id": {}}],
)
def test_what_could_hide_a_sending_makes_the_document_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableDocument):
        seen(**changes)


@pytest.mark.parametrize("document", [None, [], "x", 7, {}])
def test_what_is_no_document_is_unreadable(document: Any) -> None:
    with pytest.raises(UnreadableDocument):
        observe(document, country("CO"), "invoice")


@pytest.mark.parametrize("total", [119000, "119000.00", 119000.0, Decimal("119000.0000000000")])
def test_money_is_the_same_however_it_is_written(total: Any) -> None:
    assert seen(total=total).snapshot.total == Decimal(119000)
    assert seen(total=total).snapshot.same_document_as(seen().snapshot)


@pytest.mark.parametrize(
    "changes",
    [{"total": "NaN"}, {"total": {}}, {"client": None}, {"client": [1, 2]}, {"date": 7.5}, {"datetime": "ayer"}],
)
def test_an_odd_value_elsewhere_is_no_value(changes: dict[str, Any]) -> None:
    assert seen(**changes).remote is Remote.UNSTAMPED


def test_ids_are_strings_whatever_arrives() -> None:
    assert seen(id=501).document_id == "501"
    assert seen(client=77).snapshot.client == "77"
    assert seen(client=[{"id": 77}]).snapshot.client == "77"


def test_a_draft_tells_its_numbering_and_its_age() -> None:
    shown = seen(status="draft", numberTemplate={"id": 9, "prefix": "SETP", "number": None})
    assert shown.is_draft
    assert shown.numbering == ("9", "SETP")
    assert shown.snapshot.number is None
    assert shown.created_at == datetime(2026, 3, 2, 9, 10)  # noqa: DTZ001 - Alegra's local time


def test_the_excerpt_is_bounded() -> None:
    assert len(seen(stamp={"legalStatus": "PENDING", "x": "y" * 9000}).excerpt) == 2048


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from([ACCEPTED, CUFE, UUID, "open"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["legalStatus", "cufe", "uuid", "date", "id", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(COUNTRIES)),
    st.dictionaries(st.sampled_from(["status", "stamp", "numberTemplate", "client", "total", "date"]), odd),
)
def test_any_document_is_an_observation_or_unreadable(where: str, changes: dict[str, Any]) -> None:
    try:
        shown = seen(where, **changes)
    except UnreadableDocument:
        return
    assert len(shown.fiscal_code or "") <= 200
    if shown.remote is Remote.ACCEPTED:
        assert shown.fiscal_code is not None
        assert where == "MX" or "ACCEPTED" in (shown.legal_status or "").upper()
