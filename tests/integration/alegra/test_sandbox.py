"""The client against the sandbox, which shares no code with it: every country, every shape of a stamp answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.budget import NotedBudget
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.invoicing import AlegraInvoicing
from worker.countries import COUNTRIES, country
from worker.emission.kinds import KINDS
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Refused, Uncertain
from worker.emission.ports import AlegraUnavailable, Grant
from worker.sandbox import SandboxServer

INVOICE = KINDS["invoice"]


class Desk:
    """One sandbox and the API in front of it."""

    def __init__(self, sandbox: SandboxServer, client: AlegraClient) -> None:
        self.sandbox = sandbox
        self._client = client
        self._accesses: dict[str, AccountAccess] = {}
        self.api = AlegraInvoicing(
            client, self._accesses.__getitem__, permit=lambda _: Grant(1), remember_country=lambda *_: None
        )

    def account(self, name: str, where: str, *, token: str | None = None, patience: float = 20) -> None:
        credentials = self.sandbox.add_account(name, country=where)
        seconds = timedelta(seconds=patience)
        self._accesses[name] = AccountAccess(
            name,
            self.sandbox.base_url,
            credentials.email,
            SecretStr(token or credentials.token),
            stamp_timeout=seconds,
            read_timeout=seconds,
        )

    def stamp(self, name: str, ids: list[str]) -> dict[str, Outcome]:
        report = self.api.stamp(name, INVOICE, ids, not_after=datetime.now(UTC) + timedelta(seconds=30))
        assert list(report.outcomes) == ids
        return dict(report.outcomes)

    def read(self, name: str, ids: list[str]) -> dict[str, Observation]:
        report = self.api.read(name, INVOICE, ids)
        assert report.failure is None
        return dict(report.observations)


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
    return Desk(server, client)


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_every_countrys_draft_is_stamped_and_its_code_found(desk: Desk, code: str) -> None:
    desk.account("acme", code)
    ids = desk.sandbox.add_drafts("acme", 10)
    assert desk.api.company("acme").country == code
    assert {seen.remote for seen in desk.read("acme", ids).values()} == {Remote.UNSTAMPED}
    assert all(isinstance(outcome, Answered) for outcome in desk.stamp("acme", ids).values())
    desk.sandbox.advance(7 * 24 * 3600)
    for document_id, seen in desk.read("acme", ids).items():
        truth = desk.sandbox.document("acme", document_id)
        assert seen.remote is Remote.ACCEPTED, truth
        assert seen.fiscal_code
        carried = [each for each in country(code).formats if each.carried_by("invoice")]
        (form,) = [each for each in carried if each.type == seen.fiscal_code_type]
        assert form.pattern.fullmatch(seen.fiscal_code)
    assert desk.sandbox.duplicates() == []


@pytest.mark.parametrize("before", ["null", "absent", "empty", "pending"])
@pytest.mark.parametrize("after", ["status", "null", "empty", "absent"])
def test_the_stamp_may_be_written_in_every_way_before_its_code_appears(desk: Desk, before: str, after: str) -> None:
    desk.account("acme", "CO")
    desk.sandbox.faults.set(stamp_before_emission=before, stamp_before_code=after)
    (draft,) = desk.sandbox.add_drafts("acme", 1)
    assert desk.read("acme", [draft])[draft].remote is Remote.UNSTAMPED
    desk.stamp("acme", [draft])
    assert desk.read("acme", [draft])[draft].remote in {Remote.ACCEPTED, Remote.IN_PROCESS, Remote.UNSTAMPED}
    desk.sandbox.advance(3600)
    assert desk.read("acme", [draft])[draft].remote is Remote.ACCEPTED


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        ("data_error", ErrorClass.DATA),
        ("config_error", ErrorClass.CONFIGURATION),
        ("transient", ErrorClass.TRANSIENT),
        ("void", ErrorClass.DATA),
        ("not_electronic", ErrorClass.DATA),
    ],
)
@pytest.mark.parametrize("status", ["200", "400"])
def test_one_bad_document_sinks_none_of_the_others(desk: Desk, plant: str, expected: ErrorClass, status: str) -> None:
    desk.account("acme", "CO")
    desk.sandbox.faults.set(partial_failure_status=status)
    dealt = desk.sandbox.deal_drafts("acme", 4, {plant: 1})
    (bad,) = dealt["by_outcome"][plant]
    outcomes = desk.stamp("acme", dealt["ids"])
    problem = outcomes.pop(bad)
    assert isinstance(problem, Answered)
    assert problem.problem is not None
    assert problem.problem.error_class is expected
    assert not problem.whole_batch
    assert all(isinstance(each, Answered) and each.problem is None for each in outcomes.values())


def test_a_poisoned_batch_is_refused_as_one(desk: Desk) -> None:
    desk.account("acme", "CO")
    ids = desk.sandbox.add_drafts("acme", 3, {"poison": 1})
    for outcome in desk.stamp("acme", ids).values():
        assert isinstance(outcome, Answered)
        assert outcome.whole_batch
    assert {seen.remote for seen in desk.read("acme", ids).values()} == {Remote.UNSTAMPED}


@pytest.mark.parametrize(
    "form", ["bare_array", "bare_object", "error_object", "error_without_ids", "error_wrapped", "message_only"]
)
@pytest.mark.parametrize("number_ids", [True, False])
def test_in_every_shape_an_executed_document_is_never_called_wrong_by_its_own_name(
    desk: Desk, form: str, number_ids: bool
) -> None:
    """It ends as a success, as uncertain, or as one of a refused batch: the last two need proof to be sent again."""
    desk.account("acme", "CO")
    desk.sandbox.faults.set(shape={"form": form}, number_ids=number_ids)
    ids = desk.sandbox.add_drafts("acme", 5, {"data_error": 2})
    outcomes = desk.stamp("acme", ids)
    executed = {each["document_id"] for each in desk.sandbox.ledger("acme")}
    assert len(executed) == 3
    for document_id in executed:
        outcome = outcomes[document_id]
        if isinstance(outcome, Answered):
            assert outcome.problem is None or outcome.whole_batch
        else:
            assert isinstance(outcome, Uncertain)


@pytest.mark.parametrize(
    "fault",
    [
        {"timeout": {"moment": "after", "seconds": None}},
        {"reset": {"moment": "after"}},
        {"server_error": {"on": "stamp", "moment": "after"}},
        {"html_page": {"on": "stamp", "moment": "after"}},
        {"truncated": {"moment": "after"}},
        {"empty": {"moment": "after"}},
        {"late_execution": {"seconds": 1}},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_every_disturbance_leaves_the_documents_uncertain(desk: Desk, fault: dict[str, Any]) -> None:
    desk.account("acme", "CO", patience=1)
    ids = desk.sandbox.add_drafts("acme", 2)
    desk.sandbox.faults.set(fault)
    assert {type(outcome) for outcome in desk.stamp("acme", ids).values()} == {Uncertain}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"unauthorized": {"on": "stamp"}}, Refused),
        ({"payment_required": {"on": "stamp", "code": "907"}}, Refused),
        ({"forbidden": {"on": "stamp"}}, Refused),
        ({"throttled": {"on": "stamp", "retry_after": 7}}, Deferred),
    ],
    ids=["401", "402", "403", "429"],
)
def test_every_refusal_says_that_nothing_was_executed(desk: Desk, fault: dict[str, Any], kind: type[Outcome]) -> None:
    desk.account("acme", "CO")
    ids = desk.sandbox.add_drafts("acme", 2)
    desk.sandbox.faults.set(fault)
    outcomes = desk.stamp("acme", ids)
    assert {type(outcome) for outcome in outcomes.values()} == {kind}
    assert desk.sandbox.ledger("acme") == []
    if kind is Deferred:
        first = outcomes[ids[0]]
        assert isinstance(first, Deferred)
        assert (first.retry_in or timedelta(0)) >= timedelta(seconds=7)


def test_dropped_extra_and_repeated_ids_each_have_their_place(desk: Desk) -> None:
    desk.account("acme", "CO")
    dropped, contradicted, other = desk.sandbox.add_drafts("acme", 3)
    desk.sandbox.faults.set(
        drop_ids={"ids": [dropped]}, repeat_ids={"ids": [contradicted], "second": "opposite"}, extra_ids="always"
    )
    outcomes = desk.stamp("acme", [dropped, contradicted, other])
    assert isinstance(outcomes[dropped], Uncertain)
    assert isinstance(outcomes[contradicted], Uncertain)
    assert outcomes[other] == Answered(emission_status="STAMPED_AND_ACCEPTED")


def test_a_wrong_token_refuses_the_account_and_the_quota_is_seen_all_the_same(
    desk: Desk, server: SandboxServer
) -> None:
    desk.account("acme", "CO", token="a-wrong-token")
    budget = NotedBudget()
    with AlegraClient(connections=1, budget=budget) as watching:
        strict = Desk(server, watching)
        strict.account("acme", "CO", token="a-wrong-token")
        with pytest.raises(AlegraUnavailable, match="401"):
            strict.api.company("acme")
        strict.account("acme", "CO")
        strict.api.company("acme")
    _, seen = budget.seen[-1]
    assert (seen.limit, seen.remaining) == (150, 149)


def test_drafts_are_paged_and_numberings_listed(desk: Desk) -> None:
    desk.account("acme", "PE")
    ids = desk.sandbox.add_drafts("acme", 35)
    first, following = desk.api.drafts("acme", INVOICE)
    second, end = desk.api.drafts("acme", INVOICE, start=following or 0)
    assert [each.document_id for each in (*first, *second)] == ids
    assert (following, end) == (30, None)
    assert all(each.is_draft and each.numbering for each in first)
    assert any(each.is_electronic and each.is_active for each in desk.api.number_templates("acme"))


@pytest.mark.parametrize("code", ["CO", "CR", "AR", "PA"])
def test_a_well_formed_code_of_another_document_is_left_to_a_person(desk: Desk, code: str) -> None:
    desk.account("acme", COUNTRIES[code].application_version)
    [good, bad] = desk.sandbox.add_drafts("acme", 2)
    desk.sandbox.faults.set(inconsistent_code={"ids": [bad]})
    desk.stamp("acme", [good, bad])
    seen = desk.read("acme", [good, bad])
    assert seen[good].remote is Remote.ACCEPTED
    assert seen[bad].remote is Remote.DUBIOUS
    assert "accepted, but its " in seen[bad].reason
    # What the authority returned is kept, whatever it is worth.
    assert seen[bad].fiscal_code


def test_a_document_that_does_not_exist_is_missing(desk: Desk) -> None:
    desk.account("acme", "MX")
    (draft,) = desk.sandbox.add_drafts("acme", 1)
    seen = desk.read("acme", [draft, "999999"])
    assert (seen[draft].remote, seen["999999"].remote) == (Remote.UNSTAMPED, Remote.MISSING)
