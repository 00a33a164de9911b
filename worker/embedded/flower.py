"""Flower for one machine: on the loopback, behind a password, read-only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from worker.embedded.home import free_port, is_free, remembered_secret
from worker.embedded.supervisor import Program, StartFailed, Supervisor
from worker.running import write_private
from worker.settings import Settings

NAME: Final = "flower"
SHOWN: Final[Mapping[str, object]] = MappingProxyType(
    {
        # Looking is all anybody needs; shutting workers down from a browser is not.
        "read_only": True,
        # Arguments instead of Celery's ids: account and documents say which task it is.
        "tasks_columns": "name,args,state,received,runtime,worker",
    }
)
"""Flower's options here; those of docker-compose, `ops/flower/flowerconfig.py`, are the same."""

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Flower:
    """How to open it."""

    port: int
    user: str
    password: str = field(repr=False)
    where_the_password_is: str
    folder: Path
    environ: Mapping[str, str] = field(repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def program(self) -> Program:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", "flower"]
        options = [f"--conf={self.folder / 'flowerconfig.py'}", "--address=127.0.0.1", f"--port={self.port}"]
        return Program(NAME, [*command, *options], folder=self.folder, environ=self.environ)

    def answers(self) -> bool:
        """Whether it is there, and is ours: it knows our password."""
        try:
            answer = httpx.get(f"{self.address}/workers", auth=(self.user, self.password), timeout=5, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.is_success


def start_flower(supervisor: Supervisor, settings: Settings, folder: Path, environ: Mapping[str, str]) -> Flower:
    """Start it on the configured port, or on a free one when that is taken. It takes seconds to answer."""
    port = settings.flower_port if is_free(settings.flower_port) else free_port()
    kept = folder / "flower.password"
    if settings.flower_password is not None:
        password, where = settings.flower_password.get_secret_value(), "TIMBRE_FLOWER_PASSWORD"
    else:
        password, where = remembered_secret(kept), shown(kept)
    flower = Flower(port, settings.flower_user, password, where, folder, environ)
    # A file, so that the password stands on no command line.
    options = {"basic_auth": [f"{flower.user}:{password}"], **SHOWN}
    write_private(folder / "flowerconfig.py", "".join(f"{name} = {value!r}\n" for name, value in options.items()))
    supervisor.start(flower.program)
    return flower


def reach_flower(supervisor: Supervisor, flower: Flower) -> Flower:
    """Wait until it answers; on another port when somebody took its own meanwhile. Raises `StartFailed`, `Stopped`."""
    for tried in range(1, _TRIES + 1):
        try:
            supervisor.wait_until(flower.answers, NAME, within=timedelta(seconds=60))
        except StartFailed:
            if tried == _TRIES:
                raise
            supervisor.drop(NAME)
            flower = replace(flower, port=free_port())
            supervisor.start(flower.program)
        else:
            break
    return flower


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
