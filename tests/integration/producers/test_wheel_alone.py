"""The wheel, built and installed alone outside the checkout: it works, and brings nothing of the worker along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import timbre_producers
from tests.integration.producers.intake_queue import request_in, taken_from

SOURCE = Path(timbre_producers.__file__).parent.parent

PROGRAM = """
import importlib.util, json, os
from timbre_producers import EmissionClient
with EmissionClient(os.environ["BROKER_URL"]) as client:
    receipt = client.emit([501, 502], account="acme")
strangers = ["worker", "sqlalchemy", "httpx", "psycopg", "fakeredis"]
print(json.dumps({
    "request_id": str(receipt.request_id),
    "home": os.path.dirname(importlib.util.find_spec("timbre_producers").origin),
    "strangers": [name for name in strangers if importlib.util.find_spec(name)],
}))
"""


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    finished = subprocess.run(
        words, cwd=cwd, env=clean | environment, capture_output=True, text=True, timeout=170, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left behind in the checkout."""
    directory = tmp_path_factory.mktemp("build")
    leftovers = shutil.ignore_patterns("__pycache__", "dist", ".*")
    source = Path(shutil.copytree(SOURCE, directory / "producers", ignore=leftovers))
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    return wheel


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {f"timbre_producers/{path.name}" for path in (SOURCE / "timbre_producers").glob("*.*")}


def test_the_wheel_works_alone_in_an_empty_environment(wheel: Path, redis_url: str, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    run(uv, "venv", "--quiet", "--python", sys.executable, "alone", cwd=tmp_path)
    python = tmp_path / "alone" / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    seen = json.loads(run(python, "-I", "-c", PROGRAM, cwd=tmp_path, BROKER_URL=redis_url))
    assert seen["strangers"] == []
    assert Path(seen["home"]).is_relative_to(tmp_path)
    (message,) = taken_from(redis_url)
    assert str(request_in(message).request_id) == seen["request_id"]
