"""The directory an embedded machine lives in: one machine at a time, its passwords and ports remembered."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.running import write_private

LOCK_FILE = "up.lock"


class HomeRefused(Exception):
    """No machine can run in this home: another one does, or it is no directory of ours. The text says which."""


@contextmanager
def only_machine(home: Path) -> Iterator[None]:
    """Be the only machine in this home. Raises `HomeRefused`.

    The lock is the kernel's, so one left behind by a machine that was killed holds nobody up; the number in the file
    is for the sentence only.
    """
    try:
        prepare(home)
    except OSError as error:
        raise HomeRefused(f"TIMBRE_HOME, {home}, cannot be used: {error.strerror}.") from error
    with (home / LOCK_FILE).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise HomeRefused(
                f"Timbre already runs in {home} (process {owner}). Stop it with Ctrl-C in its terminal "
                f"or `kill {owner}`, or set TIMBRE_HOME to another directory."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def prepare(folder: Path) -> None:
    """Make the directory, for its owner only; no commit of the surrounding project picks it up."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def remembered_secret(path: Path) -> str:
    """The password this home has always had; made on the first asking."""
    if not path.exists() or not path.read_text(encoding="utf-8").strip():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text(encoding="utf-8").strip()


def remembered_port(path: Path) -> int:
    """The port this home used before if it is free, else another free one, remembered."""
    try:
        port = int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        port = 0
    port = port if 0 < port < 65536 and is_free(port) else free_port()
    write_private(path, f"{port}\n")
    return port


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback."""
    with socket.socket() as probe:
        # As servers do: what a closed connection left behind does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
