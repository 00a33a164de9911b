"""What people ask of the tables, answered on each engine Timbre runs on."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_problem, a_request, code_of, ids, seen
from tests.support.house import House, engine_on
from timbre_producers.contracts import Status
from worker.emission.observation import Remote
from worker.emission.outcomes import ErrorClass
from worker.storage.queries import Queries
from worker.storage.session import reading
from worker.storage.views import EmissionView

CONTRACT = [
    "id",
    "account",
    "kind",
    "document_id",
    "status",
    "attempt",
    "fiscal_code",
    "fiscal_code_type",
    "document_number",
    "legal_status",
    "stamped_at",
    "error_class",
    "error_code",
    "error_message",
    "next_read_at",
    "reads",
    "batch_id",
    "request_id",
    "requested_by",
    "priority",
    "not_before",
    "created_at",
    "updated_at",
]


@pytest.fixture
def queries(engine: Engine) -> Queries:
    return Queries(engine)


def test_a_view_of_an_emission_has_the_contracts_columns_under_their_names() -> None:
    assert [column.name for column in fields(EmissionView)][: len(CONTRACT)] == CONTRACT


def test_counts_are_per_account_and_status_with_the_oldest(house: House, queries: Queries) -> None:
    house.ask("501", "502")
    house.clock.advance(hours=1)
    house.ask("503")
    house.requests.accept(a_request("501", account="other"), house.clock.now())
    found = {(each.account, each.status): (each.documents, each.oldest) for each in queries.counts()}
    assert found == {
        (ACCOUNT, Status.QUEUED): (3, NOON),
        ("other", Status.QUEUED): (1, NOON + timedelta(hours=1)),
    }
    assert [each.account for each in queries.counts(account="other")] == ["other"]
    assert queries.counts(kind="payment") == []


def test_documents_are_found_by_account_status_and_id_newest_first(house: House, queries: Queries) -> None:
    house.send("501", "502")
    house.run()
    house.ask("503")
    house.requests.accept(a_request("501", account="other"), house.clock.now())
    stamped = queries.emissions(account=ACCOUNT, status=Status.STAMPED)
    assert {(each.document_id, each.fiscal_code) for each in stamped} == {(each, code_of(each)) for each in ids(2)}
    assert [each.account for each in queries.named(["501"], account="other")] == ["other"]
    assert len(queries.named(["501", "501", "999"])) == 2
    assert [each.document_id for each in queries.emissions(status=Status.QUEUED, account=ACCOUNT, limit=1)] == ["503"]


def test_a_requests_documents_come_in_the_order_it_named_them_whoever_asked_last(
    house: House, queries: Queries
) -> None:
    first = a_request("503", "501", "502")
    house.intake.accept(first)
    house.ask("501")
    found = queries.of_requests([str(first.request_id)])
    assert [each.document_id for each in found] == ["503", "501", "502"]
    assert queries.of_requests([str(uuid.uuid4())]) == []


def test_a_document_of_two_requests_is_listed_once(house: House, queries: Queries) -> None:
    requests = [a_request("501", "502"), a_request("502", "503")]
    for each in requests:
        house.intake.accept(each)
    found = queries.of_requests([str(each.request_id) for each in requests])
    assert sorted(each.document_id for each in found) == ["501", "502", "503"]


def test_a_request_shows_where_its_documents_stand_now(house: House, queries: Queries) -> None:
    house.send("501", "502")
    house.run()
    later = a_request("502", "503", requested_by="erp")
    house.intake.accept(later)
    newest, oldest = queries.requests()
    assert (newest.request_id, newest.requested_by, newest.documents) == (str(later.request_id), "erp", 2)
    assert newest.states == {"stamped": 1, "queued": 1}
    assert oldest.states == {"stamped": 2}
    assert (newest.queued, newest.known) == (1, 1)
    assert queries.asked_for([newest.request_id, str(uuid.uuid4())]) == {newest.request_id: ("502", "503")}


def test_messages_set_aside_come_with_their_reason(house: House, queries: Queries) -> None:
    house.intake.aside.unreadable("document_ids is missing", '{"args": []}')
    refused = a_request("501", account="nobody")
    house.intake.accept(refused)
    newest, oldest = queries.set_aside()
    assert (newest.cause, newest.request_id) == ("refused", str(refused.request_id))
    assert (oldest.cause, oldest.reason, oldest.request_id) == ("unreadable", "document_ids is missing", None)
    assert [each.cause for each in queries.refusals([str(refused.request_id)])] == ["refused"]


def test_a_history_has_every_step_with_actor_and_evidence_and_the_batch_its_answer(
    house: House, queries: Queries
) -> None:
    batch_id = house.send("501")
    house.run()
    (emission,) = queries.named(["501"])
    events = queries.history(emission.id)
    assert [event.to_status for event in events] == ["queued", "emitting", "confirming", "stamped"]
    assert events[0].actor == "billing"
    assert events[2].evidence["outcome"] == "Answered"
    (batch,) = queries.batches([batch_id])
    assert (batch.state, batch.http_status, batch.answer) == ("answered", 200, "what Alegra answered")


def test_a_held_document_is_an_open_alert_until_it_is_moved(engine: Engine, queries: Queries) -> None:
    alegra = ScriptedAlegra()
    house = House(engine, alegra)
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    alegra.shown["501"] = seen("501", Remote.MISSING)
    house.read("501")
    (alert,) = queries.alerts(now=house.clock.now())
    assert (alert.document_id, alert.status) == ("501", "held")
    assert "missing" in alert.reason
    assert queries.alerts(account="other", now=house.clock.now()) == []
    house.ask("501", force={"reason": "it is there again"})
    assert queries.alerts(now=house.clock.now()) == []


def test_a_discrepancy_is_an_open_alert_for_a_week(house: House, queries: Queries) -> None:
    house.send("501")
    house.run()
    house.ledger.note(house.work("501"), "discrepancy: a late answer", {}, house.clock.now(), actor="w", alert=True)
    assert [each.reason for each in queries.alerts(now=house.clock.now())] == ["discrepancy: a late answer"]
    assert queries.alerts(now=house.clock.now() + timedelta(days=8)) == []


def test_accounts_show_their_pause_and_the_quota_last_seen(house: House, queries: Queries) -> None:
    house.pauses.pause(ACCOUNT, a_problem(ErrorClass.CONFIGURATION, code="402", message="plan limit"))
    house.accounts.remember_quota(ACCOUNT, limit=150, remaining=9, now=NOON)
    (account,) = queries.accounts()
    assert (account.pause_code, account.pause_reason, account.paused_at) == ("402", "plan limit", NOON)
    assert (account.quota_limit, account.quota_remaining) == (150, 9)


def test_the_newest_night_of_each_account_is_shown(house: House, queries: Queries) -> None:
    for day in (NOON.date(), NOON.date() - timedelta(days=1)):
        house.nights.open(ACCOUNT, day, lease_until=NOON, now=NOON)
    house.nights.finish(ACCOUNT, NOON.date(), found=7, enqueued=5, now=NOON)
    night = queries.last_nights([ACCOUNT, "other"])[ACCOUNT]
    assert (night.local_date, night.found, night.enqueued) == (NOON.date(), 7, 5)


def test_a_query_cannot_write_on_postgresql(postgres_url: str) -> None:
    with (
        engine_on(postgres_url) as engine,
        pytest.raises(DBAPIError, match="read-only"),
        reading(engine) as connection,
    ):
        connection.execute(text("DELETE FROM set_aside"))
