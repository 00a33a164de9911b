"""The documentation of every setting, rendered from the settings themselves."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Any

from worker.settings import PREFIX, allowed_for, variables


def settings_table() -> str:
    """A Markdown table of all environment variables; the README's copy is checked against it."""
    lines = ["| Variable | Default | Meaning | Allowed |", "|---|---|---|---|"]
    for variable, field in variables().items():
        default, meaning, allowed = (
            _shown(field.default),
            field.description or "",
            allowed_for(variable.removeprefix(PREFIX).lower()),
        )
        lines.append(f"| `{variable}` | {default} | {meaning} | {allowed} |")
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    match default:
        case None | ():
            return ""
        case bool():
            return "`on`" if default else "`off`"
        case timedelta():
            return f"`{default.total_seconds():g}`"
        case time():
            return f"`{default:%H:%M}`"
        case (str(), *_):
            return f"`{','.join(default)}`"
        case tuple():
            return f"`{','.join(f'{delay.total_seconds():g}' for delay in default)}`"
        case str() | int() | float() | Path():
            return f"`{default}`"
    raise TypeError(f"no way to show {default!r}")
