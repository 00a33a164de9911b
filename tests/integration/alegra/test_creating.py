"""Creating documents in the sandbox and finding them again: every kind, every way an answer can be lost, long lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.creating import AlegraCreating
from worker.countries import country
from worker.creation.outcomes import Created, CreateOutcome, InDoubt, Invalid, SweepReport
from worker.creation.work import Window
from worker.emission.kinds import KINDS
from worker.emission.outcomes import Deferred, Refused
from worker.emission.ports import Grant
from worker.sandbox import SandboxServer

ITEMS = [{"id": "1", "price": 100000, "quantity": 2, "tax": [{"id": "3"}]}]
SALE: dict[str, Any] = {"date": "2026-03-02", "dueDate": "2026-03-17", "client": {"id": "71"}, "items": ITEMS}
PURCHASE: dict[str, Any] = {
    "date": "2026-03-02",
    "dueDate": "2026-03-17",
    "provider": {"id": "71"},
    "purchases": {"items": ITEMS},
}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "invoice": ("colombia", SALE),
    "credit_note": ("colombia", {**SALE, "type": "VOID_ELECTRONIC_INVOICE", "cause": "Anulación"}),
    "income_debit_note": ("colombia", SALE),
    "debit_note": ("colombia", PURCHASE),
    "support_document": ("colombia", PURCHASE),
    "global_invoice": ("mexico", SALE),
    "payment": ("costaRica", {"date": "2026-03-02", "client": {"id": "71"}, "amount": 5000, "type": "in"}),
    "transportation_receipt": ("mexico", SALE),
}
WINDOW = Window("invoice", "71", date(2026, 3, 1), date(2026, 3, 3))


class Desk:
    """One sandbox and the API of creation in front of it."""

    def __init__(self, sandbox: SandboxServer, client: AlegraClient) -> None:
        self.sandbox = sandbox
        self._accesses: dict[str, AccountAccess] = {}
        self.permits = 1000
        self.api = AlegraCreating(
            client,
            self._accesses.__getitem__,
            country_of=lambda name: country(self._accesses[name].country or "CO"),
            permit=self._permit,
        )

    def _permit(self, _account: str) -> Grant:
        self.permits -= 1
        return Grant(1 if self.permits >= 0 else 0)

    def account(self, name: str = "acme", where: str = "colombia", *, patience: float = 20) -> None:
        credentials = self.sandbox.add_account(name, country=where)
        seconds = timedelta(seconds=patience)
        self._accesses[name] = AccountAccess(
            name,
            self.sandbox.base_url,
            credentials.email,
            SecretStr(credentials.token),
            stamp_timeout=seconds,
            read_timeout=seconds,
        )

    def create(self, reference: str = "INV-1", kind: str = "invoice", **changes: Any) -> CreateOutcome:
        body = {**BODIES[kind][1], **changes}
        not_after = datetime.now(UTC) + timedelta(seconds=30)
        return self.api.create("acme", KINDS[kind], reference, body, not_after=not_after).outcome

    def found(self, reference: str = "INV-1", window: Window = WINDOW) -> list[str]:
        report = self.sweep(window)
        assert report.complete, report.failure
        return [each.document_id for each in report.found if reference in each.references and not each.void]

    def void(self, document_id: str) -> None:
        """As a person does it in Alegra's own screens."""
        access = self._accesses["acme"]
        answer = httpx.post(
            f"{access.base_url}/invoices/{document_id}/void",
            auth=(access.email, access.token.get_secret_value()),
            trust_env=False,
        )
        answer.raise_for_status()

    def sweep(self, window: Window = WINDOW) -> SweepReport:
        return self.api.sweep("acme", window)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client() -> Iterator[AlegraClient]:
    with AlegraClient(connections=4) as opened:
        yield opened


@pytest.fixture
def desk(server: SandboxServer, client: AlegraClient) -> Desk:
    server.reset()
    server.faults.set(quota_limit=100_000)
    return Desk(server, client)


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_every_kind_is_created_as_what_it_is_and_found_by_its_reference(desk: Desk, kind: str) -> None:
    where, body = BODIES[kind]
    desk.account(where=where)
    outcome = desk.create("REF-1", kind)
    assert isinstance(outcome, Created), outcome
    assert outcome.marked
    window = Window(kind, "71", date(2026, 3, 1), date(2026, 3, 3))
    assert desk.found("REF-1", window) == [outcome.document_id]
    assert desk.found("REF", window) == desk.found("REF-10", window) == []
    document = desk.sandbox.document("acme", outcome.document_id, kind=kind)
    emitted = KINDS[kind].emitted_by_creation
    assert (document["status"] == "draft") is not (emitted or kind == "payment")
    assert document["executions"] == int(emitted)
    assert body["date"] == document["shown"]["date"]


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ({"timeout": {"on": "create", "moment": "after", "next": 1}}, True),
        ({"timeout": {"on": "create", "moment": "before", "next": 1}}, False),
        ({"reset": {"on": "create", "moment": "after", "next": 1}}, True),
        ({"reset": {"on": "create", "moment": "after", "place": "body", "next": 1}}, True),
        ({"server_error": {"on": "create", "moment": "after", "next": 1}}, True),
        ({"server_error": {"on": "create", "moment": "before", "next": 1}}, False),
        ({"html_page": {"on": "create", "moment": "after", "status": "200", "next": 1}}, True),
        ({"truncated": {"on": "create", "next": 1}}, True),
        ({"empty": {"on": "create", "next": 1}}, True),
        ({"create_error": {"leaves": "shown", "next": 1}}, True),
        ({"create_error": {"leaves": "hidden", "next": 1}}, True),
        ({"create_error": {"leaves": "nothing", "next": 1}}, False),
    ],
    ids=str,
)
def test_whatever_becomes_of_the_answer_is_a_doubt_that_one_sweep_can_settle(
    desk: Desk, fault: dict[str, Any], there: bool
) -> None:
    desk.account(patience=1.5)
    desk.sandbox.faults.set(fault)
    outcome = desk.create()
    assert isinstance(outcome, InDoubt), outcome
    assert outcome.stamp_failed == ("create_error" in fault)
    assert len(desk.found()) == int(there)


def test_a_late_execution_is_shown_once_it_has_happened(desk: Desk) -> None:
    desk.account(patience=1)
    desk.sandbox.faults.set(late_execution={"on": "create", "seconds": 3600, "next": 1})
    assert isinstance(desk.create(), InDoubt)
    assert desk.found() == []
    desk.sandbox.advance(3600)
    assert len(desk.found()) == 1


@pytest.mark.parametrize("leaves", ["shown", "hidden", "nothing"])
def test_a_global_invoice_whose_stamp_fails_is_a_doubt_whatever_it_leaves(desk: Desk, leaves: str) -> None:
    desk.account(where="mexico")
    desk.sandbox.faults.set(create_stamp_error={"leaves": leaves, "next": 1})
    outcome = desk.create("GI-1", "global_invoice")
    assert isinstance(outcome, InDoubt)
    assert outcome.stamp_failed
    window = Window("global_invoice", None, date(2026, 3, 1), date(2026, 3, 3))
    assert len(desk.found("GI-1", window)) == int(leaves != "nothing")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"client": {"id": "4711"}}, "3003"), ({"dueDate": None}, "3007"), ({"items": []}, "3009")],
)
def test_a_body_that_alegra_refuses_is_invalid_and_left_nothing(desk: Desk, change: dict[str, Any], code: str) -> None:
    desk.account()
    outcome = desk.create(**change)
    assert isinstance(outcome, Invalid), outcome
    assert outcome.problem.code == code
    assert desk.sandbox.creations() == []


@pytest.mark.parametrize(
    ("fault", "expected"), [("throttled", Deferred), ("unauthorized", Refused), ("payment_required", Refused)]
)
def test_what_was_refused_as_a_whole_was_not_executed(desk: Desk, fault: str, expected: type[object]) -> None:
    desk.account()
    desk.sandbox.faults.set({fault: {"on": "create", "next": 1}})
    assert isinstance(desk.create(), expected)
    assert desk.sandbox.creations() == []


@pytest.mark.parametrize("refused", [False, True])
def test_a_second_post_is_a_second_document_unless_alegra_refuses_it(desk: Desk, refused: bool) -> None:
    desk.account()
    desk.sandbox.faults.set(create_duplicate="refused" if refused else "created")
    desk.create()
    assert isinstance(desk.create(), Invalid if refused else Created)
    assert len(desk.found()) == (1 if refused else 2)


def test_a_list_of_many_pages_is_read_to_its_end(desk: Desk) -> None:
    desk.account()
    assert isinstance(desk.create("FIRST"), Created)
    desk.sandbox.add_drafts("acme", 100, issued=date(2026, 3, 2))
    assert isinstance(desk.create("LAST"), Created)
    everyone = Window("invoice", None, date(2026, 3, 1), date(2026, 3, 3))
    report = desk.sweep(everyone)
    assert (report.complete, report.requests) == (True, 4)
    assert {next(iter(each.references)) for each in report.found} == {"FIRST", "LAST"}


def test_a_list_that_leaves_rows_out_proves_nothing(desk: Desk) -> None:
    desk.account()
    created = desk.create()
    assert isinstance(created, Created)
    desk.create("INV-2")
    desk.sandbox.faults.set(drop_listed={"ids": [created.document_id]})
    report = desk.sweep()
    assert (report.complete, report.failure) == (False, "the list showed 1 of 2 documents")


def test_a_list_that_fails_or_may_not_be_read_on_proves_nothing(desk: Desk) -> None:
    desk.account()
    desk.sandbox.add_drafts("acme", 40, issued=date(2026, 3, 2))
    everyone = Window("invoice", None, date(2026, 3, 1), date(2026, 3, 3))
    desk.permits = 0
    assert not desk.sweep(everyone).complete
    desk.sandbox.faults.set(server_error={"on": "list", "next": 1})
    assert "503" in desk.sweep().failure
    desk.sandbox.faults.set(forbidden={"on": "list", "next": 1})
    assert desk.sweep().refused is not None


def test_a_void_document_is_found_as_one(desk: Desk) -> None:
    desk.account()
    created = desk.create()
    assert isinstance(created, Created)
    desk.void(created.document_id)
    (found,) = desk.sweep().found
    assert (found.references, found.void) == (frozenset({"INV-1"}), True)


def test_nothing_of_another_client_or_another_day_is_asked_for(desk: Desk) -> None:
    desk.account()
    desk.create("INV-1")
    desk.create("INV-2", client={"id": "72"})
    desk.create("INV-3", date="2026-04-02")
    assert {next(iter(each.references)) for each in desk.sweep().found} == {"INV-1"}
