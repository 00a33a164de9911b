"""What things cost, as measured; tests/integration/ops/test_sizing.py measures again and fails when they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DATABASE_DOCUMENT: Final[Mapping[str, int]] = {"emissions": 610, "emission_events": 1900, "batches": 150}
"""Bytes that one stamped document adds to each table, with indexes: pg_total_relation_size over the third of three
equal nights of 3,000 documents, vacuumed in between, so that its eight updates reuse what earlier ones left behind."""

DATABASE_REQUEST: Final = 500
"""Bytes a request adds, whatever it names …"""

DATABASE_ID: Final = 9
"""… and for each document it names: an id of seven digits in JSON. A night asks in requests of a thousand."""

DATABASE_NIGHT: Final = 450
"""Bytes that one account's night leaves in nightly_runs …"""

DATABASE_NIGHTS_ID: Final = 5
"""… and for each draft it listed. Long lists are compressed: 12 bytes an id for a hundred, 4 for a thousand."""

LOG_DOCUMENT: Final = 11_500
"""Bytes of write-ahead log for a document, full pages left out: what a replica or a log archive has to take."""

REDIS_EMPTY: Final = 8_100_000
"""Bytes of memory a Valkey takes that holds nothing."""

REDIS_LOCK: Final = 120
"""Bytes in Redis (MEMORY USAGE: key, value, expiry) of one document's lock."""

REDIS_NUDGE: Final = 130
"""Bytes of an account's pending nudge."""

REDIS_BUDGET: Final = 13_000
"""Bytes of one Alegra user's budget at full speed: the permits of two windows of 150."""

REDIS_MESSAGE: Final = 1_300
"""Bytes of a message that names ten documents."""

REDIS_WAITING_REQUEST: Final = 1_500
"""Bytes of a request no worker has taken yet, with one document …"""

REDIS_WAITING_ID: Final = 17
"""… and for each further one of it."""

WORKER_MEMORY: Final = 120_000_000
"""Bytes of memory of a worker with nothing to do, what it shares with others left out …"""

CALL_MEMORY: Final = 300_000
"""… and for each call in flight (ops/decisions/threads-for-calls-that-wait.md)."""

WORKER_SECONDS: Final = 2.03e-3
"""Seconds of a core that workers spend on a document (ops/decisions/where-the-time-goes.md) …"""

DATABASE_SECONDS: Final = 0.67e-3
"""… PostgreSQL …"""

REDIS_SECONDS: Final = 0.11e-3
"""… and Redis."""

MEASURED_TO: Final = 700.0
"""Documents a second up to which all this was seen, on two cores. What is larger is computed and not proven."""
