"""`timbre create` from a file to documents in Alegra, on real servers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.integration.cli.conftest import ON_POSTGRESQL, Office


def a_sale(**more: Any) -> dict[str, Any]:
    """A body that the sandbox's account acme accepts."""
    return {
        "client": {"id": "71"},
        "date": "2026-03-02",
        "dueDate": "2026-03-17",
        "numberTemplate": {"id": "1"},
        "items": [{"id": "1", "price": 100000, "quantity": 2, "tax": [{"id": "3"}]}],
        **more,
    }


def create(*arguments: str) -> list[str]:
    return ["create", *arguments, "--account", "acme"]


@ON_POSTGRESQL
def test_a_preview_shows_what_alegra_draws_and_what_it_refuses(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "sales.jsonl"
    lines = [a_sale(reference="P-1"), a_sale(reference="P-2", client={"id": "999999"})]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    before = office.sandbox.stats()["requests"].get("POST /invoices", 0)
    answer = office.json(*create("-f", str(file), "--preview"), code=1)
    drawn, refused = answer["documents"]
    assert drawn["address"].endswith(".pdf")
    assert refused == {"reference": "P-2", "refused": "HTTP 400 3003 El cliente no es válido"}
    assert office.sandbox.stats()["requests"].get("POST /invoices", 0) == before
    other = office.timbre(*create("-f", str(file), "--preview", "--kind", "credit_note"))
    assert other.exit_code == 2
    assert "Alegra describes no preview of a credit note, only of: invoice" in other.stderr


@ON_POSTGRESQL
def test_a_preview_without_alegra_is_a_service_away(office: Office) -> None:
    away = office.timbre(
        *create("--data", json.dumps(a_sale()), "--preview"), TIMBRE_ALEGRA_BASE_URL="http://127.0.0.1:9/api/v1"
    )
    assert away.exit_code == 3, away.output
    assert "Nothing was created" in away.stderr


def asked(office: Office, *arguments: str, code: int = 0, **body: Any) -> Any:
    return office.json(*create("--data", json.dumps(a_sale(**body)), *arguments), code=code)


def test_from_the_shell_to_a_draft_and_then_to_a_code(office: Office) -> None:
    reference = f"D-{office.environ['TIMBRE_DATABASE_URL'][:3]}"
    drafted = asked(office, "--wait=60", reference=reference, observations="Entregar el lunes")
    (creation,) = drafted["creations"]
    assert (drafted["counts"], creation["status"], creation["emission"]) == ({"created": 1}, "created", None)
    emitted = office.json("emit", creation["document_id"], "--account", "acme", "--wait=60")
    assert emitted["counts"] == {"stamped": 1}
    (again,) = asked(office, "--emit", "--wait=60", reference=reference, observations="Entregar el lunes")["creations"]
    assert again["emission"]["fiscal_code"] == emitted["emissions"][0]["fiscal_code"]
    assert office.sandbox.duplicates() == []


@ON_POSTGRESQL
def test_what_was_asked_for_stands_in_the_table(office: Office) -> None:
    answer = asked(
        office, "--priority", "high", "--not-before", "2100-01-01T00:00:00-05:00", "--no-validate", reference="N-1"
    )
    assert answer["references"] == ["N-1"]
    waiting = asked(office, "--wait=0", code=4, reference="N-2", date="2026-03-03")
    assert waiting["request_ids"]
    (creation,) = eventually(office, "creations", "--request", answer["request_id"])["creations"]
    wanted = ("high", "2100-01-01T05:00:00+00:00", False, False)
    assert (creation["priority"], creation["not_before"], creation["preflight"], creation["emits"]) == wanted
    told = office.timbre("creations", "N-1")
    assert "no: asked for with --no-validate" in told.stdout
    withdrawn = office.json("creations", "cancel", "N-1", "--account", "acme", "--reason", "not sold after all")
    assert [(each["reference"], each["status"]) for each in withdrawn["creations"]] == [("N-1", "cancelled")]
    assert "not sold after all" in office.timbre("creations", "N-1").stdout


@ON_POSTGRESQL
def test_what_alegra_refuses_is_rejected_with_its_words_and_what_they_mean(office: Office) -> None:
    answer = asked(office, "--wait=60", code=1, reference="W-1", client={"id": "999999"})
    assert answer["counts"] == {"rejected": 1}
    told = office.timbre("creations", "W-1", "--lang", "es")
    assert "3003 El cliente no es válido" in told.stdout
    assert "Corríjalo y pídalo otra vez con la misma referencia" in told.stdout
    listed = office.json("creations", "--state", "rejected", "--account", "acme")
    assert "W-1" in [each["reference"] for each in listed["creations"]]
    corrected = asked(office, "--wait=60", reference="W-1")
    assert corrected["counts"] == {"created": 1}


@ON_POSTGRESQL
def test_content_is_its_own_name_and_it_is_said(office: Office) -> None:
    first = office.timbre(*create("--data", json.dumps(a_sale(dueDate="2026-03-30"))))
    assert first.exit_code == 0, first.output
    assert "1 reference made from the content: the same content again creates nothing" in first.stderr
    (made,) = asked(office, "--wait=60", dueDate="2026-03-30", stamp={"generateStamp": True})["creations"]
    assert made["reference"].startswith("content-")
    found = [each for each in office.sandbox.creations("acme") if each["reference"] == made["reference"]]
    assert len(found) == 1


@ON_POSTGRESQL
def test_a_broker_that_is_away_is_told_and_the_command_may_be_repeated(office: Office) -> None:
    away = office.timbre(
        *create("--data", json.dumps(a_sale(reference="A-1"))), TIMBRE_BROKER_URL="redis://127.0.0.1:9/0"
    )
    assert away.exit_code == 3
    assert "repeat the command: nothing will be created twice" in away.stderr
    assert office.json("creations", "A-1", code=1)["creations"] == []


@ON_POSTGRESQL
def test_a_creation_nobody_knows_is_exit_code_one(office: Office) -> None:
    assert office.timbre("creations", "Z-1").exit_code == 1
    unknown = "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6aff"
    assert "No request" in office.timbre("creations", "--request", unknown).stderr
    verdict = office.json("creations", "release", "Z-1", "--account", "acme", "--reason", "to see", code=1)
    assert "Timbre does not know it" in verdict["creations"][0]["sentence"]


def eventually(office: Office, *arguments: str) -> Any:
    """The answer, once a worker has made it known."""
    deadline = time.monotonic() + 30
    while (result := office.timbre(*arguments, "--json")).exit_code:
        assert time.monotonic() < deadline, result.output
        time.sleep(0.1)
    return json.loads(result.stdout)
