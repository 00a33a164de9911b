"""The accounts file and the environment: whatever is written there works as meant, or is told in a sentence each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import damaged, garbled_bytes, garbled_text, odd_texts
from worker.accounts import AccountsDirectory, WrongAccounts, load_accounts, policy_for
from worker.accounts_file import OVERRIDES
from worker.countries import COUNTRIES
from worker.environment import load_settings
from worker.running import read_running
from worker.settings import Settings, WrongSettings, variables
from worker.values import never_proven

TOKEN: Final = "0123456789abcdefcafe"
PASSWORD: Final = "h4nter2h4nter2"
ENVIRON: Final = {"ACME_TOKEN": TOKEN, "PERU_TOKEN": f"{TOKEN}2"}

ACME: Final[Mapping[str, Any]] = {
    "email": "acme@example.com",
    "token_env": "ACME_TOKEN",
    "country": "México",
    "base_url": "https://sandbox.alegra.com:26967/api/v1",
    "linger": 0.5,
    "max_in_flight": 2,
    "uncertain_schedule": [5, 15, 700],
    "confirm_schedule": "2,5,15",
    "quiet_window": "500",
    "requests_per_minute": 60,
    "nightly": {
        "enabled": True,
        "hour": "03:30",
        "min_age": 3600,
        "time_zone": "America/Bogota",
        "numberings": ["FE", 12],
    },
}
PERU: Final[Mapping[str, Any]] = {"email": "peru@example.com", "token_file": "peru.token"}
FILE: Final[Mapping[str, Mapping[str, Any]]] = {"acme": ACME, "peru.norte": PERU}

secrets = st.sampled_from(
    [
        TOKEN,
        [TOKEN],
        {"token": TOKEN},
        f"acme@example.com:{TOKEN}",
        f"https://acme:{PASSWORD}@api.alegra.com",
        [[TOKEN]],
    ]
)
values = st.one_of(
    odd_texts.filter(str.isprintable),
    st.integers(-(2**62), 2**62),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.lists(st.one_of(st.sampled_from(["a", "", "5"]), st.integers(-10, 10), st.floats()), max_size=3),
    st.sampled_from([{}, {"x": 1}, "02:00", "24:00", "CO", "Perú", "XX", "1,2,700", "1,,2", "a@b.co", "../peru.token"]),
    secrets,
)
names = (
    *("email", "token_env", "token_file", "token", "api_key", "country", "base_url", "linger", "quiet_window"),
    *("nightly", "enabled", "hour", "time_zone", "uncertain_schedule", "acme", "Acme Norte", "a.b", "", "é"),
)
whole_files = st.sampled_from([FILE, {"acme": ACME}, {"peru": PERU}])
damaged_files = whole_files.flatmap(
    lambda file: damaged({name: dict(table) for name, table in file.items()}, names=names, other=values)
)


def toml(tables: Any) -> str:
    """TOML writes texts, numbers and lists as JSON does."""
    if not isinstance(tables, dict):
        return written(tables)
    lines: list[str] = []
    for name, table in sorted(tables.items(), key=lambda item: isinstance(item[1], dict)):
        if not isinstance(table, dict):
            lines.append(f"{json.dumps(name)} = {written(table)}")
            continue
        lines.append(f"[{json.dumps(name)}]")
        nested = {key: value for key, value in table.items() if isinstance(value, dict)}
        lines += [f"{json.dumps(key)} = {written(value)}" for key, value in table.items() if key not in nested]
        for key, inner in nested.items():
            lines.append(f"[{json.dumps(name)}.{json.dumps(key)}]")
            lines += [f"{json.dumps(each)} = {written(value)}" for each, value in inner.items()]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    if isinstance(value, date | time | datetime):
        return value.isoformat()
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(str(value), repr(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value or 0)


def load(directory: Path, content: bytes) -> tuple[AccountsDirectory, Sequence[str]]:
    """The accounts of a file, and what is said about those that cannot be used."""
    (directory / "accounts.toml").write_bytes(content)
    (directory / "peru.token").write_text(f"{TOKEN}3\n", encoding="utf-8")
    environ = {**ENVIRON, "TIMBRE_HOME": str(directory), "TIMBRE_ACCOUNTS_FILE": str(directory / "accounts.toml")}
    return usable(load_settings(environ), environ)


def usable(settings: Settings, environ: Mapping[str, str]) -> tuple[AccountsDirectory, Sequence[str]]:
    try:
        return load_accounts(settings, environ), ()
    except WrongAccounts as wrong:
        return wrong.usable, wrong.problems or ["nothing is said."]


@given(st.one_of(damaged_files.map(toml).map(str.encode), garbled_bytes(toml(FILE).encode()), st.binary(max_size=60)))
@example(f'[acme]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\nconfirm_schedule = ["{TOKEN}"]'.encode())
@example(f'[acme]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\nlinger = {{ token = "{TOKEN}" }}'.encode())
@example(f'["{TOKEN}"]\nemail = "a@b.co"'.encode())
@example('[acme]\n"\ue000" = 1\n["b\\u0007"]\nx = 1'.encode())
@cases(700)
def test_any_accounts_file_is_understood_or_told_in_sentences(tmp_path: Path, content: bytes) -> None:
    file = str(tmp_path / "accounts.toml")
    accounts, said = load(tmp_path, content)
    for sentence in said:
        look_at(sentence)
        assert sentence.startswith((f"{file}: [", f"{file} ")), sentence
        assert any(mark in sentence.removeprefix(file) for mark in (": ", "; ")), sentence
    for name in accounts:
        look_at_policy(accounts, name, load_settings({"TIMBRE_HOME": str(tmp_path)}))


@given(st.sampled_from(sorted({*ACME} - {"nightly"})), values, st.booleans())
@cases(400)
def test_a_damaged_key_is_named_with_its_table_and_what_is_allowed(
    tmp_path: Path, key: str, value: Any, at_night: bool
) -> None:
    table = {**ACME, "nightly": {**ACME["nightly"], "hour": value}} if at_night else {**ACME, key: value}
    damaged_key = "hour" if at_night else key
    accounts, said = load(tmp_path, toml({"acme": table}).encode())
    for sentence in said:
        look_at(sentence)
        assert "[acme" in sentence
    assert list(accounts) == ["acme"] or any(damaged_key in sentence for sentence in said)


def test_the_file_that_is_damaged_here_is_understood_when_it_is_not(tmp_path: Path) -> None:
    """Otherwise the fuzzing above would only ever reach the first check."""
    accounts, said = load(tmp_path, toml(FILE).encode())
    assert (sorted(accounts), said) == (["acme", "peru.norte"], ())


BELIEVABLE: Final[Mapping[str, str]] = {
    "TIMBRE_DATABASE_URL": f"postgresql://timbre:{PASSWORD}@db:5432/timbre?sslmode=require",
    "TIMBRE_REDIS_URL": f"rediss://:{PASSWORD}@redis:6379/0",
    "TIMBRE_BROKER_URL": f"amqp://timbre:{PASSWORD}@rabbit:5672//",
    "TIMBRE_ALEGRA_BASE_URL": "https://sandbox.alegra.com:26967/api/v1",
    "TIMBRE_ALEGRA_EMAIL": "ana@example.com",
    "TIMBRE_ALEGRA_TOKEN": TOKEN,
    "TIMBRE_ALEGRA_COUNTRY": "república dominicana",
    "TIMBRE_LINGER": "0.5",
    "TIMBRE_CONFIRM_SCHEDULE": "2, 5,15",
    "TIMBRE_UNCERTAIN_SCHEDULE": "1,300,400",
    "TIMBRE_QUIET_WINDOW": "600",
    "TIMBRE_READ_SHARE": "0.4",
    "TIMBRE_MAX_IN_FLIGHT": "8",
    "TIMBRE_NIGHTLY": "on",
    "TIMBRE_NIGHTLY_HOUR": "3:30",
    "TIMBRE_TIME_ZONE": "America/Lima",
    "TIMBRE_NIGHTLY_NUMBERINGS": "FE, 9",
    "TIMBRE_FLOWER_PASSWORD": PASSWORD,
    "TIMBRE_LOG_LEVEL": "debug",
}
addresses = st.sampled_from(
    [
        *(f"redis://:{PASSWORD}@h:port/0", f"redis://:{PASSWORD}@h:0", f"//{PASSWORD}@h", f"redis:/:{PASSWORD}@h"),
        *(f"amqp://a:{PASSWORD}@[::1//", f"postgresql://a:{PASSWORD}@h", f"https://a:{PASSWORD}@api.alegra.com"),
        *(f"sqlite:///{PASSWORD}@/../x.db", f"postgresql://a:{PASSWORD}@h:99999/d", f"sentinel://a:{PASSWORD}@;;"),
    ]
)
odd_settings = st.one_of(
    odd_texts,
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=12),
    st.sampled_from([value for value in BELIEVABLE.values() if value != PASSWORD]),
    st.sampled_from(["1_000", "0x10", "٥", "1e3", "+5", "24:00", "America", "../etc", "localtime", "UTC\x00"]),
    addresses,
)
one_value = st.sampled_from(sorted(BELIEVABLE)).flatmap(
    lambda name: st.tuples(st.just(name), garbled_text(BELIEVABLE[name]) | odd_settings)
)
any_value = st.tuples(st.sampled_from(sorted(variables())), odd_settings)
environments = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from([{}, BELIEVABLE]),
    st.lists(one_value | any_value, max_size=4).map(dict),
)


@given(environments)
@example({"TIMBRE_ALEGRA_COUNTRY": TOKEN})
@example({"TIMBRE_LINGER": TOKEN})
@cases(700)
def test_any_environment_is_understood_or_told_in_sentences(tmp_path: Path, environ: dict[str, str]) -> None:
    environ = {"TIMBRE_HOME": str(tmp_path), **environ}
    try:
        settings = load_settings(environ)
    except WrongSettings as wrong:
        look_at_settings(wrong.problems)
        return
    for sentence in settings.warnings:
        look_at(sentence)
    assert never_proven(settings.uncertain_schedule, settings.quiet_window) is None
    accounts, said = usable(settings, environ)
    for sentence in said:
        look_at(sentence)
    for name in accounts:
        look_at_policy(accounts, name, settings)


RUNNING: Final = (
    "TIMBRE_DATABASE_URL='sqlite:////d/t.db'\nTIMBRE_REDIS_URL='redis://:p@h:1/0'\n"
    "TIMBRE_ACCOUNTS_FILE='/d/accounts.toml'\nTIMBRE_ALEGRA_BASE_URL='http://127.0.0.1:1'\n"
)


@given(garbled_bytes(RUNNING.encode()) | st.binary(max_size=80))
@cases(200)
def test_a_damaged_note_of_the_running_machine_is_no_running_machine(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "running.env").write_bytes(content)
    running = read_running(tmp_path)
    try:
        settings = load_settings({"TIMBRE_HOME": str(tmp_path)})
    except WrongSettings as wrong:
        for sentence in wrong.problems:
            look_at(sentence)
    else:
        assert (settings.running is None) == (running is None)
        assert settings.database


@pytest.mark.parametrize("name", sorted(BELIEVABLE))
def test_each_value_that_is_damaged_here_is_understood_when_it_is_not(name: str) -> None:
    load_settings({name: BELIEVABLE[name]} if name != "TIMBRE_UNCERTAIN_SCHEDULE" else dict(BELIEVABLE))


def look_at(sentence: str) -> None:
    """A sentence of bounded length on one line, with an end, that any terminal can show, and without a secret."""
    assert 10 < len(sentence) < 700, sentence
    assert sentence.endswith("."), sentence
    assert len(sentence.splitlines()) == 1, sentence
    assert sentence.isprintable(), sentence
    assert TOKEN not in sentence, sentence
    assert PASSWORD not in sentence, sentence


def look_at_settings(sentences: Sequence[str]) -> None:
    assert sentences
    for sentence in sentences:
        look_at(sentence)
        assert sentence.partition(" ")[0] in variables()
        assert "; allowed is " in sentence or "contradict" in sentence


def look_at_policy(accounts: AccountsDirectory, name: str, settings: Settings) -> None:
    """What was accepted can be worked with."""
    account = accounts[name]
    assert TOKEN not in repr(account)
    for country in COUNTRIES.values():
        policy = policy_for(settings, account, country)
        waits: Sequence[timedelta] = (policy.linger, *policy.confirm_schedule, *policy.waiting_schedule)
        assert all(timedelta(0) <= wait <= timedelta(days=30) for wait in waits)
        if not account.overrides.keys() & {"uncertain_schedule", "quiet_window"}:
            assert never_proven(policy.uncertain_schedule, policy.quiet_window) is None
    assert set(account.overrides) <= set(OVERRIDES)
    assert account.nightly.zone.key
    assert 1 <= account.requests_per_minute <= 100_000
