"""The package's README: its programs run, and its message is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import timbre_producers
from tests.integration.producers.intake_queue import creation_in, request_in, taken_from
from timbre_producers import CREATE_TASK, read_message

README = (Path(timbre_producers.__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("program", blocks("python"))
def test_a_program_of_the_readme_enqueues_what_it_says(program: str, redis_url: str, tmp_path: Path) -> None:
    assert "redis://localhost:6379/0" in program
    finished = subprocess.run(
        [sys.executable, "-I", "-c", program.replace("redis://localhost:6379/0", redis_url)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (message,) = taken_from(redis_url)
    if message["headers"]["task"] == CREATE_TASK:
        assert creation_in(message).references == ("INV-2026-0001",)
    else:
        assert request_in(message).document_ids == ("501", "502")


def test_the_message_of_the_readme_is_one() -> None:
    message, envelope = map(json.loads, blocks("json"))
    assert set(message) == set(read_message(message).model_dump())
    assert envelope["headers"]["task"] == "timbre.emit"


def test_every_argument_of_emit_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    arguments = set(timbre_producers.EmissionClient.emit.__annotations__) - {"return"}
    assert explained == arguments
