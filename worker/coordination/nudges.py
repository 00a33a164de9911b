"""Nudges: of many calls for the same round, only the earliest becomes a message; none is lost to the others.

A *pending* nudge is one whose message is on its way. A new nudge that is due no earlier is swallowed, because the
pending one's round will find its work in the table. One that is due earlier gets a message of its own, and the later
one stays pending: it will come, and swallow what is due after it, so that messages do not multiply.

No wake-up is lost as long as two habits are kept: write the work down *before* nudging, and say `begin` *before*
reading the table. Then a nudge either comes before `begin`, and the round that follows sees its work, or after it,
and gets a round of its own. A message that the broker lost is given up on after a grace of a few seconds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from redis import Redis

from worker.coordination.connection import asking_redis

GRACE: Final = timedelta(seconds=3)
"""How late a message may be before it counts as lost. Shorter means more rounds under load, longer a later rescue."""

EARLY: Final = timedelta(seconds=1)
"""How early one may arrive by the clocks of two machines and still be known as the one that was pending."""

_CLAIM: Final = """
local pending, delay, grace = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = now + delay
redis.call('ZREMRANGEBYSCORE', pending, '-inf', string.format('%.0f', now - grace))
local earliest = redis.call('ZRANGE', pending, 0, 0, 'WITHSCORES')[2]
if earliest and tonumber(earliest) <= due then
  return 0
end
local name = string.format('%.0f', due)
redis.call('ZADD', pending, name, name)
local last = tonumber(redis.call('ZRANGE', pending, -1, -1, 'WITHSCORES')[2])
redis.call('PEXPIRE', pending, string.format('%.0f', last - now + grace))
return 1
"""

_BEGIN: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now + ARGV[1]))
"""


class Debounce:
    """Decides which nudges become messages. Keys are whatever the rounds are for, here accounts."""

    def __init__(self, redis: Redis, *, grace: timedelta = GRACE) -> None:
        self._grace = grace
        self._claim = redis.register_script(_CLAIM)
        self._begin = redis.register_script(_BEGIN)

    def claim(self, key: str, delay: timedelta) -> bool:
        """True when the caller must send a message that arrives after `delay`. Raises `CoordinationDown`."""
        with asking_redis("announce a round"):
            return bool(self._claim(keys=[_pending(key)], args=[_milliseconds(delay), _milliseconds(self._grace)]))

    def begin(self, key: str) -> None:
        """A message has arrived and its round starts now: nudges from here on need another. Raises `CoordinationDown`.

        Also the way to take back a claim whose message could not be sent. Forgetting a pending nudge too many costs
        a message, remembering one that will not come costs a wake-up; so this forgets all that are due.
        """
        with asking_redis("begin a round"):
            self._begin(keys=[_pending(key)], args=[_milliseconds(EARLY)])


def _pending(key: str) -> str:
    return f"timbre:{{{key}}}:nudges"


def _milliseconds(time: timedelta) -> int:
    return max(int(time / timedelta(milliseconds=1)), 0)
