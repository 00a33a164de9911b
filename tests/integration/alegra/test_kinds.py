"""Every kind of document against the sandbox: stamped, read and listed as its shape says, and what is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.invoicing import AlegraInvoicing
from worker.alegra.stamp_answer import NO_SUCH_CALL
from worker.emission.kinds import KINDS
from worker.emission.observation import Remote
from worker.emission.outcomes import ErrorClass, Uncertain
from worker.emission.ports import Grant
from worker.sandbox import SandboxServer

EVERY = [(kind.name, country) for kind in KINDS.values() for country in sorted(kind.countries)]
BY_EDIT = [(name, country) for name, country in EVERY if name not in {"invoice", "payment"}]


class Desk:
    """One account of the sandbox, seen through the adapter."""

    def __init__(self, sandbox: SandboxServer, client: AlegraClient, country: str) -> None:
        self.sandbox = sandbox
        self.name = country.lower()
        credentials = sandbox.add_account(self.name, country=country)
        access = AccountAccess(
            name=self.name,
            base_url=sandbox.base_url,
            email=credentials.email,
            token=SecretStr(credentials.token),
            country=country,
            stamp_timeout=timedelta(seconds=20),
            read_timeout=timedelta(seconds=20),
            connect_timeout=timedelta(seconds=5),
        )
        self.api = AlegraInvoicing(
            client, lambda _name: access, permit=lambda _name: Grant(1), remember_country=lambda _name, _code: None
        )

    def make(self, kind: str, count: int = 1, **more: Any) -> list[str]:
        return self.sandbox.add_drafts(self.name, count, more.pop("mix", None), kind=kind, **more)

    def stamp(self, kind: str, *ids: str) -> Any:
        return self.api.stamp(self.name, KINDS[kind], ids, not_after=datetime.now(UTC) + timedelta(minutes=1)).outcomes

    def look(self, kind: str, *ids: str) -> Any:
        return self.api.read(self.name, KINDS[kind], ids).observations


@pytest.fixture
def desk_of(world: tuple[SandboxServer, AlegraClient]) -> Any:
    sandbox, client = world
    sandbox.reset()
    sandbox.faults.set(quota_limit=100_000)
    return lambda country: Desk(sandbox, client, country)


@pytest.mark.parametrize(("kind", "country"), EVERY)
def test_a_document_of_each_kind_is_looked_at_stamped_and_read(desk_of: Any, kind: str, country: str) -> None:
    desk = desk_of(country)
    [one] = desk.make(kind)
    assert desk.look(kind, one)[one].remote is Remote.UNSTAMPED
    assert desk.stamp(kind, one)[one].problem is None
    shown = desk.look(kind, one)[one]
    assert shown.remote is Remote.ACCEPTED
    assert [entry["code"] for entry in desk.sandbox.ledger(desk.name, one, kind=kind)] == [shown.fiscal_code]


@pytest.mark.parametrize(("kind", "country"), EVERY)
def test_each_kind_is_listed_for_a_night(desk_of: Any, kind: str, country: str) -> None:
    desk = desk_of(country)
    ids = desk.make(kind, 31)
    first, after = desk.api.drafts(desk.name, KINDS[kind])
    rest, end = desk.api.drafts(desk.name, KINDS[kind], start=after)
    assert [each.document_id for each in (*first, *rest)] == ids
    assert end is None


@pytest.mark.parametrize(("kind", "country"), [("credit_note", "CO"), ("payment", "MX"), ("debit_note", "CO")])
def test_what_is_refused_by_name_is_shown_unstamped(desk_of: Any, kind: str, country: str) -> None:
    desk = desk_of(country)
    [one] = desk.make(kind, mix={"data_error": 1})
    outcome = desk.stamp(kind, one)[one]
    assert (outcome.problem.error_class, outcome.whole_batch) == (ErrorClass.DATA, False)
    assert desk.look(kind, one)[one].remote is Remote.UNSTAMPED


def test_documents_of_different_kinds_share_their_ids_and_nothing_else(desk_of: Any) -> None:
    desk = desk_of("CO")
    [invoice], [note] = desk.make("invoice"), desk.make("credit_note")
    assert invoice == note
    desk.stamp("credit_note", note)
    assert desk.look("credit_note", note)[note].remote is Remote.ACCEPTED
    assert desk.look("invoice", invoice)[invoice].remote is Remote.UNSTAMPED


def test_a_note_shows_what_it_follows(desk_of: Any) -> None:
    desk = desk_of("CR")
    [invoice] = desk.make("invoice")
    for kind in ("credit_note", "income_debit_note", "payment"):
        [one] = desk.make(kind, refers_to=[invoice])
        assert desk.look(kind, one)[one].follows == (invoice,)


# What the contract calls unknown: whatever it turns out to be, nothing is emitted twice and nobody is told a falsehood.


@pytest.mark.parametrize(("kind", "country"), BY_EDIT)
def test_an_edit_that_is_taken_and_ignored_never_reads_as_stamped(desk_of: Any, kind: str, country: str) -> None:
    desk = desk_of(country)
    desk.sandbox.faults.set(stamp_by_edit="ignored")
    [one] = desk.make(kind)
    outcome = desk.stamp(kind, one)[one]
    assert isinstance(outcome, Uncertain) or outcome.problem is None
    assert desk.look(kind, one)[one].remote is Remote.UNSTAMPED


@pytest.mark.parametrize(("told", "code"), [("refused", NO_SUCH_CALL), ("incomplete", "3007")])
def test_an_edit_that_is_refused_blames_the_document(desk_of: Any, told: str, code: str) -> None:
    desk = desk_of("MX")
    desk.sandbox.faults.set(stamp_by_edit=told)
    [one] = desk.make("global_invoice")
    outcome = desk.stamp("global_invoice", one)[one]
    assert (outcome.problem.code, outcome.problem.error_class) == (code, ErrorClass.DATA)
    assert not outcome.problem.blames_account


def test_a_stamp_call_that_answers_with_a_mere_message_is_asked_about(desk_of: Any) -> None:
    desk = desk_of("CR")
    desk.sandbox.faults.set(stamp_alone_answer="message")
    [one] = desk.make("payment")
    assert isinstance(desk.stamp("payment", one)[one], Uncertain)
    assert desk.look("payment", one)[one].remote is Remote.ACCEPTED


def test_a_list_that_does_not_know_ids_costs_single_reads_and_shows_the_same(desk_of: Any) -> None:
    desk = desk_of("CO")
    ids = desk.make("credit_note", 40)[35:]
    desk.sandbox.faults.set(id_lists="invoices")
    report = desk.api.read(desk.name, KINDS["credit_note"], ids)
    assert {each: seen.remote for each, seen in report.observations.items()} == dict.fromkeys(ids, Remote.UNSTAMPED)
    assert report.requests == 6


def test_a_kind_its_country_does_not_have_is_shown_as_foreign_and_asked_of_nobody(desk_of: Any) -> None:
    desk = desk_of("CO")
    before = desk.sandbox.stats()["requests_total"]
    shown = desk.look("global_invoice", "501")["501"]
    assert shown.remote is Remote.FOREIGN
    assert "México" in shown.reason
    assert desk.sandbox.stats()["requests_total"] == before


def test_a_vendor_debit_note_that_never_shows_a_code_is_never_believed(desk_of: Any) -> None:
    desk = desk_of("CO")
    desk.sandbox.faults.set(debit_note_stamp="absent")
    [one] = desk.make("debit_note")
    desk.stamp("debit_note", one)
    assert desk.look("debit_note", one)[one].remote is Remote.IN_PROCESS


def test_payments_of_a_list_that_ignores_dates_are_not_taken(desk_of: Any) -> None:
    desk = desk_of("MX")
    desk.make("payment", 3, issued=datetime.now(UTC).date() - timedelta(days=90))
    found, end = desk.api.drafts(desk.name, KINDS["payment"])
    assert (list(found), end) == ([], None)
