"""What a read shows of a document at this moment, rendered once and kept until it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.documents import CANCELLED, NEVER, PENDING, REJECTED, WAITING, Document, Emission
from worker.sandbox.faults import Faults

_BLANKS: Final[Mapping[str, tuple[dict[str, Any] | None, bool]]] = MappingProxyType(
    {"null": (None, True), "absent": (None, False), "empty": ({}, True), "pending": ({"legalStatus": "PENDING"}, True)}
)
"""A `stamp` without a code, and whether the key is there at all."""


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_bytes(value: object) -> bytes:
    """JSON as the stand-in writes it: UTF-8, no escapes, no spaces."""
    return _ENCODER.encode(value).encode()


class Viewer:
    """Renders documents under the settings in force."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def status(self, document: Document, now: float) -> str:
        """The status a read shows, which the list filters by."""
        if document.before is not None and now < document.before[2]:
            return document.before[1]
        return document.status

    def bytes_of(self, document: Document, now: float) -> bytes:
        """The document as a read shows it now."""
        if document.before is not None:
            if now < document.before[2]:
                return document.before[0]
            document.before = None
        if now < document.cached_until and document.cached_in == self._faults.generation:
            return document.cached
        # Most of a document never changes: that part is rendered once.
        document.cached = to_bytes(self._changing(document, now))[:-1] + b"," + self._unchanging(document)[1:]
        document.cached_in = self._faults.generation
        document.cached_until = self._changes_at(document, now)
        return document.cached

    def as_json(self, document: Document, now: float) -> dict[str, Any]:
        """The same as an object, never stale."""
        return {**self._changing(document, now), **document.facts}

    @staticmethod
    def prepare(document: Document) -> None:
        """Render what never changes, before anybody asks."""
        document.facts_rendered = to_bytes(document.facts)

    def _unchanging(self, document: Document) -> bytes:
        if not document.facts_rendered:
            self.prepare(document)
        return document.facts_rendered

    def _changing(self, document: Document, now: float) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": document.id,
            "status": document.status,
            "numberTemplate": self._numbering(document, now),
            "balance": f"{document.total:.2f}",
            "totalPaid": "0.00",
        }
        stamp, present = self._stamp(document, now)
        if document.kind.name == "debit_note":
            shown["emissionStatus"] = self._emission_status(document, now)
            present = present and self._faults.choice("debit_note_stamp") == "shown"
        if present:
            shown["stamp"] = stamp
        return shown

    @staticmethod
    def _emission_status(document: Document, now: float) -> str:
        return PENDING if document.emission is None else document.emission.legal_status(now)

    @staticmethod
    def _changes_at(document: Document, now: float) -> float:
        emission = document.emission
        coming = () if emission is None else (emission.code_at, emission.verdict_at)
        return min((moment for moment in coming if moment > now), default=NEVER)

    def _numbering(self, document: Document, now: float) -> dict[str, Any]:
        template = document.template
        number = document.number
        emission = document.emission
        hidden = (
            emission is not None
            and document.nation.number_is_code
            and document.numbered_by_stamp
            and not self._shows_code(document, emission, now)
        )
        if hidden:
            number = None
        full = None if number is None else template.written(number)
        if full is not None and emission is not None and document.nation.number_is_code and not hidden:
            # A malformed code was asked for: here the number is the code, so it is the number that is wrong.
            full = emission.code
        return {
            "id": template.id,
            "prefix": template.series.prefix or None,
            "number": None if number is None else str(number),
            "text": None,
            "documentType": template.document_type,
            "subDocumentType": template.series.sub_document_type or None,
            "fullNumber": full,
            "formattedNumber": full,
            "isElectronic": template.is_electronic,
        }

    def _shows_code(self, document: Document, emission: Emission, now: float) -> bool:
        if now < emission.code_at:
            return False
        if emission.legal_status(now) != WAITING:
            return True
        # Without legal statuses nothing would tell an unanswered code from an accepted one.
        return self._has_legal_status(document) and self._faults.switch("code_while_waiting")

    def _has_legal_status(self, document: Document) -> bool:
        return document.nation.has_legal_status or self._faults.switch("legal_status_mexico")

    def _stamp(self, document: Document, now: float) -> tuple[dict[str, Any] | None, bool]:
        """`stamp` as shown, and whether the key is there at all."""
        emission = document.emission
        if emission is None:
            return _BLANKS[self._faults.choice("stamp_before_emission")]
        status = emission.legal_status(now)
        has_status = self._has_legal_status(document)
        if not has_status and status == REJECTED:
            return None, True
        if document.status == "void" and document.nation.cancels_at_authority:
            status = CANCELLED
        stamp: dict[str, Any] = {"legalStatus": status} if has_status else {}
        if self._shows_code(document, emission, now):
            return {**stamp, "date": local_time(document, emission.at), **emission.stamp}, True
        return _BLANKS.get(self._faults.choice("stamp_before_code"), (stamp, True))


def local_time(document: Document, moment: float) -> str:
    """`YYYY-MM-DD HH:MM:SS` in the account's own zone, without saying which."""
    return datetime.fromtimestamp(moment, document.nation.zone).strftime("%Y-%m-%d %H:%M:%S")
