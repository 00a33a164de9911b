"""Locks under any interleaving of takers, renewals, releases, time and wipes, against a model of a few lines."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.unit.coordination.stopped_clock import redis_by_its_own_clock
from worker.coordination.holding import Hold

TTL = timedelta(seconds=30)
KEYS = st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1)


class Holders(RuleBasedStateMachine):
    """The model: for every key, whose token holds it and how many milliseconds are left."""

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.world = ExitStack()
        self.redis, self.clock = self.world.enter_context(redis_by_its_own_clock())
        self.owners: dict[str, tuple[str, int]] = {}
        self.tokens = 0

    def claim(self, hold: Hold) -> None:
        mine = {key for key in hold.keys if self.owners.get(key, (hold.token, 0))[0] == hold.token}
        assert set(hold.claim(self.redis)) == mine
        self.owners |= dict.fromkeys(mine, (hold.token, 30_000))

    @rule(target=holds, keys=KEYS)
    def take(self, keys: set[str]) -> Hold:
        self.tokens += 1
        hold = Hold(f"worker-{self.tokens}", tuple(sorted(keys)), TTL)
        self.claim(hold)
        return hold

    @rule(hold=holds)
    def renew(self, hold: Hold) -> None:
        self.claim(hold)

    @rule(hold=consumes(holds))
    def release(self, hold: Hold) -> None:
        mine = [key for key in hold.keys if self.owners.get(key, ("", 0))[0] == hold.token]
        assert hold.release(self.redis) == len(mine)
        for key in mine:
            del self.owners[key]

    @rule(hold=holds)
    def release_a_hold_that_goes_on(self, hold: Hold) -> None:
        """A release that was believed lost, and a renewal behind it."""
        self.owners = {key: owner for key, owner in self.owners.items() if owner[0] != hold.token}
        hold.release(self.redis)

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        # A millisecond more, so that no step ends exactly when a key does: whether it is gone then is Redis' affair.
        passed = seconds * 1000 + 1
        self.clock.advance(timedelta(milliseconds=passed))
        self.owners = {key: (token, left - passed) for key, (token, left) in self.owners.items() if left > passed}

    @rule()
    def wipe(self) -> None:
        self.redis.flushall()
        self.owners.clear()

    @invariant()
    def redis_and_model_agree(self) -> None:
        seen = {key: self.redis.get(key) for key in self.redis.scan_iter()}
        assert seen == {key.encode(): token.encode() for key, (token, _) in self.owners.items()}

    def teardown(self) -> None:
        self.world.close()


TestLocksInEveryOrder = Holders.TestCase
TestLocksInEveryOrder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
