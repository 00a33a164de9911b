"""Tokens and passwords are found nowhere, after every fault there is: not in a log, message, table, page or output."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import pytest
from psycopg import sql
from sqlalchemy import MetaData, create_engine, select

from tests.support.canaries import Canary
from tests.support.machine import FINAL, Machine, a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer, free_port
from worker.sandbox.fault_kinds import When
from worker.sandbox.fault_list import FAULTS
from worker.storage.migrate import upgrade

TOKEN: Final = Canary("account token", "canary+t0ken/Zz9=")
BROKER: Final = Canary("broker password", "canary!br0ker+Yy8")
DATABASE: Final = Canary("database password", "canary!d4tabase+Xx7")
FLOWER: Final = Canary("Flower password", "canary+fl0wer/Ww6=")
CANARIES: Final = (TOKEN, BROKER, DATABASE, FLOWER)

KINDS: Final = [name for name, fault in FAULTS.items() if isinstance(fault.kind, When) and fault.group != "creation"]
"""Every fault that strikes when told; each strikes an account of its own."""

PAGES: Final = (
    "/api/tasks?limit=100000",
    "/api/workers?refresh=1",
    "/api/task/types",
    "/api/queues/length",
    "/workers",
    "/tasks",
    "/broker",
    "/metrics",
)


TALKATIVE: Final = {
    "messages",
    "Flower's /api/tasks?limit=100000",
    *(f"table {name}" for name in ("emissions", "batches", "requests", "accounts_state")),
    *(f"timbre {name} --json" for name in ("status", "requests --limit=500", "doctor")),
}
"""Places where every account must have left a trace."""


class Wiretap:
    """Everything anybody says to a Valkey, also after it was restarted."""

    def __init__(self, server: ValkeyServer, password: str) -> None:
        self.heard = bytearray()
        self._server = server
        self._password = password
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._server.port), timeout=1) as line:
                line.sendall(f"AUTH {self._password}\r\nMONITOR\r\n".encode())
                while not self._over.is_set():
                    with suppress(TimeoutError):
                        if not (part := line.recv(65536)):
                            break
                        self.heard += part
            self._over.wait(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[dict[str, bytes]]:
    """Every place where a secret could have been left, and what stands there."""
    folder = tmp_path_factory.mktemp("secrets")
    database = postgres.new_database(postgres.template("migrated", upgrade))
    broker = ValkeyServer(appendonly=True, password=BROKER.secret)
    broker.start()
    try:
        url = database.replace("timbre@", f"timbre:{quote(DATABASE.secret, safe='')}@")
        with (
            Wiretap(broker, BROKER.secret) as wiretap,
            a_machine(folder, redis_url=broker.url, database_url=url) as machine,
        ):
            pages = _all_faults(machine, broker, postgres, database)
            outputs = _outputs(machine, _commands(machine))
            broker.kill()
            alone = _outputs(machine, ["status", "doctor"])
            outputs |= {f"{name}, without a broker": said for name, said in alone.items()}
            tables = _all_tables(database)
        files = {f"file {path.relative_to(folder)}": path.read_bytes() for path in _files(folder)}
        yield {"messages": bytes(wiretap.heard), **pages, **outputs, **tables, **files}
    finally:
        broker.close()
        postgres.drop_database(database)


def _all_faults(machine: Machine, broker: ValkeyServer, postgres: PostgresServer, database: str) -> dict[str, bytes]:
    """Let everything go wrong once, bring it to an end, and return what Flower shows of it."""
    accounts = [name.replace("_", "-") for name in KINDS]
    for account in accounts:
        machine.add_account(account, token=f"{TOKEN.secret}{account}")
    machine.environ |= {
        "TIMBRE_STAMP_TIMEOUT": "1.5",
        "TIMBRE_READ_TIMEOUT": "1.5",
        "TIMBRE_PROBE_EVERY": "0.5",
        "TIMBRE_QUOTA_WINDOW": "2",
        "TIMBRE_CONFIRM_SCHEDULE": "0.2,0.5,1,2,2",
        "TIMBRE_WAITING_SCHEDULE": "0.2,0.5,1,2,2",
        "TIMBRE_WORKER_THREADS": "24",
        "TIMBRE_LOG_LEVEL": "DEBUG",
        "TIMBRE_FLOWER_PASSWORD": FLOWER.secret,
    }
    config = machine.folder / "flowerconfig.py"
    config.write_text(f"basic_auth = ['timbre:{FLOWER.secret}']\n")
    port = free_port()
    machine.start_flower(config, port)
    machine.start_worker(TIMBRE_LOG_FORMAT="json")
    machine.start_worker(TIMBRE_LOG_FORMAT="text")
    machine.start_beat()
    faults: dict[str, Any] = {
        name: {"next": 2, "account": account} for name, account in zip(KINDS, accounts, strict=True)
    }
    machine.sandbox.faults.set({"quota_limit": 1000, "quota_window": 2}, **faults)
    for account in accounts:
        machine.client.emit(machine.sandbox.add_drafts(account, 3), account=account)
    await_that(lambda: len(machine.sandbox.ledger()) > len(accounts), machine.logs)
    broker.restart()
    name = database.rpartition("/")[2]
    postgres.execute(
        sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(sql.Literal(name))
    )

    def ended() -> bool:
        statuses = machine.statuses()
        return len(statuses) == 3 * len(accounts) and set(statuses.values()) <= FINAL

    await_that(ended, lambda: f"{machine.statuses()}\n{machine.logs()}", patience=150)
    return _pages(machine, port)


def _pages(machine: Machine, port: int) -> dict[str, bytes]:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", auth=("timbre", FLOWER.secret), trust_env=False, timeout=30
    ) as flower:

        def answers() -> bool:
            with suppress(httpx.HTTPError):
                return bool(flower.get("/api/workers?refresh=1").json())
            return False

        await_that(answers, machine.logs)
        workers = [f"/worker/{name}" for name in flower.get("/api/workers?refresh=1").json()]
        found = {page: flower.get(page) for page in (*PAGES, *workers)}
    assert {page: answer.status_code for page, answer in found.items()} == dict.fromkeys(found, 200)
    return {f"Flower's {page}": answer.content for page, answer in found.items()}


def _commands(machine: Machine) -> list[str]:
    (row, *_) = machine.sql("SELECT account, document_id FROM emissions WHERE status = 'held'")
    history = f"status {row.document_id} --account {row.account}"
    to_people = [history, "status", "doctor", "requests --unreadable"]
    to_programs = [history, "status", "doctor", "requests --limit=500", "settings"]
    return [*to_people, *(f"{each} --json" for each in to_programs)]


def _outputs(machine: Machine, commands: Sequence[str]) -> dict[str, bytes]:
    """What each says."""
    with ThreadPoolExecutor(4) as threads:
        ran = threads.map(lambda words: machine.timbre(*words.split()), commands)
    said = (f"{each.stdout}\n{each.stderr}".encode() for each in ran)
    return {f"timbre {words}": each for words, each in zip(commands, said, strict=True)}


def _all_tables(database: str) -> dict[str, bytes]:
    engine, found = create_engine(database), MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        rows = {table.name: connection.execute(select(table)).all() for table in found.tables.values()}
    engine.dispose()
    return {f"table {name}": "\n".join(map(str, content)).encode() for name, content in rows.items()}


def _files(folder: Path) -> Iterator[Path]:
    """Whatever was written, without the files that were written to hold a secret."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".token" and path.name != "flowerconfig.py":
            yield path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_secret_is_found_nowhere_after_every_fault(places: dict[str, bytes], canary: Canary) -> None:
    found = {place: shown for place, content in places.items() if (shown := canary.seen_in(content))}
    assert found == {}


def test_every_place_was_really_looked_into(places: dict[str, bytes]) -> None:
    """Each knows of the account whose requests were reset; a place that is empty hides nothing and proves nothing."""
    silent = {place for place, content in places.items() if not Canary("an account", "server-error").seen_in(content)}
    assert silent & TALKATIVE == set()
    assert any(b"Traceback" in content for place, content in places.items() if place.endswith(".log"))


@pytest.mark.parametrize(
    "text",
    [
        f"say {TOKEN.secret}.",
        f"redis://:{quote(TOKEN.secret, safe='')}@host",
        *(base64.b64encode(f"{'x' * before}{TOKEN.secret}{'y' * before}".encode()).decode() for before in range(6)),
        json.dumps({"body": base64.b64encode(json.dumps([{"deep": TOKEN.secret}]).encode()).decode()}),
        "inner " + base64.b64encode(base64.b64encode(f"user:{TOKEN.secret}".encode())).decode(),
    ],
)
def test_a_canary_is_seen_however_it_is_written(text: str) -> None:
    assert TOKEN.seen_in(f"before {text} after".encode())
    assert not BROKER.seen_in(f"before {text} after".encode())
