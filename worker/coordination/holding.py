"""Holding: the keys of one hold, and the two questions asked about them: are they ours, and let them go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Self

from redis import Redis
from redis.client import Pipeline

CLAIM: Final = """
local mine = {}
for i, key in ipairs(KEYS) do
  mine[i] = 1
  if not redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) then
    if redis.call('GET', key) == ARGV[1] then
      redis.call('PEXPIRE', key, ARGV[2])
    else
      mine[i] = 0
    end
  end
end
return mine
"""
"""Take what is free, extend what is ours, leave what is another's. Taking and renewing are the same question, so a
key that vanished (FLUSHALL, a failover) is taken again, unless somebody was faster; asking twice changes nothing."""

RELEASE: Final = """
local released = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    released = released + redis.call('DEL', key)
  end
end
return released
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keys that belong together under one owner's token; all of one account, so of one hash slot."""

    token: str
    keys: tuple[str, ...]
    ttl: timedelta

    def claim(self, redis: Redis) -> Collection[str]:
        """Take or extend, in one round trip; the keys that are ours now."""
        return self.granted(self.ask(redis))

    def ask(self, redis: Redis | Pipeline) -> Any:
        """The question alone: on a pipeline its answer comes later, and `granted` reads it.

        The script travels as text, for a server restarted meanwhile would not know its digest.
        """
        milliseconds = int(self.ttl / timedelta(milliseconds=1))
        return redis.eval(CLAIM, len(self.keys), *self.keys, self.token, str(milliseconds))

    def granted(self, answer: Any) -> Collection[str]:
        """The keys an answer says are ours."""
        return [key for key, mine in zip(self.keys, answer, strict=True) if mine]

    def release(self, redis: Redis) -> int:
        """Let go of what is still ours; how many keys that were."""
        return int(redis.eval(RELEASE, len(self.keys), *self.keys, self.token))

    def of(self, keys: Collection[str]) -> Self:
        """The same hold of fewer keys."""
        return replace(self, keys=tuple(keys))
