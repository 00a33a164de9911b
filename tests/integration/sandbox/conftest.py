"""A sandbox of the test's own, and a desk at which one of its accounts talks to Alegra's API."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from worker.sandbox import SandboxServer


class Desk:
    """One account's view of Alegra, over real HTTP."""

    def __init__(self, sandbox: SandboxServer, name: str, country: str, **settings: object) -> None:
        self.sandbox = sandbox
        self.name = name
        self.credentials = sandbox.add_account(name, country=country, **settings)
        self.http = httpx.Client(
            base_url=sandbox.base_url,
            auth=(self.credentials.email, self.credentials.token),
            timeout=5,
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def drafts(self, count: int, **mix: object) -> list[str]:
        return self.sandbox.add_drafts(self.name, count, mix)

    def stamp(self, *ids: str, timeout: float = 5) -> httpx.Response:
        return self.http.post("/invoices/stamp", json={"ids": list(ids)}, timeout=timeout)

    def rows(self, *ids: str) -> dict[str, dict[str, Any]]:
        """The answer's rows by id, from `data` and `error` alike."""
        body = self.stamp(*ids).json()
        return {row["id"]: row for row in (*body["data"], *body["error"])}

    def read(self, document_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/invoices/{document_id}").raise_for_status().json())

    def listed(self, **query: str) -> list[dict[str, Any]]:
        return list(self.http.get("/invoices", params=query).raise_for_status().json())

    def executions(self, document_id: str) -> int:
        return len(self.sandbox.ledger(self.name, document_id))


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def desk_of(sandbox: SandboxServer) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def open_desk(name: str, country: str, **settings: object) -> Desk:
            desk = Desk(sandbox, name, country, **settings)
            stack.callback(desk.http.close)
            return desk

        yield open_desk


@pytest.fixture
def acme(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of("acme", "colombia")
