"""The judge: every stamp that was really executed, so that anybody can ask whether something was stamped twice."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One execution of a stamp: one legal document at the authority."""

    account: str
    document_id: str
    at: str
    code: str
    number: str
    call: str
    """The stamp call that caused it, or `seed`, `by hand`, `create`."""
    after_rejection: bool = False
    """The one before was rejected by the authority, so this is its correction and no duplicate."""
    kind: str = "invoice"

    def as_json(self) -> dict[str, Any]:
        """The same as JSON."""
        # Not asdict: it copies deeply, and this is written down for every stamp.
        return {each.name: getattr(self, each.name) for each in _FIELDS}


_FIELDS: Final = fields(Entry)


class Ledger:
    """All executions in order; nothing is ever taken out."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._of: dict[tuple[str, str, str], list[Entry]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Write one execution down."""
        self._entries.append(entry)
        self._of.setdefault((entry.account, entry.kind, entry.document_id), []).append(entry)

    def entries(
        self, account: str | None = None, document_id: str | None = None, kind: str | None = None
    ) -> list[Entry]:
        """All of them, or one account's, or one kind's, or one document's (an invoice, if no kind is named)."""
        if account is not None and document_id is not None:
            return list(self._of.get((account, kind or "invoice", document_id), ()))
        return [
            entry
            for entry in self._entries
            if (account is None or entry.account == account)
            and (document_id is None or entry.document_id == document_id)
            and (kind is None or entry.kind == kind)
        ]

    def duplicates(self) -> list[dict[str, Any]]:
        """Documents executed again without a rejection in between: each stands for two legal documents."""
        return [
            {
                "account": account,
                "kind": kind,
                "document_id": document_id,
                "executions": [entry.as_json() for entry in entries],
            }
            for (account, kind, document_id), entries in self._of.items()
            if any(not entry.after_rejection for entry in entries[1:])
        ]
