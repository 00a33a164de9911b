"""Everything a campaign runs on one machine: broker, database, sandbox, workers and beats, each in its own process."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from celery import Celery

from tests.chaos.campaign.crew import Crew, Hand
from tests.chaos.campaign.plan import Plan
from tests.chaos.campaign.timings import SETTINGS
from tests.support.servers import PostgresServer, ServerUnavailable, ValkeyServer, free_port
from worker.sandbox import SandboxControl
from worker.sandbox.client import SandboxUnreachable
from worker.storage.migrate import upgrade

THREADS: Final = 8
"""Tasks at once per worker: enough to overlap, few enough for two cores."""

STARTS_WITHIN: Final = 120.0
"""Seconds the workers may take to come up."""

BEATS: Final = 2
"""Always one more than anybody wants."""


class Stage:
    """The running machine; leaving it ends every process it started."""

    def __init__(self, plan: Plan, folder: Path | None = None) -> None:
        self.plan = plan
        self.folder = folder or Path(tempfile.mkdtemp(prefix="timbre-campaign-"))
        self.valkey = ValkeyServer(appendonly=True)
        self.postgres = PostgresServer() if plan.options.database == "postgresql" else None
        self.sandbox = SandboxControl(f"http://127.0.0.1:{free_port()}", timeout=60)
        self.broker_emptied_at: float | None = None
        """When the broker last forgot what it held, by `time.monotonic`."""
        self._foundation = Crew(self.folder, _environ({}))
        self.crew: Crew

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def broker_url(self) -> str:
        """Where producers publish."""
        return self.valkey.url

    @property
    def database_url(self) -> str:
        """Where the status table is."""
        return self.postgres.url if self.postgres else f"sqlite:///{self.folder / 'timbre.db'}"

    @property
    def workers(self) -> list[Hand]:
        """Those that can be hurt now."""
        return list(self.crew.awake("worker"))

    def forget(self) -> None:
        """Remove everything it wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        self.valkey.start()
        if self.postgres:
            self.postgres.start()
        upgrade(self.database_url)
        self._start_sandbox()
        environ = {
            **SETTINGS,
            "TIMBRE_HOME": str(self.folder),
            "TIMBRE_DATABASE_URL": self.database_url,
            "TIMBRE_REDIS_URL": self.valkey.url,
            "TIMBRE_ACCOUNTS_FILE": str(self._write_accounts()),
            "TIMBRE_WORKER_THREADS": str(THREADS),
        }
        self.crew = Crew(self.folder, _environ(environ))
        for number in range(1, self.plan.options.workers + 1):
            self.crew.hire(f"worker{number}", _celery("worker", f"--hostname=worker{number}@campaign"))
        for number in range(1, BEATS + 1):
            self.crew.hire(f"beat{number}", _celery("beat", f"--schedule={self.folder / f'beat{number}-schedule'}"))
        self._await_workers()

    def _await_workers(self) -> None:
        """Trouble that ends before anybody works proves nothing; a busy machine's workers take half a minute."""
        until = time.monotonic() + STARTS_WITHIN
        with Celery(broker=self.broker_url, set_as_current=False) as app:
            while len(app.control.ping(timeout=1.0) or ()) < self.plan.options.workers:
                if time.monotonic() > until:
                    raise ServerUnavailable(f"The workers did not start; their logs are in {self.folder}.")

    def _start_sandbox(self) -> None:
        port = self.sandbox.url.rpartition(":")[2]
        accounts = [f"--account={name}:{country}" for name, country in self.plan.accounts.items()]
        self._foundation.hire("sandbox", [sys.executable, "-m", "worker.sandbox", f"--port={port}", *accounts])
        until = time.monotonic() + 30
        while True:
            try:
                self.sandbox.accounts()
            except SandboxUnreachable as error:
                if time.monotonic() > until:
                    raise ServerUnavailable(f"The sandbox did not start: {error}.") from error
                time.sleep(0.1)
            else:
                return

    def _write_accounts(self) -> Path:
        """Every third account does not say its country: Alegra is asked for it."""
        tables = []
        for number, (name, country) in enumerate(self.plan.accounts.items()):
            (self.folder / f"{name}.token").write_text(f"sandbox-{name}")
            keys = {
                "email": f"{name}@sandbox.example",
                "token_file": f"{name}.token",
                "base_url": self.sandbox.base_url,
            } | ({} if number % 3 == 2 else {"country": country})
            lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
            tables.append("\n".join([f"[{name}]", *lines, ""]))
        path = self.folder / "accounts.toml"
        path.write_text("\n".join(tables))
        return path

    def _stop(self) -> None:
        if "crew" in vars(self):
            self.crew.dismiss()
        self.sandbox.close()
        self._foundation.dismiss()
        self.valkey.close()
        if self.postgres:
            self.postgres.close()


def _environ(changes: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: nothing of a developer's own accounts, and no proxy for this machine."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE_", "ALEGRA"))}
    return {**inherited, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", **changes}


def _celery(role: str, *options: str) -> list[str]:
    pool = ["--pool=threads", f"--concurrency={THREADS}", "--without-gossip", "--without-mingle"]
    words = [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", role, "--loglevel=INFO", *options]
    return [*words, *pool] if role == "worker" else words
