"""GET /invoices and GET /invoices/{id}: shapes, filters, pages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest


def test_a_list_is_a_bare_array_or_comes_with_metadata(acme: Any) -> None:
    ids = acme.drafts(37)
    assert [row["id"] for row in acme.listed()] == ids[:30]
    body = acme.http.get("/invoices", params={"metadata": "true", "start": "30", "limit": "5"}).json()
    assert body["metadata"] == {"total": 37}
    assert [row["id"] for row in body["data"]] == ids[30:35]


def test_a_page_never_has_more_than_thirty(acme: Any) -> None:
    acme.drafts(40)
    assert len(acme.listed(limit="500")) == 30
    assert len(acme.listed(start="35")) == 5


def test_ids_override_everything_else(acme: Any) -> None:
    ids = acme.drafts(5)
    wanted = [ids[3], "999", ids[1]]
    rows = acme.listed(id=",".join(wanted), status="void", limit="1", metadata="true")
    assert [row["id"] for row in rows] == [ids[3], ids[1]]


def test_the_ids_of_a_request_have_a_limit_that_is_a_setting(acme: Any) -> None:
    ids = acme.drafts(35)
    assert len(acme.listed(id=",".join(ids))) == 30
    acme.sandbox.faults.set(list_max_ids=10)
    assert len(acme.listed(id=",".join(ids))) == 10
    assert acme.sandbox.stats()["max_ids_per_list"] == 35


def test_unknown_parameters_do_nothing(acme: Any) -> None:
    acme.drafts(3)
    assert len(acme.listed(start_date="2000-01-01", client="nobody", sort="x")) == 3


def test_filters_by_status_client_and_number(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 12, {"void": 2, "open": 3})
    ids = dealt["by_outcome"]["accept"]
    assert {row["status"] for row in acme.listed(status="open,void")} == {"open", "void"}
    assert len(acme.listed(status="draft")) == 7
    acme.stamp(ids[0])
    number = acme.read(ids[0])["numberTemplate"]["fullNumber"]
    assert [row["id"] for row in acme.listed(numberTemplate_fullNumber=number)] == [ids[0]]
    client = acme.read(ids[1])["client"]
    assert ids[1] in {row["id"] for row in acme.listed(client_id=client["id"])}
    assert ids[1] in {row["id"] for row in acme.listed(client_name=client["name"][:6].upper())}
    assert ids[1] in {row["id"] for row in acme.listed(client_identification=client["identification"])}
    item = acme.read(ids[1])["items"][0]["id"]
    assert all(item in {line["id"] for line in row["items"]} for row in acme.listed(item_id=item))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"date": "2026-03-02"}, 2),
        ({"date_after": "2026-03-02"}, 3),
        ({"date_afterOrNow": "2026-03-02"}, 5),
        ({"date_before": "2026-03-02"}, 1),
        ({"date_beforeOrNow": "2026-03-02"}, 3),
        ({"date_after": "2026-03-01", "date_before": "2026-03-03"}, 2),
    ],
)
def test_filters_by_date(acme: Any, query: dict[str, str], count: int) -> None:
    for day, documents in ((1, 1), (2, 2), (3, 3)):
        acme.sandbox.add_drafts("acme", documents, issued=date(2026, 3, day))
    assert len(acme.listed(**query)) == count


def test_order_is_oldest_first_unless_asked_otherwise(acme: Any) -> None:
    ids = acme.drafts(4)
    assert [row["id"] for row in acme.listed()] == ids
    assert [row["id"] for row in acme.listed(order_field="id", order_direction="DESC")] == ids[::-1]
    dates = [row["date"] for row in acme.listed(order_field="date", order_direction="DESC")]
    assert dates == sorted(dates, reverse=True)


def test_ids_are_strings_and_money_is_mixed(acme: Any) -> None:
    row = acme.read(acme.drafts(1)[0])
    assert isinstance(row["id"], str)
    assert isinstance(row["total"], int | float)
    assert {type(row[name]) for name in ("balance", "discount", "decimalPrecision")} == {str}


def test_fields_adds_and_never_trims(acme: Any) -> None:
    [one] = acme.drafts(1)
    plain, more = acme.read(one), acme.http.get(f"/invoices/{one}", params={"fields": "pdf,xml"}).json()
    assert set(more) - set(plain) == {"pdf", "xml"}


def test_new_documents_can_have_uuids(acme: Any) -> None:
    acme.sandbox.faults.set(uuid_ids=True)
    ids = acme.drafts(3)
    assert {len(each) for each in ids} == {36}
    assert {each[14] for each in ids} == {"7"}
    assert sorted(ids) == ids
    assert acme.rows(*ids).keys() == set(ids)


def test_a_list_can_lose_a_document_that_single_reads_show(acme: Any) -> None:
    ids = acme.drafts(3)
    acme.sandbox.faults.set(drop_listed={"ids": [ids[1]]})
    assert [row["id"] for row in acme.listed(id=",".join(ids))] == [ids[0], ids[2]]
    assert acme.read(ids[1])["id"] == ids[1]


def test_lists_can_fail_while_single_reads_work(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(server_error={"on": "list", "status": "500"})
    assert acme.http.get("/invoices").status_code == 500
    assert acme.read(one)["id"] == one
    acme.sandbox.faults.set(server_error={"on": "read", "status": "502"})
    assert acme.http.get(f"/invoices/{one}").status_code == 502


def test_a_document_can_be_voided_and_deleted_while_unstamped(acme: Any) -> None:
    voided, deleted, stamped = acme.drafts(3)
    assert acme.http.post(f"/invoices/{voided}/void").json()["status"] == "void"
    assert acme.http.delete(f"/invoices/{deleted}").status_code == 200
    assert acme.http.get(f"/invoices/{deleted}").status_code == 404
    acme.stamp(stamped)
    assert acme.http.delete(f"/invoices/{stamped}").status_code == 400
    assert acme.http.post(f"/invoices/{stamped}/void").json()["stamp"]["cufe"]
    assert acme.rows(voided)[voided]["code"] == 3051


@pytest.mark.parametrize(
    ("value", "shown"), [("null", None), ("empty", {}), ("pending", {"legalStatus": "PENDING"}), ("absent", "nothing")]
)
def test_an_unstamped_document_can_show_it_in_four_ways(acme: Any, value: str, shown: object) -> None:
    acme.sandbox.faults.set(stamp_before_emission=value)
    assert acme.read(acme.drafts(1)[0]).get("stamp", "nothing") == shown
