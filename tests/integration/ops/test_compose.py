"""docker-compose.yml and .env.example: what no docker engine is needed for to see that they are right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.environment import load_settings
from worker.settings import variables

ROOT = Path(__file__).parents[3]
TIMBRE = ("migrate", "worker", "beat", "flower", "sandbox")
CONTRACT = [
    "TIMBRE_DATABASE_URL",
    "TIMBRE_REDIS_URL",
    "TIMBRE_BROKER_URL",
    "TIMBRE_ALEGRA_BASE_URL",
    "TIMBRE_ALEGRA_EMAIL",
    "TIMBRE_ALEGRA_TOKEN",
    "TIMBRE_ALEGRA_COUNTRY",
    "TIMBRE_ACCOUNTS_FILE",
    "TIMBRE_LINGER",
    "TIMBRE_STAMP_TIMEOUT",
    "TIMBRE_READ_TIMEOUT",
    "TIMBRE_CONFIRM_SCHEDULE",
    "TIMBRE_WAITING_SCHEDULE",
    "TIMBRE_UNCERTAIN_SCHEDULE",
    "TIMBRE_QUIET_WINDOW",
    "TIMBRE_SWEEP_EVERY",
    "TIMBRE_REQUESTS_PER_MINUTE",
    "TIMBRE_QUOTA_WINDOW",
    "TIMBRE_MAX_IN_FLIGHT",
    "TIMBRE_FLOWER_USER",
    "TIMBRE_FLOWER_PASSWORD",
]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(compose["services"])


def lines_of(example: str, *, commented: bool) -> dict[str, str]:
    """The variables an env file names, set or commented out."""
    beginning = "#?" if commented else ""
    return dict(re.findall(rf"^{beginning}([A-Z_]+)=(.*)$", example, re.MULTILINE))


def seconds(duration: str) -> int:
    minutes = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration)
    assert minutes is not None
    return int(minutes[1] or 0) * 60 + int(minutes[2] or 0)


def test_the_file_is_what_the_compose_specification_allows() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(ROOT / "docker-compose.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_flower_on_the_loopback_is_the_only_published_port(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"flower": ["127.0.0.1:5555:5555"]}


def test_every_service_recovers_and_says_how_it_is(services: dict[str, Any]) -> None:
    lasting = {name: service for name, service in services.items() if name != "migrate"}
    assert {service["restart"] for service in lasting.values()} == {"unless-stopped"}
    assert all("healthcheck" in service for service in lasting.values())


def test_nothing_of_ours_can_write_where_it_need_not_or_gain_rights(services: dict[str, Any]) -> None:
    for name in TIMBRE:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert "user" not in services[name], "the image says who it runs as"
    assert re.search(r"^USER timbre$", (ROOT / "ops" / "Dockerfile").read_text(), re.MULTILINE)


def test_work_starts_when_the_tables_are_there_and_redis_answers(services: dict[str, Any]) -> None:
    for name in ("worker", "beat", "flower"):
        conditions = {needed: how["condition"] for needed, how in services[name]["depends_on"].items()}
        assert conditions == {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_a_stamp_call_on_the_wire_may_end_before_its_worker_is_killed(services: dict[str, Any]) -> None:
    longest = load_settings({}).stamp_timeout.total_seconds()
    assert seconds(services["worker"]["stop_grace_period"]) >= longest + 30


def test_redis_keeps_everything_it_is_given(services: dict[str, Any]) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_databases_are_out_of_reach_from_outside(services: dict[str, Any]) -> None:
    networks = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["networks"]
    assert networks["inside"]["internal"] is True
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]


def test_only_those_who_call_alegra_or_keep_its_schedule_see_the_env_file(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "env_file" in service} == {"worker", "beat"}
    for name in ("postgres", "migrate", "flower"):
        assert not [key for key in services[name]["environment"] if "ALEGRA" in key]


def test_the_example_names_the_contracts_settings_in_its_order() -> None:
    named = lines_of((ROOT / ".env.example").read_text(), commented=True)
    assert [name for name in named if name.startswith("TIMBRE_")] == CONTRACT
    assert set(CONTRACT) <= set(variables())


def test_the_example_shows_the_true_defaults() -> None:
    example = (ROOT / ".env.example").read_text()
    shown = lines_of(example, commented=True) | {"TIMBRE_ACCOUNTS_FILE": ""}
    assert load_settings(shown).model_dump(exclude={"home"}) == load_settings({}).model_dump(exclude={"home"})


def test_whatever_compose_asks_of_the_environment_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= set(lines_of((ROOT / ".env.example").read_text(), commented=True))


def test_a_copied_example_holds_no_secret_yet() -> None:
    given = lines_of((ROOT / ".env.example").read_text(), commented=False)
    assert {name for name, value in given.items() if value} == {"TIMBRE_FLOWER_USER"}
