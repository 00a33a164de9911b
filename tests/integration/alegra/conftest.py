"""A sandbox and the client that asks it, shared by a file's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from worker.alegra.client import AlegraClient
from worker.sandbox import SandboxServer


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[SandboxServer, AlegraClient]]:
    with SandboxServer() as sandbox, AlegraClient(connections=4) as client:
        yield sandbox, client
