"""Locks on the fake and on a real server: who holds what, until when, and who may let go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from worker.coordination.locks import RedisLocks, lock_key
from worker.emission.work import Document

MINUTE = timedelta(minutes=1)


def invoices(*ids: int, account: str = "acme") -> list[Document]:
    return [Document(account, "invoice", str(number)) for number in ids]


@pytest.fixture
def locks(redis_client: Redis) -> Iterator[RedisLocks]:
    locks = RedisLocks(redis_client, MINUTE, owner="host-a:1")
    yield locks
    locks.close()


@pytest.fixture
def others(redis_client: Redis) -> Iterator[RedisLocks]:
    locks = RedisLocks(redis_client, MINUTE, owner="host-b:2")
    yield locks
    locks.close()


def test_a_hold_takes_what_is_free_and_says_which(locks: RedisLocks, others: RedisLocks) -> None:
    with locks.hold(invoices(1, 2, 3)) as mine, others.hold(invoices(2, 3, 4, 5)) as theirs:
        assert mine == frozenset(invoices(1, 2, 3))
        assert theirs == frozenset(invoices(4, 5))


def test_two_holds_of_one_process_exclude_each_other(locks: RedisLocks) -> None:
    with locks.hold(invoices(1)), locks.hold(invoices(1)) as again:
        assert again == frozenset()


def test_the_same_id_of_another_account_or_kind_is_another_document(locks: RedisLocks, others: RedisLocks) -> None:
    note = Document("acme", "credit_note", "1")
    with locks.hold(invoices(1)), others.hold([note]) as same_id, others.hold(invoices(1, account="bolt")) as elsewhere:
        assert same_id == {note}
        assert elsewhere == frozenset(invoices(1, account="bolt"))


def test_a_document_named_twice_is_held_once(locks: RedisLocks) -> None:
    with locks.hold(invoices(1, 1)) as mine:
        assert mine == frozenset(invoices(1))


def test_nothing_to_hold_asks_nobody(locks: RedisLocks, commands: list[str]) -> None:
    with locks.hold([]) as mine:
        assert mine == frozenset()
    assert commands == []


def test_a_hold_is_for_one_account(locks: RedisLocks) -> None:
    with pytest.raises(ValueError, match="one account"), locks.hold([*invoices(1), *invoices(1, account="bolt")]):
        pass


def test_what_was_held_is_free_when_the_block_ends(locks: RedisLocks, others: RedisLocks) -> None:
    with locks.hold(invoices(1, 2)):
        pass
    with others.hold(invoices(1, 2)) as theirs:
        assert theirs == frozenset(invoices(1, 2))


def test_what_was_held_is_free_when_the_block_fails(locks: RedisLocks, others: RedisLocks) -> None:
    with pytest.raises(LookupError), locks.hold(invoices(1)):
        raise LookupError
    with others.hold(invoices(1)) as theirs:
        assert theirs == frozenset(invoices(1))


def test_ten_documents_are_one_round_trip_to_take_and_one_to_release(locks: RedisLocks, commands: list[str]) -> None:
    with locks.hold(invoices(*range(10))) as mine:
        assert len(mine) == 10
        assert commands == ["EVAL"]
    assert commands == ["EVAL", "EVAL"]


def test_releasing_leaves_what_became_anothers(locks: RedisLocks, redis_client: Redis) -> None:
    """The hold expired unnoticed (its worker was frozen) and somebody else holds the document now."""
    (document,) = invoices(1)
    with locks.hold([document]):
        redis_client.set(lock_key(document), "host-b:2/0123")
    assert redis_client.get(lock_key(document)) == b"host-b:2/0123"


def test_renewing_gives_all_keys_their_full_time_again(locks: RedisLocks, redis_client: Redis) -> None:
    with locks.hold(invoices(1, 2)):
        for document in invoices(1, 2):
            redis_client.pexpire(lock_key(document), 5_000)
        locks._renewer.renew()
        assert all(redis_client.pttl(lock_key(document)) > 50_000 for document in invoices(1, 2))


def test_renewing_takes_again_what_vanished(locks: RedisLocks, others: RedisLocks, redis_client: Redis) -> None:
    with locks.hold(invoices(1, 2)):
        redis_client.flushall()
        locks._renewer.renew()
        with others.hold(invoices(1, 2)) as theirs:
            assert theirs == frozenset()


def test_renewing_never_takes_over_what_became_anothers(
    locks: RedisLocks, others: RedisLocks, redis_client: Redis
) -> None:
    with locks.hold(invoices(1, 2)):
        redis_client.flushall()
        with others.hold(invoices(1)) as theirs:
            locks._renewer.renew()
            assert theirs == frozenset(invoices(1))
            assert {(str(held.document.document_id), held.owner) for held in locks.held_now()} == {
                ("1", "host-b:2"),
                ("2", "host-a:1"),
            }


def test_many_holds_are_renewed_by_one_thread_in_one_round_trip(locks: RedisLocks, commands: list[str]) -> None:
    with locks.hold(invoices(1)), locks.hold(invoices(2)), locks.hold(invoices(3, account="bolt")):
        threads = [thread for thread in threading.enumerate() if thread.name == "timbre-lock-renewal"]
        commands.clear()
        locks._renewer.renew()
        assert len(threads) == 1
        assert commands == ["PIPELINE"]


def test_a_renewal_under_way_never_arrives_behind_the_release(
    locks: RedisLocks, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the released keys again, for nobody."""
    under_way, go_on = threading.Event(), threading.Event()
    pipeline = redis_client.pipeline

    def slow_pipeline(*args: Any, **options: Any) -> Any:
        under_way.set()
        assert go_on.wait(10)
        return pipeline(*args, **options)

    def hold_and_release(started: threading.Event, end: threading.Event) -> None:
        with locks.hold(invoices(1)):
            started.set()
            assert end.wait(10)

    started, end = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold_and_release, args=(started, end))
    holder.start()
    assert started.wait(10)
    monkeypatch.setattr(redis_client, "pipeline", slow_pipeline)
    renewal = threading.Thread(target=locks._renewer.renew)
    renewal.start()
    assert under_way.wait(10)
    end.set()
    holder.join(timeout=0.2)
    go_on.set()
    holder.join()
    renewal.join()
    assert locks.held_now() == []


def test_a_hold_outlives_its_time_to_live_while_its_block_runs(redis_client: Redis) -> None:
    renewed = threading.Event()
    locks = RedisLocks(redis_client, timedelta(milliseconds=150))
    renew = locks._renewer.renew
    rounds: list[int] = []

    def counted() -> None:
        renew()
        rounds.append(1)
        if len(rounds) >= 5:
            renewed.set()

    locks._renewer.renew = counted  # type: ignore[method-assign]
    with locks.hold(invoices(1)) as mine:
        assert renewed.wait(10)
        with locks.hold(invoices(1)) as again:
            assert (mine, again) == (frozenset(invoices(1)), frozenset())
    locks.close()


def test_everybody_can_see_what_is_held_and_by_whom(locks: RedisLocks, others: RedisLocks) -> None:
    with locks.hold(invoices(1)), others.hold(invoices(2, account="bolt")):
        everything = [(held.document, held.owner) for held in locks.held_now()]
        only_bolt = locks.held_now("bolt")
    assert everything == [(invoices(1)[0], "host-a:1"), (invoices(2, account="bolt")[0], "host-b:2")]
    assert [held.document for held in only_bolt] == invoices(2, account="bolt")
    assert timedelta(0) < only_bolt[0].expires_in <= MINUTE
    assert locks.held_now() == []


@pytest.fixture
def commands(redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the client asked the server, in round trips."""
    asked: list[str] = []
    execute: Any = redis_client.execute_command
    pipeline = redis_client.pipeline

    def execute_command(*args: Any, **options: Any) -> Any:
        asked.append(str(args[0]))
        return execute(*args, **options)

    def open_pipeline(*args: Any, **options: Any) -> Any:
        asked.append("PIPELINE")
        return pipeline(*args, **options)

    monkeypatch.setattr(redis_client, "execute_command", execute_command)
    monkeypatch.setattr(redis_client, "pipeline", open_pipeline)
    return asked
