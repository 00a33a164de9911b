"""Flower for one machine: on the loopback, behind a password, read-only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.embedded.home import free_port, is_free, remembered_secret
from worker.embedded.supervisor import Program
from worker.running import write_private
from worker.settings import Settings

NAME: Final = "flower"


@dataclass(frozen=True, slots=True)
class Flower:
    """How to open it, and how to start it."""

    address: str
    user: str
    where_the_password_is: str
    program: Program


def flower(settings: Settings, home: Path, environ: Mapping[str, str]) -> Flower:
    """Flower on the configured port, or on a free one when that is taken."""
    port = settings.flower_port if is_free(settings.flower_port) else free_port()
    kept = home / "flower.password"
    if settings.flower_password is not None:
        password, where = settings.flower_password.get_secret_value(), "TIMBRE_FLOWER_PASSWORD"
    else:
        password, where = remembered_secret(kept), shown(kept)
    configuration = home / "flowerconfig.py"
    # A file, so that the password stands on no command line.
    write_private(
        configuration,
        f"basic_auth = {[f'{settings.flower_user}:{password}']!r}\n"
        "# Looking is all anybody needs; shutting workers down from a browser is not.\n"
        "read_only = True\n",
    )
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", "flower"]
    options = [f"--conf={configuration}", "--address=127.0.0.1", f"--port={port}"]
    program = Program(NAME, [*command, *options], folder=home, environ=environ)
    return Flower(f"http://127.0.0.1:{port}", settings.flower_user, where, program)


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
