"""The sandbox's own endpoints: accounts, drafts, faults, the truth about a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.sandbox import (
    FAULTS,
    PLANTS,
    SandboxControl,
    SandboxRefused,
    SandboxServer,
    SandboxUnreachable,
    read_settings,
)


def test_every_fault_is_listed_with_type_default_and_meaning(sandbox: SandboxServer) -> None:
    listed = {each["name"]: each for each in sandbox.fault_list()}
    assert listed.keys() == FAULTS.keys()
    assert all(each["meaning"].endswith(".") and each["allowed"] for each in listed.values())
    assert listed["late_execution"]["parameters"].keys() == {"on", "seconds", "cut"}


def test_every_fault_and_outcome_is_tried_over_http() -> None:
    """A new switch needs a test in this folder."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in (*FAULTS, *PLANTS) if name not in tests] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"typo": 1}, ("'typo'", "stamp_latency")),
        ({"timeout": 1.5}, ("timeout", "1.5", "probability")),
        ({"timeout": {"moment": "during"}}, ("timeout.moment", "'during'", "before, after")),
        ({"timeout": {"probability": 2}}, ("timeout.probability", "2")),
        ({"timeout": {"when": 1}}, ("timeout", "'when'", "probability")),
        ({"drop_ids": {"ids": []}}, ("drop_ids.ids", "[]")),
        ({"stamp_latency": -1}, ("stamp_latency", "-1", "seconds")),
        ({"code_delay": "9-3"}, ("code_delay", "9", "range")),
        ({"accepted_again": "panic"}, ("accepted_again", "'panic'", "second_emission")),
        ({"quota_limit": 0}, ("quota_limit", "0", "from 1")),
        ({"uuid_ids": "perhaps"}, ("uuid_ids", "'perhaps'", "true or false")),
        ({"code_key_mexico": ""}, ("code_key_mexico", "''")),
    ],
)
def test_a_wrong_fault_is_refused_with_field_value_and_what_is_allowed(
    sandbox: SandboxServer, change: dict[str, object], words: tuple[str, ...]
) -> None:
    before = sandbox.faults.get()
    with pytest.raises(SandboxRefused) as refusal:
        sandbox.faults.set({"stamp_latency": 1, **change})
    assert all(word in str(refusal.value) for word in words)
    assert sandbox.faults.get() == before


def test_faults_are_changed_read_back_and_cleared(sandbox: SandboxServer) -> None:
    at_first = sandbox.faults.get()
    sandbox.faults.set(stamp_latency="2-15", timeout={"next": 3, "account": "acme", "seconds": 9}, number_ids=True)
    assert sandbox.faults.get()["stamp_latency"] == [2, 15]
    assert sandbox.faults.get()["timeout"] == [
        {"probability": 1.0, "next": 3, "account": "acme", "on": "stamp", "moment": "after", "seconds": 9}
    ]
    sandbox.faults.set(sandbox.faults.get())
    sandbox.faults.set(timeout=None)
    assert sandbox.faults.get()["timeout"] == []
    sandbox.faults.clear()
    assert sandbox.faults.get() == at_first


@pytest.mark.parametrize(
    ("texts", "settings"),
    [
        (["stamp_latency=2-15"], {"stamp_latency": "2-15"}),
        (["timeout=0.1"], {"timeout": ["0.1"]}),
        (["timeout=3,moment=before"], {"timeout": [{"next": 3, "moment": "before"}]}),
        (["drop_ids=ids=501|502"], {"drop_ids": [{"ids": "501|502"}]}),
        (["reset=0.1,place=body", "reset=1"], {"reset": [{"probability": 0.1, "place": "body"}, "1"]}),
    ],
)
def test_a_command_lines_words_become_settings(
    sandbox: SandboxServer, texts: list[str], settings: dict[str, object]
) -> None:
    assert read_settings(texts) == settings
    sandbox.faults.set(read_settings(texts))


@pytest.mark.parametrize(
    "text", ["typo=1", "timeout", "timeout=", "timeout=0.1,moment", "timeout=never,moment=after", "stamp_latency=x"]
)
def test_wrong_words_on_a_command_line_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        read_settings([text])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "a b", "country": "peru"}, ("name", "'a b'")),
        ({"name": "a", "country": "chile"}, ("country", "'chile'", "costaRica")),
        ({"name": "a"}, ("country",)),
        ({"name": "a", "country": "peru", "limit": 0}, ("limit", "0")),
        ({"name": "a", "country": "peru", "colour": "red"}, ("colour",)),
        ({"name": "acme", "country": "peru"}, ("country", "colombia")),
        ({"name": "a", "country": "peru", "email": "acme@sandbox.example"}, ("email", "another account")),
    ],
)
def test_a_wrong_account_is_refused_with_a_sentence(acme: Any, body: dict[str, object], words: tuple[str, ...]) -> None:
    answer = httpx.post(f"{acme.sandbox.url}/_sandbox/accounts", json=body)
    assert answer.status_code == 400
    assert all(word in answer.json()["error"] for word in words)


def test_no_answer_repeats_a_token(sandbox: SandboxServer) -> None:
    credentials = sandbox.add_account("acme", country="peru", token="canary-1234")
    assert "canary-1234" not in repr(credentials)
    answers = [httpx.get(f"{sandbox.url}/_sandbox/{path}").text for path in ("accounts", "stats", "calls", "")]
    answers.append(httpx.post(f"{sandbox.url}/_sandbox/accounts", json={"name": "x", "token": "canary-1234"}).text)
    answers.append(httpx.post(f"{sandbox.url}/_sandbox/accounts", json={"name": "x", "token": ["canary-1234"]}).text)
    assert not any("canary-1234" in answer for answer in answers)


def test_a_token_can_be_changed(acme: Any) -> None:
    acme.sandbox.add_account("acme", country="colombia", token="another")
    assert acme.http.get("/company").status_code == 401
    assert httpx.get(acme.sandbox.base_url + "/company", auth=("acme@sandbox.example", "another")).status_code == 200
    assert [each["name"] for each in acme.sandbox.accounts()] == ["acme"]


def test_a_mix_deals_exactly_what_was_asked(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 40, {"data_error": 2, "late_rejection": 0.25})
    assert {name: len(ids) for name, ids in dealt["by_outcome"].items()} == {
        "data_error": 2,
        "late_rejection": 10,
        "accept": 28,
    }


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"account": "nobody", "count": 1}, "nobody"),
        ({"account": "acme", "count": 0}, "count"),
        ({"account": "acme", "count": 1, "mix": {"typo": 1}}, "typo"),
        ({"account": "acme", "count": 1, "mix": {"void": 2}}, "adds up to 2"),
        ({"account": "acme", "count": 1, "mix": {"void": "x"}}, "mix.void"),
        ({"account": "acme", "count": 1, "numbering": "XX"}, "SETP"),
        ({"account": "acme", "count": 1, "issued": "soon"}, "issued"),
    ],
)
def test_wrong_drafts_are_refused_with_a_sentence(acme: Any, body: dict[str, object], word: str) -> None:
    answer = httpx.post(f"{acme.sandbox.url}/_sandbox/drafts", json=body)
    assert answer.status_code in (400, 404)
    assert word in answer.json()["error"]


def test_drafts_look_like_real_ones(acme: Any) -> None:
    names = {acme.read(each)["client"]["name"] for each in acme.drafts(60)}
    assert any("Ñ" in name or "ñ" in name for name in names)
    assert any("&" in name for name in names)
    rows = acme.sandbox.documents("acme")
    assert {row["shown"]["currency"]["code"] for row in rows} == {"COP", "USD"}
    assert len({len(row["shown"]["items"]) for row in rows}) > 2


def test_the_truth_is_told_although_reads_hide_it(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(code_delay=3600)
    acme.stamp(one)
    truth = acme.sandbox.document("acme", one)
    assert truth["code"] == acme.sandbox.ledger()[0]["code"]
    assert "cufe" not in truth["shown"]["stamp"]
    with pytest.raises(SandboxRefused, match="999"):
        acme.sandbox.document("acme", "999")


def test_a_person_can_change_a_document_meanwhile(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.plant("acme", one, total=7, date="2026-01-01", observations="ref:1", client_id="72")
    row = acme.read(one)
    assert (row["total"], row["date"], row["observations"], row["client"]["id"]) == (7, "2026-01-01", "ref:1", "72")
    for wrong in ({"outcome": "typo"}, {"outcome": {"name": "accept", "x": 1}}, {"client_id": "0"}, {"date": "x"}):
        with pytest.raises(SandboxRefused):
            acme.sandbox.plant("acme", one, **wrong)


def test_the_counters_count(acme: Any) -> None:
    ids = acme.drafts(4)
    acme.stamp(*ids)
    acme.listed(id=",".join(ids))
    acme.read(ids[0])
    stats = acme.sandbox.stats()
    assert stats["requests"] == {"POST /invoices/stamp": 1, "GET /invoices": 1, "GET /invoices/{id}": 1}
    assert (stats["stamp_calls"], stats["max_ids_per_stamp_call"], stats["max_ids_per_list"]) == (1, 4, 4)
    assert (stats["executed"], stats["max_stamp_calls_in_flight"]) == (4, 1)
    assert acme.sandbox.calls()[0]["executed"] == ids
    acme.sandbox.clear_stats()
    assert acme.sandbox.stats()["requests_total"] == 0


def test_a_reset_leaves_an_empty_sandbox(acme: Any) -> None:
    acme.stamp(*acme.drafts(1))
    acme.sandbox.faults.set(number_ids=True)
    acme.sandbox.reset()
    assert (acme.sandbox.accounts(), acme.sandbox.ledger()) == ([], [])
    assert acme.sandbox.faults.get()["number_ids"] is False
    assert acme.http.get("/company").status_code == 401


def test_a_control_without_a_sandbox_says_so() -> None:
    with SandboxControl("http://127.0.0.1:9") as nobody, pytest.raises(SandboxUnreachable, match=r"127\.0\.0\.1:9"):
        nobody.stats()
