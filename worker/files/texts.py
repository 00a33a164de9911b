"""Bytes as text: in the encoding the file is said to have, or else a sentence that says which it probably has."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

from worker.files.problems import broken

ENCODINGS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "latin-1": "latin-1",
    "windows-1252": "cp1252",
}
"""What may be said, and Python's codec for it. A byte order mark is no part of the text."""

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of one file: two hundred thousand documents are a tenth of it."""

_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_of(file: str, data: bytes, encoding: str) -> str:
    """The file's text. Raises `BrokenFile`."""
    if len(data) > LARGEST:
        size = f"{LARGEST // 2**20} MiB"
        raise broken(file, f"it is larger than {size}", "Split it: the same documents in two files are no other work.")
    if data.startswith(_WIDE):
        raise broken(file, "it is UTF-16, which Excel calls Unicode text", "Save it as CSV UTF-8.")
    if data.startswith(codecs.BOM_UTF8) and encoding not in {"utf-8", "utf-8-sig"}:
        raise broken(file, f"it is marked as UTF-8, and --encoding says {encoding}", "Leave --encoding out.")
    try:
        text = data.decode(ENCODINGS[encoding])
    except UnicodeDecodeError as error:
        byte, line = data[error.start], data.count(b"\n", 0, error.start) + 1
        advice = (
            "If a program on Windows wrote it, say --encoding windows-1252 (or latin-1), or save it as UTF-8."
            if encoding.startswith("utf-8")
            else "Save it as UTF-8 and leave --encoding out."
        )
        raise broken(file, f"byte 0x{byte:02X} stands there, which is no {encoding}", advice, line=line) from None
    if not text.strip():
        raise broken(file, "it is empty", "Write at least one document into it.")
    return text


def doubt_of(data: bytes, encoding: str) -> str | None:
    """Why the encoding that was said is probably wrong, although every byte could be read; None when nothing is."""
    if encoding.startswith("utf-8") or data.isascii():
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return f"it reads as UTF-8 as well, and then its accents are others: look at a name before you trust {encoding}"
