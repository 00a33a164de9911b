"""Debian's packages, unpacked beside the virtual environment: needs no root, and installs nothing on the machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.server import ServerUnavailable


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """The directory that stands for `/` in what the packages hold; apt checks their signatures. Kept once it is there.

    Raises `ServerUnavailable` where there is no apt, or it has no such packages.
    """
    place = Path(sys.prefix) / "debian" / name
    if place.is_dir():
        return place
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ServerUnavailable(f"{name} is not on this machine, and apt-get, which could fetch it, is not either.")
    place.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        fetched, root = Path(made, "packages"), Path(made, "root")
        fetched.mkdir()
        if said := _fetch(packages, fetched):
            raise ServerUnavailable(f"apt-get could not fetch {name} (`apt-get update` may help): {said}")
        for package in fetched.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True, capture_output=True)
        # Whoever was faster has unpacked the same.
        if not place.is_dir():
            root.rename(place)
    return place


def _fetch(packages: Sequence[str], into: Path) -> str:
    """What apt complained of; nothing when all of them are there."""
    ran = subprocess.run(
        ["apt-get", "download", "--quiet", *packages], cwd=into, capture_output=True, text=True, check=False
    )
    return "" if ran.returncode == 0 else ran.stderr.strip() or f"exit code {ran.returncode}"
