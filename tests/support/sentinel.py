"""A sentinel that a test may kill: it watches a Valkey, and has a replica take over when that one is gone."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import redis

from tests.support.server import Server
from tests.support.servers import ValkeyServer, valkey_binary

MASTER = "timbre"
"""The name under which it knows the master."""


class SentinelServer(Server):
    """Alone, so that its own word is enough; quick to give a master up."""

    name = "sentinel"
    ending = signal.SIGKILL

    def __init__(self, master: ValkeyServer, *, password: str) -> None:
        super().__init__()
        self._master = master
        self._password = password
        """Of the sentinel itself; the servers' own is the master's."""

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{self.host}:{self.port}/0"

    def client(self) -> redis.Redis:
        """To ask it, or to tell it."""
        return redis.Redis.from_url(self.url, socket_timeout=10, decode_responses=True)

    def master_port(self) -> int:
        """Of whom it names the master now."""
        with self.client() as client:
            found: dict[str, object] = client.sentinel_master(MASTER)
        return int(str(found["port"]))

    def replicas(self) -> int:
        """How many it knows."""
        with self.client() as client:
            found: Sequence[object] = client.sentinel_slaves(MASTER)
        return len(found)

    def _command(self) -> Sequence[str | Path]:
        file = self.directory / "sentinel.conf"
        if not file.exists():
            # It writes down there what it learns.
            file.write_text(
                f"port {self.port}\n"
                f"bind {self.host}\n"
                f"dir {self.directory}\n"
                f"requirepass {self._password}\n"
                f"sentinel monitor {MASTER} 127.0.0.1 {self._master.port} 1\n"
                f"sentinel auth-pass {MASTER} {self._master.password}\n"
                f"sentinel down-after-milliseconds {MASTER} 1000\n"
                f"sentinel failover-timeout {MASTER} 5000\n"
            )
        return [valkey_binary(), file, "--sentinel"]

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _empty(self) -> None:
        (self.directory / "sentinel.conf").unlink(missing_ok=True)
