"""Whatever somebody types: an exit code of the contract, a sentence that names what is wrong, never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import update
from typer.testing import CliRunner, Result

from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import garbled_text, odd_texts
from timbre_producers.contracts import Status
from worker.cli import app
from worker.storage.models import Emission

TOKEN: Final = "canary-0123456789"
ACCOUNTS: Final = ("acme", "default")
REQUEST: Final = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
SENTENCE: Final = "looked at it in Alegra"

IDS: Final = ("501", "502", "503", "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f")
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "--account": ACCOUNTS,
    "--kind": ("invoice",),
    "--limit": ("1", "50"),
    "--state": tuple(Status),
    "--request": (REQUEST,),
    "--lang": ("en", "es"),
    "--reason": (SENTENCE,),
    "--priority": ("normal", "high"),
    "--not-before": ("2026-03-02T09:00:00-05:00",),
    "--request-id": (REQUEST,),
    "--wait-seconds": ("0",),
}
"""Options that want a value, with values they take."""
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "emit": ("--account", "--kind", "--priority", "--not-before", "--request-id", "--wait-seconds", "--reason"),
    "status": ("--account", "--kind", "--request", "--state", "--limit", "--lang"),
    "requests": ("--account", "--limit"),
    "settle": ("--account", "--kind"),
    "release": ("--account", "--kind", "--reason"),
    "cancel": ("--account", "--kind", "--reason"),
    "pause": ("--reason",),
    "resume": (),
    "nightly": ("--account",),
    "migrate": (),
    "settings": (),
}
"""Each command and its options with values. Those that would serve until Ctrl-C are tried by name elsewhere."""
FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "emit": ("--json", "--all", "--dry-run", "--force", "--wait=0"),
    "status": ("--json",),
    "requests": ("--json", "--unreadable"),
    "settle": ("--json", "--all-uncertain"),
    "nightly": ("--json", "--dry-run", "--run-now"),
    "migrate": ("--check",),
    "settings": (),
}
ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("emit", "status", "settle", "release", "cancel"), IDS),
    **dict.fromkeys(("pause", "resume"), ACCOUNTS),
}


@st.composite
def right_lines(draw: st.DrawFn) -> list[str]:
    """A command with options it knows and values they take; whether these go together is another matter."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    line = [command]
    if command in ARGUMENTS:
        most = 1 if command in {"pause", "resume"} else 3
        line += draw(st.lists(st.sampled_from(ARGUMENTS[command]), min_size=draw(st.integers(0, 1)), max_size=most))
    for option in draw(
        st.lists(st.sampled_from(COMMANDS[command]), max_size=3, unique=True) if COMMANDS[command] else st.just([])
    ):
        line += [option, draw(st.sampled_from(OPTIONS[option]))]
    flags = FLAGS.get(command, ("--json",))
    return [*line, *draw(st.lists(st.sampled_from(flags), max_size=2, unique=True) if flags else st.just([]))]


odd_words = st.one_of(
    odd_texts.filter(lambda text: len(text) < 1000),
    st.text(max_size=20),
    st.sampled_from(
        [*OPTIONS, "--json", "--all", "--help", "--version", "-h", "--", "-", "--wait", "--wait=", "=", "--=x"]
    ),
    st.sampled_from(["1e9", "0001-01-01T00:00:00+14:00", "[red]", "{}", "%s", "\ud800", "../..", "-1", "x" * 400]),
)


@st.composite
def damaged_lines(draw: st.DrawFn) -> list[str]:
    """A right line with one or two words of it left out, doubled, swapped, garbled, or with one too many."""
    line = draw(right_lines())
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(line) - 1)) if line else 0
        match draw(st.integers(0, 5)):
            case 0:
                line = line[:place] + line[place + 1 :]
            case 1:
                line = [*line[:place], *line[place : place + 1], *line[place:]]
            case 2:
                line = [*line[:place], draw(odd_words), *line[place:]]
            case 3 if line:
                line = [*line[:place], draw(garbled_text(line[place])), *line[place + 1 :]]
            case _:
                line = [*line[:place], draw(odd_words), *line[place + 1 :]]
    return line


lines = st.one_of(right_lines(), damaged_lines(), damaged_lines(), st.lists(odd_words, max_size=4))


@pytest.fixture
def office(sqlite_url: str, redis_url: str) -> dict[str, str]:
    """Two accounts, one of them paused, and documents in every status; a broker, and an Alegra that refuses at once."""
    statuses = dict(zip((str(number) for number in range(501, 510)), Status, strict=True))
    with engine_on(sqlite_url) as engine:
        house = House(engine, ScriptedAlegra(), accounts=ACCOUNTS)
        for account in ACCOUNTS:
            house.ask(*statuses, IDS[-1], account=account)
        house.intake.aside.unreadable("the message is null: send the JSON object of the contract", "null")
        with engine.begin() as connection:
            for document_id, status in statuses.items():
                connection.execute(
                    update(Emission).where(Emission.document_id == document_id).values(status=status.value)
                )
    return {
        "TIMBRE_DATABASE_URL": sqlite_url,
        "TIMBRE_REDIS_URL": redis_url,
        "TIMBRE_ALEGRA_BASE_URL": "http://127.0.0.1:1/api/v1",
        "TIMBRE_REQUESTS_PER_MINUTE": "100000",
        "TIMBRE_ACCOUNTS_FILE": _accounts_file(),
        "ACME_TOKEN": TOKEN,
        "DEFAULT_TOKEN": f"{TOKEN}2",
    }


def _accounts_file() -> str:
    file = Path("accounts.toml")
    tables = [f'[{name}]\nemail = "{name}@x.co"\ntoken_env = "{name.upper()}_TOKEN"\n' for name in ACCOUNTS]
    file.write_text("\n".join(tables), encoding="utf-8")
    return str(file)


def run(office: dict[str, str], line: list[str]) -> Result:
    # Whoever waits for ever waits for a broker that is not there.
    away = {"TIMBRE_REDIS_URL": "redis://127.0.0.1:1/0"} if "--wait" in line or "--wait-seconds" in line else {}
    with patch.dict(os.environ, office | away):
        return CliRunner().invoke(app, line)


@given(lines)
@example(["status", "--limit", "\x1b[31m"])
@cases(300)
def test_any_line_ends_with_an_exit_code_of_the_contract_and_says_why(office: dict[str, str], line: list[str]) -> None:
    result = run(office, line)
    assert result.exit_code in range(5), (line, result.output, result.exception)
    assert "Traceback" not in result.output, line
    assert "unforeseen happened" not in result.output, (line, result.output)
    assert TOKEN not in result.output
    if result.exit_code == 2:
        assert result.stdout == "", line
        assert result.stderr.startswith("timbre: "), (line, result.stderr)
        assert all(each.endswith((".", "?")) for each in result.stderr.splitlines()), (line, result.stderr)
        assert len(result.stderr) < 1200, line
    if result.exit_code == 3:
        assert "timbre: " in result.stderr
    if result.exit_code == 0 and "--json" in line and not {"--help", "-h", "--version"} & set(line):
        assert json.loads(result.stdout) is not None, line
    shown = result.output.replace("\n", "")
    assert "\x00" not in shown
    assert "\x1b" not in shown, (line, shown)


wrong_values: Final[Mapping[str, Any]] = {
    "--account": odd_texts | garbled_text("Acme S.A."),
    "--kind": odd_texts | garbled_text("invoice"),
    "--limit": odd_texts | st.sampled_from(["0", "-1", "1.5", "1e3", "100001", "٥"]),
    "--state": odd_texts | garbled_text("stamped"),
    "--request": odd_texts | garbled_text(REQUEST),
    "--lang": odd_texts | st.sampled_from(["fr", "ENG", ""]),
    "--priority": odd_texts | garbled_text("normal"),
    "--not-before": odd_texts | garbled_text("2026-03-02T09:00:00-05:00"),
    "--request-id": odd_texts | garbled_text(REQUEST),
}


@given(st.sampled_from(sorted(wrong_values)).flatmap(lambda name: st.tuples(st.just(name), wrong_values[name])))
@cases(250)
def test_a_wrong_value_is_refused_with_its_option_itself_and_the_remedy(
    office: dict[str, str], wrong: tuple[str, str]
) -> None:
    option, value = wrong
    command = "emit" if option in {"--kind", "--priority", "--not-before", "--request-id"} else "status"
    result = run(office, [command, "501", f"{option}={value}", *(["--dry-run"] if command == "emit" else [])])
    if result.exit_code != 2:
        assert result.exit_code in {0, 1, 3}, (wrong, result.output)
        return
    said = result.stderr
    assert said.count("\n") == 1, wrong
    known = "No account is called" in said
    assert option in said or known, (wrong, said)
    assert repr(value)[1:20] in said or repr(value.strip())[1:20] in said, (wrong, said)
    assert any(remedy in said for remedy in ("write", "a name has", "Timbre emits")) or known, (wrong, said)
