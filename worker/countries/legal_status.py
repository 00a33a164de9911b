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


_DENIED: Final = re.compile(r"(?:NOT?|UN|DIS)[^A-Z]*ACCEPTED")
"""No such word was ever seen; should one come, it must not pass for an acceptance."""


def read_legal_status(value: object) -> Verdict:
    """The verdict in a status word: `STAMPED_AND_ACCEPTED`, the older `ACCEPTED`, or nothing.

    Never raises. The order matters: a cancelled stamp and one with observations were accepted, too.
    """
    if value is None or value == "":
        return Verdict.ABSENT
    if not isinstance(value, str):
        return Verdict.UNKNOWN
    word = value.upper()
    if not word.strip():
        return Verdict.ABSENT
    if "CANCELLED" in word or "CANCELED" in word:
        return Verdict.CANCELLING if "WAITING" in word else Verdict.CANCELLED
    if "REJECTED" in word:
        return Verdict.REJECTED
    if "ACCEPTED" in word:
        return Verdict.UNKNOWN if _DENIED.search(word) else Verdict.ACCEPTED
    if "WAITING" in word or "PROCESS" in word:
        return Verdict.IN_PROCESS
    if "PENDING" in word:
        return Verdict.NOT_EMITTED
    return Verdict.UNKNOWN
