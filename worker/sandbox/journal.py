"""The journal: what happened, one JSON object a line, appended as it happens and replayed at the next start."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_FILE: Final = "journal.jsonl"


class JournalUnreadable(Exception):
    """A line in the middle of the journal is not what a sandbox writes; the sentence names the file and the line."""


class Journal:
    """An append-only file in the data directory; without a directory, nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / _FILE
        self._file = None
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._cut_torn_end(self._path)
            # It holds the accounts' tokens, stand-ins as they are.
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._file = os.fdopen(handle, "ab", buffering=0)

    def write(self, record: str, **facts: Any) -> None:
        """Append one record; it is with the operating system when this returns, so a killed sandbox keeps it."""
        if self._file is not None:
            self._file.write(_ENCODER.encode({"record": record, **facts}).encode() + b"\n")

    def read(self) -> Iterator[dict[str, Any]]:
        """Everything written so far, oldest first. Raises `JournalUnreadable`."""
        if self._path is None:
            return
        with self._path.open("rb") as lines:
            for place, line in enumerate(lines, start=1):
                try:
                    record = json.loads(line)
                    record["record"]
                except (ValueError, KeyError, TypeError) as error:
                    raise JournalUnreadable(f"{self._path}, line {place}: not a record of a sandbox") from error
                yield record

    def close(self) -> None:
        """No more will be written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _cut_torn_end(path: Path) -> None:
        """A sandbox killed while writing leaves half a line; it never happened."""
        if not path.exists():
            return
        content = path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end != len(content):
            os.truncate(path, end)
