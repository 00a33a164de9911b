"""Renewal: one thread per process keeps every live hold's keys alive, all in one round trip."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from redis import Redis

from worker.coordination.connection import asking_redis
from worker.coordination.holding import Hold
from worker.emission.ports import CoordinationDown

log = logging.getLogger(__name__)


class Renewer:
    """Renews the holds it was given, every `every`, until they are removed. The thread starts with the first hold."""

    def __init__(self, redis: Redis, every: timedelta) -> None:
        self._redis = redis
        self._every = every
        self._live: dict[str, Hold] = {}
        self._changed = threading.Condition()
        self._round = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, hold: Hold) -> None:
        with self._changed:
            self._live[hold.token] = hold
            if self._thread is None or not self._thread.is_alive():
                self._closed = False
                self._thread = threading.Thread(target=self._run, name="timbre-lock-renewal", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, hold: Hold) -> None:
        """After this returns no renewal of the hold is on its way: it cannot come back behind its release."""
        with self._round, self._changed:
            self._live.pop(hold.token, None)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def renew(self) -> None:
        """One round. Redis being away is not the holds' problem: the next round takes again what vanished."""
        with self._round:
            with self._changed:
                holds = list(self._live.values())
            if not holds:
                return
            try:
                with asking_redis("renew locks"):
                    pipe = self._redis.pipeline(transaction=False)
                    for hold in holds:
                        hold.ask(pipe)
                    answers = pipe.execute()
            except CoordinationDown as down:
                log.warning("locks_not_renewed", extra={"holds": len(holds), "reason": str(down)})
                return
        for hold, answer in zip(holds, answers, strict=True):
            lost = len(hold.keys) - len(hold.granted(answer))
            if lost:
                log.warning("locks_lost_to_another_owner", extra={"token": hold.token, "keys": lost})

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._live))
                if self._changed.wait_for(lambda: self._closed, timeout=self._every.total_seconds()):
                    return
            self.renew()
