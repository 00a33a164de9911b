"""How much of everything: a whole run, a quick one, or one so small that a test can wait for it."""

from __future__ import annotations

from enum import StrEnum


class Size(StrEnum):
    """How long a run may take."""

    TINY = "tiny"
    """Seconds a question: it proves that the question can be answered, its figures mean nothing."""
    QUICK = "quick"
    FULL = "full"

    @property
    def workers(self) -> int:
        """Worker processes, where their number is not the question: one for each of the two cores we promise for."""
        return 1 if self is Size.TINY else 2
