"""The judge of creations: every document that a request created, by the reference that stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from worker.sandbox.documents import Document
from worker.sandbox.kinds import Kind

_REFERENCE: Final = re.compile(r"\[ref ([^\]]+)\]")

Entry = dict[str, Any]


class Creations:
    """All of them in order; nothing is ever taken out, whoever deletes or edits the document."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, account: str, document: Document, at: str) -> Entry:
        """Write one down."""
        entry = {
            "account": account,
            "kind": document.kind.name,
            "document_id": document.id,
            "reference": reference_in(document.facts),
            "at": at,
        }
        self._entries.append(entry)
        return entry

    def remember(self, entry: Entry) -> None:
        """One that the journal tells."""
        self._entries.append(entry)

    def known(self, account: str, kind: Kind, facts: Mapping[str, Any]) -> bool:
        """Whether a document of this account and kind was created with the reference in these fields."""
        wanted = (account, kind.name, reference_in(facts))
        return wanted[2] is not None and any(
            (entry["account"], entry["kind"], entry["reference"]) == wanted for entry in self._entries
        )

    def entries(self, account: str | None = None) -> list[Entry]:
        """All of them, or one account's."""
        return [entry for entry in self._entries if account is None or entry["account"] == account]


def reference_in(facts: Mapping[str, Any]) -> str | None:
    """What stands in brackets behind `ref` in its observations."""
    found = _REFERENCE.search(str(facts.get("observations") or ""))
    return found[1] if found else None
