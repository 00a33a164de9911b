"""Timbre as processes: real Celery workers and a beat on given servers, with a sandbox; by default in quick motion."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from celery import Celery
from sqlalchemy import Engine, NullPool, Pool, create_engine, text

from tests.support.hosts import Host
from tests.support.server import ServerUnavailable
from timbre_producers import EmissionClient
from timbre_producers.contracts import Status
from worker.embedded import leash
from worker.emission.lifecycle import FINISHED
from worker.sandbox import SandboxControl, SandboxServer

FAST: Final[Mapping[str, str]] = {
    "TIMBRE_LINGER": "0.1",
    "TIMBRE_STAMP_TIMEOUT": "4",
    "TIMBRE_READ_TIMEOUT": "3",
    "TIMBRE_SWEEP_EVERY": "0.5",
    "TIMBRE_SWEEP_GRACE": "0.5",
    "TIMBRE_PICKUP_TIMEOUT": "1.5",
    "TIMBRE_REDELIVERY": "3",
    "TIMBRE_LOCK_TTL": "1",
    "TIMBRE_CONFIRM_SCHEDULE": "0.2,0.5,1,2,4,8,16",
    "TIMBRE_WAITING_SCHEDULE": "0.2,0.5,1,2,4,8,16,32",
    "TIMBRE_UNCERTAIN_SCHEDULE": "0.3,0.6,1,2,4,8,16",
    "TIMBRE_QUIET_WINDOW": "2",
    "TIMBRE_REQUESTS_PER_MINUTE": "100000",
    "TIMBRE_WORKER_THREADS": "8",
}
"""Minutes become seconds; their order and ratios stay."""

PATIENCE: Final = 90.0
"""Seconds until a test gives up on a busy machine; never what is measured."""

FINAL: Final = {status.value for status in FINISHED}


class Machine:
    """Workers and a beat that share a database, a Redis, a broker and the accounts of one sandbox."""

    pool: ClassVar[type[Pool]] = NullPool
    """A connection kept from before the database was hurt would be an error of ours, not of Timbre's."""

    def __init__(
        self,
        folder: Path,
        *,
        redis_url: str,
        database_url: str,
        sandbox: SandboxControl,
        broker_url: str | None = None,
        settings: Mapping[str, str] = FAST,
    ) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.sandbox = sandbox
        self.client = EmissionClient(broker_url or redis_url)
        self.environ: dict[str, str] = {
            "TIMBRE_HOME": str(folder / "home"),
            "TIMBRE_REDIS_URL": redis_url,
            "TIMBRE_DATABASE_URL": database_url,
            "TIMBRE_ACCOUNTS_FILE": str(folder / "accounts.toml"),
            **settings,
        }
        if broker_url is not None:
            self.environ["TIMBRE_BROKER_URL"] = broker_url
        self._accounts: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._engine: Engine = create_engine(database_url, poolclass=self.pool)

    def add_account(self, name: str, country: str = "colombia", more: str = "", **settings: object) -> None:
        """An account of the sandbox (`settings` are its), in the accounts file of processes started from now on."""
        credentials = self.sandbox.add_account(name, country=country, **settings)
        token = self.folder / f"{name}.token"
        token.write_text(credentials.token)
        self._accounts.append(
            f'[{name}]\nemail = "{credentials.email}"\ntoken_file = "{token}"\n'
            f'base_url = "{self.sandbox.base_url}"\n{more}\n'
        )
        (self.folder / "accounts.toml").write_text("\n".join(self._accounts))

    def start_worker(self, on: Host | None = None, **environ: str) -> subprocess.Popen[bytes]:
        """A worker of its own name, here or on another host. It need not be ready: messages wait for it."""
        return self._start(self._worker_words(), environ, prefix=on.prefix if on else ())

    def start_worker_that_freezes(self, place: str, **environ: str) -> subprocess.Popen[bytes]:
        """A worker that stops its own clock at a named point (`stamp.claimed`), until it gets a SIGCONT."""
        return self._start(self._worker_words(), {"FREEZE_AT": place, **environ}, app="tests.support.freezing")

    def start_program(self, app: str, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        """Celery on another application than Timbre's, in the same surroundings."""
        return self._start(words, environ, app=app)

    def start_beat(self) -> subprocess.Popen[bytes]:
        schedule = self.folder / f"beat-{len(self._processes)}"
        return self._start(["beat", "--schedule", str(schedule)], {})

    def start_flower(self, config: Path, port: int) -> subprocess.Popen[bytes]:
        return self._start(["flower", f"--conf={config}", "--address=127.0.0.1", f"--port={port}"], {})

    def timbre(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The `timbre` command on the same settings."""
        return subprocess.run(
            [Path(sys.executable).with_name("timbre"), *words],
            env=self._environment(environ),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def sql(self, statement: str, **values: Any) -> Sequence[Any]:
        """What another program reads."""
        with self._engine.connect() as connection:
            return connection.execute(text(statement), values).all()

    def statuses(self) -> dict[tuple[str, str], str]:
        rows = self.sql("SELECT account, document_id, status FROM emissions")
        return {(row.account, row.document_id): row.status for row in rows}

    def await_end(self, account: str, ids: Sequence[str], status: Status = Status.STAMPED) -> None:
        """Until every one of these documents has ended as it should."""
        wanted = {(account, each) for each in ids}

        def ended() -> bool:
            found = self.statuses()
            return all(found.get(each) in FINAL for each in wanted)

        await_that(ended, lambda: f"not ended: {self._unfinished(wanted)}\n{self.logs()}")
        others = {each: found for each, found in self.statuses().items() if each in wanted and found != status}
        assert not others, f"{others}\n{self.logs()}"

    def judge(self, account: str, ids: Sequence[str]) -> None:
        """By the sandbox's own ledger: each of these was executed once, and the table has that code."""
        executed: dict[str, list[str]] = {each: [] for each in ids}
        for entry in self.sandbox.ledger(account):
            executed.setdefault(entry["document_id"], []).append(entry["code"])
        assert {each: len(codes) for each, codes in executed.items()} == dict.fromkeys(executed, 1)
        table = self.sql("SELECT document_id, fiscal_code FROM emissions WHERE account = :account", account=account)
        assert {row.document_id: [row.fiscal_code] for row in table} == executed

    def log_of(self, process: subprocess.Popen[bytes]) -> Path:
        """What this worker or beat said."""
        (log,) = self.folder.glob(f"{self._processes.index(process)}-*.log")
        return log

    def logs(self) -> str:
        """The end of what each process said; shown when a test fails."""
        parts = [f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(parts)

    def close(self) -> None:
        """End every process, however it is."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.client.close()
        self._engine.dispose()

    def _unfinished(self, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        found = self.statuses()
        return {each: found.get(each, "unknown") for each in wanted if found.get(each) not in FINAL}

    def _worker_words(self) -> list[str]:
        return ["worker", "--hostname", f"worker{len(self._processes)}@test", "--without-gossip", "--without-mingle"]

    def _start(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        *,
        app: str = "worker.app",
        prefix: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self._processes)}-{words[0]}.log"
        celery = ["--quiet", "-A", app]
        with log.open("wb") as output:
            process = subprocess.Popen(
                # On the leash: a worker that outlived its test would take the messages of another on the same port.
                [
                    *prefix,
                    sys.executable,
                    leash.__file__,
                    str(os.getpid()),
                    sys.executable,
                    "-m",
                    "celery",
                    *celery,
                    *words,
                ],
                env=self._environment(environ),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE_", "ALEGRA"))}
        local = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        return {**inherited, **local, "PYTHONPATH": str(Path(__file__).parents[2]), **self.environ, **more}


@contextmanager
def a_machine(
    folder: Path, *, redis_url: str, database_url: str, broker_url: str | None = None, host: str = "127.0.0.1"
) -> Iterator[Machine]:
    """A machine with a sandbox at an address of ours and no account; nothing runs yet."""
    with SandboxServer(host=host) as sandbox:
        machine = Machine(
            folder, redis_url=redis_url, database_url=database_url, sandbox=sandbox, broker_url=broker_url
        )
        try:
            yield machine
        finally:
            machine.close()


def await_workers(broker_url: str, count: int, complaint: Callable[[], str], patience: float = PATIENCE) -> None:
    """Until so many workers answer. Raises `ServerUnavailable` with the complaint."""
    until = time.monotonic() + patience
    with Celery(broker=broker_url, set_as_current=False) as app:
        while len(app.control.ping(timeout=1.0, limit=count) or ()) < count:
            if time.monotonic() > until:
                raise ServerUnavailable(complaint())


def await_that(happened: Callable[[], bool], complaint: Callable[[], str], patience: float = PATIENCE) -> None:
    """Look until it has happened. Raises `AssertionError` with the complaint."""
    deadline = time.monotonic() + patience
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(complaint())
        time.sleep(0.05)
