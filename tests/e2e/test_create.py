"""From a file to documents with their fiscal codes: real workers on PostgreSQL and Redis, asked from the shell."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import httpx
import pytest
from typer.testing import CliRunner, Result

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer
from worker.cli import app
from worker.storage.migrate import upgrade

MAP: Final = (
    "reference=order,client.id=customer,date=day,dueDate=day,items[].id=sku,items[].price=price,items[].quantity=qty"
)

HELD: Final = ("H-1", "H-2", "H-3")

SETS: Final = ("--set", "numberTemplate.id=1", "--set", "items[].tax[].id=3")

TABLE: Final = ("--map", MAP, *SETS)


@pytest.fixture(scope="module")
def machine(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """One office for all of it: what each case creates stands under references of its own."""
    url = postgres.new_database(postgres.template("migrated", upgrade))
    folder = tmp_path_factory.mktemp("office")
    with a_machine(folder, redis_url=valkey.new_database(), database_url=url) as machine:
        machine.add_account("acme")
        machine.environ["TIMBRE_UNCERTAIN_SCHEDULE"] = "0.3,0.6,1,1.5"
        machine.start_beat()
        machine.start_worker()
        yield machine
    postgres.drop_database(url)


def sales(folder: Path, name: str, rows: list[str]) -> str:
    file = folder / name
    file.write_text("\n".join(["order,customer,day,sku,price,qty", *rows]) + "\n", encoding="utf-8")
    return str(file)


def timbre(machine: Machine, *words: str) -> Result:
    """The command among the workers; in this process, for a start of its own costs more than what it does."""
    with patch.dict(os.environ, machine.environ):
        return CliRunner().invoke(app, list(words))


def create(machine: Machine, file: str, *words: str) -> Result:
    return timbre(machine, "create", "-f", file, "--account", "acme", *words)


def created(machine: Machine, prefix: str) -> list[str]:
    """What Alegra created, as often as it did."""
    references = [each["reference"] for each in machine.sandbox.creations("acme")]
    return sorted(each for each in references if each.startswith(prefix))


def codes(machine: Machine, prefix: str) -> list[str]:
    rows = machine.sql(
        "SELECT fiscal_code FROM creations JOIN emissions USING (account, kind, document_id) "
        "WHERE reference LIKE :like AND emissions.status = 'stamped'",
        like=f"{prefix}%",
    )
    return [row.fiscal_code for row in rows]


def test_a_table_of_twenty_ends_in_twenty_codes_and_asking_again_changes_nothing(machine: Machine) -> None:
    rows = [f"T-{n},71,2026-03-02,1,{n}000.50,{n}" for n in range(1, 21)]
    # A second line of the same document, elsewhere in the file.
    file = sales(machine.folder, "twenty.csv", [*rows, "T-7,71,2026-03-02,2,5000,1"])
    first = create(machine, file, *TABLE, "--emit", "--wait=90")
    assert first.exit_code == 0, first.stdout + first.stderr + machine.logs()
    made = codes(machine, "T-")
    assert len(made) == len(set(made)) == 20
    ledger = machine.sandbox.ledger("acme")
    again = create(machine, file, *TABLE, "--emit", "--wait=90")
    assert again.exit_code == 0, again.stdout + again.stderr
    assert machine.sandbox.ledger("acme") == ledger
    assert codes(machine, "T-") == made
    assert created(machine, "T-") == sorted(f"T-{n}" for n in range(1, 21))


def test_a_bad_row_keeps_its_document_back_and_no_other(machine: Machine) -> None:
    rows = ["B-1,71,2026-03-02,1,1000,1", "B-2,71,2026-03-02,1,a lot,1", "B-3,71,,1,1000,1", "B-4,71,2026-03-02,1,1,1"]
    ended = create(machine, sales(machine.folder, "bad.csv", rows), *TABLE, "--wait=90", "--json")
    assert ended.exit_code == 1, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout)
    assert answer["counts"] == {"created": 2}
    assert [(each["line"], each["value"]) for each in answer["problems"]] == [(3, "a lot")]
    assert answer["kept_back"] == ["B-3"]
    assert created(machine, "B-") == ["B-1", "B-4"]
    # Reviewed, it is asked for again, now to be emitted.
    emitted = create(machine, sales(machine.folder, "good.csv", [rows[0]]), *TABLE, "--emit", "--wait=90")
    assert emitted.exit_code == 0, emitted.stdout + emitted.stderr
    assert len(codes(machine, "B-")) == 1
    assert created(machine, "B-") == ["B-1", "B-4"]
    known = machine.sql("SELECT reference, status FROM creations WHERE reference LIKE 'B-%' ORDER BY reference")
    assert [(row.reference, row.status) for row in known] == [("B-1", "created"), ("B-4", "created")]


def test_an_answer_lost_is_one_document_all_the_same(machine: Machine) -> None:
    machine.sandbox.faults.set(reset={"next": 1, "on": "create", "moment": "after"})
    file = sales(machine.folder, "lost.csv", ["L-1,71,2026-03-02,1,1000,1"])
    ended = create(machine, file, *TABLE, "--emit", "--wait=90")
    assert ended.exit_code == 0, ended.stdout + ended.stderr + machine.logs()
    told = timbre(machine, "creations", "L-1")
    assert "creating → uncertain" in told.stdout
    assert "uncertain → created" in told.stdout
    assert created(machine, "L-") == ["L-1"]
    assert len(codes(machine, "L-")) == 1
    assert machine.sandbox.duplicates() == []


def test_a_reference_of_another_body_is_refused_and_nothing_else_is(machine: Machine) -> None:
    create(machine, sales(machine.folder, "first.csv", ["R-1,71,2026-03-02,1,1000,1"]), *TABLE, "--wait=90")
    rows = ["R-1,71,2026-03-02,1,2000,1", "R-2,71,2026-03-02,1,1000,1"]
    ended = create(machine, sales(machine.folder, "second.csv", rows), *TABLE, "--wait=90")
    assert ended.exit_code == 1, ended.stdout + ended.stderr
    assert "R-1 was refused: reference R-1 is that of another body" in ended.stderr
    assert created(machine, "R-") == ["R-1", "R-2"]


def test_held_creations_end_when_a_person_says_what_became_of_them(machine: Machine) -> None:
    body = {
        "client": {"id": "71"},
        "date": "2026-03-02",
        "dueDate": "2026-03-02",
        "items": [{"id": "1", "price": 1000, "quantity": 1, "tax": [{"id": "3"}]}],
    }
    twins = {each: [post(machine, {**body, "observations": f"[ref {each}]"}) for _ in range(2)] for each in HELD}
    machine.sandbox.faults.set(reset={"next": 3, "on": "create", "moment": "before"})
    data = json.dumps([{"reference": each, **body} for each in HELD])
    ended = timbre(machine, "create", "--data", data, "--account", "acme", "--wait=90")
    assert ended.exit_code == 1, ended.stdout + ended.stderr + machine.logs()
    assert ended.stdout.count("2 documents have its reference") == 3
    held = timbre(machine, "creations", "H-1", "--lang", "es")
    assert "Timbre no decide esto solo" in held.stdout
    assert "3 creations held for a person (`timbre creations --state held`)" in timbre(machine, "status").stdout
    unnamed = timbre(machine, "creations", "adopt", "H-1", twins["H-1"][0], "--account", "acme")
    assert (unnamed.exit_code, "creations adopt needs --reason" in unnamed.stderr) == (2, True)

    decide(machine, "adopt", "H-1", twins["H-1"][0])
    standing = {row.reference: row for row in machine.sql("SELECT * FROM creations WHERE reference LIKE 'H-%'")}
    assert (standing["H-1"].status, standing["H-1"].document_id) == ("created", twins["H-1"][0])
    # One of them is deleted in Alegra: the look before sending finds the other, and nothing is sent.
    by_hand(machine, "DELETE", f"/invoices/{twins['H-2'][1]}")
    decide(machine, "release", "H-2")
    decide(machine, "cancel", "H-3")

    def settled() -> bool:
        rows = machine.sql("SELECT reference, document_id FROM creations WHERE status = 'created'")
        return ("H-2", twins["H-2"][0]) in {tuple(row) for row in rows}

    await_that(settled, machine.logs)
    again = timbre(machine, "creations", "release", "H-2", "--account", "acme", "--reason", "once more")
    assert (again.exit_code, "only held creations are released" in again.stdout) == (1, True)
    assert created(machine, "H-") == sorted([*HELD, *HELD])


def decide(machine: Machine, verb: str, *words: str) -> None:
    """A person's word about one creation."""
    ended = timbre(machine, "creations", verb, *words, "--account", "acme", "--reason", "looked in Alegra")
    assert ended.exit_code == 0, ended.stdout + ended.stderr


def post(machine: Machine, body: dict[str, Any]) -> str:
    """What a person creates in Alegra; its id."""
    return str(by_hand(machine, "POST", "/invoices", body)["id"])


def by_hand(machine: Machine, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a person does in Alegra; its answer."""
    token = (machine.folder / "acme.token").read_text()
    (email,) = re.findall(r'email = "(.*?)"', (machine.folder / "accounts.toml").read_text())
    answer = httpx.request(method, f"{machine.sandbox.base_url}{path}", json=body, auth=(email, token))
    assert answer.is_success, answer.text
    answered: dict[str, Any] = answer.json()
    return answered
