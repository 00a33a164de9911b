"""What is unknown about the real API, played in each way it may be: Timbre reads the same in all of them.

`ops/unknowns.md` is the list; each of its lines names its switches and a test, and both are looked up here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alegra.test_kinds import Desk
from worker.alegra.client import AlegraClient
from worker.countries import COUNTRIES
from worker.emission.observation import Remote
from worker.emission.outcomes import Answered, ErrorClass
from worker.sandbox import SandboxServer
from worker.sandbox.fault_list import FAULTS

ROOT = Path(__file__).parents[3]
LIST = ROOT / "ops" / "unknowns.md"

KEYS = [(name, country) for name, country in [
    ("code_key_colombia", "CO"), ("code_key_mexico", "MX"), ("code_key_costaRica", "CR"),
    ("code_key_argentina", "AR"), ("code_key_panama", "PA"),
]]  # fmt: skip

WRITTEN = ("uuid", "cufe", "cude", "clave", "legend", "number", "cae", "CAE", "code", "folioFiscal")


@pytest.fixture
def desk_of(world: tuple[SandboxServer, AlegraClient]) -> Any:
    sandbox, client = world
    sandbox.reset()
    sandbox.faults.set(quota_limit=100_000)
    return lambda country: Desk(sandbox, client, country)


@pytest.mark.parametrize(("switch", "country"), KEYS)
def test_a_code_is_found_under_whatever_key_it_stands(desk_of: Any, switch: str, country: str) -> None:
    desk = desk_of(country)
    for key in WRITTEN:
        desk.sandbox.faults.set({switch: key})
        [one] = desk.make("invoice")
        desk.stamp("invoice", one)
        desk.sandbox.advance(7 * 24 * 3600)
        shown = desk.look("invoice", one)[one]
        assert (shown.remote, bool(shown.fiscal_code)) == (Remote.ACCEPTED, True), key
        assert shown.fiscal_code == desk.sandbox.document(desk.name, one)["code"], key


@pytest.mark.parametrize("key", ["caeExpirationDate", "CAEFchVto", "vencimiento"])
def test_an_argentine_code_is_read_whatever_its_expiry_is_called(desk_of: Any, key: str) -> None:
    desk = desk_of("AR")
    desk.sandbox.faults.set(expiry_key_argentina=key)
    [one] = desk.make("invoice")
    desk.stamp("invoice", one)
    assert desk.look("invoice", one)[one].remote is Remote.ACCEPTED


@pytest.mark.parametrize("country", sorted(COUNTRIES))
@pytest.mark.parametrize("shown_while_waiting", [True, False])
def test_a_document_without_its_verdict_is_never_called_stamped_or_unstamped_by_its_code(
    desk_of: Any, country: str, shown_while_waiting: bool
) -> None:
    desk = desk_of(country)
    desk.sandbox.faults.set(verdict_delay=3600 * 24 * 30, code_while_waiting=shown_while_waiting)
    [one] = desk.make("invoice")
    desk.stamp("invoice", one)
    expected = {Remote.IN_PROCESS}
    if not COUNTRIES[country].expects_legal_status:
        expected |= {Remote.ACCEPTED, Remote.UNSTAMPED}  # without a legal status, the code is the verdict
    assert desk.look("invoice", one)[one].remote in expected


@pytest.mark.parametrize("carried", [True, False])
def test_mexico_is_read_with_a_legal_status_and_without(desk_of: Any, carried: bool) -> None:
    desk = desk_of("MX")
    desk.sandbox.faults.set(legal_status_mexico=carried)
    for kind in ("invoice", "credit_note", "global_invoice", "payment"):
        [one] = desk.make(kind)
        desk.stamp(kind, one)
        assert desk.look(kind, one)[one].remote is Remote.ACCEPTED, kind


@pytest.mark.parametrize("uuids", [True, False])
def test_ids_of_either_age_are_read_stamped_and_listed(desk_of: Any, uuids: bool) -> None:
    desk = desk_of("CO")
    desk.sandbox.faults.set(uuid_ids=uuids)
    ids = desk.make("invoice", 3)
    assert all(isinstance(outcome, Answered) for outcome in desk.stamp("invoice", *ids).values())
    assert {seen.remote for seen in desk.look("invoice", *ids).values()} == {Remote.ACCEPTED}


@pytest.mark.parametrize("most", [1, 7, 30])
def test_however_many_ids_a_list_answers_all_are_read(desk_of: Any, most: int) -> None:
    desk = desk_of("CO")
    desk.sandbox.faults.set(list_max_ids=most)
    ids = desk.make("invoice", 30)
    assert sorted(desk.look("invoice", *ids)) == sorted(ids)


@pytest.mark.parametrize("again", ["error_row", "data_row"])
def test_a_document_in_process_is_in_process_wherever_the_answer_says_so(desk_of: Any, again: str) -> None:
    desk = desk_of("CO")
    desk.sandbox.faults.set(verdict_delay=3600, in_process_again=again)
    [one] = desk.make("invoice")
    desk.stamp("invoice", one)
    outcome = desk.stamp("invoice", one)[one]
    assert isinstance(outcome, Answered)
    said = outcome.problem.error_class if outcome.problem else outcome.emission_status
    assert said in {ErrorClass.IN_PROCESS, "STAMPED_AND_WAITING_RESPONSE"}
    assert desk.look("invoice", one)[one].remote is Remote.IN_PROCESS
    assert len(desk.sandbox.ledger(desk.name, one)) == 1


@pytest.mark.parametrize("digit", ["luhn", "zero"])
def test_panamas_code_is_believed_however_its_last_digit_is_made(desk_of: Any, digit: str) -> None:
    desk = desk_of("PA")
    desk.sandbox.faults.set(check_digit_panama=digit)
    [one] = desk.make("invoice")
    desk.stamp("invoice", one)
    assert desk.look("invoice", one)[one].remote is Remote.ACCEPTED


@pytest.mark.parametrize("body", ["json", "text"])
@pytest.mark.parametrize("header", [True, False])
def test_a_429_is_understood_however_it_is_written(desk_of: Any, body: str, header: bool) -> None:
    desk = desk_of("CO")
    desk.sandbox.faults.set(throttle_body=body, retry_after_header=header, throttled={"next": 1, "on": "stamp"})
    [one] = desk.make("invoice")
    outcome = desk.stamp("invoice", one)[one]
    assert outcome.retry_in.total_seconds() > 0
    assert desk.sandbox.ledger(desk.name) == []


def test_the_list_of_unknowns_names_switches_and_tests_that_exist() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    lines = [line for line in LIST.read_text().splitlines() if re.match(r"\| \d", line)]
    assert len(lines) >= 20
    for line in lines:
        *_, switches, proofs = [cell.strip() for cell in line.strip("|").split("|")]
        for switch in re.findall(r"`(\w+)(?:=[^`]*)?`", switches):
            assert switch in FAULTS, line
        named = re.findall(r"`(test_\w+)`", proofs)
        assert named, line
        for test in named:
            assert f"def {test}(" in tests, f"{test} is named in {line!r}"
