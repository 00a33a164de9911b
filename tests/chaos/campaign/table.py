"""The status table as an outsider sees it while the database may be away: plain SQL, read only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, NullPool, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from timbre_producers.creations import CreationStatus
from worker.emission.lifecycle import FINISHED
from worker.storage.models import Emission, EmissionEvent, Request

Key = tuple[str, str, str]
"""Account, kind and document id."""

WAITS: Final = "queued for another"
"""How documents are counted that cannot be sent before another one is stamped."""


class StatusTable:
    """Questions to the tables; None where the database does not answer now."""

    def __init__(self, url: str) -> None:
        options = {"timeout": 5} if url.startswith("sqlite") else {"connect_timeout": 2}
        self._engine: Engine = create_engine(url, poolclass=NullPool, connect_args=options)

    def counts(self) -> Mapping[str, int] | None:
        """How many documents are in which status."""
        found = self._ask(
            "SELECT status, held_reason IS NOT NULL AND status = 'queued' AS waits, count(*) AS times "
            "FROM emissions GROUP BY status, 2"
        )
        return None if found is None else {WAITS if row["waits"] else row["status"]: row["times"] for row in found}

    def requests(self) -> frozenset[str] | None:
        """The requests that were written down."""
        found = self._ask("SELECT request_id FROM requests")
        return None if found is None else frozenset(row["request_id"] for row in found)

    def batches(self) -> Sequence[str]:
        """Every batch there ever was, in the order of their ids."""
        return [row["id"] for row in self._ask("SELECT id FROM batches ORDER BY id") or ()]

    def unsettled(self) -> Sequence[Key]:
        """The documents that are read now and then, or could be."""
        query = "SELECT account, kind, document_id FROM emissions ORDER BY account, kind, document_id"
        return [(row["account"], row["kind"], row["document_id"]) for row in self._ask(query) or ()]

    def emissions(self) -> Mapping[Key, Mapping[str, Any]]:
        """Every row."""
        with self._engine.connect() as connection:
            found = connection.execute(select(Emission.__table__)).mappings()
            return {(row["account"], row["kind"], row["document_id"]): dict(row) for row in found}

    def requested(self) -> Mapping[str, Sequence[str]]:
        """The documents of every request that was written down."""
        with self._engine.connect() as connection:
            found = connection.execute(select(Request.request_id, Request.document_ids))
            return {row.request_id: json.loads(row.document_ids) for row in found}

    def history(self, emission_id: int) -> Sequence[str]:
        """One document's events, a line each."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(EmissionEvent.__table__)
                .where(EmissionEvent.emission_id == emission_id)
                .order_by(EmissionEvent.id)
            )
            return [
                f"{row.at:%H:%M:%S.%f} {row.from_status} → {row.to_status} attempt {row.attempt} "
                f"batch {str(row.batch_id)[:8]} by {row.actor}: {row.reason}"
                for row in found
            ]

    def alerts(self) -> int:
        """How often somebody was to be told."""
        found = self._ask("SELECT count(*) AS times FROM emission_events WHERE alert") or [{"times": 0}]
        return int(found[0]["times"])

    def late_words(self) -> int:
        """Answers of workers that had been given up: kept as evidence, never as a status."""
        query = "SELECT count(*) AS times FROM emission_events WHERE reason LIKE 'discrepancy%'"
        return int((self._ask(query) or [{"times": 0}])[0]["times"])

    def close(self) -> None:
        """Give back its connections."""
        self._engine.dispose()

    def _ask(self, query: str) -> Sequence[Mapping[str, Any]] | None:
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(text(query)).mappings()]
        except DBAPIError:
            return None


def is_over(counts: Mapping[str, int] | None, documents: int) -> bool:
    """Whether every document is there and nothing moves by itself any more, save what waits for another."""
    resting = (*FINISHED, WAITS, CreationStatus.CREATED)
    return counts is not None and sum(counts.get(status, 0) for status in resting) >= documents
