"""Every timing of Timbre scaled down so that minutes of trouble fit into seconds, and the physics that must still hold.

Alegra's own delays are part of the scale: a quiet window shorter than the latest execution that nobody waits for any
more would make sending again wrong by construction, and a campaign would prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STAMP_TIMEOUT: Final = 2.0
SWEEP_GRACE: Final = 1.0
QUIET_WINDOW: Final = 10.0
FIRST_READ: Final = 0.4
"""Seconds from an answer, or its loss, to the first read."""

LATEST_EXECUTION: Final = 2.0
"""Seconds after the client left until Alegra still executes its call."""
STALEST_READ: Final = 1.5
"""Seconds for which reads may still show an executed document as before."""
SLOWEST_VERDICT: Final = 4.0
"""Seconds from an execution to the authority's verdict. In Mexico, which has no legalStatus, reads show nothing of the
document until then, so this is part of the physics."""
LONGEST_FREEZE: Final = 4.0
"""Seconds a worker is stopped: past its lock, past its stamp timeout, past the sweep's patience."""

LOCK_TTL: Final = 1.5
REDELIVERY: Final = 8.0
"""Seconds after which the broker hands out again what a dead worker had taken and not acknowledged."""

QUOTA_LIMIT: Final = 150
QUOTA_WINDOW: Final = 5
"""Alegra's 150 requests, of five seconds instead of sixty."""

_LATEST = LONGEST_FREEZE + STAMP_TIMEOUT + LATEST_EXECUTION + max(STALEST_READ, SLOWEST_VERDICT)
"""Seconds from the intent until every read shows what its call did, even if its worker was frozen before it sent."""

if _LATEST + 1.0 > STAMP_TIMEOUT + SWEEP_GRACE + FIRST_READ + QUIET_WINDOW:
    raise ValueError("the quiet window must outlast the latest execution, or sending again is wrong by construction")

_READS: Final = "0.4,0.7,1.5,3,5,5,5,5,5,10,10,10"

RARELY_LOOKED_AT: Final = 2 * 10.0 + LONGEST_FREEZE
"""Seconds in which everything that waits for another document was looked at again, and went if it could."""

SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TIMBRE_LINGER": "0.3",
        "TIMBRE_LOOK_FRESH": "10",
        "TIMBRE_STAMP_TIMEOUT": str(STAMP_TIMEOUT),
        "TIMBRE_READ_TIMEOUT": "2",
        "TIMBRE_CONNECT_TIMEOUT": "1",
        "TIMBRE_CONFIRM_SCHEDULE": _READS,
        "TIMBRE_WAITING_SCHEDULE": _READS,
        "TIMBRE_UNCERTAIN_SCHEDULE": _READS,
        "TIMBRE_QUIET_WINDOW": str(QUIET_WINDOW),
        "TIMBRE_MAX_ATTEMPTS": "20",
        "TIMBRE_QUOTA_WINDOW": str(QUOTA_WINDOW),
        "TIMBRE_REQUESTS_PER_MINUTE": str(QUOTA_LIMIT),
        "TIMBRE_LOCK_TTL": str(LOCK_TTL),
        "TIMBRE_SWEEP_EVERY": "1",
        "TIMBRE_SWEEP_GRACE": str(SWEEP_GRACE),
        "TIMBRE_PICKUP_TIMEOUT": "3",
        "TIMBRE_PROBE_EVERY": "1.5",
        "TIMBRE_REDELIVERY": str(REDELIVERY),
    }
)
