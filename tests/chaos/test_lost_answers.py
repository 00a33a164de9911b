"""Whatever becomes of an answer, each document is executed once, or a person is told the right reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import pytest

from tests.chaos.lost_answers import EVERY, WORLDS, Case, Played
from tests.support.machine import FINAL, Machine, a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer
from timbre_producers.contracts import Status
from worker.storage.migrate import upgrade

DOCUMENT_FAULTS = {"drop_ids", "repeat_ids", "error_row", "hollow_success", "verdict", "malformed_code"}
"""Those that strike single documents; the others strike the account's requests."""

QUOTA: Final = {"quota_limit": 1000, "quota_window": 2}
"""A 429 is waited for until the window ends: a minute becomes two seconds, like everything else."""

AGAIN: Final[Mapping[str, Mapping[str, object]]] = {
    "accepted-as-error": {"accepted_again": "error_row"},
    "accepted-as-success": {"accepted_again": "success_row"},
    "in-process-as-error": {"in_process_again": "error_row", "verdict_delay": 500},
    "in-process-as-data": {"in_process_again": "data_row", "verdict_delay": 500},
}
"""How a call for a document that is stamped already may be answered, by the account it is tried with."""


class Storm:
    """All cases of a world at once on one machine, each with an account of its own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._played: dict[str, dict[str, Played]] = {}
        self._accounts = {(world, case.name): f"case{place}" for place, (world, case) in enumerate(EVERY)}
        for (world, case), account in zip(EVERY, self._accounts.values(), strict=True):
            del world
            machine.add_account(account, country=case.country)

    def result(self, world: str, case: Case) -> Played:
        """The case, played to its end."""
        if world not in self._played:
            self._played[world] = self._play(world)
        return self._played[world][case.name]

    def _play(self, world: str) -> dict[str, Played]:
        sandbox, machine = self.machine.sandbox, self.machine
        played = [Played(each, case, self._accounts[each, case.name]) for each, case in EVERY if each == world]
        faults: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for part in played:
            part.ids = sandbox.add_drafts(part.account, 3)
            for name, fault in part.case.faults.items():
                whom = {"ids": part.struck} if name in DOCUMENT_FAULTS else {}
                faults[name].append({**fault, **whom, "account": part.account})
        sandbox.faults.clear()
        sandbox.faults.set({**QUOTA, **WORLDS[world]}, **faults)
        for part in played:
            machine.client.emit(part.ids, account=part.account)
        wanted = {(part.account, each) for part in played for each in part.ids}

        def unfinished() -> bool:
            found = machine.statuses()
            return any(found.get(each) not in FINAL for each in wanted)

        # What has not ended by then is for its own test to complain about.
        with suppress(AssertionError):
            await_that(lambda: not unfinished(), str, patience=200)
        sandbox.faults.clear()
        return {part.case.name: part for part in played}


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Storm]:
    url = postgres.new_database(postgres.template("migrated", upgrade))
    broker = ValkeyServer()
    broker.start()
    try:
        with a_machine(tmp_path_factory.mktemp("storm"), redis_url=broker.url, database_url=url) as machine:
            machine.environ |= {
                "TIMBRE_STAMP_TIMEOUT": "1.5",
                "TIMBRE_READ_TIMEOUT": "1.5",
                "TIMBRE_CONFIRM_SCHEDULE": "0.2,0.5,1,2,2,2",
                "TIMBRE_WAITING_SCHEDULE": "0.2,0.5,1,2,2,2",
                "TIMBRE_QUOTA_WINDOW": "2",
                "TIMBRE_SWEEP_EVERY": "2",
                "TIMBRE_WORKER_THREADS": "48",
            }
            storm = Storm(machine)
            for account in AGAIN:
                machine.add_account(account)
            machine.start_worker()
            machine.start_beat()
            yield storm
    finally:
        broker.close()
        postgres.drop_database(url)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("world", "case"), EVERY, ids=[f"{world}: {case.name}" for world, case in EVERY])
def test_each_document_is_executed_once_or_a_person_is_told_why(storm: Storm, world: str, case: Case) -> None:
    played = storm.result(world, case)
    machine = storm.machine
    rows = {
        row.document_id: row
        for row in machine.sql("SELECT * FROM emissions WHERE account = :account", account=played.account)
    }
    history = _history(machine, played.account)
    assert {each: row.status for each, row in rows.items()} == {
        each: case.end if each in played.struck else Status.STAMPED for each in played.ids
    }, history
    ledger = machine.sandbox.ledger(played.account)
    executed = Counter(entry["document_id"] for entry in ledger)
    assert executed == {each: 1 for each in played.ids if case.executed or each not in played.struck}, history
    codes = {entry["document_id"]: entry["code"] for entry in ledger}
    for each, row in rows.items():
        # A rejected document's code is worth nothing.
        assert row.fiscal_code == (None if row.status == Status.REJECTED else codes.get(each)), history
    for each in played.struck:
        assert case.reason in f"{rows[each].held_reason} {rows[each].error_message}", history
        assert case.attempts in (None, rows[each].attempt), history


@pytest.mark.parametrize("answer", AGAIN)
def test_a_document_somebody_else_stamped_unseen_is_adopted_whatever_our_call_is_told(
    storm: Storm, answer: str
) -> None:
    machine, account = storm.machine, answer
    sandbox = machine.sandbox
    # Reads show it as a draft until the clock is pushed on, so that our call comes after theirs.
    sandbox.faults.set({"stale_reads": 1000, **AGAIN[answer]})
    ids = sandbox.add_drafts(account, 2)
    for each in ids:
        sandbox.stamp_by_hand(account, each)
    machine.client.emit(ids, account=account)
    await_that(lambda: any(call["account"] == account for call in sandbox.calls()), machine.logs)
    sandbox.advance(1000)
    machine.await_end(account, ids)
    machine.judge(account, ids)
    sandbox.faults.clear()


def _history(machine: Machine, account: str) -> str:
    """Every event of the account's documents, for whoever reads a failure."""
    events = machine.sql(
        "SELECT document_id, to_status, e.attempt, reason FROM emission_events e "
        "JOIN emissions ON emissions.id = emission_id WHERE account = :account ORDER BY e.id",
        account=account,
    )
    return "\n".join(map(str, events))
