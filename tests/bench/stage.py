"""What every question of a run shares: a PostgreSQL, a Valkey and a sandbox, as durable as in production."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.timbre import Timbre
from tests.support.sandbox import SandboxProcess
from tests.support.servers import PostgresServer, ValkeyServer
from worker.sandbox import SandboxControl
from worker.storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class Quota:
    """What the sandbox allows an account: so many requests in so many seconds."""

    limit: int = 1_000_000
    window: float = 60.0


class Stage:
    """The running servers; leaving it ends them and removes what they wrote."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="timbre-bench-"))
        # As docker-compose.yml runs them: a committed row and a second-old message survive a power cut.
        self.valkey = ValkeyServer(appendonly=True, appendfsync="everysec")
        self.postgres = PostgresServer(durable=True)
        self.sandbox_process = SandboxProcess()
        self._running = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(shutil.rmtree, self.folder, ignore_errors=True)
            for server in (self.valkey, self.postgres, self.sandbox_process):
                starting.callback(server.close)
                server.start()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def sandbox(self) -> SandboxControl:
        """The sandbox's control."""
        return self.sandbox_process.control

    @contextmanager
    def timbre(
        self, settings: Mapping[str, str], accounts: Mapping[str, Quota], *, beside: bool = False
    ) -> Iterator[Timbre]:
        """A Timbre that has not started yet, with a database and a broker of its own.

        The sandbox is emptied for it, unless it is to run `beside` another one.
        """
        if not beside:
            self.sandbox.reset()
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        url = self.postgres.new_database(self.postgres.template("migrated", upgrade))
        timbre = Timbre(
            folder, redis_url=self.valkey.new_database(), database_url=url, sandbox=self.sandbox, settings=settings
        )
        try:
            for name, quota in accounts.items():
                timbre.add_account(name, limit=quota.limit, window=quota.window)
            yield timbre
        finally:
            timbre.close()
            self.postgres.drop_database(url)
            shutil.rmtree(folder)
