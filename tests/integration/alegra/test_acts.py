"""E-mail, void and open against the sandbox: what each answer means, and what left when it never came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from worker.alegra.access import AccountAccess
from worker.alegra.acts import AlegraActs, carried
from worker.alegra.client import AlegraClient, Answer
from worker.alegra.invoicing import AlegraInvoicing
from worker.alegra.rates import RateSeen
from worker.emission.acts import KINDS_OF, ActState, Carried, What
from worker.emission.kinds import KINDS
from worker.emission.observation import Remote
from worker.emission.ports import AlegraUnavailable, Grant, QuotaSpent
from worker.emission.work import Document
from worker.sandbox import SandboxServer

PLACES = {"invoice": "CO", "credit_note": "CO", "payment": "MX", "transportation_receipt": "PE"}

TO = ("ana@cliente.example", "luis@cliente.example")


class Desk:
    """One account of the sandbox, seen through the adapter."""

    def __init__(self, sandbox: SandboxServer, client: AlegraClient, country: str) -> None:
        self.sandbox = sandbox
        self.name = country.lower()
        credentials = sandbox.add_account(self.name, country=country)
        self.permits = 1000
        access = AccountAccess(
            name=self.name,
            base_url=sandbox.base_url,
            email=credentials.email,
            token=SecretStr(credentials.token),
            country=country,
            stamp_timeout=timedelta(seconds=1),
            read_timeout=timedelta(seconds=20),
            connect_timeout=timedelta(seconds=5),
        )
        invoicing = AlegraInvoicing(
            client, lambda _name: access, permit=self._permit, remember_country=lambda _name, _code: None
        )
        self.api = AlegraActs(client, invoicing, lambda _name: access, permit=self._permit)

    def make(self, kind: str = "invoice") -> Document:
        (one,) = self.sandbox.add_drafts(self.name, 1, kind=kind)
        return Document(self.name, kind, one)

    def do(self, document: Document, what: What, *, late: bool = False) -> Carried:
        by = datetime.now(UTC) + timedelta(seconds=-1 if late else 60)
        return self.api.carry_out(document, what, to=TO if what is What.EMAIL else (), not_after=by)

    def status(self, document: Document) -> str:
        return str(self.sandbox.document(self.name, document.document_id, kind=document.kind)["status"])

    def _permit(self, _account: str) -> Grant:
        self.permits -= 1
        return Grant(1) if self.permits >= 0 else Grant(0, timedelta(seconds=20))


@pytest.fixture
def desk_of(world: tuple[SandboxServer, AlegraClient]) -> Any:
    sandbox, client = world
    sandbox.reset()
    sandbox.faults.set(quota_limit=100_000)
    return lambda country: Desk(sandbox, client, country)


@pytest.fixture
def desk(desk_of: Any) -> Any:
    return desk_of("CO")


@pytest.mark.parametrize("answer", ["message", "document"])
@pytest.mark.parametrize("kind", sorted(KINDS_OF[What.EMAIL]))
def test_an_email_leaves_once_to_whom_it_should(desk_of: Any, kind: str, answer: str) -> None:
    desk = desk_of(PLACES[kind])
    desk.sandbox.faults.set(email_answer=answer)
    document = desk.make(kind)
    assert desk.do(document, What.EMAIL).state is ActState.DONE
    (mail,) = desk.sandbox.emails(desk.name)
    assert (mail["kind"], mail["document_id"], tuple(mail["to"])) == (kind, document.document_id, TO)


@pytest.mark.parametrize("kind", sorted(KINDS_OF[What.VOID]))
def test_a_document_is_voided_and_opened_again(desk_of: Any, kind: str) -> None:
    desk = desk_of(PLACES[kind])
    document = desk.make(kind)
    assert desk.do(document, What.VOID).state is ActState.DONE
    assert desk.api.show(document).observation.remote is Remote.VOID
    assert desk.do(document, What.OPEN).state is ActState.DONE
    assert desk.status(document) == "open"


@pytest.mark.parametrize("what", What)
def test_a_kind_without_the_path_is_refused_by_alegra_too(desk: Any, what: What) -> None:
    for kind in set(KINDS) - KINDS_OF[what] - {"payment", "global_invoice"}:
        document = desk.make(kind)
        assert desk.do(document, what).state is not ActState.DONE


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", ["timeout", "reset", "server_error", "html_page", "truncated", "empty"])
def test_an_answer_that_cannot_be_read_leaves_it_unknown(desk: Any, fault: str, moment: str) -> None:
    desk.sandbox.faults.set({fault: {"next": 1, "on": "email", "moment": moment}})
    assert desk.do(desk.make(), What.EMAIL).state is ActState.UNKNOWN
    assert len(desk.sandbox.emails()) == (moment == "after")


def test_what_is_executed_late_is_unknown_first(desk: Any) -> None:
    desk.sandbox.faults.set(late_execution={"next": 1, "on": "email", "seconds": 5, "cut": "reset"})
    assert desk.do(desk.make(), What.EMAIL).state is ActState.UNKNOWN
    assert desk.sandbox.emails() == []
    desk.sandbox.advance(6)
    assert len(desk.sandbox.emails()) == 1


@pytest.mark.parametrize(("fault", "state"), [
    ("throttled", ActState.WANTED), ("unauthorized", ActState.WANTED),
    ("payment_required", ActState.REFUSED), ("forbidden", ActState.REFUSED),
])  # fmt: skip
def test_a_refusal_of_the_account_sends_nothing(desk: Any, fault: str, state: ActState) -> None:
    desk.sandbox.faults.set({fault: {"next": 1, "on": "email"}})
    assert desk.do(desk.make(), What.EMAIL).state is state
    assert desk.sandbox.emails() == []


def test_a_process_that_wakes_too_late_sends_not_a_byte(desk: Any) -> None:
    assert desk.do(desk.make(), What.EMAIL, late=True).state is ActState.WANTED
    assert desk.sandbox.emails() == []


def test_alegras_refusal_is_told_in_its_words(desk: Any) -> None:
    desk.sandbox.faults.set(void_stamped="refused")
    document = desk.make()
    desk.sandbox.stamp_by_hand(desk.name, document.document_id)
    refused = desk.do(document, What.VOID)
    assert (refused.state, refused.http_status) == (ActState.REFUSED, 400)
    assert "emitida" in refused.said


def test_the_clients_addresses_are_read_however_people_wrote_them(desk: Any) -> None:
    document = desk.make()
    written = {
        "ana@a.example": ("ana@a.example",),
        "ana@a.example; luis@b.example,ana@a.example": ("ana@a.example", "luis@b.example"),
        "no tiene": (),
        "@": (),
        "": (),
        None: (),
    }
    for text, addresses in written.items():
        desk.sandbox.plant(desk.name, document.document_id, fields={"client.email": text})
        assert desk.api.show(document).emails == addresses


def test_a_look_is_paid_for_and_says_when_it_failed(desk: Any) -> None:
    document = desk.make()
    desk.sandbox.faults.set(server_error={"next": 1, "on": "single"})
    with pytest.raises(AlegraUnavailable):
        desk.api.show(document)
    assert desk.api.show(Document(desk.name, "invoice", "999")).observation.remote is Remote.MISSING
    desk.permits = 0
    with pytest.raises(QuotaSpent):
        desk.api.show(document)


@pytest.mark.parametrize(("status", "body", "state"), [
    (200, b'{"success": false, "message": "El cliente no tiene correo"}', ActState.REFUSED),
    (200, b'{"error": {"code": 3001, "message": "no"}}', ActState.REFUSED),
    (200, b'{"success": true}', ActState.DONE),
    (201, b'{"id": "501", "status": "void"}', ActState.DONE),
    (200, b"[]", ActState.UNKNOWN),
    (200, b'"ok"', ActState.UNKNOWN),
    (202, b"", ActState.UNKNOWN),
    (302, b"{}", ActState.UNKNOWN),
    (404, b"<html></html>", ActState.UNKNOWN),
    (404, b'{"code": 404, "message": "Not Found"}', ActState.REFUSED),
    (408, b'{"message": "Request Timeout"}', ActState.UNKNOWN),
    (500, b'{"message": "error"}', ActState.UNKNOWN),
    (429, b"Too Many request(s)", ActState.WANTED),
    (401, b"", ActState.WANTED),
])  # fmt: skip
def test_only_alegras_own_words_say_that_something_was_done_or_refused(
    status: int, body: bytes, state: ActState
) -> None:
    nothing = RateSeen(None, None, None, None, throttled=False)
    assert carried(Answer(status, body, nothing)).state is state
