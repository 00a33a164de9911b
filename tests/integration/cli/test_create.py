"""`timbre create` from a file to documents in Alegra, on real servers."""

from __future__ import annotations

import json
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
