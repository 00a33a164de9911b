"""Whatever somebody types: never a traceback, always an exit code of the contract."""

from __future__ import annotations

import os
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from worker.cli import app

# Those that would serve until Ctrl-C, or start processes, are tried by name elsewhere.
COMMANDS = ["emit", "status", "requests", "settle", "release", "cancel", "pause", "resume", "nightly", "migrate"]

OPTIONS = [
    "--account",
    "--all",
    "--all-uncertain",
    "--check",
    "--dry-run",
    "--force",
    "--json",
    "--kind",
    "--lang",
    "--limit",
    "--not-before",
    "--priority",
    "--reason",
    "--request",
    "--request-id",
    "--run-now",
    "--state",
    "--unreadable",
    "--wait",
    "--wait-seconds",
    "--help",
    "--version",
    "-h",
    "--",
]

VALUES = [
    "501",
    "acme",
    "default",
    "invoice",
    "high",
    "held",
    "es",
    "0",
    "-1",
    "1e9",
    "2026-03-02T09:00:00-05:00",
    "0001-01-01T00:00:00+14:00",
    "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "looked at it in Alegra",
    "[red]",
    "{}",
    "%s",
    "\x00",
    "\ud800",
    "ñ",
]

words = st.one_of(
    st.sampled_from(OPTIONS),
    st.sampled_from(VALUES),
    st.builds("{}={}".format, st.sampled_from(OPTIONS), st.sampled_from(VALUES)),
    st.text(max_size=40),
)

lines = st.builds(lambda command, rest: [command, *rest], st.sampled_from(COMMANDS), st.lists(words, max_size=6))


@pytest.fixture
def nobody_home(sqlite_url: str) -> dict[str, str]:
    """An account and tables; a Redis and an Alegra that refuse at once."""
    return {
        "TIMBRE_DATABASE_URL": sqlite_url,
        "TIMBRE_REDIS_URL": "redis://127.0.0.1:1/0",
        "TIMBRE_ALEGRA_BASE_URL": "http://127.0.0.1:1/api/v1",
        "TIMBRE_ALEGRA_EMAIL": "ana@example.com",
        "TIMBRE_ALEGRA_TOKEN": "canary-0123456789",
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.one_of(lines, st.lists(words, max_size=4)))
def test_any_arguments_end_with_a_sentence_and_an_exit_code_of_the_contract(
    nobody_home: dict[str, str], arguments: list[str]
) -> None:
    with patch.dict(os.environ, nobody_home):
        result = CliRunner().invoke(app, arguments)
    assert result.exit_code in range(5), (arguments, result.output, result.exception)
    assert "Traceback" not in result.output, arguments
    assert "unforeseen" not in result.output, (arguments, result.output)
    assert "canary" not in result.output
