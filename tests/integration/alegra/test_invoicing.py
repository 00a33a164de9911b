"""`InvoicingApi` over real HTTP: what a read, a listing and a stamp call bring, whatever the server does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from tests.integration.alegra.raw_server import RawServer, http, raw_server, resets
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.invoicing import AlegraInvoicing
from worker.emission.kinds import KINDS
from worker.emission.observation import NumberTemplate, Remote
from worker.emission.outcomes import Answered, Deferred, Uncertain
from worker.emission.ports import AlegraUnavailable, Grant, QuotaSpent

INVOICE = KINDS["invoice"]
NOT_FOUND = (404, {"code": 404, "message": "La factura no existe"})

Reply = tuple[int, Any]


def draft(document_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": document_id, "status": "draft", "numberTemplate": {"isElectronic": True}, "stamp": None} | changes


class Alegra:
    """An Alegra that answers by path, and the API under test in front of it."""

    def __init__(self, server: RawServer, client: AlegraClient, country: str | None) -> None:
        self.server = server
        self.permits = 30
        self.remembered: list[tuple[str, str]] = []
        access = AccountAccess("acme", f"{server.url}/api/v1", "a@example.test", SecretStr("some-token"), country)
        self.api = AlegraInvoicing(
            client,
            lambda _: access,
            permit=self._permit,
            remember_country=lambda account, code: self.remembered.append((account, code)),
        )

    def _permit(self, _account: str) -> Grant:
        self.permits -= 1
        return Grant(int(self.permits >= 0), timedelta(seconds=7))

    @property
    def asked(self) -> list[str]:
        """Method and path of every request."""
        return [unquote(re.sub(rb" HTTP/1.1.*", b"", each, flags=re.DOTALL).decode()) for each in self.server.requests]


@contextmanager
def alegra(answers: Callable[[str], Reply | None], country: str | None = "CO") -> Iterator[Alegra]:
    """`answers` gets the path after the version; None drops the connection."""

    def conversation(connection: Any) -> None:
        path = unquote(server.requests[-1].split(b" ", 2)[1].decode()).removeprefix("/api/v1/")
        reply = answers(path)
        if reply is None:
            resets()(connection)
            return
        status, body = reply
        connection.sendall(http(status, body if isinstance(body, bytes) else json.dumps(body).encode()))

    with raw_server(conversation) as server, AlegraClient(connections=2) as client:
        yield Alegra(server, client, country)


def one_list(*rows: Any) -> Callable[[str], Reply]:
    """A list of these rows; no single document exists."""
    return lambda path: (200, list(rows)) if path.startswith("invoices?") else NOT_FOUND


def test_many_documents_are_read_in_one_request() -> None:
    with alegra(one_list(draft("501"), draft("502"))) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert {each: seen.remote for each, seen in report.observations.items()} == dict.fromkeys(
        ("501", "502"), Remote.UNSTAMPED
    )
    assert (report.failure, report.refused, report.requests) == (None, None, 1)
    assert shown.asked == ["GET /api/v1/invoices?id=501,502&limit=30"]


def test_one_document_is_read_by_itself() -> None:
    with alegra(lambda _: (200, draft("501"))) as shown:
        report = shown.api.read("acme", INVOICE, ["501"])
    assert report.observations["501"].remote is Remote.UNSTAMPED
    assert shown.asked == ["GET /api/v1/invoices/501"]


def test_what_the_list_leaves_out_is_read_by_itself_and_may_be_missing() -> None:
    def answers(path: str) -> Reply:
        if path.startswith("invoices?"):
            return 200, [draft("501")]
        return (200, draft("502")) if path == "invoices/502" else NOT_FOUND

    with alegra(answers) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502", "503"])
    assert {each: seen.remote for each, seen in report.observations.items()} == {
        "501": Remote.UNSTAMPED,
        "502": Remote.UNSTAMPED,
        "503": Remote.MISSING,
    }
    assert report.requests == 3


def test_without_a_permit_what_the_list_leaves_out_is_no_news() -> None:
    with alegra(one_list(draft("501"))) as shown:
        shown.permits = 1
        report = shown.api.read("acme", INVOICE, ["501", "502", "503"])
    assert set(report.observations) == {"501", "502"}
    assert "quota" in (report.failure or "")
    assert report.requests == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.drafts("acme", INVOICE),
        lambda api: api.company("acme"),
        lambda api: api.number_templates("acme"),
    ],
    ids=["drafts", "company", "number templates"],
)
def test_whatever_no_dispatch_planned_takes_a_permit_of_its_own(ask: Callable[[AlegraInvoicing], object]) -> None:
    with alegra(lambda _: (200, [])) as shown:
        shown.permits = 0
        with pytest.raises(QuotaSpent, match="quota is spent") as refused:
            ask(shown.api)
        assert (shown.asked, refused.value.retry_in) == ([], timedelta(seconds=7))


def test_a_read_that_must_ask_for_the_country_first_takes_one_permit_more() -> None:
    def answers(path: str) -> Reply:
        return (200, {"applicationVersion": "colombia"}) if path == "company" else (200, [draft("501"), draft("502")])

    with alegra(answers, country=None) as shown:
        shown.permits = 0
        report = shown.api.read("acme", INVOICE, ["501", "502"])
        assert (dict(report.observations), len(shown.asked)) == ({}, 1)
        assert "quota is spent" in (report.failure or "")
        report = shown.api.read("acme", INVOICE, ["501", "502"])
        assert (len(report.observations), len(shown.asked)) == (2, 2)


def test_a_row_nobody_asked_for_is_not_believed() -> None:
    """An Alegra that ignores the filter answers with its oldest documents."""
    with alegra(one_list(draft("1"), draft("2"))) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert {seen.remote for seen in report.observations.values()} == {Remote.MISSING}
    assert set(report.observations) == {"501", "502"}


def test_one_unreadable_row_hides_none_of_the_others() -> None:
    with alegra(one_list(draft("501", stamp="?"), draft("502"), None, 7, {"id": {}})) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert set(report.observations) == {"502"}
    assert "501 cannot be read" in (report.failure or "")
    assert report.requests == 1


def test_a_document_shown_twice_is_believed_only_when_both_agree() -> None:
    with alegra(one_list(draft("501"), draft("501"), draft("502"), draft("502", status="void"))) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert set(report.observations) == {"501"}


@pytest.mark.parametrize("refusal", [(400, {"code": 400, "message": "id"}), (414, b""), (200, {"odd": "object"})])
def test_where_the_list_does_not_work_singles_do(refusal: Reply) -> None:
    def answers(path: str) -> Reply:
        return refusal if path.startswith("invoices?") else (200, draft(path.removeprefix("invoices/")))

    with alegra(answers) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert set(report.observations) == {"501", "502"}
    assert report.requests == 3


@pytest.mark.parametrize(
    "failure",
    [None, (500, {"message": "x"}), (503, b"<html>"), (404, b"<html>"), (429, b""), (200, b"<html>"), (200, b'[{"i')],
)
def test_a_list_that_fails_is_no_news_of_anything(failure: Reply | None) -> None:
    with alegra(lambda _: failure) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert report.observations == {}
    assert report.failure
    assert report.refused is None
    assert report.requests == 1


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_account_is_told_as_one(status: int) -> None:
    with alegra(lambda _: (status, {"message": "no"})) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502"])
    assert report.refused is not None
    assert report.refused.code == str(status)
    assert report.observations == {}


@pytest.mark.parametrize("body", [b"<html>404</html>", b"", b"[]"])
def test_some_other_servers_404_says_nothing_about_a_document(body: bytes) -> None:
    with alegra(lambda _: (404, body)) as shown:
        report = shown.api.read("acme", INVOICE, ["501"])
    assert report.observations == {}
    assert report.failure


def test_another_document_than_the_one_asked_for_is_no_news() -> None:
    with alegra(lambda _: (200, draft("502"))) as shown:
        assert shown.api.read("acme", INVOICE, ["501"]).observations == {}


def test_what_was_seen_before_a_failure_stays_seen() -> None:
    def answers(path: str) -> Reply | None:
        return (200, [draft("501")]) if path.startswith("invoices?") else None

    with alegra(answers) as shown:
        report = shown.api.read("acme", INVOICE, ["501", "502", "503"])
    assert set(report.observations) == {"501"}
    assert report.failure
    assert report.requests == 2, "after a lost answer no further single is tried"


def with_company(company: Reply) -> Callable[[str], Reply]:
    return lambda path: company if path == "company" else (200, draft("501"))


def test_a_country_nobody_configured_is_asked_once_and_remembered() -> None:
    company = (200, {"name": "Demo SAS", "applicationVersion": "costaRica"})
    with alegra(with_company(company), country=None) as shown:
        first = shown.api.read("acme", INVOICE, ["501"])
        second = shown.api.read("acme", INVOICE, ["501"])
    assert (first.requests, second.requests) == (2, 1)
    assert shown.remembered == [("acme", "CR")]


@pytest.mark.parametrize("company", [(200, {"applicationVersion": "chile"}), (200, {}), (500, b""), (401, b"")])
def test_without_a_country_nothing_is_read(company: Reply) -> None:
    with alegra(with_company(company), country=None) as shown:
        report = shown.api.read("acme", INVOICE, ["501"])
    assert report.observations == {}
    assert report.failure
    assert (report.refused is not None) == (company[0] == 401)


def test_drafts_come_in_pages_oldest_first() -> None:
    full = [draft(str(number)) for number in range(30)]
    with alegra(lambda path: (200, full if "start=0" in path else full[:3])) as shown:
        first, following = shown.api.drafts("acme", INVOICE)
        second, end = shown.api.drafts("acme", INVOICE, start=following or 0)
    assert (len(first), following, len(second), end) == (30, 30, 3, None)
    assert shown.asked[0].endswith("?status=draft&order_field=id&order_direction=ASC&start=0&limit=30")


def test_a_row_that_is_no_draft_is_left_out_and_a_page_of_such_is_an_alarm() -> None:
    with alegra(one_list(draft("501"), draft("502", status="open"), draft("503", stamp=7))) as shown:
        drafts, _ = shown.api.drafts("acme", INVOICE)
        assert [each.document_id for each in drafts] == ["501"]
    with alegra(one_list(draft("1", status="open"))) as ignoring, pytest.raises(AlegraUnavailable, match="none"):
        ignoring.api.drafts("acme", INVOICE)
    with alegra(one_list()) as nothing:
        assert nothing.api.drafts("acme", INVOICE) == ([], None)


@pytest.mark.parametrize("failure", [None, (500, b""), (401, b""), (429, b""), (400, b"{}"), (200, b"<html>")])
def test_a_listing_or_lookup_that_fails_says_so_in_one_way(failure: Reply | None) -> None:
    with alegra(lambda _: failure) as shown:
        for call in (
            lambda: shown.api.drafts("acme", INVOICE),
            lambda: shown.api.company("acme"),
            lambda: shown.api.number_templates("acme"),
        ):
            with pytest.raises(AlegraUnavailable):
                call()


def test_the_company_names_its_country() -> None:
    with alegra(lambda _: (200, {"name": "Demo SAS", "applicationVersion": "republicaDominicana", "id": 7})) as shown:
        company = shown.api.company("acme")
    assert (company.name, company.country) == ("Demo SAS", "DO")


def test_every_numbering_is_listed_over_all_pages() -> None:
    electronic = {
        "id": "9",
        "name": "Electrónica",
        "prefix": "SETP",
        "documentType": "invoice",
        "isElectronic": True,
        "status": "active",
        "subDocumentType": "INVOICE_A",
        "minInvoiceNumber": "990000000",
        "nextInvoiceNumber": "990200123",
        "maxInvoiceNumber": 995000000,
        "startDate": "2019-01-19",
        "endDate": "2030-01-19",
    }
    rows = [{"id": str(number), "status": "inactive"} for number in range(30)]
    with alegra(lambda path: (200, rows if "start=0" in path else [electronic, {"id": None}])) as shown:
        templates = shown.api.number_templates("acme")
    assert len(templates) == 31
    assert not templates[0].is_active
    assert templates[-1] == NumberTemplate(
        id="9",
        name="Electrónica",
        prefix="SETP",
        document_type="invoice",
        is_electronic=True,
        is_active=True,
        sub_document_type="INVOICE_A",
        first_number=990000000,
        next_number=990200123,
        last_number=995000000,
        start_date="2019-01-19",
        end_date="2030-01-19",
    )


def stamped(reply: Reply | None, *, not_after: datetime | None = None) -> Any:
    with alegra(lambda _: reply) as shown:
        report = shown.api.stamp(
            "acme", INVOICE, ["501", "502"], not_after=not_after or datetime.now(UTC) + timedelta(seconds=30)
        )
    assert set(report.outcomes) == {"501", "502"}
    return report


def test_a_stamp_call_ends_in_an_outcome_for_every_document() -> None:
    answered = stamped((200, {"data": [{"id": "501", "success": True}]}))
    assert answered.outcomes["501"] == Answered()
    assert isinstance(answered.outcomes["502"], Uncertain)
    assert answered.http_status == 200
    assert "501" in answered.excerpt


def test_a_lost_answer_is_uncertain_for_every_document() -> None:
    assert {type(outcome) for outcome in stamped(None).outcomes.values()} == {Uncertain}


def test_a_call_that_was_never_sent_is_deferred_for_every_document() -> None:
    late = stamped((200, {}), not_after=datetime.now(UTC) - timedelta(seconds=1))
    throttled = stamped((429, b""))
    assert {type(outcome) for outcome in late.outcomes.values()} == {Deferred}
    assert {outcome.retry_in for outcome in throttled.outcomes.values()} == {timedelta(seconds=60)}
