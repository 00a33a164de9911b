"""The campaign itself: a short brutal one on every change, and proof that its judge can tell and its seed repeats."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.campaign.plan import Options, draw
from tests.chaos.campaign.profiles import ALWAYS, PROFILES
from tests.chaos.campaign.verdict import Evidence, Verdict, judge
from timbre_producers.contracts import Status
from worker.emission.kinds import KINDS
from worker.sandbox import SandboxServer
from worker.sandbox.faults import Faults

ROOT = Path(__file__).parents[2]

SHORT = Options(documents=500, accounts=7, profile="brutal", seed=1, database="postgresql", broker="redis", minutes=1.2)


@pytest.mark.timeout(420)
def test_five_hundred_documents_survive_a_brutal_campaign() -> None:
    words = [f"--{name}={getattr(SHORT, name)}" for name in ("documents", "accounts", "profile", "seed", "minutes")]
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos.campaign", *words, "--database=postgresql", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stderr
    report = json.loads(run.stdout)
    verdict = report["verdict"]
    broken = {name: verdict[name] for name in ("duplicates", "lost", "wrong", "false", "held_unexplained")}
    assert broken == dict.fromkeys(broken, 0), json.dumps(report["told"], indent=1, ensure_ascii=False)
    assert run.returncode == 0
    assert verdict["documents"] == SHORT.documents
    assert report["most ids in a call"] <= 10
    # It was no calm one.
    assert verdict["by_status"]["stamped"] > SHORT.documents / 2
    assert "killed" in report["violence"]


def test_a_seed_repeats_the_plan_and_another_one_does_not() -> None:
    assert draw(SHORT) == draw(SHORT)
    other = Options(
        SHORT.documents, SHORT.accounts, SHORT.profile, 2, SHORT.database, SHORT.broker, SHORT.minutes, SHORT.workers
    )
    assert draw(SHORT).phases != draw(other).phases


@pytest.mark.parametrize("profile", PROFILES)
def test_every_document_is_asked_for_once_while_the_trouble_lasts(profile: str) -> None:
    options = Options(1234, 5, profile, seed=7, database="sqlite", broker="redis", minutes=2)
    plan = draw(options)
    orders = [order for phase in plan.phases for order in phase.orders]
    assert sum(order.count for order in orders) == options.documents
    assert len({order.request_id for order in orders}) == len(orders)
    assert all(order.at < phase.seconds for phase in plan.phases for order in phase.orders)
    assert all(blow.at < phase.seconds for phase in plan.phases for blow in phase.blows)


@pytest.mark.parametrize("profile", [phase for profiles in PROFILES.values() for phase in profiles])
def test_the_sandbox_knows_every_fault_of_every_profile(profile: Any) -> None:
    Faults({**ALWAYS, **profile.faults})


class Case:
    """One account with one document, stamped as it should be, until a test says otherwise."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        sandbox.add_account("acme", country="CO")
        (self.id,) = sandbox.add_drafts("acme", 1)
        self.key = ("acme", "invoice", self.id)

    def stamp(self) -> None:
        self.sandbox.stamp_by_hand("acme", self.id)

    def judged(self, **row: Any) -> Verdict:
        truth = self.sandbox.document("acme", self.id)
        ordinary = {
            "status": Status.STAMPED,
            "fiscal_code": truth["code"],
            "document_number": truth["number"],
            "held_reason": None,
        }
        return judge(
            Evidence(
                asked=frozenset({self.key}),
                rows={self.key: ordinary | row} if row.get("status", "") is not None else {},
                truths={self.key: truth},
                ledger=self.sandbox.ledger(),
                duplicates=self.sandbox.duplicates(),
            )
        )


@pytest.fixture
def case() -> Iterator[Case]:
    with SandboxServer() as sandbox:
        yield Case(sandbox)


def test_the_judge_is_content_with_a_document_that_is_stamped_once(case: Case) -> None:
    case.stamp()
    assert case.judged().kept


def test_the_judge_sees_a_document_that_was_executed_twice(case: Case) -> None:
    case.stamp()
    case.stamp()
    assert case.judged().duplicates == 1


@pytest.mark.parametrize("status", [None, Status.QUEUED, Status.EMITTING, Status.UNCERTAIN, Status.WAITING])
def test_the_judge_sees_a_document_that_never_came_to_rest(case: Case, status: Status | None) -> None:
    assert case.judged(status=status).lost == 1


@pytest.mark.parametrize("row", [{"fiscal_code": "0" * 96}, {"fiscal_code": None}, {"document_number": "SETP1"}])
def test_the_judge_sees_a_code_or_number_that_is_not_the_ledgers(case: Case, row: dict[str, Any]) -> None:
    case.stamp()
    assert case.judged(**row).wrong == 1


def test_the_judge_sees_a_document_said_to_be_stamped_that_was_not(case: Case) -> None:
    assert case.judged(fiscal_code="0" * 96).false == 1


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_the_judge_sees_a_document_said_to_be_refused_that_was_stamped(case: Case, status: Status) -> None:
    case.stamp()
    assert case.judged(status=status).false == 1


def test_the_judge_wants_every_hold_explained(case: Case) -> None:
    explained = case.judged(status=Status.HELD, held_reason="accepted, but its code is not a CUFE")
    assert explained.kept
    assert sum(explained.held.values()) == 1
    assert case.judged(status=Status.HELD, held_reason="just so").held_unexplained == 1


def judged_with_a_note(case: Case, status: Status) -> Verdict:
    """An invoice at its end, and a note about it in this status."""
    note = case.sandbox.documents("acme", kind="credit_note")[0]
    invoice = case.sandbox.document("acme", case.id)
    key = ("acme", "credit_note", note["id"])
    done = Status.STAMPED if invoice["executions"] else Status.REJECTED
    return judge(
        Evidence(
            asked=frozenset({case.key, key}),
            rows={
                case.key: {"status": done, "fiscal_code": invoice["code"], "document_number": invoice["number"]},
                key: {"status": status, "fiscal_code": note["code"], "document_number": note["number"]},
            },
            truths={case.key: invoice, key: note},
            ledger=case.sandbox.ledger(),
            duplicates=case.sandbox.duplicates(),
        )
    )


def test_the_judge_lets_a_note_wait_for_an_invoice_that_was_never_stamped_and_for_no_other(case: Case) -> None:
    case.sandbox.add_drafts("acme", 1, kind="credit_note", refers_to=[case.id])
    waits = judged_with_a_note(case, Status.QUEUED)
    assert (waits.waiting, waits.kept) == (1, True)
    case.stamp()
    assert judged_with_a_note(case, Status.QUEUED).lost == 1


def test_the_judge_sees_a_note_that_was_stamped_before_its_invoice(case: Case) -> None:
    [note] = case.sandbox.add_drafts("acme", 1, kind="credit_note", refers_to=[case.id])
    case.sandbox.stamp_by_hand("acme", note, kind="credit_note")
    case.stamp()
    assert judged_with_a_note(case, Status.STAMPED).early == 1


def test_accounts_are_asked_for_the_kinds_of_their_country() -> None:
    options = Options(400, 7, "calm", 3, "sqlite", "redis", 1, kinds=("credit_note", "global_invoice", "payment"))
    plan = draw(options)
    orders = [order for phase in plan.phases for order in phase.orders]
    assert {order.kind for order in orders} == set(options.kinds)
    assert all(KINDS[order.kind].exists_in(plan.accounts[order.account]) for order in orders)
