"""Redis killed, frozen, wiped or restarted empty: the work under way goes on, and everybody else is told in time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from redis import Redis

from tests.support.servers import ValkeyServer
from worker.coordination.connection import connect
from worker.coordination.locks import RedisLocks
from worker.coordination.nudges import Debounce
from worker.coordination.quota import Budget, RedisQuota
from worker.emission.ports import CoordinationDown
from worker.emission.work import Document

ANSWER_WITHIN = timedelta(milliseconds=200)
ONE, TWO = (Document("acme", "invoice", number) for number in ("1", "2"))
pytestmark = pytest.mark.timeout(20)
"""What must end in bounded time would otherwise hang here."""


@pytest.fixture
def client(own_valkey: ValkeyServer) -> Iterator[Redis]:
    with connect(own_valkey.url, answer_within=ANSWER_WITHIN) as client:
        yield client


@pytest.fixture
def locks(client: Redis) -> Iterator[RedisLocks]:
    locks = RedisLocks(client, timedelta(minutes=1), owner="host-a:1")
    yield locks
    locks.close()


def hold_one(client: Redis) -> None:
    with RedisLocks(client).hold([ONE]):
        pass


def list_locks(client: Redis) -> None:
    RedisLocks(client).held_now()


def quota(client: Redis) -> RedisQuota:
    return RedisQuota(client, lambda _account: Budget("user"))


QUESTIONS: dict[str, Callable[[Redis], object]] = {
    "hold": hold_one,
    "held now": list_locks,
    "take": lambda client: quota(client).take("acme", 1, "read"),
    "give back": lambda client: quota(client).give_back("acme", 1, "read"),
    "peek": lambda client: quota(client).peek("acme"),
    "claim": lambda client: Debounce(client).claim("acme", timedelta(0)),
    "begin": lambda client: Debounce(client).begin("acme"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_dead_redis_is_told_as_coordination_down(own_valkey: ValkeyServer, client: Redis, question: str) -> None:
    client.ping()
    own_valkey.kill()
    with pytest.raises(CoordinationDown, match="Redis did not answer when asked to"):
        QUESTIONS[question](client)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_frozen_redis_is_told_as_coordination_down(own_valkey: ValkeyServer, client: Redis, question: str) -> None:
    client.ping()
    own_valkey.freeze()
    with pytest.raises(CoordinationDown, match="Redis did not answer when asked to"):
        QUESTIONS[question](client)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_redis_that_came_back_is_used_again_at_once(own_valkey: ValkeyServer, client: Redis, question: str) -> None:
    """The connection from before the restart is dead; nobody has to notice."""
    QUESTIONS[question](client)
    own_valkey.restart()
    QUESTIONS[question](client)


def test_a_redis_that_refuses_is_told_as_coordination_down(client: Redis) -> None:
    client.config_set("maxmemory", "1")
    with pytest.raises(CoordinationDown, match="asked to lock documents"):
        hold_one(client)


def test_redis_killed_during_a_hold_does_not_reach_the_block(
    own_valkey: ValkeyServer, locks: RedisLocks, caplog: pytest.LogCaptureFixture
) -> None:
    """The call may be on the wire: what it answers must be recorded, whatever became of the lock."""
    with caplog.at_level(logging.WARNING), locks.hold([ONE]) as mine:
        own_valkey.kill()
        locks._renewer.renew()
        assert mine == {ONE}
    assert [record.message for record in caplog.records] == ["locks_not_renewed", "locks_left_to_expire"]


def test_redis_restarted_empty_during_a_hold_is_given_the_locks_again(
    own_valkey: ValkeyServer, locks: RedisLocks, client: Redis
) -> None:
    with locks.hold([ONE, TWO]):
        own_valkey.restart(empty=True)
        locks._renewer.renew()
        with RedisLocks(client).hold([ONE, TWO]) as theirs:
            assert theirs == frozenset()
    assert locks.held_now() == []


def test_redis_wiped_during_a_hold_leaves_the_document_to_whoever_was_faster(
    locks: RedisLocks, client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with locks.hold([ONE, TWO]):
        client.flushall()
        with RedisLocks(client, owner="host-b:2").hold([ONE]) as theirs, caplog.at_level(logging.WARNING):
            locks._renewer.renew()
            assert theirs == {ONE}
            assert {held.document: held.owner for held in locks.held_now()} == {ONE: "host-b:2", TWO: "host-a:1"}
    assert [record.message for record in caplog.records] == ["locks_lost_to_another_owner"]


def test_redis_frozen_during_a_hold_delays_the_end_of_the_block_by_one_timeout_only(
    own_valkey: ValkeyServer, locks: RedisLocks, client: Redis
) -> None:
    with locks.hold([ONE]):
        own_valkey.freeze()
    own_valkey.thaw()
    client.delete("timbre:{acme}:lock:invoice:1")
    with locks.hold([ONE]) as again:
        assert again == {ONE}


def test_the_password_is_in_no_message(own_valkey: ValkeyServer, client: Redis) -> None:
    client.config_set("requirepass", "geheim")
    wrong = connect(own_valkey.url.replace("//", "//:falsch@"), answer_within=ANSWER_WITHIN)
    with pytest.raises(CoordinationDown) as down, wrong:
        hold_one(wrong)
    assert "falsch" not in str(down.value)
    assert "falsch" not in repr(down.value.__cause__)
