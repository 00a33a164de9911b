"""Several hosts on one machine: network namespaces on a few wires, each of which a test may pull out and plug in.

The process that builds a `Network` must have a network of its own (`in_a_network_of_its_own`): nothing of the
machine's is touched, everything ends with that process, and no root is needed where a user may make namespaces.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import cache
from types import TracebackType
from typing import Final, Self

from tests.support.postgresql import unprivileged_user

_HOLD: Final = """
import socket, sys
socket.sethostname(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""
"""A host is kept by a process in it, which ends when we do."""


@cache
def why_not() -> str | None:
    """What keeps this machine from making networks; None when nothing does."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: util-linux, iproute2)"
    try_out = "ip link set lo up && ip link add try type bridge && unshare --net --uts true"
    tried = subprocess.run(
        in_a_network_of_its_own(["sh", "-c", try_out]), capture_output=True, text=True, timeout=30, check=False
    )
    if tried.returncode:
        said = tried.stderr.strip().replace("\n", "; ")
        return f"this user may not make network namespaces ({said}): run as root, or allow user namespaces"
    return None


def in_a_network_of_its_own(command: Sequence[str]) -> list[str]:
    """The command, run where it may build networks and sees none but its own.

    PostgreSQL refuses to be root, so root becomes somebody else, who is allowed the same.
    """
    user = unprivileged_user()
    who = [f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"] if user else ["--map-current-user"]
    return ["unshare", "--user", *who, "--keep-caps", "--net", "--", *command]


class Host:
    """A machine of its own as far as names and network go; files and processes are shared with everybody."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--uts", "--", sys.executable, "-c", _HOLD, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise AssertionError(f"the host {name} did not start")

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words that make the command behind them run on this host, as the same process."""
        return ("nsenter", f"--target={self.pid}", "--net", "--uts", "--")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def close(self) -> None:
        self._holder.communicate()


class Network:
    """Wires from this process to hosts: on each wire we are the first address, and every host has one of its own.

    A wire that is out swallows what is sent into it, both ways and without a word: no reset, no refusal, nothing
    unreachable. That is what a cut cable, a lost route or a firewall's changed mind look like.
    """

    def __init__(self, wires: Collection[str]) -> None:
        self._numbers = {wire: place for place, wire in enumerate(wires, 1)}
        self._hosts: list[Host] = []
        _ip("link set lo up")
        for wire, number in self._numbers.items():
            _ip(f"link add {wire} address {_ethernet(number, 1)} type bridge")
            _ip(f"address add {self.address(wire)}/24 dev {wire}")
            _ip(f"link set {wire} up")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self._hosts:
            host.close()

    def address(self, wire: str, host: Host | None = None) -> str:
        """Where we, or a host, are on a wire."""
        return f"10.77.{self._numbers[wire]}.{host.number if host else 1}"

    def add_host(self, name: str) -> Host:
        """A new host on every wire."""
        host = Host(name, 11 + len(self._hosts))
        self._hosts.append(host)
        _ip("link set lo up", host)
        for wire, number in self._numbers.items():
            port, ours, theirs = _port(wire, host), _ethernet(number, 1), _ethernet(number, host.number)
            _ip(f"link add {port} type veth peer name {wire} address {theirs} netns {host.pid}")
            _ip(f"link set {port} master {wire} up")
            _ip(f"link set {wire} up", host)
            _ip(f"address add {self.address(wire, host)}/24 dev {wire}", host)
            # Known for good: asking who has an address and getting no answer would tell that the wire is out.
            _ip(f"neighbour add {self.address(wire)} lladdr {ours} nud permanent dev {wire}", host)
            _ip(f"neighbour add {self.address(wire, host)} lladdr {theirs} nud permanent dev {wire}")
        return host

    def pull_out(self, host: Host, wires: Collection[str]) -> None:
        """From now on nothing passes between us and this host on these wires."""
        for wire in wires:
            _ip(f"link set {_port(wire, host)} nomaster")

    def plug_in(self, host: Host, wires: Collection[str]) -> None:
        for wire in wires:
            _ip(f"link set {_port(wire, host)} master {wire}")


def _port(wire: str, host: Host) -> str:
    return f"{wire}-{host.number}"


def _ethernet(wire: int, number: int) -> str:
    return f"02:00:00:77:{wire:02x}:{number:02x}"


def _ip(words: str, host: Host | None = None) -> None:
    subprocess.run([*(host.prefix if host else ()), "ip", *words.split()], check=True, capture_output=True, timeout=30)
