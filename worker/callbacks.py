"""The postman of callbacks: one HTTP POST, bounded in time, its answer read no further than its status."""

from __future__ import annotations

from typing import Any

import httpx


class HttpPostman:
    """Implements `worker.emission.callbacks.Postman`. Follows no redirect: the producer named one address."""

    def __init__(self, timeout: float = 10.0) -> None:
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)

    def post(self, url: str, body: dict[str, Any]) -> str | None:
        try:
            with self._client.stream("POST", url, json=body) as response:
                return None if response.is_success else f"HTTP {response.status_code}"
        except httpx.HTTPError as error:
            return type(error).__name__
        except httpx.InvalidURL:
            return "not a URL"

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
