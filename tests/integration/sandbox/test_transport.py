"""Credentials, quota, and what unknown paths get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from worker.sandbox import SandboxServer


def test_wrong_credentials_are_answered_401(acme: Any) -> None:
    assert httpx.get(acme.sandbox.base_url + "/company").status_code == 401
    answer = httpx.get(acme.sandbox.base_url + "/company", auth=(acme.credentials.email, "wrong"))
    assert answer.status_code == 401
    assert answer.headers["X-Rate-Limit-Limit"] == "150"


def test_the_country_is_a_property_of_the_account(desk_of: Callable[..., Any]) -> None:
    assert desk_of("uno", "costaRica").http.get("/company").json()["applicationVersion"] == "costaRica"
    assert desk_of("dos", "DO").http.get("/company").json()["applicationVersion"] == "republicaDominicana"


def test_every_answer_tells_the_quota(acme: Any) -> None:
    first, second = acme.http.get("/company"), acme.http.get("/users/self")
    assert [first.headers[f"X-Rate-Limit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["150", "149", "60"]
    assert second.headers["X-Rate-Limit-Remaining"] == "148"


def test_above_the_quota_429_until_the_window_ends(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("small", "peru", limit=2, window=30)
    other = desk_of("other", "peru")
    assert [desk.http.get("/company").status_code for _ in range(3)] == [200, 200, 429]
    refused = desk.stamp("501")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Remaining"]) == (429, "0")
    assert "Retry-After" not in refused.headers
    assert other.http.get("/company").status_code == 200
    desk.sandbox.advance(30)
    assert desk.http.get("/company").status_code == 200
    assert desk.sandbox.stats()["throttled"] == 2


def test_the_quota_of_everybody_is_a_setting(acme: Any) -> None:
    acme.sandbox.faults.set(quota_limit=1, quota_window=10, retry_after_header=True, throttle_body="text")
    assert acme.http.get("/company").status_code == 200
    refused = acme.http.get("/company")
    assert (refused.status_code, refused.text, refused.headers["Retry-After"]) == (429, "Too Many request(s)", "10")


def test_a_429_out_of_the_blue_says_when_to_come_back_if_asked(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(throttled={"next": 1, "on": "stamp", "retry_after": 7})
    refused = acme.stamp(one)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert acme.executions(one) == 0
    assert acme.stamp(one).status_code == 200


@pytest.mark.parametrize(
    ("fault", "value", "status", "code"),
    [
        ("unauthorized", "always", 401, None),
        ("payment_required", {"code": "907"}, 402, 907),
        ("payment_required", {"code": 900}, 402, 900),
        ("forbidden", 1, 403, None),
    ],
)
def test_an_account_can_fail_as_a_whole(acme: Any, fault: str, value: object, status: int, code: int | None) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set({fault: value})
    answer = acme.stamp(one)
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert acme.sandbox.ledger() == []


def test_a_refusal_can_be_meant_for_one_account_and_one_errand(acme: Any, desk_of: Callable[..., Any]) -> None:
    other = desk_of("other", "colombia")
    acme.sandbox.faults.set(forbidden={"account": "acme", "on": "stamp"})
    assert acme.http.get("/company").status_code == 200
    assert acme.stamp(*acme.drafts(1)).status_code == 403
    assert other.stamp(*other.drafts(1)).status_code == 200


def test_unknown_paths_and_methods_are_told_apart(acme: Any) -> None:
    assert acme.http.get("/nowhere").status_code == 404
    assert acme.http.put("/company").status_code == 405
    assert acme.http.get("/invoices/999").json() == {"code": 404, "message": "La factura no existe"}


@pytest.mark.parametrize(
    ("body", "code"), [(b"", 905), (b"{", 902), (b"[1]", 902), (b'{"ids":[]}', 902), (b'{"ids":"501"}', 902)]
)
def test_a_stamp_body_that_is_none_is_answered_400(acme: Any, body: bytes, code: int) -> None:
    answer = acme.http.post("/invoices/stamp", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_numberings_of_all_sorts_are_listed(acme: Any) -> None:
    templates = acme.http.get("/number-templates").json()
    assert {(each["status"], each["isElectronic"]) for each in templates} == {
        ("active", True),
        ("inactive", True),
        ("active", False),
    }
    assert [each["documentType"] for each in templates].count("creditNote") == 1
    default = next(each for each in templates if each["isDefault"])
    assert default["nextInvoiceNumber"] == "990000001"


def test_a_contact_can_be_read(acme: Any) -> None:
    assert acme.http.get("/contacts/71").json()["name"] == "Ferretería Ñandú & Hijos S.A.S."
    assert acme.http.get("/contacts/1").status_code == 404


def test_reads_take_their_time(acme: Any, sandbox: SandboxServer) -> None:
    sandbox.faults.set(read_latency=3600)
    with pytest.raises(httpx.ReadTimeout):
        acme.http.get("/invoices", timeout=0.05)
