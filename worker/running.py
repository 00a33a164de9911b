"""`running.env`: where the machine that `timbre up` or `timbre demo` last ran in a home has its servers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

RUNNING_FILE: Final = "running.env"


@dataclass(frozen=True, slots=True)
class Running:
    """Enough for another shell of the same directory to look at the machine and to enqueue."""

    database_url: SecretStr
    redis_url: SecretStr
    accounts_file: Path | None = None
    sandbox_url: str | None = None
    """Where its sandbox is, when it has one: `timbre sandbox --running` talks to it."""


def read_running(home: Path) -> Running | None:
    """What the file in this home says; None when there is none, or none that can be read."""
    try:
        values = dotenv_values(home / RUNNING_FILE, interpolate=False)
    except (OSError, ValueError):
        return None
    database, redis, accounts, sandbox = (
        values.get(f"TIMBRE_{name}") for name in ("DATABASE_URL", "REDIS_URL", "ACCOUNTS_FILE", "SANDBOX_URL")
    )
    if not database or not redis:
        return None
    return Running(SecretStr(database), SecretStr(redis), Path(accounts) if accounts else None, sandbox or None)


def write_running(home: Path, running: Running) -> None:
    """Replace the file, whole or not at all; it holds passwords, so only its owner may read it."""
    lines = [
        "# Written by `timbre up`; read by the other commands when the environment names no server.",
        f"TIMBRE_DATABASE_URL={_quoted(running.database_url.get_secret_value())}",
        f"TIMBRE_REDIS_URL={_quoted(running.redis_url.get_secret_value())}",
    ]
    if running.accounts_file is not None:
        lines.append(f"TIMBRE_ACCOUNTS_FILE={_quoted(str(running.accounts_file))}")
    if running.sandbox_url is not None:
        lines.append(f"TIMBRE_SANDBOX_URL={_quoted(running.sandbox_url)}")
    write_private(home / RUNNING_FILE, "\n".join(lines) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may ever read, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
