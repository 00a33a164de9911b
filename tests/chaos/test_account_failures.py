"""An account that Alegra refuses as a whole is paused, not burned, and comes back by itself or when told (rule 10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer
from worker.storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class Failure:
    """How Alegra refuses an account, and what must be told."""

    fault: str
    details: Mapping[str, Any]
    code: str
    """What the pause names."""
    spent: bool = False
    """The refusal stands in rows of an answer: the documents of those calls were on the wire."""


FAILURES: Final = {
    "expired-token": Failure("unauthorized", {"on": "any"}, "401"),
    "token-that-only-reads": Failure("unauthorized", {"on": "stamp"}, "401"),
    "plan-limit": Failure("payment_required", {"on": "any", "code": "900"}, "900"),
    "plan-that-only-reads": Failure("payment_required", {"on": "stamp", "code": "907"}, "907"),
    "no-permission": Failure("forbidden", {"on": "any"}, "403"),
    "certificate": Failure(
        "error_row", {"code": 3051, "message": "AEP1001 El certificado no es válido"}, "AEP1001", spent=True
    ),
}

COUNT: Final = 12


def scene(
    factory: pytest.TempPathFactory, postgres: PostgresServer, *, probe_every: str, accounts: Sequence[str]
) -> Iterator[Machine]:
    """Two workers and a beat, and what `accounts` there are."""
    url = postgres.new_database(postgres.template("migrated", upgrade))
    broker = ValkeyServer()
    broker.start()
    try:
        with a_machine(factory.mktemp("accounts"), redis_url=broker.url, database_url=url) as machine:
            machine.environ["TIMBRE_PROBE_EVERY"] = probe_every
            for account in accounts:
                machine.add_account(account)
            machine.start_beat()
            for _ in range(2):
                machine.start_worker()
            yield machine
    finally:
        broker.close()
        postgres.drop_database(url)


@pytest.fixture(scope="module")
def probing(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Machine]:
    """Each failing account has a healthy one beside it."""
    accounts = [*FAILURES, "numbering", *(f"beside-{each}" for each in (*FAILURES, "numbering"))]
    yield from scene(tmp_path_factory, postgres, probe_every="1", accounts=accounts)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Machine]:
    """No probe comes by itself while these tests last."""
    yield from scene(tmp_path_factory, postgres, probe_every="3600", accounts=list(FAILURES))


def pause_of(machine: Machine, account: str) -> Any:
    """The account's row while it is paused."""
    rows = machine.sql(
        "SELECT * FROM accounts_state WHERE account = :account AND paused_at IS NOT NULL", account=account
    )
    return rows[0] if rows else None


def rows_of(machine: Machine, account: str) -> Sequence[Any]:
    return machine.sql("SELECT * FROM emissions WHERE account = :account ORDER BY id", account=account)


def calls_of(machine: Machine, account: str) -> list[dict[str, Any]]:
    return [call for call in machine.sandbox.calls() if call["account"] == account]


def paused(machine: Machine, account: str) -> Any:
    """The account's row as soon as it is paused."""
    seen = []

    def happened() -> bool:
        seen.append(pause_of(machine, account))
        return seen[-1] is not None

    await_that(happened, machine.logs)
    return seen[-1]


def is_refused(machine: Machine, account: str, failure: Failure) -> list[str]:
    """Ask for documents of an account that Alegra refuses, and wait until it rests with every one of them queued."""
    machine.sandbox.faults.set({failure.fault: {**failure.details, "account": account}})
    ids = machine.sandbox.add_drafts(account, COUNT)
    machine.client.emit(ids, account=account)
    pause = paused(machine, account)
    assert failure.code in f"{pause.pause_code} {pause.pause_reason}"
    await_that(
        lambda: {row.status for row in rows_of(machine, account) if row.document_id in ids} == {"queued"}, machine.logs
    )
    return ids


@pytest.mark.parametrize("account", FAILURES)
def test_a_refused_account_rests_with_its_reason_and_resumes_by_itself(probing: Machine, account: str) -> None:
    machine, failure = probing, FAILURES[account]
    ids = is_refused(machine, account, failure)
    others = machine.sandbox.add_drafts(f"beside-{account}", COUNT)
    machine.client.emit(others, account=f"beside-{account}")
    machine.await_end(f"beside-{account}", others)
    at_rest = len(calls_of(machine, account))
    asked = machine.sandbox.stats()["requests_by_account"][account]
    # Until it was probed a few times, in vain.
    await_that(lambda: machine.sandbox.stats()["requests_by_account"][account] >= asked + 4, machine.logs)
    assert machine.sandbox.ledger(account) == []
    rows = rows_of(machine, account)
    assert {row.status for row in rows} <= {"queued", "emitting", "confirming"}
    if not failure.spent:
        assert {row.attempt for row in rows if row.status == "queued"} == {0}
    if failure.code not in {"401", "403"}:
        # What refuses credentials is disproved by a read; everything else by one document at a time.
        assert {len(call["ids"]) for call in calls_of(machine, account)[at_rest:]} <= {1}
    machine.sandbox.faults.clear()
    machine.await_end(account, ids)
    machine.judge(account, ids)
    await_that(lambda: pause_of(machine, account) is None, machine.logs)
    machine.judge(f"beside-{account}", others)


def test_a_numbering_that_ends_in_the_middle_of_a_batch_costs_no_document(probing: Machine) -> None:
    machine, account = probing, "numbering"
    ids = machine.sandbox.add_drafts(account, COUNT)
    machine.sandbox.add_account(account, country="colombia", numbers_left=5)
    machine.client.emit(ids, account=account)
    assert "AEP6011" in paused(machine, account).pause_reason
    await_that(
        lambda: sorted(row.status for row in rows_of(machine, account)) == ["queued"] * 7 + ["stamped"] * 5,
        machine.logs,
    )
    at_rest = len(calls_of(machine, account))
    await_that(lambda: len(calls_of(machine, account)) >= at_rest + 2, machine.logs)
    assert {len(call["ids"]) for call in calls_of(machine, account)[at_rest:]} == {1}
    machine.sandbox.add_account(account, country="colombia", numbers_left=1000)
    machine.await_end(account, ids)
    machine.judge(account, ids)
    await_that(lambda: pause_of(machine, account) is None, machine.logs)


@pytest.mark.parametrize("account", FAILURES)
def test_a_refused_account_resumes_when_it_is_told_to(told: Machine, account: str) -> None:
    machine = told
    ids = is_refused(machine, account, FAILURES[account])
    machine.sandbox.faults.clear()
    said = machine.timbre("resume", account)
    assert said.returncode == 0, said
    machine.await_end(account, ids)
    machine.judge(account, ids)
    await_that(lambda: pause_of(machine, account) is None, machine.logs)


def test_a_paused_account_says_in_its_status_why(told: Machine) -> None:
    machine, account = told, "expired-token"
    ids = is_refused(machine, account, FAILURES[account])
    said = machine.timbre("status", "--account", account)
    assert "401" in said.stdout, said
    assert "resume" in said.stdout, said
    machine.sandbox.faults.clear()
    assert machine.timbre("resume", account).returncode == 0
    machine.await_end(account, ids)
