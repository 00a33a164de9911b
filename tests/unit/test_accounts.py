"""Accounts: one from the environment, many from a file, every mistake in a sentence, no secret in any."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from worker.accounts import AccountsDirectory, UnknownAccount, WrongAccounts, load_accounts, policy_for
from worker.countries import COUNTRIES
from worker.environment import load_settings

TOKEN = "0123456789abcdefcafe"
ENVIRON = {"ACME_TOKEN": TOKEN, "OTHER_TOKEN": TOKEN + "2"}


def load(tmp_path: Path, text: str, **environ: str) -> AccountsDirectory:
    file = tmp_path / "accounts.toml"
    file.write_text(text, encoding="utf-8")
    everything = {**ENVIRON, "TIMBRE_HOME": str(tmp_path), "TIMBRE_ACCOUNTS_FILE": str(file), **environ}
    return load_accounts(load_settings(everything), everything)


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(WrongAccounts) as caught:
        load(tmp_path, text, **environ)
    assert TOKEN not in str(caught.value)
    return list(caught.value.problems)


def test_the_environment_makes_the_account_default(tmp_path: Path) -> None:
    environ = {
        "TIMBRE_HOME": str(tmp_path),
        "TIMBRE_ALEGRA_EMAIL": "a@b.co",
        "TIMBRE_ALEGRA_TOKEN": TOKEN,
        "TIMBRE_ALEGRA_COUNTRY": "colombia",
    }
    account = load_accounts(load_settings(environ), environ)["default"]
    assert (account.email, account.country, account.requests_per_minute) == ("a@b.co", "CO", 150)
    assert account.token.get_secret_value() == TOKEN
    assert account.base_url == "https://api.alegra.com/api/v1"
    assert TOKEN not in repr(account)


def test_half_an_account_in_the_environment_is_a_mistake(tmp_path: Path) -> None:
    environ = {"TIMBRE_HOME": str(tmp_path), "TIMBRE_ALEGRA_TOKEN": TOKEN}
    with pytest.raises(WrongAccounts, match="TIMBRE_ALEGRA_EMAIL is not set"):
        load_accounts(load_settings(environ), environ)


def test_no_account_at_all_is_no_mistake(tmp_path: Path) -> None:
    environ = {"TIMBRE_HOME": str(tmp_path)}
    assert len(load_accounts(load_settings(environ), environ)) == 0


def test_a_file_makes_many_accounts_each_with_its_own_policy(tmp_path: Path) -> None:
    (tmp_path / "peru.token").write_text(TOKEN + "3\n", encoding="utf-8")
    accounts = load(
        tmp_path,
        """
        [acme]
        email = "acme@example.com"
        token_env = "ACME_TOKEN"
        country = "México"
        linger = 0.5
        max_in_flight = 2
        uncertain_schedule = [5, 15, 700]
        quiet_window = "500"
        requests_per_minute = 60
        [acme.nightly]
        enabled = true
        hour = "03:30"
        min_age = 3600
        numberings = ["FE", 12]
        kinds = ["invoice", "payment", "debit_note"]
        [peru]
        email = "peru@example.com"
        token_file = "peru.token"
        base_url = "http://127.0.0.1:8080/api/v1/"
        """,
        TIMBRE_NIGHTLY="off",
    )
    acme, peru = accounts["acme"], accounts["peru"]
    assert (acme.country, acme.requests_per_minute) == ("MX", 60)
    assert acme.overrides == {
        "linger": timedelta(seconds=0.5),
        "max_in_flight": 2,
        "uncertain_schedule": tuple(timedelta(seconds=s) for s in (5, 15, 700)),
        "quiet_window": timedelta(seconds=500),
    }
    night = acme.nightly
    assert (night.enabled, night.hour, night.minimum_age) == (True, time(3, 30), timedelta(hours=1))
    assert (night.zone, night.numberings) == (ZoneInfo("America/Mexico_City"), frozenset({"FE", "12"}))
    # Mexico has no vendor debit note.
    assert night.kinds_from(None) == ["invoice", "payment"]
    assert peru.token.get_secret_value() == TOKEN + "3"
    assert (peru.base_url, peru.nightly.enabled) == ("http://127.0.0.1:8080/api/v1", False)


def test_the_account_wins_over_the_environment_the_environment_over_the_country(tmp_path: Path) -> None:
    patient = replace(
        COUNTRIES["CO"],
        confirm_schedule=(timedelta(seconds=3),),
        waiting_schedule=(timedelta(seconds=4),),
        quiet_window=timedelta(seconds=650),
    )
    environ = {"TIMBRE_WAITING_SCHEDULE": "7,7", "TIMBRE_QUIET_WINDOW": "60", "TIMBRE_LINGER": "1"}
    written = '[acme]\nemail = "a@b.co"\ntoken_env = "ACME"\nquiet_window = 30\nmax_in_flight = 2'
    policy = policy_for(load_settings(environ), load(tmp_path, written, ACME=TOKEN)["acme"], patient)
    assert policy.country == "CO"
    assert policy.confirm_schedule == (timedelta(seconds=3),), "the country's, for nobody said otherwise"
    assert policy.waiting_schedule == (timedelta(seconds=7),) * 2, "the environment's"
    assert policy.quiet_window == timedelta(seconds=30), "the account's"
    assert (policy.max_in_flight, policy.linger) == (2, timedelta(seconds=1))
    assert policy.max_attempts == 4, "the setting's default"


def test_the_night_follows_the_country_alegra_names_unless_somebody_wrote_a_zone(tmp_path: Path) -> None:
    text = '[a]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\n'
    assert load(tmp_path, text)["a"].nightly_in("PE").zone == ZoneInfo("America/Lima")
    written = text + '[a.nightly]\ntime_zone = "America/Bogota"\n'
    assert load(tmp_path, written)["a"].nightly_in("PE").zone == ZoneInfo("America/Bogota")


def test_all_problems_of_all_accounts_come_at_once_and_the_rest_stays_usable(tmp_path: Path) -> None:
    text = f"""
        [good]
        email = "g@b.co"
        token_env = "ACME_TOKEN"
        [bad]
        email = "nobody"
        token = "{TOKEN}"
        colour = "blue"
        linger = "soon"
        [bad.nightly]
        houre = "02:00"
        [worse]
        token_env = "MISSING_TOKEN"
        """
    with pytest.raises(WrongAccounts) as caught:
        load(tmp_path, text)
    said = [problem.split(": ", 1)[1] for problem in caught.value.problems]
    no_secret_here = (
        "is refused, because no secret belongs in this file: "
        "name where it is with token_env or token_file, and change it if others could read it"
    )
    assert said == [
        "[bad] email has a value that cannot be used; allowed is an e-mail address, such as invoices@example.com.",
        f"[bad] token {no_secret_here}.",
        "[bad] colour is not a key of an account; the nearest is country.",
        "[bad] linger is 'soon'; allowed is a number of seconds from 0 to 60.",
        "[bad.nightly] houre is not a key of a night; the nearest is hour.",
        "[worse] token_env names MISSING_TOKEN, which is not set: export it, or use token_file.",
        "[worse] email is missing: write the Alegra user's e-mail address.",
    ]
    assert list(caught.value.usable) == ["good"]
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[a]\nemail = "a@b.co"\ntoken_env = "{TOKEN}"', "is not the name of an environment variable"),
        (f'[a]\nemail = "a@b.co"\ntoken_file = "{TOKEN}"', "names a file that cannot be read"),
        (f'[a]\nemail = "a@b.co:{TOKEN}"\ntoken_env = "ACME_TOKEN"', "email has a value"),
        (f'[a]\nemail = "a@b.co"\ncountry = "{TOKEN}"\ntoken_env = "ACME_TOKEN"', "country has a value"),
        (f'token = "{TOKEN}"', "[token] is a single value"),
        (f'[a]\ntoken = "{TOKEN}', "is not TOML at"),
        (f'[a]\nconfirm_schedule = ["{TOKEN}"]', "confirm_schedule has a value"),
        (f'[a]\nlinger = {{ token = "{TOKEN}" }}', "linger has a value"),
        (f'[a.nightly]\nnumberings = [["{TOKEN}"]]', "numberings has a value"),
        (f'[a]\n{TOKEN} = "token"', "(a name that looks like a token) is not a key"),
        (f'[{TOKEN}]\nemail = "a@b.co"', "[(a name that looks like a token)] token_env is missing"),
    ],
)
def test_a_token_pasted_into_the_wrong_place_is_not_repeated(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in problems(tmp_path, text))


def test_one_alegra_user_under_two_names_is_refused(tmp_path: Path) -> None:
    text = '[a]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\n[b]\nemail = "b@b.co"\ntoken_env = "ACME_TOKEN"\n'
    (problem,) = problems(tmp_path, text)
    assert "[b] is the same Alegra user as account `a`" in problem


def test_default_in_both_places_is_refused(tmp_path: Path) -> None:
    text = '[default]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\n'
    (problem,) = problems(tmp_path, text, TIMBRE_ALEGRA_EMAIL="b@b.co", TIMBRE_ALEGRA_TOKEN="another-token")
    assert "defines account `default` a second time" in problem


def test_a_schedule_that_can_never_prove_anything_is_refused(tmp_path: Path) -> None:
    text = '[a]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\nuncertain_schedule = "1,2"\n'
    (problem,) = problems(tmp_path, text)
    assert "contradicts its quiet_window" in problem


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    environ = {"TIMBRE_HOME": str(tmp_path), "TIMBRE_ACCOUNTS_FILE": str(tmp_path / "none.toml")}
    with pytest.raises(WrongAccounts, match="TIMBRE_ACCOUNTS_FILE names it"):
        load_accounts(load_settings(environ), environ)


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    accounts = load(tmp_path, '[acme]\nemail = "a@b.co"\ntoken_env = "ACME_TOKEN"\n')
    with pytest.raises(UnknownAccount) as caught:
        accounts["acne"]
    assert str(caught.value) == "No account is called 'acne'; did you mean acme?"


VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**62), 2**62),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times().map(lambda moment: moment.replace(tzinfo=None)),
    st.lists(st.one_of(st.text(max_size=8), st.integers(-10, 10), st.floats()), max_size=3),
    st.just({}),
    st.sampled_from(["ACME_TOKEN", "token.txt", "a@b.co", "CO", "02:00", "1,2,700", "http://h/x", "\x00", TOKEN]),
)
KEYS = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(["email", "token_env", "token_file", "token", "country", "base_url", "linger", "quiet_window"]),
    st.sampled_from(["uncertain_schedule", "max_in_flight", "requests_per_minute", "enabled", "hour", "time_zone"]),
)
TABLES = st.dictionaries(KEYS, st.one_of(VALUES, st.dictionaries(KEYS, VALUES, max_size=4)), max_size=6)


def toml(tables: Mapping[str, Any]) -> str:
    """TOML writes strings, numbers and lists as JSON does."""
    lines = []
    for name, table in sorted(tables.items(), key=lambda item: isinstance(item[1], dict)):
        if isinstance(table, dict):
            lines.append(f"[{json.dumps(name)}]")
            nested = [(key, value) for key, value in table.items() if isinstance(value, dict)]
            lines += [
                f"{json.dumps(key)} = {written(value)}" for key, value in table.items() if (key, value) not in nested
            ]
            for key, inner in nested:
                lines.append(f"[{json.dumps(name)}.{json.dumps(key)}]")
                lines += [f"{json.dumps(inner_key)} = {written(value)}" for inner_key, value in inner.items()]
        else:
            lines.append(f"{json.dumps(name)} = {written(table)}")
    return "\n".join(lines)


def written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | time) else json.dumps(value or 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.dictionaries(KEYS, st.one_of(TABLES, VALUES), max_size=3).map(toml), st.text(max_size=60)))
@example("a = " + "[" * 5000)
@example(f'[a]\nlinger = "{TOKEN}"\nemail = "{TOKEN}"\ntoken_file = "{TOKEN}"\n[a.nightly]\nhour = "{TOKEN}"')
def test_any_file_makes_accounts_or_sentences_without_secrets(tmp_path: Path, text: str) -> None:
    (tmp_path / "token.txt").write_text(TOKEN, encoding="utf-8")
    try:
        said: Sequence[str] = [repr(load(tmp_path, text)) + "."]
    except WrongAccounts as wrong:
        said = wrong.problems
    assert said
    assert all(sentence.endswith(".") and TOKEN not in sentence for sentence in said)


def test_a_night_of_a_kind_nobody_knows_is_refused_with_the_kinds_there_are(tmp_path: Path) -> None:
    with pytest.raises(WrongAccounts, match=r"kinds is .*letter.*; allowed is comma-separated kinds of document: inv"):
        load(
            tmp_path,
            """
            [acme]
            email = "acme@example.com"
            token_env = "ACME_TOKEN"
            [acme.nightly]
            kinds = ["letter"]
            """,
        )
