"""Workers on several machines over one broker and one database: a host is cut off, alone or from one server, and back.

The hosts are network namespaces, so the whole is played in a network of its own, by a run of pytest inside it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import in_a_network_of_its_own, why_not
from tests.support.leniency import LENIENT

INSIDE = Path(__file__).with_name("three_hosts.py")


@pytest.mark.skipif(LENIENT and why_not() is not None, reason="network namespaces cannot be made here")
@pytest.mark.timeout(400)
def test_a_network_in_pieces_costs_no_document(tmp_path: Path) -> None:
    assert why_not() is None, why_not()
    words = [
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--rootdir={INSIDE.parents[2]}",
        f"--basetemp={tmp_path / 'inside'}",
    ]
    played = subprocess.run(
        in_a_network_of_its_own([sys.executable, *words, "--durations=8", str(INSIDE)]),
        cwd=INSIDE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-20_000:] + played.stderr
