"""The machine of a run in words, and how busy others keep it: figures mean little without it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil


def in_words() -> str:
    """Cores, memory, processor, Python and load; no name of a machine or a person."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}; {os.getloadavg()[0]:.1f} processes wanted to run when it began"
    )


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """What the kernel calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
