"""The quota of one user: so many requests in a fixed window, told in three headers on every answer."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Quota:
    """A fixed window that opens with the first request after the last one closed."""

    limit: int
    window: float
    """Seconds."""
    opened_at: float = float("-inf")
    used: int = 0

    def take(self, now: float) -> bool:
        """Spend one request; False when the window's are spent."""
        if now >= self.opened_at + self.window:
            self.opened_at, self.used = now, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def resets_in(self, now: float) -> int:
        """Whole seconds until the window closes, rounded up."""
        return max(0, min(math.ceil(self.opened_at + self.window - now), math.ceil(self.window)))

    def headers(self, now: float) -> dict[str, str]:
        """`X-Rate-Limit-*` as Alegra sends them."""
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.limit - self.used),
            "X-Rate-Limit-Reset": str(self.resets_in(now)),
        }
