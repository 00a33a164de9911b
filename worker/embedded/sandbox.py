"""The bundled stand-in for Alegra as part of a machine: three accounts in three countries, and their accounts file."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from worker.embedded.home import prepare, remembered_port, remembered_secret
from worker.embedded.supervisor import Program, Supervisor
from worker.environment import environment
from worker.running import write_private

NAME: Final = "sandbox"

ACCOUNTS: Final[Mapping[str, str]] = MappingProxyType({"colombia": "CO", "mexico": "MX", "costarica": "CR"})


@dataclass(frozen=True, slots=True)
class SandboxMachine:
    """The running sandbox."""

    url: str
    accounts_file: Path


def start_sandbox(supervisor: Supervisor, data: Path) -> SandboxMachine:
    """Start it on this machine's data and wait until it listens. Raises `StartFailed`, `Stopped`."""
    folder = data / "sandbox"
    prepare(folder)
    port = remembered_port(folder / "port")
    tokens = {name: remembered_secret(folder / f"{name}.token") for name in ACCOUNTS}
    # These tokens open nothing but the sandbox: on the command line they give nothing away.
    given = [f"--account={name}:{country}:{tokens[name]}" for name, country in ACCOUNTS.items()]
    command = [sys.executable, "-m", "worker.sandbox", f"--port={port}", f"--data={folder / 'data'}", *given, "--json"]
    supervisor.start(Program(NAME, command, folder=folder, environ=environment(), others_need_it=True))
    supervisor.wait_until(lambda: _listens(port), NAME, within=timedelta(seconds=30))
    url = f"http://127.0.0.1:{port}"
    accounts_file = data / "accounts.toml"
    write_private(accounts_file, _accounts_toml(url))
    return SandboxMachine(url, accounts_file)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _accounts_toml(url: str) -> str:
    tables = [
        f"[{name}]\n"
        f"email = {json.dumps(f'{name}@sandbox.example')}\n"
        f"token_file = {json.dumps(f'sandbox/{name}.token')}\n"
        f"country = {json.dumps(country)}\n"
        f"base_url = {json.dumps(f'{url}/api/v1')}\n"
        for name, country in ACCOUNTS.items()
    ]
    return "\n".join(["# Written by `timbre demo`: accounts of its sandbox.\n", *tables])
