"""`timbre settings`: every setting, its default, its meaning and what may be written for it."""

from __future__ import annotations


def settings() -> None:
    """Print the table of all settings, as in the README (Markdown)."""
    from worker.settings_table import settings_table

    print(settings_table(), end="")
