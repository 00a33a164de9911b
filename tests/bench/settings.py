"""Timbre's settings for a run: Alegra's minute made shorter, or no quota at all."""

from __future__ import annotations

from typing import Final

ALEGRAS_MINUTE: Final = 60.0

REQUESTS: Final = 150
"""What Alegra allows one user in its minute."""

DOCUMENTS_PER_REQUEST: Final = 6
"""At the ceiling: thirty documents cost a look, three stamp calls and a read."""


def in_quick_motion(window: float, limit: int = REQUESTS) -> dict[str, str]:
    """Everything that is measured in Alegra's minutes, in windows of so many seconds; safety's timings stay."""
    scale = window / ALEGRAS_MINUTE
    return {
        "TIMBRE_QUOTA_WINDOW": _seconds(window),
        "TIMBRE_REQUESTS_PER_MINUTE": str(limit),
        "TIMBRE_LINGER": _seconds(2 * scale),
        "TIMBRE_LOOK_FRESH": _seconds(max(1.0, 120 * scale)),
        "TIMBRE_CONFIRM_SCHEDULE": ",".join(_seconds(delay * scale) for delay in (2, 5, 15, 60, 300, 900)),
        "TIMBRE_SWEEP_EVERY": _seconds(max(0.5, 10 * scale)),
    }


def without_quota(**more: str) -> dict[str, str]:
    """Nothing to wait for but the work itself."""
    return {
        "TIMBRE_QUOTA_WINDOW": "1",
        "TIMBRE_REQUESTS_PER_MINUTE": "100000",
        "TIMBRE_MAX_IN_FLIGHT": "32",
        "TIMBRE_LINGER": "0.1",
        "TIMBRE_CONFIRM_SCHEDULE": "0.1,0.5,1,5,15,60",
        **more,
    }


def _seconds(value: float) -> str:
    """As settings are written: no more than milliseconds."""
    return f"{value:.3f}"
