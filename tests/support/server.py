"""One server process, private to the run: started, killed, frozen, thawed, restarted, and never left behind.

It ends with the process that started it, however that ends: beside each server a shell waits on a pipe that only we
hold open (`Leash`).
"""

from __future__ import annotations

import contextlib
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
from pathlib import Path
from typing import Final

import psutil

STARTS_WITHIN: Final = 60.0
"""Seconds a server may take to answer; a busy machine's first PostgreSQL takes five."""


class ServerUnavailable(Exception):
    """A server the tests need cannot be had; the sentence says how to get it."""


class Leash:
    """A shell that ends another process and removes a directory when this process is gone, even by `kill -9`."""

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

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        """The address of this machine that it listens on."""
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix=f"timbre-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: Leash | None = None

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
        self._leash = Leash(self._process.pid, self.ending, self.directory)
        _await(self._answers, lambda: not self.running, f"{self.name} did not start", self._log)

    def stop(self) -> None:
        """End it in good order and wait for that; a frozen one is thawed first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it started as a power cut would; what it had not written down is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the clock for it: connections stay open and nothing answers, like a network that swallows packets."""
        self._each(psutil.Process.suspend)

    def thaw(self) -> None:
        """Let it go on where it was frozen."""
        self._each(psutil.Process.resume)

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

    def _each(self, act: Callable[[psutil.Process], None]) -> list[psutil.Process]:
        """Do something to the server and then to what it started; returns the latter, of which some may have ended."""
        main = psutil.Process(self.pid)
        act(main)
        children = main.children(recursive=True)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                act(child)
        return children

    def _end(self, how: signal.Signals) -> None:
        if self.running:
            # A stopped parent starts no more children, and those of a dead one can no longer be found.
            children = self._each(psutil.Process.suspend)
            for process in [psutil.Process(self.pid), *(children if how == signal.SIGKILL else [])]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(how)
            for process in [psutil.Process(self.pid), *children]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
            _await(lambda: all(map(_ended, children)), lambda: False, f"{self.name} did not end", self._log)
        if self._process is not None:
            self._process.wait(STARTS_WITHIN)
        self._forget()

    def _forget(self) -> None:
        if self._leash is not None:
            self._leash.let_go()
        self._leash = self._process = None


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


def _ended(process: psutil.Process) -> bool:
    """Whether it holds nothing any more, be it gone or only not yet buried by its new parent."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def _await(happened: Callable[[], bool], failed: Callable[[], bool], sentence: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while failed() or not happened():
        if failed() or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()[-15:]
            raise ServerUnavailable("\n".join([f"{sentence}; the end of its log:", *lines]))
        time.sleep(0.02)
