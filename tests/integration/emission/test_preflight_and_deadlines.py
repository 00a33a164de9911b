"""Pre-flight and deadlines of law on their way through the verbs and the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_policy, seen
from tests.support.fakes import FakeClock
from tests.support.house import House
from tests.support.papers import paper
from timbre_producers.contracts import Status
from worker.alegra.drafts import draft_shown
from worker.storage.queries import Queries

SEND_BY = datetime(2026, 3, 6, 5, tzinfo=UTC)
"""A factura dated 2 March in Lima."""


@pytest.fixture
def lima(engine: Engine, alegra: ScriptedAlegra, clock: FakeClock) -> House:
    alegra.shown["501"] = seen("501", draft=draft_shown(paper("PE"), "PE", "invoice"))
    return House(engine, alegra, clock=clock, policy=a_policy(country="PE"))


def alerts(house: House) -> list[tuple[str, str]]:
    found = Queries(house.engine).alerts(now=house.clock.now())
    return [(each.document_id, each.reason) for each in found]


def test_a_document_nobody_sends_is_told_of_once_a_day_before_its_time_is_over(lima: House, clock: FakeClock) -> None:
    lima.ask("501")
    lima.read("501")
    assert (lima.work("501").send_by, lima.work("501").warn_at) == (SEND_BY, SEND_BY - timedelta(days=1))
    assert lima.sweep.round().late == 0
    clock.advance(seconds=(SEND_BY - timedelta(days=1) - NOON).total_seconds())
    assert lima.sweep.round().late == 1
    assert lima.sweep.round().late == 0
    [(document_id, reason)] = alerts(lima)
    assert document_id == "501"
    assert (
        "the law lets it be sent until 2026-03-06 05:00 UTC, and it has not been: The SUNAT takes a factura" in reason
    )
    assert "R.S. 000003-2023" in reason
    # Looked at again, it is not told of again.
    lima.reading.run(ACCOUNT, "invoice", ["501"])
    assert lima.work("501").warn_at is None


def test_a_document_that_was_sent_is_not_told_of(lima: House, clock: FakeClock) -> None:
    lima.run_to_the_end("501")
    assert lima.status("501") is Status.STAMPED
    clock.advance(days=10)
    assert lima.sweep.round().late == 0
    assert Queries(lima.engine).deadlines() == []


def test_a_document_whose_answer_was_lost_is_told_of_for_nobody_knows_that_it_was_sent(
    lima: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    lima.send("501")
    assert lima.status("501") is Status.UNCERTAIN
    [deadline] = Queries(lima.engine).deadlines(ACCOUNT)
    assert (deadline.account, deadline.documents, deadline.first) == (ACCOUNT, 1, SEND_BY)
    clock.advance(days=4)
    assert lima.sweep.round().late == 1


def test_asked_again_a_deadline_is_learnt_anew(lima: House, alegra: ScriptedAlegra) -> None:
    bad = paper("PE", {"client.identificationObject.number": "20131312956"})
    alegra.shown["501"] = seen("501", draft=draft_shown(bad, "PE", "invoice"))
    lima.run_to_the_end("501")
    assert (lima.status("501"), alegra.calls) == (Status.REJECTED, [])
    assert lima.work("501").problem is not None
    alegra.shown["501"] = seen("501", draft=draft_shown(paper("PE", {"date": "2026-03-01"}), "PE", "invoice"))
    lima.run_to_the_end("501")
    assert (lima.status("501"), alegra.executed["501"]) == (Status.STAMPED, 1)


@pytest.mark.parametrize(("validate", "status", "calls"), [(True, Status.REJECTED, 0), (False, Status.STAMPED, 1)])
def test_who_insists_sends_what_pre_flight_rejects_and_it_is_written_down(
    lima: House, alegra: ScriptedAlegra, validate: bool, status: Status, calls: int
) -> None:
    changes: dict[str, Any] = {"client.identificationObject.number": "20131312956"}
    alegra.shown["501"] = seen("501", draft=draft_shown(paper("PE", changes), "PE", "invoice"))
    lima.run_to_the_end("501", validate=validate)
    assert (lima.status("501"), len(alegra.calls)) == (status, calls)
    [request] = Queries(lima.engine).requests()
    [emission] = Queries(lima.engine).named(["501"])
    assert (request.preflight, emission.preflight) == (validate, validate)
    assert ("--no-validate" in lima.events("501")[0].reason) is not validate
