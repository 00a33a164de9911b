"""A company's past: finished documents with their events, batches and requests, put into a database in one go."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from tests.support.builders import ACCOUNT

_WORDS: Final = {
    "sqlite": {
        "numbers": """(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
            SELECT i FROM n)""",
        "then": "strftime('%Y-%m-%d %H:%M:%S.000000', '2025-01-01', '+' || i || ' seconds')",
    },
    "postgresql": {
        "numbers": "(SELECT generate_series({first}, {last}) AS i)",
        "then": "timestamptz '2025-01-01 00:00:00Z' + i * interval '1 second'",
    },
}

_DOCUMENTS: Final = """
    INSERT INTO emissions (account, kind, document_id, status, attempt, reads, priority, created_at, updated_at,
        status_since, unstamped_reads, batch_limit, batch_refused, error_blames_account, fiscal_code, batch_id)
    SELECT '{account}', 'invoice', CAST(1000000 + i AS VARCHAR(36)), 'stamped', 1, 0, 'normal', {then}, {then},
        {then}, 0, 10, false, false, 'c' || CAST(i AS VARCHAR(36)), 'past-' || CAST(i / 10 AS VARCHAR(36))
    FROM {numbers} AS n"""

_EVENTS: Final = """
    INSERT INTO emission_events (emission_id, at, from_status, to_status, attempt, actor, reason, alert)
    SELECT id, created_at, 'confirming', 'stamped', 1, 'w', 'a read shows it accepted', false FROM emissions
    WHERE CAST(document_id AS INTEGER) BETWEEN 1000000 + {first} AND 1000000 + {last}"""

_BATCHES: Final = """
    INSERT INTO batches (id, account, kind, state, size, documents, planned_at, called_at, closed_at)
    SELECT 'past-' || CAST(i AS VARCHAR(36)), '{account}', 'invoice', 'answered', 10, '{{}}', {then}, {then}, {then}
    FROM {numbers} AS n"""

_REQUESTS: Final = """
    INSERT INTO requests (request_id, account, kind, document_ids, fingerprint, requested_by, priority,
        callback_tries, received_at, queued, known)
    SELECT 'past-' || CAST(i AS VARCHAR(36)), '{account}', 'invoice', '["1"]', 'f', 'billing', 'normal', 0, {then}, 1, 0
    FROM {numbers} AS n"""

BIG: Final = ("emissions", "emission_events", "batches", "requests")
"""The tables that grow with every document."""


def live_through(connection: Connection, documents: int, *, start: int = 0, account: str = ACCOUNT) -> None:
    """So many documents of an account were stamped, and a tenth as many calls and requests made, long ago.

    The database is not told to look at its tables anew: what it believes of them is as old as on the morning after a
    night's drafts.
    """
    words = _WORDS[connection.dialect.name]
    for statement, each in ((_DOCUMENTS, 1), (_EVENTS, 1), (_BATCHES, 10), (_REQUESTS, 10)):
        limits = {"first": start // each + 1, "last": (start + documents) // each}
        numbers = words["numbers"].format(**limits)
        connection.exec_driver_sql(statement.format(account=account, then=words["then"], numbers=numbers, **limits))
