"""A RabbitMQ that a test may kill and restart: the machine's, or Debian's unpacked for the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kombu import Connection

from tests.support.debian import unpacked
from tests.support.server import Server, ServerUnavailable, free_port

_PLACES: Final = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin")
"""Debian's and Homebrew's; the wrapper on Debian's path insists on a user of its own."""


_ERLANG: Final = (
    "base asn1 crypto eldap inets mnesia os-mon parsetools public-key runtime-tools ssl syntax-tools tools xmerl"
)
_PACKAGES: Final = ("rabbitmq-server", *(f"erlang-{name}" for name in _ERLANG.split()))
"""What RabbitMQ needs of Debian beyond what every machine has."""


class RabbitServer(Server):
    """RabbitMQ with everything it has in one directory: node, cookie, data, and the port mapper of Erlang."""

    name = "rabbitmq"
    ending = signal.SIGKILL

    def __init__(self) -> None:
        super().__init__()
        self._mapper_port = free_port()
        self._distribution_port = free_port()
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        _, path = _rabbitmq()
        mapper = shutil.which("epmd", path=path)
        if mapper is None:
            raise ServerUnavailable("RabbitMQ is here, and Erlang's epmd is not on PATH: put it there.")
        if self._mapper is None:
            # Otherwise RabbitMQ would start one for the whole machine, which outlives everybody. This one ends with us.
            script = '"$1" -address 127.0.0.1 -port "$2" & read -r _; kill $!; wait'
            words = ["/bin/sh", "-c", script, "mapper", mapper, str(self._mapper_port)]
            self._mapper = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "environment").write_text(self._environment(path))
        super().start()

    def close(self) -> None:
        super().close()
        if self._mapper is not None:
            self._mapper.communicate()

    def _command(self) -> Sequence[str | Path]:
        program, _ = _rabbitmq()
        # The program reads its settings from the environment only.
        return ["/bin/sh", "-c", f'set -a; . ./environment; exec "{program}"']

    def _environment(self, path: str) -> str:
        settings = {
            "HOME": self.directory,
            "PATH": path,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self._mapper_port,
            "RABBITMQ_NODENAME": f"timbre{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._distribution_port,
            "RABBITMQ_MNESIA_BASE": self._data,
            "RABBITMQ_PID_FILE": self.directory / "pid",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": self.directory / "rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": self.directory / "none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.directory / "plugins",
            # One process instead of a shell that watches it, and no terminal.
            "RUNNING_UNDER_SYSTEMD": "1",
        }
        return "".join(f'{name}="{value}"\n' for name, value in settings.items())

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), Connection(self.url, connect_timeout=5) as connection:
            connection.connect()
            return True
        return False

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _empty(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)


def _rabbitmq() -> tuple[Path, str]:
    """The program, and the PATH on which it finds its Erlang."""
    path = os.environ.get("PATH", os.defpath)
    for place in (*_PLACES, *path.split(os.pathsep)):
        program = Path(place) / "rabbitmq-server"
        if program.is_file():
            return program, path
    root = unpacked("rabbitmq", _PACKAGES)
    return root / "usr/lib/rabbitmq/bin/rabbitmq-server", f"{_relocated(root / 'usr/lib/erlang')}{os.pathsep}{path}"


def _relocated(erlang: Path) -> Path:
    """Its programs, told where they lie now."""
    script = erlang / "bin" / "erl"
    text = script.read_text()
    if str(erlang) not in text:
        script.write_text(text.replace("/usr/lib/erlang", str(erlang)))
    return script.parent
