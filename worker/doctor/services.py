"""The services Timbre stands on: database, Redis, broker, locks, and whether workers and beat are alive."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from redis import Redis, RedisError
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from timbre_producers.addresses import read_address, without_credentials
from worker.broker import glancing_app
from worker.coordination.connection import connect
from worker.coordination.heartbeat import last_heartbeat
from worker.coordination.locks import RedisLocks
from worker.doctor.findings import Finding, Findings, Level
from worker.emission.ports import CoordinationDown
from worker.emission.work import Document
from worker.settings import Settings, WrongSettings
from worker.storage.migrate import head, revision_of
from worker.storage.queries import Queries
from worker.storage.session import make_engine

PATIENCE: Final = 1.0
"""Seconds a service may take to answer; a healthy one needs milliseconds, a worker's ping up to this."""

CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""Of the 30 s a batch may wait between its intent and its sending, what may be lost to clocks."""


def look_at_database(settings: Settings) -> Findings:
    url = make_url(settings.database)
    shown = url.render_as_string(hide_password=True)
    if url.database and url.drivername.startswith("sqlite") and not Path(url.database).is_file():
        yield Finding("database", Level.FAILED, f"there is none yet at {url.database}", "Run `timbre migrate`.")
        return
    engine = make_engine(settings.database)
    try:
        found = revision_of(engine)
        yield _migrations(found, shown)
        if found == head():
            yield from _paused(engine)
        yield from _clock("database", _database_now(engine))
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        remedy = "Start the database, or correct TIMBRE_DATABASE_URL."
        yield Finding("database", Level.UNREACHABLE, f"{shown} cannot be used: {why}", remedy)
    finally:
        engine.dispose()


def _migrations(found: str | None, shown: str) -> Finding:
    if found == head():
        return Finding("database", Level.OK, f"{shown}, migrated to {found}")
    stands = f"stands at {found}" if found else "has no tables"
    said = f"{shown} {stands}, this release needs {head()}"
    return Finding("database", Level.FAILED, said, "Run `timbre migrate`.")


def _database_now(engine: Engine) -> datetime | None:
    if engine.dialect.name == "sqlite":
        return None
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now


def _paused(engine: Engine) -> Findings:
    for each in Queries(engine).accounts():
        if each.paused_at is not None:
            by_hand = each.paused_by_hand
            said = f"paused since {each.paused_at:%Y-%m-%d %H:%M} UTC by {each.paused_by}: {each.why_paused}"
            remedy = (
                f"{'When that is over' if by_hand else 'Repair what it says, then'}: `timbre resume {each.account}`."
            )
            yield Finding("account", Level.WARNING if by_hand else Level.FAILED, said, remedy, each.account)


def look_at_redis(settings: Settings) -> Findings:
    try:
        url = settings.redis
    except WrongSettings:
        said = "nobody says where it is"
        yield Finding("redis", Level.UNREACHABLE, said, "Set TIMBRE_REDIS_URL, or start `timbre up`.")
        return
    with closing(connect(url)) as client:
        try:
            yield from _redis_answers(client, settings)
        except (RedisError, OSError, CoordinationDown) as error:
            said = f"{without_credentials(url)} did not answer: {str(error).rstrip('.') or type(error).__name__}"
            yield Finding("redis", Level.UNREACHABLE, said, "Start it, or correct TIMBRE_REDIS_URL.")


def _redis_answers(client: Redis, settings: Settings) -> Findings:
    facts: Any = client.info()
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = facts.get("valkey_version") or facts.get("redis_version", "of unknown version")
    address = read_address(settings.redis)
    through = "" if address.master_name is None else f", the sentinels' {address.master_name}"
    yield Finding("redis", Level.OK, f"{name} {version} at {address.shown}{through}")
    if address.tls is not None and not address.tls.verify:
        said = "its certificate is not checked: whoever stands between reads and answers"
        yield Finding("redis", Level.WARNING, said, "Name its authority by ssl_ca_certs instead of ssl_cert_reqs=none.")
    if facts.get("maxmemory_policy", "noeviction") != "noeviction":
        said = f"its maxmemory-policy is {facts['maxmemory_policy']}: a full server would drop requests"
        yield Finding("redis", Level.WARNING, said, "Set `maxmemory-policy noeviction`.")
    if not facts.get("aof_enabled", 0):
        said = "it keeps no append-only file: a restart loses requests no worker has taken yet"
        yield Finding("redis", Level.WARNING, said, "Set `appendonly yes`.")
    yield from _clock("redis", _redis_now(client))
    probe = Document("doctor", "doctor", str(uuid.uuid4()))
    with closing(RedisLocks(client)) as locks, locks.hold([probe]) as held:
        taken = probe in held
    if taken:
        yield Finding("locks", Level.OK, "one was taken and given back")
    else:
        yield Finding("locks", Level.FAILED, "none could be taken", "Check that this Redis user may run scripts.")
    yield _beat(client, settings)


def _redis_now(client: Redis) -> datetime:
    seconds, microseconds = client.time()
    return datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)


def _clock(where: str, there: datetime | None) -> Findings:
    if there is None:
        return
    off = abs(there - datetime.now(UTC))
    if off > CLOCKS_DIFFER:
        said = f"this machine's clock and the {where}'s differ by {off.total_seconds():.0f} s"
        yield Finding("clock", Level.WARNING, said, "Let both follow the same time server (NTP).")


def _beat(client: Redis, settings: Settings) -> Finding:
    remedy = "Start beat and a worker: `timbre up`, or `celery -A worker.app beat` and `… worker`."
    swept_at = last_heartbeat(client)
    if swept_at is None:
        return Finding("beat", Level.FAILED, "no sweep was ever run: beat or the workers are not running", remedy)
    ago = datetime.now(UTC) - swept_at
    if ago > max(3 * settings.sweep_every, timedelta(seconds=30)):
        said = f"the last sweep was {ago.total_seconds():.0f} s ago; one is due every {settings.sweep_every}"
        return Finding("beat", Level.FAILED, said, remedy)
    return Finding("beat", Level.OK, f"alive: the last sweep was {max(ago.total_seconds(), 0):.0f} s ago")


def look_at_broker(settings: Settings) -> Findings:
    if settings.broker_url is None:
        return
    shown = without_credentials(settings.broker)
    try:
        with glancing_app(settings, PATIENCE).connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except Exception as error:  # noqa: BLE001  # every transport has errors of its own
        said = f"{shown} did not answer: {type(error).__name__}"
        yield Finding("broker", Level.UNREACHABLE, said, "Start it, or correct TIMBRE_BROKER_URL.")
        return
    yield Finding("broker", Level.OK, f"{shown} answers")


def look_at_workers(settings: Settings) -> Findings:
    remedy = "Start one: `timbre up`, or `celery -A worker.app worker`."
    try:
        with closing(glancing_app(settings, PATIENCE)) as app:
            alive = app.control.inspect(timeout=PATIENCE).ping() or {}
    except WrongSettings:
        return
    except Exception as error:  # noqa: BLE001  # every transport has errors of its own; the broker's line has said it
        yield Finding("worker", Level.UNREACHABLE, f"none can be asked: {type(error).__name__}", remedy)
        return
    if not alive:
        yield Finding("worker", Level.FAILED, f"none answered within {PATIENCE:g} s", remedy)
        return
    yield Finding("worker", Level.OK, f"{len(alive)} alive: {', '.join(sorted(alive))}")
