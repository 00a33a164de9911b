"""Run a command that cannot outlive the process that asked for it, even when that one is killed with SIGKILL.

Used as a program: `python leash.py PARENT_PID COMMAND…`. On Linux the kernel keeps the promise and the command takes
this process's place; elsewhere this process stays beside it and watches.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

_PR_SET_PDEATHSIG = 1


def become(parent: int, command: Sequence[str]) -> NoReturn:
    """Linux: turn into the command, to be killed when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel was told.
        sys.exit(1)
    os.execvp(command[0], list(command))  # noqa: S606  # no shell is wanted


def watch(parent: int, command: Sequence[str]) -> int:
    """Elsewhere: run the command, pass on what it is told, and kill it when the parent is gone."""
    child = subprocess.Popen(command)  # noqa: S603  # the command is the supervisor's own
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(0.2)
    return child.returncode


if __name__ == "__main__":
    if sys.platform == "linux":
        become(int(sys.argv[1]), sys.argv[2:])
    sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
