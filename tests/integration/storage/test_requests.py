"""Requests written down: once, whoever sends them how often, and what they queue."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, select

from tests.support.alegra import loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_problem, a_request, ids
from tests.support.house import House
from tests.support.statements import recorded
from tests.support.together import together
from timbre_producers.contracts import Force, Priority, Status
from worker.emission.ports import Accepted, Conflict
from worker.emission.work import Move, Work, enter
from worker.observability import Secrets
from worker.storage.ledger import SqlLedger
from worker.storage.models import Emission, EmissionEvent, Request, SetAside
from worker.storage.requests import SqlRequests


def rows(engine: Engine, table: type[Any] = Emission) -> list[Row[Any]]:
    with engine.begin() as connection:
        return list(connection.execute(select(table.__table__)))


def row(engine: Engine, document_id: str = "501") -> Row[Any]:
    (found,) = [each for each in rows(engine) if each.document_id == document_id]
    return found


def bring(ledger: SqlLedger, document_id: str, status: Status, **changes: Any) -> Work:
    """Put a document into a status, by way of the lifecycle or not."""
    (work,) = ledger.works(ACCOUNT, "invoice", [document_id])
    through = {
        Status.UNCERTAIN: [Status.EMITTING],
        Status.CONFIRMING: [Status.EMITTING],
    }.get(status, [])
    for step in [*through, status]:
        move = Move(work, enter(work, step, NOON, **(changes if step is status else {})), "arranged by the test")
        assert ledger.apply([move], NOON, actor="test")
        work = move.after
    return work


def test_new_documents_are_queued_and_their_look_is_due_at_once(requests: SqlRequests, engine: Engine) -> None:
    request = a_request("501", "502")
    assert requests.accept(request, NOON) == Accepted(str(request.request_id), queued=2, known=0)
    for each in rows(engine):
        assert (each.status, each.next_read_at, each.attempt) == ("queued", NOON, 0)
        assert (each.request_id, each.requested_by, each.account) == (str(request.request_id), "billing", ACCOUNT)


def test_the_same_request_twice_is_one_piece_of_work(requests: SqlRequests, engine: Engine) -> None:
    request = a_request("501", "502")
    first = requests.accept(request, NOON)
    again = requests.accept(request, NOON + timedelta(minutes=5))
    assert again == Accepted(str(request.request_id), queued=2, known=0, repeated=True)
    assert isinstance(first, Accepted)
    assert len(rows(engine)) == 2
    assert len(rows(engine, EmissionEvent)) == 2


def test_a_request_that_comes_again_after_its_document_was_rejected_queues_nothing(
    requests: SqlRequests, ledger: SqlLedger, engine: Engine
) -> None:
    request = a_request("501")
    requests.accept(request, NOON)
    bring(ledger, "501", Status.REJECTED)
    requests.accept(request, NOON)
    assert row(engine).status == "rejected"


def test_the_same_id_with_other_content_is_refused_and_changes_nothing(requests: SqlRequests, engine: Engine) -> None:
    request_id = uuid.uuid4()
    requests.accept(a_request("501", request_id=request_id), NOON)
    refused = requests.accept(a_request("502", request_id=request_id), NOON)
    assert isinstance(refused, Conflict)
    assert "billing" in refused.reason
    assert [each.document_id for each in rows(engine)] == ["501"]


def test_the_same_request_from_many_at_once_is_one_piece_of_work(requests: SqlRequests, engine: Engine) -> None:
    request = a_request(*ids(20))
    outcomes = together([lambda: requests.accept(request, NOON)] * 4)
    assert sorted(isinstance(each, Accepted) and each.repeated for each in outcomes) == [False, True, True, True]
    assert len(rows(engine)) == 20


def test_documents_in_common_are_queued_by_one_request_only(requests: SqlRequests, engine: Engine) -> None:
    mine, other = a_request(*ids(30, 501)), a_request(*ids(30, 516))
    outcomes = together([lambda: requests.accept(mine, NOON), lambda: requests.accept(other, NOON)])
    assert sum(getattr(each, "queued", 0) for each in outcomes) == 45
    assert sum(getattr(each, "known", 0) for each in outcomes) == 15
    assert len(rows(engine)) == 45


def test_the_split_of_queued_and_known_is_told_and_remembered(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501"), NOON)
    request = a_request("501", "502", "503")
    assert requests.accept(request, NOON) == Accepted(str(request.request_id), queued=2, known=1)
    (remembered,) = [each for each in rows(engine, Request) if each.request_id == str(request.request_id)]
    assert (remembered.queued, remembered.known) == (2, 1)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_what_ended_unsent_is_queued_anew_when_asked_again(
    requests: SqlRequests, ledger: SqlLedger, engine: Engine, status: Status
) -> None:
    requests.accept(a_request("501"), NOON)
    bring(ledger, "501", status, problem=a_problem())
    later = NOON + timedelta(hours=1)
    assert requests.accept(a_request("501", requested_by="someone"), later).queued == 1  # type: ignore[union-attr]
    again = row(engine)
    assert (again.status, again.next_read_at, again.requested_by) == ("queued", later, "someone")
    assert (again.error_class, again.error_code, again.error_message) == (None, None, None)
    assert (again.batch_id, again.looked_at, again.ready_at, again.split_from) == (None, None, None, None)


@pytest.mark.parametrize(
    "status", [Status.QUEUED, Status.EMITTING, Status.CONFIRMING, Status.WAITING, Status.UNCERTAIN, Status.STAMPED]
)
def test_what_is_on_its_way_or_stamped_is_known_and_left_alone_even_by_force(
    requests: SqlRequests, ledger: SqlLedger, engine: Engine, status: Status
) -> None:
    requests.accept(a_request("501"), NOON)
    if status is not Status.QUEUED:
        bring(ledger, "501", status)
    before = row(engine)
    outcome = requests.accept(a_request("501", force=Force(reason="the customer waits")), NOON)
    assert isinstance(outcome, Accepted)
    assert (outcome.queued, outcome.known) == (0, 1)
    assert row(engine) == before


def test_a_held_document_is_left_to_a_person_unless_forced(
    requests: SqlRequests, ledger: SqlLedger, engine: Engine
) -> None:
    requests.accept(a_request("501"), NOON)
    bring(ledger, "501", Status.HELD, held_reason="no verdict")
    assert requests.accept(a_request("501"), NOON).queued == 0  # type: ignore[union-attr]
    assert row(engine).status == "held"
    forced = a_request("501", requested_by="ana", force=Force(reason="checked at the DIAN"))
    assert requests.accept(forced, NOON).queued == 1  # type: ignore[union-attr]
    again = row(engine)
    assert (again.status, again.held_reason, again.ready_at) == ("queued", None, None)
    assert again.next_read_at == NOON
    last = rows(engine, EmissionEvent)[-1]
    assert (last.actor, last.from_status, last.to_status) == ("ana", "held", "queued")
    assert "checked at the DIAN" in last.reason


def test_force_on_a_settling_document_is_refused_in_writing(house: House, engine: Engine) -> None:
    alegra = house.stamping._api
    alegra.fates.append(loses_the_answer(executes=True))  # type: ignore[attr-defined]
    house.send("501")
    assert house.status("501") is Status.UNCERTAIN
    house.ask("501", requested_by="ana", force=Force(reason="impatient"))
    assert house.status("501") is Status.UNCERTAIN
    last = rows(engine, EmissionEvent)[-1]
    assert (last.actor, last.to_status) == ("ana", None)
    assert "force refused" in last.reason


def test_high_priority_raises_what_is_already_queued_and_never_lowers(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501", "502"), NOON)
    requests.accept(a_request("501", priority=Priority.HIGH), NOON)
    requests.accept(a_request("501"), NOON)
    assert (row(engine, "501").priority, row(engine, "502").priority) == ("high", "normal")


def test_high_priority_does_not_reach_documents_of_other_accounts(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501", account="other"), NOON)
    requests.accept(a_request("501", priority=Priority.HIGH), NOON)
    assert {each.account: each.priority for each in rows(engine)} == {"other": "normal", ACCOUNT: "high"}


def test_the_same_id_in_another_account_is_another_document(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501"), NOON)
    assert requests.accept(a_request("501", account="other"), NOON).queued == 1  # type: ignore[union-attr]
    assert len(rows(engine)) == 2


def test_nothing_is_looked_at_before_its_time(requests: SqlRequests, engine: Engine) -> None:
    tomorrow = NOON + timedelta(days=1)
    requests.accept(a_request("501", not_before=tomorrow), NOON)
    requests.accept(a_request("502", not_before=NOON - timedelta(days=1)), NOON)
    assert (row(engine, "501").next_read_at, row(engine, "502").next_read_at) == (tomorrow, NOON)


def test_a_thousand_documents_cost_as_many_statements_as_one(requests: SqlRequests, engine: Engine) -> None:
    counts = []
    for size, start in ((1, 1), (1000, 10_000)):
        with recorded(engine) as statements:
            requests.accept(a_request(*ids(size, start), priority=Priority.HIGH), NOON)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert len(rows(engine)) == 1001


def test_ids_of_every_form_survive(requests: SqlRequests, engine: Engine) -> None:
    every = ("1", "0190f3a2-7c3e-7cc2-98c4-dc0c0c07398f", "A-1", "9" * 36)
    requests.accept(a_request(*every), NOON)
    assert {each.document_id for each in rows(engine)} == set(every)


@pytest.mark.parametrize("text", ["Peña & Ñoño S.A.S. 你好 🎉", 'it\'s "quoted" \\ {json: [1]}', "%s $1 :x"])
def test_text_of_every_kind_survives(requests: SqlRequests, engine: Engine, text: str) -> None:
    requests.accept(a_request("501", requested_by=text), NOON)
    assert row(engine).requested_by == text
    assert rows(engine, EmissionEvent)[-1].actor == text


def test_statuses_and_priorities_are_stored_by_their_value(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501", priority=Priority.HIGH), NOON)
    with engine.begin() as connection:
        stored = connection.exec_driver_sql("SELECT status, priority FROM emissions").one()
    assert tuple(stored) == ("queued", "high")


def test_an_account_is_remembered_with_its_first_request(requests: SqlRequests, engine: Engine) -> None:
    requests.accept(a_request("501"), NOON)
    requests.accept(a_request("502"), NOON)
    with engine.begin() as connection:
        accounts = connection.exec_driver_sql("SELECT account FROM accounts_state").all()
    assert [tuple(each) for each in accounts] == [(ACCOUNT,)]


def test_what_cannot_be_accepted_is_set_aside_in_bounds(requests: SqlRequests, engine: Engine) -> None:
    requests.set_aside(cause="unreadable", reason="no ids", body="x" * 100_000, request_id=None, now=NOON)
    (kept,) = rows(engine, SetAside)
    assert (kept.cause, kept.reason, kept.received_at) == ("unreadable", "no ids", NOON)
    assert 1000 < len(kept.body) < 100_000


def test_a_document_that_was_looked_at_and_asked_again_is_looked_at_again(house: House) -> None:
    house.ask("501")
    house.read("501")
    assert house.work("501").ready_at is not None
    work = house.work("501")
    house.ledger.apply([Move(work, enter(work, Status.CANCELLED, NOON), "withdrawn")], NOON, actor="ana")
    house.ask("501")
    assert (house.work("501").ready_at, house.work("501").looked_at) == (None, None)


def test_no_token_and_no_password_is_kept_of_a_message_that_was_set_aside(
    requests: SqlRequests, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Secrets()
    known.hide("0123456789abcdefcafe")
    monkeypatch.setattr("worker.storage.text.SECRETS", known)
    message = {"callback_url": "https://ana:s3cr3t@example.com/x", "token": "0123456789abcdefcafe", "account": "acme"}
    body = json.dumps({"args": [message, json.dumps(message)], "kwargs": {}})
    requests.set_aside(cause="unreadable", reason=f"odd: {body}", body=body, request_id=None, now=NOON)
    (kept,) = rows(engine, SetAside)
    assert "acme" in kept.body
    assert "example.com/x" in kept.body
    for secret in ("s3cr3t", "cafe"):
        assert secret not in kept.reason + kept.body


def test_one_found_bad_alone_rides_with_everybody_again_when_it_is_corrected(house: House) -> None:
    house.ask("501")
    bring(house.ledger, "501", Status.REJECTED, split_from="b0", batch_limit=1, batch_refused=True)
    house.ask("501")
    work = house.work("501")
    assert (work.split_from, work.batch_limit, work.batch_refused) == (None, 10, False)


def test_an_urgent_request_changes_nothing_of_what_has_ended(house: House) -> None:
    house.ask("501")
    bring(house.ledger, "501", Status.STAMPED)
    before = house.work("501")
    house.ask("501", priority=Priority.HIGH)
    assert house.work("501") == before


def test_a_message_with_unstorable_text_is_set_aside_and_not_retried_for_ever(
    requests: SqlRequests, engine: Engine
) -> None:
    odd = "x\x00y \ud800z ñ"
    requests.set_aside(cause="unreadable", reason=odd, body=odd, request_id=odd * 30, now=NOON)
    (kept,) = rows(engine, SetAside)
    assert kept.body.endswith("ñ")
    assert len(kept.request_id) == 64
