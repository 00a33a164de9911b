"""What a `legalStatus` or `emissionStatus` says, in whichever vocabulary Alegra writes it (alegra-api.md §2.3)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What the tax authority is said to have decided."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_PROCESS = "in_process"
    NOT_EMITTED = "not_emitted"
    CANCELLING = "cancelling"
    """Accepted once; its cancellation was asked for and is not confirmed."""
    CANCELLED = "cancelled"
    """Accepted once, then cancelled at the authority."""
    ABSENT = "absent"
    """Nothing is said."""
    UNKNOWN = "unknown"
    """A word nobody has seen: never taken for consent, nor for its absence."""


_STEMS: Final = (
    ("ACCEPTED", Verdict.ACCEPTED),
    ("REJECTED", Verdict.REJECTED),
    ("WAITING", Verdict.IN_PROCESS),
    ("PROCESS", Verdict.IN_PROCESS),
    # The one word that says that nothing was sent stands alone; with others beside it, it is no such word.
    ("PENDING", Verdict.UNKNOWN),
)
_DENIED: Final = re.compile(
    r"(?:NOT?|NON|UN|DIS)[^A-Z]*(?:ACCEPTED|REJECTED)|(?<![A-Z])(?:NOT?|NON|NEVER)(?![A-Z]).*(?:ACCEPTED|REJECTED)"
)
"""No such word was ever seen; should one come, it must not pass for what it denies."""


def read_legal_status(value: object) -> Verdict:
    """The verdict in a status word: `STAMPED_AND_ACCEPTED`, the older `ACCEPTED`, or nothing.

    Never raises. A cancelled stamp was accepted once; a word that says two things is one nobody knows.
    """
    if value is None:
        return Verdict.ABSENT
    if not isinstance(value, str):
        return Verdict.UNKNOWN
    word = value.strip().upper()
    if not word:
        return Verdict.ABSENT
    if word == "PENDING":
        return Verdict.NOT_EMITTED
    if "CANCEL" in word:
        over = ("CANCELLED" in word or "CANCELED" in word) and "WAITING" not in word
        return Verdict.CANCELLED if over else Verdict.CANCELLING
    said = {verdict for stem, verdict in _STEMS if stem in word}
    return said.pop() if len(said) == 1 and not _DENIED.search(word) else Verdict.UNKNOWN
