"""ops/setup: what it says when this machine cannot do it, and that it does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14", "python3")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What ops/setup reads, and no .venv."""
    here = tmp_path / "checkout"
    for name in ("ops/setup", "ops/requirements", "pyproject.toml", "producers/pyproject.toml"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        whole = ROOT / name
        shutil.copytree(whole, here / name) if whole.is_dir() else shutil.copy(whole, here / name)
    return here


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def set_up(checkout: Path, pythons: str) -> subprocess.CompletedProcess[str]:
    """Run it on a machine all of whose Pythons are this script."""
    for name in PYTHONS:
        program(checkout.parent / "bin" / name, pythons)
    path = f"{checkout.parent / 'bin'}{os.pathsep}/usr/bin:/bin"
    return subprocess.run([checkout / "ops" / "setup"], env={"PATH": path}, capture_output=True, text=True, check=False)


def test_without_a_python_that_is_new_enough_it_says_which_are(checkout: Path) -> None:
    done = set_up(checkout, pythons="exit 1")
    assert done.returncode == 1
    assert done.stderr.startswith("Timbre needs Python 3.11 to 3.14: install one (Debian: python3-venv, macOS: ")
    assert done.stderr.count("\n") == 1


def test_a_python_without_venv_is_named_with_the_remedy(checkout: Path) -> None:
    done = set_up(checkout, pythons='case "$*" in *ensurepip*) exit 1 ;; esac')
    assert done.returncode == 1
    assert done.stderr == "python3 has no venv module: install it (Debian: python3-venv), then run this again.\n"


def test_a_virtual_environment_that_is_current_is_left_alone(checkout: Path) -> None:
    # Whatever the interpreter is asked, it answers; whatever it is told to install is written down.
    program(checkout / ".venv" / "bin" / "python", 'case "$*" in *install*) echo "$*" >>installed ;; esac')
    program(checkout / ".venv" / "bin" / "uv", 'echo "$*" >>installed')
    assert set_up(checkout, pythons="exit 1").returncode == 0
    installed = (checkout / "installed").read_text()
    assert "-r ops/requirements/worker.txt" in installed
    assert set_up(checkout, pythons="exit 1").returncode == 0
    assert (checkout / "installed").read_text() == installed


def test_a_new_requirement_is_installed(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", "")
    program(checkout / ".venv" / "bin" / "uv", 'echo "$*" >>installed')
    assert set_up(checkout, pythons="exit 1").returncode == 0
    before = (checkout / "installed").read_text()
    with (checkout / "ops" / "requirements" / "worker.txt").open("a") as requirements:
        requirements.write("another==1.0 --hash=sha256:0\n")
    assert set_up(checkout, pythons="exit 1").returncode == 0
    assert (checkout / "installed").read_text() != before


def test_pip_takes_over_where_uv_cannot_install(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", 'case "$*" in *install*) echo "$*" >>installed ;; esac')
    program(checkout / ".venv" / "bin" / "uv", "exit 1")
    done = set_up(checkout, pythons="exit 1")
    assert done.returncode == 0
    assert "pip tries" in done.stderr
    installed = (checkout / "installed").read_text().splitlines()
    assert any(line.endswith("-r ops/requirements/build.txt") and "--require-hashes" in line for line in installed)
