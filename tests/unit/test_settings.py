"""Settings: what the environment may say, and what is answered when it says something else."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from worker.environment import load_settings
from worker.running import Running, write_running
from worker.settings import WrongSettings, variables
from worker.settings_table import settings_table

WRONG = {
    "TIMBRE_LINGER": "soon",
    "TIMBRE_STAMP_TIMEOUT": "-1",
    "TIMBRE_CONFIRM_SCHEDULE": "1,,2",
    "TIMBRE_MAX_IN_FLIGHT": "2.5",
    "TIMBRE_READ_SHARE": "1.5",
    "TIMBRE_NIGHTLY": "maybe",
    "TIMBRE_NIGHTLY_HOUR": "24:00",
    "TIMBRE_TIME_ZONE": "Bogota/../../etc",
    "TIMBRE_ALEGRA_COUNTRY": "Francia",
    "TIMBRE_ALEGRA_BASE_URL": "ftp://api.alegra.com",
    "TIMBRE_LOG_FORMAT": "xml",
    "TIMBRE_FLOWER_PORT": "0",
}


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


def test_an_empty_environment_makes_settings() -> None:
    settings = load_settings({})
    assert settings.linger == timedelta(seconds=2)
    assert settings.stamp_timeout == timedelta(seconds=180)
    assert settings.nightly is False
    assert settings.database == f"sqlite:///{Path('.timbre').absolute()}/timbre.db"
    assert settings.warnings == ()


def test_every_kind_of_value_is_read() -> None:
    settings = load_settings(
        {
            "TIMBRE_LINGER": "0.5",
            "TIMBRE_UNCERTAIN_SCHEDULE": "1, 2,30",
            "TIMBRE_QUIET_WINDOW": "10",
            "TIMBRE_NIGHTLY": "ON",
            "TIMBRE_NIGHTLY_HOUR": "3:30",
            "TIMBRE_TIME_ZONE": "America/Lima",
            "TIMBRE_NIGHTLY_NUMBERINGS": "FE, 9,FE",
            "TIMBRE_NIGHTLY_KINDS": "invoice, Credit-Note",
            "TIMBRE_ALEGRA_COUNTRY": "méxico",
            "TIMBRE_LOG_LEVEL": "debug",
            "TIMBRE_MAX_ATTEMPTS": "3",
        }
    )
    assert settings.linger == timedelta(seconds=0.5)
    assert settings.uncertain_schedule == seconds(1, 2, 30)
    assert (settings.nightly, settings.nightly_hour, settings.time_zone) == (
        True,
        time(3, 30),
        ZoneInfo("America/Lima"),
    )
    assert settings.nightly_numberings == ("FE", "9")
    assert settings.nightly_kinds == ("invoice", "credit_note")
    assert (settings.alegra_country, settings.log_level, settings.max_attempts) == ("MX", "DEBUG", 3)


def test_an_empty_variable_counts_as_unset() -> None:
    settings = load_settings({"TIMBRE_BROKER_URL": "", "TIMBRE_LINGER": " "})
    assert settings.broker_url is None
    assert settings.linger == timedelta(seconds=2)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).linger = timedelta(0)  # type: ignore[misc]


def test_every_wrong_value_is_named_at_once_with_what_is_allowed() -> None:
    with pytest.raises(WrongSettings) as caught:
        load_settings(WRONG)
    assert len(caught.value.problems) == len(WRONG)
    for variable, value in WRONG.items():
        (sentence,) = [problem for problem in caught.value.problems if problem.startswith(f"{variable} ")]
        assert repr(value) in sentence
        assert "; allowed is " in sentence


@pytest.mark.parametrize("variable", ["TIMBRE_DATABASE_URL", "TIMBRE_REDIS_URL", "TIMBRE_BROKER_URL"])
def test_a_wrong_address_is_refused_without_repeating_its_password(variable: str) -> None:
    with pytest.raises(WrongSettings) as caught:
        load_settings({variable: "nosuch://user:hunter22@host/x"})
    assert variable in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("variable", ["TIMBRE_LINGER", "TIMBRE_ALEGRA_COUNTRY", "TIMBRE_LOG_LEVEL"])
def test_a_token_in_the_wrong_variable_is_not_repeated(variable: str) -> None:
    with pytest.raises(WrongSettings, match=f"{variable} has a value that cannot be used; allowed is") as caught:
        load_settings({variable: "0123456789abcdefcafe"})
    assert "cafe" not in str(caught.value)


def test_no_secret_is_in_the_representation() -> None:
    environ = {
        "TIMBRE_DATABASE_URL": "postgresql://u:hunter22@db/t",
        "TIMBRE_REDIS_URL": "redis://:hunter22@r/0",
        "TIMBRE_BROKER_URL": "amqp://u:hunter22@q//",
        "TIMBRE_ALEGRA_TOKEN": "hunter22",
        "TIMBRE_FLOWER_PASSWORD": "hunter22",
    }
    settings = load_settings(environ)
    assert "hunter22" not in repr(settings) + str(settings.model_dump())
    assert "hunter22" in settings.broker


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u:p@h:5433/d?sslmode=require", "postgresql+psycopg://u:p@h:5433/d?sslmode=require"),
        ("postgresql:///d?host=/var/run/postgresql", "postgresql+psycopg:///d?host=/var/run/postgresql"),
        ("sqlite:////data/t.db", "sqlite:////data/t.db"),
    ],
)
def test_database_addresses_are_brought_into_one_form(written: str, read: str) -> None:
    assert load_settings({"TIMBRE_DATABASE_URL": written}).database == read


@pytest.mark.parametrize("written", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "postgresql://h", "db", "://"])
def test_a_database_several_processes_cannot_share_is_refused(written: str) -> None:
    with pytest.raises(WrongSettings, match="TIMBRE_DATABASE_URL"):
        load_settings({"TIMBRE_DATABASE_URL": written})


def test_an_unknown_variable_is_pointed_out_with_the_nearest_name() -> None:
    settings = load_settings({"TIMBRE_LINGR": "2", "TIMBRE_ALGRA_TOKEN": "x", "OTHER": "y"})
    assert settings.warnings == (
        "TIMBRE_ALGRA_TOKEN is not a setting and is ignored; the nearest is TIMBRE_ALEGRA_TOKEN.",
        "TIMBRE_LINGR is not a setting and is ignored; the nearest is TIMBRE_LINGER.",
    )


def test_an_accounts_own_token_variable_is_no_mistake() -> None:
    assert load_settings({"TIMBRE_ACME_TOKEN": "x"}).warnings == ()


def test_a_schedule_that_can_never_prove_anything_is_refused() -> None:
    with pytest.raises(WrongSettings, match="span 2 s") as caught:
        load_settings({"TIMBRE_UNCERTAIN_SCHEDULE": "1,1,1"})
    assert "TIMBRE_QUIET_WINDOW" in str(caught.value)


def test_other_shells_find_the_machine_that_runs_in_the_same_home(tmp_path: Path) -> None:
    password = "it's \\ $HOME #1"
    running = Running(
        SecretStr("sqlite:////d/t.db"),
        SecretStr(f"redis://:{password}@h:1/0"),
        tmp_path / "a b.toml",
        "http://127.0.0.1:1",
    )
    write_running(tmp_path, running)
    settings = load_settings({"TIMBRE_HOME": str(tmp_path)})
    assert settings.running == running
    assert (settings.database, settings.redis) == ("sqlite:////d/t.db", f"redis://:{password}@h:1/0")
    assert settings.accounts_table == tmp_path / "a b.toml"
    assert (tmp_path / "running.env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("variable", ["TIMBRE_ALEGRA_TOKEN", "TIMBRE_ACCOUNTS_FILE"])
def test_a_real_account_never_looks_into_the_table_of_a_demo(variable: str, tmp_path: Path) -> None:
    demo = Running(SecretStr("sqlite:////d/t.db"), SecretStr("redis://h/0"), sandbox_url="http://127.0.0.1:1")
    write_running(tmp_path, demo)
    assert load_settings({"TIMBRE_HOME": str(tmp_path)}).running == demo
    assert load_settings({"TIMBRE_HOME": str(tmp_path), variable: "given"}).running is None


def test_the_environment_wins_over_the_running_machine_altogether(tmp_path: Path) -> None:
    write_running(tmp_path, Running(SecretStr("sqlite:////d/t.db"), SecretStr("redis://h/0")))
    settings = load_settings({"TIMBRE_HOME": str(tmp_path), "TIMBRE_REDIS_URL": "redis://mine/1"})
    assert settings.redis == settings.broker == "redis://mine/1"
    assert settings.database == f"sqlite:///{tmp_path}/timbre.db"


def test_accounts_of_the_environment_are_never_mixed_with_those_of_a_demo(tmp_path: Path) -> None:
    write_running(tmp_path, Running(SecretStr("sqlite:////d/t.db"), SecretStr("redis://h/0"), tmp_path / "demo.toml"))
    settings = load_settings({"TIMBRE_HOME": str(tmp_path), "TIMBRE_ALEGRA_TOKEN": "mine"})
    assert settings.accounts_table is None


def test_without_any_redis_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="set it, or start `timbre up`"):
        _ = load_settings({"TIMBRE_HOME": str(tmp_path)}).broker


def test_every_setting_is_documented_with_unit_or_reason() -> None:
    table = settings_table()
    for variable, described in variables().items():
        assert f"`{variable}`" in table
        assert described.description
    assert "| `TIMBRE_CONFIRM_SCHEDULE` | `2,5,15,60,300,900` |" in table


@given(st.dictionaries(st.sampled_from(sorted(variables())), st.text(max_size=30), max_size=6))
def test_whatever_is_written_there_are_settings_or_sentences(environ: dict[str, str]) -> None:
    said = ["TIMBRE_HOME is used."]
    try:
        load_settings(environ)
    except WrongSettings as wrong:
        said = wrong.problems
    assert said
    assert all(sentence.startswith("TIMBRE_") and sentence.endswith(".") for sentence in said)


def test_an_address_that_leads_nowhere_is_refused_with_its_setting_the_reason_and_the_remedy() -> None:
    with pytest.raises(WrongSettings) as wrong:
        load_settings(
            {
                "TIMBRE_REDIS_URL": "sentinel://:hunter2@one;sentinel://two/0",
                "TIMBRE_BROKER_URL": "rediss://:hunter2@h/0?ssl_ca_certs=/nowhere.pem",
            }
        )
    redis, broker = wrong.value.problems
    assert redis.startswith("TIMBRE_REDIS_URL names no master (sentinel://one;sentinel://two/0): add ?master_name=")
    assert broker.startswith("TIMBRE_BROKER_URL names a file that is not there, ssl_ca_certs='/nowhere.pem': give ")
    assert "hunter2" not in str(wrong.value)
