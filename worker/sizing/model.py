"""From accounts, documents and Alegra's latency to workers, memory, connections and hours: arithmetic, no more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from timbre_producers.contracts import MAX_IDS_PER_MESSAGE
from worker.coordination.quota import REQUESTS_PER_MINUTE, Budget
from worker.emission.in_flight import enough
from worker.emission.nightly import LONGEST_SPREAD, TURN
from worker.sizing import costs

DOCUMENTS_A_CALL: Final = 10
DOCUMENTS_A_READ: Final = 30

READS: Final = 3
"""Times a document of a night is read: listed, looked at before it is sent, settled."""

READ_SECONDS: Final = 1.0
"""What a read of thirty is assumed to take."""

TAIL: Final = 4.0
"""Seconds after an account's last call: the linger, and the first reading of its outcome."""

BUSY: Final = 0.5
"""How busy a core may be planned: the other half is for retries, bad luck and whatever else runs there."""

DEFAULT_IN_FLIGHT: Final = 8
DEFAULT_THREADS: Final = 64

MOST_THREADS: Final = 248
"""Places of one worker: some 250 were tried, with half as many calls in flight."""

SPARE_PLACES: Final = 1.25
"""So that dispatch and intake find one while all calls wait."""

LEAST_WORKERS: Final = 2
"""One may die, or be replaced by a new release."""

CONNECTIONS_A_WORKER: Final = 32
"""To PostgreSQL, however many places it has (worker/runtime.py)."""

OTHER_CONNECTIONS: Final = 15
"""Migrations, `timbre metrics`, people at the command line, the server's own."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be done in a night."""

    accounts: int
    documents: int
    """Of each account."""
    latency: float = 5.0
    """Seconds that a stamp call of ten documents takes."""
    hours: float = 6.0
    """That the night may take."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    """What Alegra allows each account's user."""
    max_in_flight: int | None = None
    """Stamp calls at once per account, at most; None for as many as spend the quota, and no fewer than the default."""


@dataclass(frozen=True, slots=True)
class Size:
    """What that needs. Bytes, seconds, or a count."""

    documents_a_night: int
    in_flight_to_spend_the_quota: int
    """Stamp calls at once per account by which its quota and not Alegra's latency is the limit."""
    max_in_flight: int
    """TIMBRE_MAX_IN_FLIGHT."""
    share_of_the_quota: float
    """That an account can spend with it."""
    account_seconds: float
    """From an account's first document to its last."""
    spread_seconds: float
    """Over which the accounts begin."""
    night_seconds: float
    accounts_at_once: int
    documents_a_second: float
    """At the busiest time, over all accounts."""
    calls_in_flight: int
    """Stamp calls on the wire at the busiest time, over all accounts."""
    workers: int
    threads: int
    """TIMBRE_WORKER_THREADS."""
    worker_memory: int
    """Of each worker."""
    worker_cores: float
    database_cores: float
    database_connections: int
    database_a_night: int
    database_a_month: int
    database_a_year: int
    log_a_night: int
    redis_memory: int
    """That the server should have, twice what it holds: rewriting its append-only file needs a copy."""
    redis_cores: float
    redis_connections: int
    notes: tuple[str, ...]
    """What a person should know before believing it."""

    @property
    def night_hours(self) -> float:
        return self.night_seconds / 3600


def size_of(load: Load) -> Size:
    """What a night of this load needs, if every account's night has the same hour: the worst there is."""
    budget = Budget("", load.requests_per_minute)
    at_most = enough(timedelta(seconds=load.latency), budget.stamps_per_second)
    limit = load.max_in_flight or max(DEFAULT_IN_FLIGHT, at_most)
    spent = min(1.0, limit / load.latency / budget.stamps_per_second)
    account_seconds = _account_seconds(load, budget, limit)
    spread = _spread(load.accounts)
    at_once = min(load.accounts, math.ceil(load.accounts * account_seconds / max(spread, account_seconds)))
    documents = load.accounts * load.documents
    peak = at_once * load.documents / account_seconds
    wanted = documents / (load.hours * 3600)
    of_a_worker = _documents_of_a_worker(load.latency)
    rate = min(peak, max(wanted, LEAST_WORKERS * of_a_worker))
    workers = max(LEAST_WORKERS, math.ceil(rate / of_a_worker))
    places = _places(rate, load.latency)
    threads = min(MOST_THREADS, max(DEFAULT_THREADS, _rounded_up(places / workers, 8)))
    in_flight = math.ceil(rate / DOCUMENTS_A_CALL * load.latency)
    night = max(spread + account_seconds, documents / rate)
    database = _database(load)
    connections = workers * CONNECTIONS_A_WORKER + OTHER_CONNECTIONS
    return Size(
        documents_a_night=documents,
        in_flight_to_spend_the_quota=at_most,
        max_in_flight=limit,
        share_of_the_quota=spent,
        account_seconds=account_seconds,
        spread_seconds=spread,
        night_seconds=night,
        accounts_at_once=at_once,
        documents_a_second=rate,
        calls_in_flight=in_flight,
        workers=workers,
        threads=threads,
        worker_memory=costs.WORKER_MEMORY + math.ceil(costs.CALL_MEMORY * min(threads, places)),
        worker_cores=rate * costs.WORKER_SECONDS / BUSY,
        database_cores=rate * costs.DATABASE_SECONDS / BUSY,
        database_connections=connections,
        database_a_night=database,
        database_a_month=30 * database,
        database_a_year=365 * database,
        log_a_night=documents * costs.LOG_DOCUMENT,
        redis_memory=_redis(load, rate, in_flight, min(load.accounts, at_once + _begun_in_two_windows(load))),
        redis_cores=rate * costs.REDIS_SECONDS / BUSY,
        redis_connections=workers * (threads + 10),
        notes=tuple(_notes(load, at_most, limit, rate, night, budget)),
    )


def _account_seconds(load: Load, budget: Budget, limit: int) -> float:
    """By the limit that is reached first: calls at once, the stamps' share of the quota, or the whole of it."""
    calls = math.ceil(load.documents / DOCUMENTS_A_CALL)
    by_calls = calls / min(budget.stamps_per_second, limit / load.latency)
    requests = calls + math.ceil(load.documents / DOCUMENTS_A_READ) * READS
    by_quota = requests / budget.requests_per_second
    return max(by_calls, by_quota) + load.latency + TAIL


def _spread(accounts: int) -> float:
    return min((accounts - 1) * TURN, LONGEST_SPREAD).total_seconds()


def _begun_in_two_windows(load: Load) -> int:
    """Accounts whose budget is remembered although they may have ended."""
    return math.ceil(load.accounts / max(_spread(load.accounts), 1.0) * 120)


def _documents_of_a_worker(latency: float) -> float:
    """A second: by the one core that it can use, or by the places in which its calls wait."""
    return min(BUSY / costs.WORKER_SECONDS, MOST_THREADS / _places(1.0, latency))


def _places(rate: float, latency: float) -> float:
    """Threads that so many documents a second keep busy: each waits as long as its call or read lasts."""
    calls = rate / DOCUMENTS_A_CALL * latency
    reads = rate / DOCUMENTS_A_READ * READS * READ_SECONDS
    return (calls + reads) * SPARE_PLACES


def _database(load: Load) -> int:
    """Bytes that a night adds."""
    requests = math.ceil(load.documents / MAX_IDS_PER_MESSAGE)
    each = (
        load.documents * (sum(costs.DATABASE_DOCUMENT.values()) + costs.DATABASE_ID + costs.DATABASE_NIGHTS_ID)
        + requests * costs.DATABASE_REQUEST
        + costs.DATABASE_NIGHT
    )
    return load.accounts * each


def _redis(load: Load, rate: float, in_flight: int, remembered: int) -> int:
    held = (
        # Documents in a call, and in a read.
        (in_flight * DOCUMENTS_A_CALL + rate * READ_SECONDS) * costs.REDIS_LOCK
        + load.accounts * costs.REDIS_NUDGE
        + remembered * costs.REDIS_BUDGET * load.requests_per_minute / REQUESTS_PER_MINUTE
        # A message for each call, and for each read; one that is being worked on is kept until it is done.
        + (in_flight + rate / DOCUMENTS_A_READ * READS) * 2 * costs.REDIS_MESSAGE
        # A night's documents, asked for by other services while no worker runs.
        + load.accounts * (costs.REDIS_WAITING_REQUEST + load.documents * costs.REDIS_WAITING_ID)
    )
    return math.ceil(2 * (costs.REDIS_EMPTY + held))


def _rounded_up(value: float, step: int) -> int:
    return math.ceil(value / step) * step


def _notes(load: Load, at_most: int, limit: int, rate: float, night: float, budget: Budget) -> list[str]:
    notes = []
    if limit < at_most:
        notes.append(
            f"{limit} calls at once spend {limit / load.latency / budget.stamps_per_second:.0%} of the quota while one "
            f"takes {load.latency:g} s: {at_most} would spend it all."
        )
    elif at_most > DEFAULT_IN_FLIGHT:
        slower = _account_seconds(load, budget, DEFAULT_IN_FLIGHT) / 60
        notes.append(
            f"TIMBRE_MAX_IN_FLIGHT is {DEFAULT_IN_FLIGHT} unless it is set: an account's documents would then take "
            f"{slower:.1f} minutes."
        )
    if night > load.hours * 3600 * 1.01:
        notes.append(
            f"The night takes {night / 3600:.1f} hours and may take {load.hours:g}: Alegra's quota, and no worker, "
            "is what it waits for. Begin it earlier, or let it run for fewer documents."
        )
    if rate > costs.MEASURED_TO:
        notes.append(
            f"{rate:,.0f} documents a second are computed, not proven: {costs.MEASURED_TO:,.0f} were measured, on two "
            "cores. Nights at several hours, or several installations with accounts of their own, bring it down."
        )
    return notes
