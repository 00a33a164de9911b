"""Ids of batches, in the order of time: UUIDs of version 7 (RFC 9562, section 5.7).

Random ones would scatter the batches of a minute over the whole of every index they stand in. On a table of years each
would touch pages of its own, and write each out in full after a checkpoint; in order they share the newest page.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def new_batch_id(now: datetime) -> str:
    """A new one: after those of earlier milliseconds, and unlike any other by 74 random bits."""
    moment = ((now - _BEGINNING) // _MILLISECOND) & ((1 << 48) - 1)
    version, variant = 0x7 << 76, 0b10 << 62
    high, low = secrets.randbits(12) << 64, secrets.randbits(62)
    return str(uuid.UUID(int=moment << 80 | version | high | variant | low))
