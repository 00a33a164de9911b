"""The plan of a campaign, drawn from its seed before anything runs: who asks for what, and which blow falls when."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from tests.chaos.campaign.profiles import PROFILES, BlowKind, Profile
from tests.chaos.campaign.timings import LONGEST_FREEZE, REDELIVERY
from timbre_producers.contracts import MAX_IDS_PER_MESSAGE
from worker.emission.kinds import KINDS

COUNTRIES: Final = ("CO", "MX", "CR", "PE", "AR", "DO", "PA")

ORDER_SIZES: Final = (1, 1, 2, 5, 10, 13, 30, 47, 100)
"""How many documents services ask for at once; drawn with equal chance."""

SLOWEST_RECOVERY: Final = REDELIVERY + 110.0
"""Seconds. Celery's Redis transport looks every hundred seconds for messages that a dead worker had taken."""

_FREEZES: Final[Mapping[BlowKind, tuple[float, float]]] = MappingProxyType(
    {BlowKind.WORKER_FROZEN: (2.0, LONGEST_FREEZE), BlowKind.REDIS_FROZEN: (1.0, 4.0)}
)
"""Seconds, from just past a lock's life on."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a campaign is asked to do."""

    documents: int
    accounts: int
    profile: str
    seed: int
    database: str
    broker: str
    minutes: float
    """Half of it trouble; coming to rest usually takes less than as long again."""
    workers: int = 3
    kinds: tuple[str, ...] = ("invoice",)


@dataclass(frozen=True, slots=True)
class Blow:
    """One act of violence: when, what, for how long, and a number that picks the victim among those alive."""

    at: float
    kind: BlowKind
    seconds: float
    pick: int


@dataclass(frozen=True, slots=True)
class Order:
    """One request of a producer: so many documents of one account, at this second of its phase."""

    at: float
    account: str
    count: int
    request_id: uuid.UUID
    urgent: bool
    kind: str = "invoice"


@dataclass(frozen=True, slots=True)
class Phase:
    """One profile's share of a campaign."""

    profile: Profile
    seconds: float
    orders: Sequence[Order]
    blows: Sequence[Blow]

    def wanted(self, account: str, kind: str) -> int:
        """How many documents of this account and kind it asks for."""
        return sum(order.count for order in self.orders if (order.account, order.kind) == (account, kind))


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole campaign."""

    options: Options
    accounts: Mapping[str, str]
    """Name and country."""
    phases: Sequence[Phase]
    drain: float
    """Seconds the system has to come to rest once the trouble has ended, at most; it ends as soon as it has."""


def draw(options: Options) -> Plan:
    """The plan that these options and their seed make; always the same one."""
    chance = Random(options.seed)
    accounts = {
        f"{COUNTRIES[number % len(COUNTRIES)].lower()}{number + 1}": COUNTRIES[number % len(COUNTRIES)]
        for number in range(options.accounts)
    }
    profiles = PROFILES[options.profile]
    trouble = options.minutes * 60 * 0.5
    shares = [options.documents // len(profiles)] * len(profiles)
    shares[-1] += options.documents - sum(shares)
    seconds = trouble / len(profiles)
    phases = [
        Phase(
            profile,
            seconds,
            sorted(_orders(_mixed(accounts, options.kinds), share, seconds * 0.7, chance), key=lambda order: order.at),
            list(_blows(profile, options.database, seconds, chance)),
        )
        for profile, share in zip(profiles, shares, strict=True)
    ]
    return Plan(options, accounts, phases, drain=max(trouble, SLOWEST_RECOVERY))


def _mixed(accounts: Mapping[str, str], kinds: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The kinds that each account's country has; an account that has none is asked for nothing."""
    mixed = {name: [kind for kind in kinds if KINDS[kind].exists_in(country)] for name, country in accounts.items()}
    return {name: of_account for name, of_account in mixed.items() if of_account}


def _orders(accounts: Mapping[str, Sequence[str]], documents: int, within: float, chance: Random) -> Iterator[Order]:
    largest = min(MAX_IDS_PER_MESSAGE, max(1, documents // 10))
    scale = max(1, documents // 2000)
    while documents > 0:
        count = min(chance.choice(ORDER_SIZES) * scale, largest, documents)
        documents -= count
        request_id = uuid.UUID(int=chance.getrandbits(128), version=4)
        at, account, urgent = chance.uniform(0, within), chance.choice(list(accounts)), chance.random() < 0.1
        kinds = accounts[account]
        kind = kinds[0] if len(kinds) == 1 else chance.choice(kinds)
        yield Order(at, account, count, request_id, urgent, kind)


def _blows(profile: Profile, database: str, seconds: float, chance: Random) -> Iterator[Blow]:
    possible = {
        kind: weight
        for kind, weight in profile.blows.items()
        if database == "postgresql" or kind not in (BlowKind.DATABASE_KILLED, BlowKind.DATABASE_RESTARTED)
    }
    at = chance.uniform(*profile.pause)
    while possible and at < seconds:
        (kind,) = chance.choices(list(possible), weights=list(possible.values()))
        lasts = chance.uniform(*_FREEZES[kind]) if kind in _FREEZES else 0.0
        yield Blow(at, kind, lasts, chance.randrange(1_000))
        at += chance.uniform(*profile.pause)
