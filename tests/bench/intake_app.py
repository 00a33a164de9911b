"""Timbre's worker with one task more, which does nothing: what taking a message in costs before any work is done."""

from __future__ import annotations

from worker.app import app


@app.task
def nothing() -> None:
    """Do nothing."""
