"""Carrying out the blows of a plan: whom they hit, and what ends them."""

from __future__ import annotations

import heapq
import itertools
import json
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Final

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from tests.chaos.campaign.plan import Blow
from tests.chaos.campaign.producers import Producers
from tests.chaos.campaign.profiles import BlowKind
from tests.chaos.campaign.stage import Stage
from tests.chaos.campaign.table import StatusTable
from worker.broker import DISPATCH_TASK, READ_TASK, STAMP_QUEUE, STAMP_TASK, WORK_QUEUE

REPEATED: Final = 30
"""Messages of each kind that one blow sends again."""


class Violence:
    """The blows, on the running stage; `step` lets fall what is due and ends what has lasted long enough."""

    def __init__(self, stage: Stage, table: StatusTable, producers: Producers) -> None:
        self._stage = stage
        self._table = table
        self._producers = producers
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.fallen: Counter[str] = Counter()
        self._app = Celery(broker=stage.broker_url, set_as_current=False)
        self._app.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
        self._ways: Mapping[BlowKind, Callable[[Blow, Random], None]] = {
            BlowKind.WORKER_KILLED: lambda blow, _: self._hit("worker", blow, signal.SIGKILL),
            BlowKind.WORKER_TOLD_TO_END: lambda blow, _: self._hit("worker", blow, signal.SIGTERM),
            BlowKind.WORKER_FROZEN: lambda blow, _: self._freeze_worker(blow),
            BlowKind.BEAT_KILLED: lambda blow, _: self._hit("beat", blow, signal.SIGKILL),
            BlowKind.REDIS_FLUSHED: lambda _, __: self._empty(stage.valkey.flush),
            BlowKind.REDIS_KILLED: lambda _, __: stage.valkey.restart(),
            BlowKind.REDIS_EMPTIED: lambda _, __: self._empty(lambda: stage.valkey.restart(empty=True)),
            BlowKind.REDIS_FROZEN: lambda blow, _: self._freeze_redis(blow),
            BlowKind.DATABASE_KILLED: lambda _, __: stage.postgres.restart() if stage.postgres else None,
            BlowKind.DATABASE_RESTARTED: lambda _, __: self._restart_database(),
            BlowKind.MESSAGES_REPEATED: lambda _, chance: self._repeat_messages(chance),
            BlowKind.MESSAGES_REORDERED: lambda _, chance: self._reorder(chance),
            BlowKind.REQUESTS_REPEATED: lambda _, chance: self._repeat_requests(chance),
        }

    def plan(self, blows: tuple[Blow, ...], start: float) -> None:
        """Let these fall, each at its time after `start`."""
        for blow in blows:
            self._at(start + blow.at, partial(self._fall, blow))

    def step(self, now: float) -> None:
        """Whatever is due."""
        while self._agenda and self._agenda[0][0] <= now:
            heapq.heappop(self._agenda)[2]()

    def end(self) -> None:
        """No more of it: what is frozen is thawed, what is planned is dropped."""
        self._agenda.clear()
        if self._stage.valkey.running:
            self._stage.valkey.thaw()
        for hand in self._stage.crew.hands:
            if hand.frozen:
                self._stage.crew.thaw(hand)
        self._app.close()

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), action))

    def _fall(self, blow: Blow) -> None:
        self.fallen[blow.kind.value] += 1
        try:
            self._ways[blow.kind](blow, Random(blow.pick))
        except (RedisError, OperationalError):
            # The broker is frozen at this moment: nothing can be said to it.
            self.fallen["missed: the broker was frozen"] += 1

    def _hit(self, prefix: str, blow: Blow, number: signal.Signals) -> None:
        if victims := self._stage.crew.awake(prefix):
            self._stage.crew.signal(victims[blow.pick % len(victims)], number)

    def _freeze_worker(self, blow: Blow) -> None:
        victims = self._stage.workers
        # One stays awake, or nobody could take the frozen one's work.
        if len(victims) > 1:
            victim = victims[blow.pick % len(victims)]
            self._stage.crew.freeze(victim)
            self._at(time.monotonic() + blow.seconds, lambda: self._stage.crew.thaw(victim))

    def _freeze_redis(self, blow: Blow) -> None:
        self._stage.valkey.freeze()
        self._at(time.monotonic() + blow.seconds, self._stage.valkey.thaw)

    def _empty(self, how: Callable[[], None]) -> None:
        self._stage.valkey.thaw()
        # Noted afterwards: what the broker took until then is what it may have forgotten.
        how()
        self._stage.broker_emptied_at = time.monotonic()

    def _restart_database(self) -> None:
        if self._stage.postgres:
            self._stage.postgres.stop()
            self._stage.postgres.start()

    def _repeat_messages(self, chance: Random) -> None:
        """Nudges for batches long done and documents long settled, and every account nudged at once."""
        batches = self._table.batches()
        for batch_id in chance.sample(batches, min(REPEATED, len(batches))):
            self._app.send_task(STAMP_TASK, kwargs={"batch_id": batch_id}, queue=STAMP_QUEUE, retry=False)
        documents = self._table.unsettled()
        for account, kind, document_id in chance.sample(documents, min(REPEATED, len(documents))):
            arguments = {"account": account, "kind": kind, "ids": [document_id]}
            self._app.send_task(READ_TASK, kwargs=arguments, queue=WORK_QUEUE, retry=False)
        for account in self._stage.plan.accounts:
            self._app.send_task(DISPATCH_TASK, kwargs={"account": account}, queue=WORK_QUEUE, retry=False)

    def _repeat_requests(self, chance: Random) -> None:
        taken = [asking for asking in self._producers.askings if asking.receipt_at is not None]
        for asking in chance.sample(taken, min(3, len(taken))):
            self._producers.ask(asking, time.monotonic())

    def _reorder(self, chance: Random) -> None:
        """Shuffle what waits in the queues, and double some of it."""
        self._stage.valkey.thaw()
        with self._stage.valkey.client() as client:
            for queue in (STAMP_QUEUE, WORK_QUEUE):
                _shuffle(client, queue, chance)


def _shuffle(client: Redis, queue: str, chance: Random) -> None:
    with client.pipeline(transaction=True) as pipe:
        pipe.lrange(queue, 0, -1)
        pipe.delete(queue)
        waiting: list[bytes] = pipe.execute()[0]
    messages = waiting + [_again(body) for body in waiting if chance.random() < 0.5]
    chance.shuffle(messages)
    if messages:
        client.rpush(queue, *messages)


def _again(body: bytes) -> bytes:
    """The same message as another delivery."""
    message = json.loads(body)
    message["properties"]["delivery_tag"] = str(uuid.uuid4())
    return json.dumps(message).encode()
