"""`timbre create` before anything is sent: the file, pre-flight and the dry run, without credentials or servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from worker.cli import app

SALE: dict[str, Any] = {
    "client": {"id": "77"},
    "date": "2026-03-02",
    "dueDate": "2026-03-02",
    "numberTemplate": {"id": "7"},
    "items": [{"id": "5", "price": 50000.10, "quantity": 1, "tax": [{"id": "3"}]}],
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dry(*arguments: str, text: str | None = None) -> Result:
    country = () if "--country" in arguments else ("--country", "CO")
    return CliRunner().invoke(app, ["create", "--dry-run", *country, *arguments], input=text)


def requests(*arguments: str, text: str | None = None, code: int = 0) -> Any:
    result = dry(*arguments, "--json", text=text)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_the_request_is_printed_as_it_would_be_sent(nowhere: Path) -> None:
    stamped = SALE | {"reference": "INV-1", "stamp": {"generateStamp": True}, "status": "open", "observations": "Ojo"}
    (nowhere / "invoice.json").write_text(json.dumps(stamped))
    answer = requests("-f", "invoice.json")
    (request,) = answer["requests"]
    assert (request["method"], request["url"]) == ("POST", "https://api.alegra.com/api/v1/invoices")
    assert request["body"] == SALE | {"status": "draft", "observations": "[ref INV-1]\nOjo"}
    assert request["headers"]["Content-Type"] == "application/json"
    assert "authorization" not in {name.lower() for name in request["headers"]}
    shown = dry("-f", "invoice.json")
    assert shown.exit_code == 0
    assert "POST https://api.alegra.com/api/v1/invoices\n" in shown.stdout
    assert "Authorization is left out. This was a dry run: nothing was sent." in shown.stderr


def test_no_credential_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_ALEGRA_EMAIL", "ana@acme.example")
    monkeypatch.setenv("TIMBRE_ALEGRA_TOKEN", "a-token-nobody-may-see")
    monkeypatch.setenv("TIMBRE_ALEGRA_COUNTRY", "CO")
    result = CliRunner().invoke(app, ["create", "--dry-run", "--data", json.dumps(SALE)])
    assert result.exit_code == 0, result.output
    assert "a-token-nobody-may-see" not in result.output
    assert "ana@acme.example" not in result.output


def test_every_kind_has_its_own_path() -> None:
    for kind, path in (("credit_note", "credit-notes"), ("support-document", "bills"), ("debit_note", "debit-notes")):
        (request,) = requests("--data", json.dumps(SALE), "--kind", kind)["requests"]
        assert request["url"].endswith(f"/{path}")


def test_a_kind_that_is_stamped_by_its_creation_carries_the_instruction() -> None:
    arguments = ("--data", json.dumps(SALE), "--kind", "global_invoice", "--country", "mexico")
    (emitted,) = requests(*arguments, "--emit")["requests"]
    assert emitted["body"]["stamp"] == {"generateStamp": True}


def test_all_problems_are_told_and_the_good_documents_go_on() -> None:
    lines = [SALE | {"reference": "A-1"}, {"reference": "A-2", "items": []}, SALE | {"reference": "A 3"}]
    text = "\n".join(map(json.dumps, lines))
    answer = requests("-f", "-", text=text, code=1)
    assert [each["reference"] for each in answer["requests"]] == ["A-1"]
    assert answer["kept_back"] == ["A-2"]
    assert {each["field"] for each in answer["preflight"]["A-2"]} >= {"client", "items", "date", "dueDate"}
    assert [each["line"] for each in answer["problems"]] == [3]
    shown = dry("-f", "-", "--lang", "es", text=text)
    assert shown.exit_code == 1
    assert "bloquea" in shown.stdout
    assert "standard input, line 3, reference 'A 3': it is no reference." in shown.stderr
    assert "2 others would not" in shown.stderr


def test_no_validate_sends_what_preflight_would_keep_back() -> None:
    answer = requests("--data", '{"reference": "A-1", "items": []}', "--no-validate")
    assert [each["reference"] for each in answer["requests"]] == ["A-1"]


def test_emitting_without_a_numbering_is_kept_back() -> None:
    without = json.dumps({name: value for name, value in SALE.items() if name != "numberTemplate"})
    assert requests("--data", without)["kept_back"] == []
    assert len(requests("--data", without, "--emit", code=1)["kept_back"]) == 1


def test_without_a_country_nothing_is_examined_and_it_is_said() -> None:
    result = CliRunner().invoke(app, ["create", "--dry-run", "--data", json.dumps(SALE)])
    assert result.exit_code == 0
    assert "Pre-flight does not know the country, so it was not asked: say --country." in result.stderr


def test_a_table_becomes_documents_by_its_map(nowhere: Path) -> None:
    (nowhere / "sales.csv").write_text("pedido;cliente;fecha;sku;precio\nS-1;77;02/03/2026;5;1.000,50\nS-1;;;6;7\n")
    arguments = (
        *("-f", "sales.csv", "--decimal", "comma", "--dates", "dmy", "--reference-field", "pedido"),
        *("--map", "client.id=cliente,date=fecha,dueDate=fecha,items[].id=sku,items[].price=precio"),
        *("--set", "items[].quantity=1", "--set", "items[].tax[].id=3"),
    )
    (request,) = requests(*arguments)["requests"]
    assert request["reference"] == "S-1"
    assert request["body"]["items"] == [
        {"id": "5", "price": 1000.5, "quantity": 1, "tax": [{"id": 3}]},
        {"id": "6", "price": 7, "quantity": 1, "tax": [{"id": 3}]},
    ]


def test_a_broken_file_sends_nothing_and_is_wrong_usage(nowhere: Path) -> None:
    (nowhere / "sales.json").write_text('[{"reference": "A-1", "x": 1},')
    result = dry("-f", "sales.json")
    assert result.exit_code == 2
    assert "timbre: sales.json, line 1: it is no JSON" in result.stderr
    assert "timbre: Nothing was sent." in result.stderr


def test_a_body_the_contract_refuses_is_a_problem_of_that_document() -> None:
    lines = [SALE | {"reference": "A-1"}, SALE | {"reference": "A-2", "observations": 7}, {"x": "y" * 100_001}]
    lines.append({"reference": "A-4", "stamp": {"generateStamp": True}})
    answer = requests("-f", "-", text="\n".join(map(json.dumps, lines)), code=1)
    assert [each["reference"] for each in answer["requests"]] == ["A-1"]
    assert [(each["line"], each["what"]) for each in answer["problems"]] == [
        (2, "the document has observations that are no text"),
        (3, "the document is too long"),
        (4, "the document has nothing but words about stamping"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name the file with the documents"),
        (["-f", "a.json", "--data", "{}"], "Name the file with the documents"),
        (["-f", "missing.json"], "missing.json: No such file or directory. Name a file that can be read"),
        (["-f", "."], "Is a directory"),
        (["-f", "a\0b"], "there is no such file"),
        (["--data", "{}", "--draft", "--emit"], "--draft leaves drafts and --emit emits them"),
        (["--data", "{}", "--wait"], "there is nothing to wait for"),
        (["--data", "{}", "--preview"], "--dry-run asks nobody, and --preview asks Alegra"),
        (["--data", "{}", "--country", "atlantis"], "--country cannot be 'atlantis': write AR (Argentina), CO"),
        (["--data", "{}", "--kind", "letter"], "--kind cannot be 'letter'"),
        (["--data", "{}", "--kind", "global_invoice"], "a global invoice exists in México"),
        (["--data", "{}", "--kind", "global_invoice", "--country", "MX"], "there is no draft of it: say --emit"),
        (["--data", "{}", "--map", "a b=c"], "'a b' names no field"),
        (["--data", "{}", "--map", "a=b"], "--map is for the columns of CSV, and this is JSON"),
        (["--data", "{}", "--set", "a"], "--set 'a' has no value"),
        (["--data", "{}", "--set", "reference=a"], "every document has its own"),
        (["--data", "{}", "--format", "xml"], "--format cannot be 'xml': write json or jsonl or csv"),
        (["--data", "{}", "--encoding", "ebcdic"], "--encoding cannot be 'ebcdic'"),
        (["--data", "{}", "--decimal", "dot"], "--decimal cannot be 'dot': write point or comma"),
        (["--data", "{}", "--dates", "ydm"], "--dates cannot be 'ydm'"),
        (["--data", "{}", "--delimiter", "::"], "--delimiter cannot be '::': write one character"),
        (["--data", "{}", "--priority", "urgent"], "--priority cannot be 'urgent'"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_exit_code_two(arguments: list[str], sentence: str) -> None:
    result = dry(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
