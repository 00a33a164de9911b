"""Asking for documents to be created, examining them, ending held ones by hand, and being called back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from tests.support.builders import ACCOUNT
from tests.support.creations import BODY, CreationHouse, Post, ScriptedCreations, creation_request
from tests.support.statements import recorded
from timbre_producers.contracts import Status
from timbre_producers.creations import CreateRequest, CreationStatus, NewDocument
from worker.emission.callbacks import CallingBack
from worker.emission.ports import Conflict
from worker.storage.backlog import look_at_backlog
from worker.storage.creation_callbacks import SqlCreationCallbacks
from worker.storage.creation_models import CreationRequest
from worker.storage.creation_queries import CreationQueries
from worker.storage.creation_rows import CREATION_EVENTS
from worker.storage.models import Emission, SetAside

OTHER: dict[str, Any] = {**BODY, "date": "2026-03-03"}


# Intake.


def test_the_same_request_twice_is_one_piece_of_work(house: CreationHouse) -> None:
    request = creation_request("INV-1", "INV-2")
    first, second = house.intake.accept(request), house.intake.accept(request)
    assert (first.queued, second.queued, second.repeated) == (2, 2, True)  # type: ignore[union-attr]
    assert len(house.events("INV-1")) == 1


def test_one_request_id_for_other_content_is_refused_and_seen(house: CreationHouse) -> None:
    request = creation_request("INV-1")
    house.intake.accept(request)
    other = request.model_copy(update={"documents": (NewDocument(reference="INV-9", body=BODY),)})
    assert isinstance(house.intake.accept(other), Conflict)
    assert "was used on" in house.refusals()[0]
    assert list(house.statuses()) == ["INV-1"]


def test_the_same_reference_with_the_same_body_is_the_same_creation_whoever_asks(house: CreationHouse) -> None:
    house.ask("INV-1")
    turned = {name: BODY[name] for name in reversed(BODY)}
    outcome = house.ask("INV-1", body=turned, requested_by="somebody else")
    assert (outcome.queued, outcome.known, dict(outcome.refused)) == (0, 1, {})


@pytest.mark.parametrize("when", ["queued", "on the wire", "created"])
def test_a_draft_that_is_asked_for_again_to_be_emitted_is_emitted(
    house: CreationHouse, alegra: ScriptedCreations, when: str
) -> None:
    house.ask("INV-1")
    if when == "on the wire":
        alegra.during_post = lambda: house.ask("INV-1", emit=True)
    elif when == "created":
        house.run()
    if when != "on the wire":
        house.ask("INV-1", emit=True)
    house.run()
    assert [emission.document_id for emission in house.emissions()] == [house.of("INV-1").document_id]
    assert alegra.posted == ["INV-1"]
    assert any("to be emitted, too" in event.reason for event in house.events("INV-1"))


def test_another_body_under_a_known_reference_is_refused_alone_and_seen(house: CreationHouse) -> None:
    house.ask("INV-1")
    documents = [NewDocument(reference="INV-1", body=OTHER), NewDocument(reference="INV-2", body=OTHER)]
    outcome = house.intake.accept(creation_request(documents=documents))
    assert (outcome.queued, list(outcome.refused)) == (1, ["INV-1"])  # type: ignore[union-attr]
    assert house.of("INV-1").body == BODY
    assert house.refusals() == [outcome.refused["INV-1"]]  # type: ignore[union-attr]
    assert "send the new document under a new reference" in house.refusals()[0]


def test_one_reference_for_two_bodies_in_one_request_is_refused_the_second_time(house: CreationHouse) -> None:
    documents = [NewDocument(reference="INV-1", body=BODY), NewDocument(reference="INV-1", body=OTHER)]
    outcome = house.intake.accept(creation_request(documents=documents))
    assert (outcome.queued, list(outcome.refused)) == (1, ["INV-1"])  # type: ignore[union-attr]
    assert house.of("INV-1").body == BODY


@pytest.mark.parametrize(
    "odd",
    [
        "a\x00b",
        "\u2028\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        10**300,
        1e-320,
        [],
        {"": None},
        "\\u0000 \\",
    ],
    ids=ascii,
)
def test_whatever_a_body_holds_is_kept_as_it_was(house: CreationHouse, odd: object) -> None:
    body = {**BODY, "notes": odd}
    assert house.ask("INV-1", body=body).queued == 1
    assert house.of("INV-1").body == body
    assert house.ask("INV-1", body=body).known == 1


def test_another_kind_or_account_may_have_the_same_reference(house: CreationHouse) -> None:
    house.ask("INV-1")
    assert house.ask("INV-1", kind="credit_note", body=OTHER).queued == 1
    assert house.ask("INV-1", account="other", body=OTHER).queued == 1


def test_a_rejected_creation_may_be_asked_for_again_with_a_corrected_body(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.INVALID]
    house.ask("INV-1")
    house.run()
    assert house.ask("INV-1", body=OTHER).queued == 1
    house.run()
    creation = house.of("INV-1")
    assert (creation.status, creation.body, creation.attempt) == (CreationStatus.CREATED, OTHER, 2)


def test_a_document_of_an_earlier_body_is_not_taken_for_the_corrected_one(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.INVALID]
    house.ask("INV-1")
    house.run()
    alegra.add("INV-1")
    house.ask("INV-1", body=OTHER)
    house.run()
    assert house.status("INV-1") is CreationStatus.HELD
    assert "another body was asked for since" in (house.of("INV-1").held_reason or "")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"account": "nobody"}, "account 'nobody' is not configured here"),
        ({"kind": "estimate"}, "kind 'estimate' cannot be created"),
        ({"kind": "global_invoice"}, "exists in México, and this account is of Colombia"),
    ],
)
def test_what_cannot_be_created_here_is_refused_with_the_reason(
    house: CreationHouse, change: dict[str, Any], sentence: str
) -> None:
    assert house.ask("INV-1", **change) is None
    assert sentence in house.refusals()[0]


def test_a_draft_of_what_its_creation_emits_is_refused(house: CreationHouse) -> None:
    house.country = "MX"
    assert house.ask("GI-1", kind="global_invoice") is None
    assert "is emitted by its creation" in house.refusals()[0]


def test_a_request_costs_as_many_statements_for_a_hundred_documents_as_for_one(
    house: CreationHouse, engine: Engine
) -> None:
    house.ask("WARM")
    counts = []
    for many in (["A"], [f"INV-{number}" for number in range(100)]):
        with recorded(engine) as statements:
            house.ask(*many)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_round_costs_as_many_statements_for_fifty_creations_as_for_five(house: CreationHouse, engine: Engine) -> None:
    counts = []
    for many in (5, 50):
        house.ask(*(f"INV-{many}-{number}" for number in range(many)))
        with recorded(engine) as statements:
            house.dispatch.round(ACCOUNT)
        counts.append(len(statements))
        house.run()
    assert counts[0] == counts[1]


def test_metrics_count_what_is_unfinished_and_the_posts_among_the_calls(
    house: CreationHouse, engine: Engine, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.NEVER]
    house.ask("INV-1")
    house.round()
    house.planned("INV-2")
    house.clock.advance(seconds=20)
    backlog = look_at_backlog(engine, house.clock.now())
    assert {status.value: count for status, count in backlog.creations.items() if count} == {
        "queued": 1,
        "uncertain": 1,
    }
    assert (backlog.waiting, backlog.on_the_wire, backlog.longest_wait) == (1, 0, timedelta(seconds=20))


def test_nothing_is_sent_before_its_time(house: CreationHouse, alegra: ScriptedCreations) -> None:
    house.ask("INV-1", not_before="2026-03-02T13:00:00+00:00")
    house.round()
    assert alegra.posted == []
    house.clock.advance(hours=1)
    house.run()
    assert alegra.posted == ["INV-1"]


# Pre-flight.


def test_what_pre_flight_is_certain_of_is_rejected_before_anything_is_sent_all_at_once(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    body = {name: BODY[name] for name in ("paymentForm", "paymentMethod")} | {"items": []}
    house.ask("INV-1", body=body)
    house.run()
    creation = house.of("INV-1")
    assert (creation.status, alegra.posted) == (CreationStatus.REJECTED, [])
    assert creation.problem is not None
    assert creation.problem.code == "preflight"
    assert "(1)" in creation.problem.message
    assert "(2)" in creation.problem.message
    findings = json.loads(house.events("INV-1")[-1].evidence)["preflight"]
    assert {"rule", "field", "value"} <= findings[0].keys()


def test_validate_false_sends_it_all_the_same_and_is_recorded(house: CreationHouse, alegra: ScriptedCreations) -> None:
    house.ask("INV-1", body={"items": [], "client": {"id": "77"}}, validate=False)
    house.run()
    assert alegra.posted == ["INV-1"]
    told = " ".join(event.reason for event in house.events("INV-1"))
    assert "validate: false" in told
    assert "goes unvalidated, with" in told


# People.


def test_a_held_one_is_ended_by_a_person_with_a_reason_and_once(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.STAMP_FAILED_LEAVING_NONE] * 3
    house.ask("INV-1", "INV-2", "INV-3", emit=True)
    house.run()
    assert set(house.statuses().values()) == {CreationStatus.HELD}
    people = {"actor": "ana@host", "reason": "looked in Alegra"}
    adopted = house.operations.adopt(ACCOUNT, "invoice", "INV-1", "77", **people)
    (again,) = house.operations.release(ACCOUNT, "invoice", ["INV-1"], **people)
    (cancelled,) = house.operations.cancel(ACCOUNT, "invoice", ["INV-2"], **people)
    (released,) = house.operations.release(ACCOUNT, "invoice", ["INV-3"], **people)
    assert [each.done for each in (adopted, again, cancelled, released)] == [True, False, True, True]
    house.run()
    assert {reference: status.value for reference, status in house.statuses().items()} == {
        "INV-1": "created",
        "INV-2": "cancelled",
        "INV-3": "created",
    }
    assert sorted(emission.document_id for emission in house.emissions()) == ["501", "77"]
    assert house.events("INV-1")[-1].actor == "ana@host"


def test_a_held_one_is_not_cancelled_without_a_reason_nor_one_in_flight_at_all(
    house: CreationHouse, alegra: ScriptedCreations
) -> None:
    alegra.posts = [Post.LOST]
    house.ask("INV-1")
    house.round()
    (verdict,) = house.operations.cancel(ACCOUNT, "invoice", ["INV-1"], actor="ana", reason="no longer wanted")
    assert (verdict.done, verdict.status) == (False, CreationStatus.UNCERTAIN)
    (unknown,) = house.operations.cancel(ACCOUNT, "invoice", ["INV-9"], actor="ana", reason="no longer wanted")
    assert (unknown.done, unknown.status) == (False, None)


def test_the_history_of_creations_cannot_be_rewritten(house: CreationHouse, engine: Engine) -> None:
    house.ask("INV-1")
    with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
        connection.execute(update(CREATION_EVENTS).values(reason="nothing happened"))


def test_people_can_ask_for_creations_by_status_request_and_reference(house: CreationHouse, engine: Engine) -> None:
    request = creation_request("INV-1", "INV-2")
    house.intake.accept(request)
    house.ask("INV-1", "INV-3")
    house.run()
    queries = CreationQueries(engine)
    request_id = str(request.request_id)
    assert len(queries.creations(status=CreationStatus.CREATED)) == 3
    assert {view.reference for view in queries.creations(request_ids=[request_id])} == {"INV-1", "INV-2"}
    assert [view.reference for view in queries.of_requests([request_id])] == ["INV-1", "INV-2"]
    (view,) = queries.named(["INV-3"], account=ACCOUNT, kind="invoice")
    assert (view.body, view.status) == (BODY, CreationStatus.CREATED)
    assert [event.to_status for event in queries.history(view.id)] == ["queued", "creating", "created"]
    (asked,) = queries.requests([request_id])
    assert (asked.documents, asked.queued) == (("INV-1", "INV-2"), 2)
    (count,) = queries.counts()
    assert (count.account, count.status, count.documents) == (ACCOUNT, CreationStatus.CREATED, 3)


# Callbacks.


class Mailbox:
    """Implements `Postman`."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []

    def post(self, url: str, body: dict[str, Any]) -> str | None:
        del url
        self.received.append(json.loads(json.dumps(body)))
        return None


def test_a_producer_is_called_back_once_when_all_is_created_and_emitted(
    house: CreationHouse, engine: Engine, alegra: ScriptedCreations
) -> None:
    mailbox = Mailbox()
    calling_back = CallingBack(SqlCreationCallbacks(engine), mailbox, house.clock)
    alegra.posts = [Post.HONEST, Post.INVALID]
    house.ask("INV-3")
    house.run()
    documents = [NewDocument(reference=each, body=BODY) for each in ("INV-1", "INV-2")]
    documents.append(NewDocument(reference="INV-3", body=OTHER))
    request = creation_request(documents=documents, emit=True, callback_url="https://example.com/done")
    house.intake.accept(request)
    assert calling_back.round() == 0
    house.run()
    house.clock.advance(seconds=60)
    assert calling_back.round() == 0, "one of them is still to be emitted"
    with engine.begin() as connection:
        connection.execute(update(Emission).values(status=Status.STAMPED, fiscal_code="c" * 96))
    house.clock.advance(seconds=60)
    assert calling_back.round() == 1
    assert calling_back.round() == 0
    (received,) = mailbox.received
    told = {each["reference"]: each for each in received["documents"]}
    assert received["request_id"] == str(request.request_id)
    assert {reference: each["status"] for reference, each in told.items()} == {
        "INV-1": "rejected",
        "INV-2": "created",
        "INV-3": "refused",
    }
    assert told["INV-1"]["error_code"] == "3003"
    assert told["INV-2"]["emission"]["status"] == "stamped"
    with engine.begin() as connection:
        assert connection.execute(select(CreationRequest.called_back_at)).scalars().all()[-1] is not None


def test_a_message_nobody_can_read_is_kept_without_the_secrets_in_it(house: CreationHouse, engine: Engine) -> None:
    house.intake.aside.unreadable("not the contract's", '{"url": "https://ana:geheim@example.com"}')
    with engine.begin() as connection:
        (kept,) = connection.execute(select(SetAside.body)).scalars()
    assert "geheim" not in kept
    assert CreateRequest.TASK == "timbre.create"
