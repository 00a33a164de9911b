"""TLS to Redis and to PostgreSQL: used when the address says so, and nobody is believed who cannot prove who he is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.machine import a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer
from tests.support.tls import Authority, TlsFront
from timbre_producers import BrokerUnreachable, EmissionClient
from timbre_producers.contracts import INTAKE_QUEUE
from worker.coordination.connection import asking_redis, connect
from worker.emission.ports import CoordinationDown
from worker.storage.session import say_hello
from worker.values import DatabaseUrl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def front(valkey: ValkeyServer, authority: Authority) -> Iterator[TlsFront]:
    """The run's Valkey, behind TLS."""
    front = TlsFront(valkey.port, authority.server_side("127.0.0.1"))
    yield front
    front.close()


@pytest.fixture(scope="module")
def elsewhere(valkey: ValkeyServer, authority: Authority) -> Iterator[TlsFront]:
    """The same, with the certificate of another host."""
    front = TlsFront(valkey.port, authority.server_side("redis.example"))
    yield front
    front.close()


def address(front: TlsFront, redis_url: str, options: str = "") -> str:
    return f"rediss://127.0.0.1:{front.port}/{redis_url.rpartition('/')[2]}{options}"


def test_workers_beat_and_producers_do_their_work_over_tls(
    front: TlsFront, authority: Authority, redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    url = address(front, redis_url, f"?ssl_ca_certs={authority.file}")
    with a_machine(tmp_path, redis_url=url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        ids = machine.sandbox.add_drafts("acme", 12)
        machine.start_beat()
        machine.start_worker()
        machine.client.emit(ids, account="acme")
        machine.await_end("acme", ids)
        machine.judge("acme", ids)
        with closing(connect(redis_url)) as client:
            client.lpush(INTAKE_QUEUE, b"\xff\xfe no message")
        await_that(lambda: len(machine.sql("SELECT id FROM set_aside")) == 1, machine.logs)


def test_a_redis_that_cannot_prove_itself_is_not_spoken_to(
    front: TlsFront, elsewhere: TlsFront, authority: Authority, redis_url: str, tmp_path: Path
) -> None:
    ours = f"?ssl_ca_certs={authority.file}"
    another = f"?ssl_ca_certs={Authority(tmp_path).file}"
    for url in (
        # Of a bare rediss:// kombu itself would believe anybody.
        address(front, redis_url),
        address(front, redis_url, another),
        address(elsewhere, redis_url, ours),
    ):
        with closing(connect(url)) as client, pytest.raises(CoordinationDown, match="CERTIFICATE_VERIFY_FAILED"):
            greet(client)
        with EmissionClient(url, timeout=5) as producer, pytest.raises(BrokerUnreachable):
            producer.emit(["1"])
    for url in (
        address(front, redis_url, ours),
        address(elsewhere, redis_url, f"{ours}&ssl_check_hostname=false"),
        address(front, redis_url, "?ssl_cert_reqs=none"),
    ):
        with closing(connect(url)) as client:
            greet(client)
        with EmissionClient(url, timeout=5) as producer:
            producer.emit(["1"])


def greet(client: object) -> None:
    with asking_redis("greet"):
        client.ping()  # type: ignore[attr-defined]


def test_postgresql_is_spoken_to_over_tls_when_its_address_says_so(
    postgres: PostgresServer, authority: Authority, tmp_path: Path
) -> None:
    proving = f"?sslmode=verify-full&sslrootcert={authority.file}"
    front = TlsFront(postgres.port, authority.server_side("127.0.0.1"), postgresql=True)
    read = DatabaseUrl()
    url = postgres.url.replace(str(postgres.port), str(front.port))
    try:
        say_hello(read(url + proving))
        assert front.served == 1
        with pytest.raises(OperationalError, match="certificate verify failed"):
            say_hello(read(f"{url}?sslmode=verify-full&sslrootcert={Authority(tmp_path).file}"))
        with pytest.raises(OperationalError, match="does not match host name"):
            say_hello(read(url.replace("127.0.0.1", "localhost") + proving))
    finally:
        front.close()
