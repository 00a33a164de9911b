"""An office at work: a real database, Valkey, the sandbox and a Celery worker, and the command among them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from tests.support.servers import ValkeyServer
from worker.cli import app
from worker.sandbox import SandboxServer
from worker.storage.migrate import upgrade

TOKEN = "canary-token-7f3a9c"  # opens nothing but the sandbox, and must be seen nowhere

QUICK = {
    "TIMBRE_LINGER": "0.1",
    "TIMBRE_CONFIRM_SCHEDULE": "0.1,0.2,0.5,1,2,5",
    "TIMBRE_UNCERTAIN_SCHEDULE": "30,30,30,30",
    "TIMBRE_QUIET_WINDOW": "60",
    "TIMBRE_STAMP_TIMEOUT": "1",
    "TIMBRE_REQUESTS_PER_MINUTE": "6000",
}


@dataclass
class Office:
    """The running parts, and the command among them."""

    sandbox: SandboxServer
    environ: dict[str, str]
    accounts: list[str] = field(default_factory=list)

    def timbre(self, *arguments: str, **changes: str) -> Result:
        """Run the command in this process, as a shell of this office would."""
        with patch.dict(os.environ, self.environ | changes):
            result = CliRunner().invoke(app, list(arguments))
        assert TOKEN not in result.output, "the token was told"
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str, code: int = 0, **changes: str) -> Any:
        """The command's answer for machines, after its exit code was looked at."""
        result = self.timbre(*arguments, "--json", **changes)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def drafts(self, count: int, **mix: int) -> list[str]:
        """New drafts in Alegra."""
        return self.sandbox.add_drafts("acme", count, mix)


def environ_of(database: str, redis: str, sandbox: SandboxServer, home: Path) -> dict[str, str]:
    """What a shell of the office exports."""
    return QUICK | {
        "TIMBRE_HOME": str(home),
        "TIMBRE_DATABASE_URL": database,
        "TIMBRE_REDIS_URL": redis,
        "TIMBRE_ALEGRA_BASE_URL": sandbox.base_url,
        "TIMBRE_ACCOUNTS_FILE": str(accounts_file(home, sandbox)),
        "ACME_TOKEN": TOKEN,
    }


def accounts_file(home: Path, sandbox: SandboxServer) -> Path:
    """One account, acme of Colombia, known to the sandbox."""
    sandbox.add_account("acme", country="CO", email="ana@acme.example", token=TOKEN, limit=6000)
    file = home / "accounts.toml"
    file.write_text('[acme]\nemail = "ana@acme.example"\ntoken_env = "ACME_TOKEN"\ncountry = "CO"\n', encoding="utf-8")
    return file


ON_POSTGRESQL = pytest.mark.parametrize("office", ["postgresql"], indirect=True, scope="package")
"""For what does not depend on the database: one engine is enough."""


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Everything running, on each engine in turn.

    With a Valkey of its own: its worker may live on while other files' tests run, and would take their messages.
    """
    home = tmp_path_factory.mktemp("office")
    url = f"sqlite:///{home / 'timbre.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    upgrade(url)
    valkey = ValkeyServer()
    with closing(valkey), SandboxServer() as sandbox:
        valkey.start()
        environ = environ_of(url, valkey.url, sandbox, home)
        with a_worker(environ, home):
            yield Office(sandbox, environ)
    if request.param == "postgresql":
        request.getfixturevalue("postgres").drop_database(url)


@contextmanager
def a_worker(environ: dict[str, str], home: Path) -> Iterator[None]:
    """A Celery worker of its own process, as `celery -A worker.app worker` starts it."""
    command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker", "--concurrency=8", "--without-mingle"]
    log = home / "worker.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env=os.environ | environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
            cwd=home,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as worker,
    ):
        try:
            deadline = time.monotonic() + 60
            while b"ready." not in log.read_bytes():
                assert worker.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.05)
            yield
        finally:
            worker.terminate()
    assert TOKEN not in log.read_text(encoding="utf-8")
