"""What is created and to be emitted becomes an emission, in the transaction that says so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from timbre_producers.contracts import Status
from worker.creation.work import Creation
from worker.emission.kinds import KINDS
from worker.storage.moves import write_events
from worker.storage.rows import EMISSIONS
from worker.storage.upsert import insert_for


def have_emitted(connection: Connection, creation: Creation, now: datetime, actor: str) -> None:
    """Queue the document's emission, unless somebody else did (a night that listed it), which is the same work."""
    dialect = connection.dialect.name
    earliest = max(now, creation.not_before) if creation.not_before else now
    queued = connection.execute(
        insert_for(dialect, EMISSIONS)
        .values(
            account=creation.account,
            kind=creation.kind,
            document_id=creation.document_id,
            status=Status.QUEUED.value,
            attempt=0,
            request_id=creation.request_id,
            requested_by=creation.requested_by,
            priority="high" if creation.urgent else "normal",
            not_before=creation.not_before,
            preflight=creation.preflight,
            next_read_at=earliest,
            status_since=now,
            created_at=now,
            updated_at=now,
            reads=0,
            unstamped_reads=0,
            # Its creation may still be emitting it: as after any call, nothing is sent before the quiet window is over.
            unstamped_since=now if KINDS[creation.kind].emitted_by_creation else None,
            batch_limit=10,
            batch_refused=False,
            error_blames_account=False,
        )
        .on_conflict_do_nothing(index_elements=["account", "kind", "document_id"])
        .returning(EMISSIONS.c.id)
    ).scalar_one_or_none()
    if queued is None:
        return
    line = {
        "emission_id": queued,
        "at": now,
        "to_status": Status.QUEUED.value,
        "attempt": 0,
        "actor": actor,
        "reason": f"created under reference {creation.reference}, to be emitted by request {creation.request_id}",
        "alert": False,
    }
    write_events(connection, [line])
