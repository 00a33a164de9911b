"""The sandbox as a process of its own: what load runs talk to, so that its work is not done in the test's process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.server import Server
from worker.sandbox import SandboxControl
from worker.sandbox.client import SandboxUnreachable


class SandboxProcess(Server):
    """The stand-in for Alegra on a free port; `control` says to it what `SandboxServer` would."""

    name = "sandbox"
    ending = signal.SIGKILL

    def __init__(self, *accounts: str) -> None:
        super().__init__()
        self._accounts = accounts
        self.control = SandboxControl(self.url, timeout=120)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.control.close()
        super().close()

    def _command(self) -> Sequence[str | Path]:
        accounts = [f"--account={each}" for each in self._accounts]
        return [sys.executable, "-m", "worker.sandbox", f"--port={self.port}", *accounts]

    def _answers(self) -> bool:
        try:
            self.control.accounts()
        except SandboxUnreachable:
            return False
        return True

    def _empty(self) -> None:
        """It keeps nothing."""
