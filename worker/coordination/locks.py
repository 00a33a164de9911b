"""Locks: one Redis key per document, many in one round trip, renewed by one thread while they are held.

A lock saves work and keeps two workers from talking about the same document; it is not what makes an emission
correct. A process frozen past its lock cannot be stopped by Redis, only by the guarded row (status and attempt).
So a hold whose Redis dies goes on, and nothing here ever waits for a busy document.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from redis import Redis

from worker.coordination.connection import asking_redis
from worker.coordination.holding import Hold
from worker.coordination.renewal import Renewer
from worker.emission.ports import CoordinationDown
from worker.emission.work import Document

log = logging.getLogger(__name__)

LOCK_TTL: Final = timedelta(seconds=30)
"""How long the documents of a dead worker stay locked: short against the stamp timeout, long against a slow Redis."""

_KEY: Final = re.compile(r"^timbre:\{(?P<account>[^}]+)\}:lock:(?P<kind>[^:]+):(?P<document_id>.+)$")


@dataclass(frozen=True, slots=True)
class Held:
    """A document somebody holds at this moment."""

    document: Document
    owner: str
    """Host and process of the worker."""
    expires_in: timedelta
    """What is left if nobody renews it."""


class RedisLocks:
    """The port `Locks` on Redis.

    `owner` names this process to people; each hold adds a random part, so that two holds of one process exclude
    each other too.
    """

    def __init__(self, redis: Redis, ttl: timedelta = LOCK_TTL, *, owner: str | None = None) -> None:
        self._redis = redis
        self._ttl = ttl
        self._owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        self._renewer = Renewer(redis, every=ttl / 3)

    @contextmanager
    def hold(self, documents: Sequence[Document]) -> Iterator[frozenset[Document]]:
        """Hold what is free and say which; what somebody else holds is left to them.

        All documents belong to one account (one hash slot of a Redis Cluster). Raises `CoordinationDown` when Redis
        does not answer; what it may have locked without telling expires by itself. Once the block runs, trouble with
        Redis never reaches it.
        """
        wanted = {lock_key(document): document for document in documents}
        if len({document.account for document in documents}) > 1:
            raise ValueError("a hold is for the documents of one account")
        if not wanted:
            yield frozenset()
            return
        hold = Hold(f"{self._owner}/{secrets.token_hex(8)}", tuple(wanted), self._ttl)
        with asking_redis("lock documents"):
            taken = hold.claim(self._redis)
        if not taken:
            yield frozenset()
            return
        hold = hold.of(taken)
        self._renewer.add(hold)
        try:
            yield frozenset(wanted[key] for key in taken)
        finally:
            self._renewer.remove(hold)
            self._release(hold)

    def held_now(self, account: str | None = None) -> Sequence[Held]:
        """Every lock there is, or those of one account: for `timbre doctor` and for people.

        It walks all keys of the database, so it is not for hot paths. Raises `CoordinationDown`.
        """
        pattern = f"timbre:{{{account or '*'}}}:lock:*"
        with asking_redis("list the locks"):
            keys = [_text(key) for key in self._redis.scan_iter(match=pattern, count=1000)]
            pipe = self._redis.pipeline(transaction=False)
            for key in keys:
                pipe.get(key)
                pipe.pttl(key)
            answers = pipe.execute()
        held = []
        for key, owner, expires_in in zip(keys, answers[::2], answers[1::2], strict=True):
            match = _KEY.match(key)
            if match and owner is not None:
                name = _text(owner).partition("/")[0]
                held.append(Held(Document(**match.groupdict()), name, timedelta(milliseconds=max(expires_in, 0))))
        return sorted(held, key=lambda lock: lock_key(lock.document))

    def close(self) -> None:
        """Stop renewing; live holds then last for what is left of their time."""
        self._renewer.close()

    def _release(self, hold: Hold) -> None:
        """One round trip; a failure only means that the keys stay until they expire."""
        try:
            with asking_redis("release locks"):
                hold.release(self._redis)
        except CoordinationDown as down:
            log.warning("locks_left_to_expire", extra={"keys": len(hold.keys), "reason": str(down)})


def lock_key(document: Document) -> str:
    """The document's key; the account in braces puts all keys of a hold into one hash slot."""
    return f"timbre:{{{document.account}}}:lock:{document.kind}:{document.document_id}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
