"""The Celery processes of a campaign: started, started again whenever they end, killed, frozen and thawed at will."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.embedded import leash

ENDS_WITHIN: Final = 10.0
"""Seconds a process that was told to end has before it is killed."""


@dataclass(slots=True)
class Hand:
    """One process that is to run until the campaign ends."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False
    starts: int = 0

    @property
    def runs(self) -> bool:
        """Whether it lives, frozen or not."""
        return self.process is not None and self.process.poll() is None


class Crew:
    """Keeps its hands running; used by one thread only, because the kernel ends them with the thread that started them.

    Ending a hand is `signal`, after which `keep` starts it again.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self.hands: list[Hand] = []

    def hire(self, name: str, command: Sequence[str]) -> None:
        """Run this from now on; its log is `{name}.log`."""
        hand = Hand(name, command)
        self.hands.append(hand)
        self._start(hand)

    def keep(self) -> None:
        """Start again whoever ended."""
        for hand in self.hands:
            if not hand.runs:
                self._start(hand)

    def awake(self, prefix: str) -> Sequence[Hand]:
        """Those of this kind that run and are not frozen."""
        return [hand for hand in self.hands if hand.name.startswith(prefix) and hand.runs and not hand.frozen]

    def signal(self, hand: Hand, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        if hand.process is not None:
            with contextlib.suppress(ProcessLookupError):
                hand.process.send_signal(number)

    def freeze(self, hand: Hand) -> None:
        """Stop the clock for it."""
        self.signal(hand, signal.SIGSTOP)
        hand.frozen = True

    def thaw(self, hand: Hand) -> None:
        """Let it go on where it was frozen."""
        self.signal(hand, signal.SIGCONT)
        hand.frozen = False

    @property
    def restarts(self) -> int:
        """How often somebody had to be started again."""
        return sum(hand.starts - 1 for hand in self.hands)

    def dismiss(self) -> None:
        """End everybody: told to, then killed."""
        for hand in self.hands:
            self.thaw(hand)
            self.signal(hand, signal.SIGTERM)
        until = time.monotonic() + ENDS_WITHIN
        while any(hand.runs for hand in self.hands) and time.monotonic() < until:
            time.sleep(0.05)
        for hand in self.hands:
            self.signal(hand, signal.SIGKILL)
            if hand.process is not None:
                hand.process.wait()
        self.hands.clear()

    def _start(self, hand: Hand) -> None:
        with (self._folder / f"{hand.name}.log").open("ab") as log:
            hand.process = subprocess.Popen(
                [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *hand.command],
                cwd=self._folder,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        hand.frozen = False
        hand.starts += 1
