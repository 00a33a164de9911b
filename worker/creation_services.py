"""What creating documents needs of a process, wired beside what emission has built: one client, one quota."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from sqlalchemy import Engine

from worker.account_facts import AccountFacts
from worker.accounts import AccountsDirectory
from worker.alegra.client import AlegraClient
from worker.alegra.creating import AlegraCreating
from worker.alegra.invoicing import AlegraInvoicing
from worker.broker import CeleryAnnouncer
from worker.callbacks import HttpPostman
from worker.creation.create import Creating
from worker.creation.dispatch import CreationDispatch
from worker.creation.intake import CreationIntake
from worker.creation.look_for import LookingFor
from worker.creation.operate import CreationOperations
from worker.creation.sweep import CreationSweep
from worker.emission.callbacks import CallingBack
from worker.emission.pauses import Pauses
from worker.emission.ports import Clock, Locks, Quota
from worker.storage.creation_callbacks import SqlCreationCallbacks
from worker.storage.creation_queries import CreationQueries
from worker.storage.creation_requests import SqlCreationRequests
from worker.storage.creations import SqlCreations


class Parts(Protocol):
    """What a runtime has built for emission, each when it is first asked for."""

    @property
    def engine(self) -> Engine: ...
    @property
    def client(self) -> AlegraClient: ...
    @property
    def api(self) -> AlegraInvoicing: ...
    @property
    def quota(self) -> Quota: ...
    @property
    def locks(self) -> Locks: ...
    @property
    def pauses(self) -> Pauses: ...
    @property
    def announcer(self) -> CeleryAnnouncer: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def directory(self) -> AccountsDirectory: ...
    @property
    def worker(self) -> str: ...
    @property
    def facts(self) -> AccountFacts: ...


class CreationServices:
    """The verbs of creation; each is built when it is first asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @cached_property
    def ledger(self) -> SqlCreations:
        return SqlCreations(self._parts.engine)

    @cached_property
    def queries(self) -> CreationQueries:
        return CreationQueries(self._parts.engine)

    @cached_property
    def api(self) -> AlegraCreating:
        parts = self._parts
        return AlegraCreating(
            parts.client,
            parts.facts.access,
            country_of=parts.api.country_of,
            permit=lambda account: parts.quota.take(account, 1, "read"),
        )

    @cached_property
    def intake(self) -> CreationIntake:
        parts = self._parts
        requests = SqlCreationRequests(parts.engine)
        return CreationIntake(requests, parts.announcer, parts.clock, parts.directory.keys, parts.facts.country_code_of)

    @cached_property
    def dispatch(self) -> CreationDispatch:
        parts = self._parts
        return CreationDispatch(self.ledger, parts.quota, parts.announcer, parts.clock, parts.facts.policy_of)

    @cached_property
    def creating(self) -> Creating:
        parts = self._parts
        return Creating(
            self.ledger,
            self.api,
            parts.locks,
            parts.pauses,
            parts.announcer,
            parts.clock,
            parts.facts.policy_of,
            parts.worker,
        )

    @cached_property
    def looking_for(self) -> LookingFor:
        parts = self._parts
        return LookingFor(
            self.ledger,
            self.api,
            parts.locks,
            parts.pauses,
            parts.announcer,
            parts.clock,
            parts.facts.policy_of,
            parts.worker,
        )

    @cached_property
    def sweep(self) -> CreationSweep:
        parts = self._parts
        return CreationSweep(
            self.ledger, parts.announcer, parts.clock, parts.directory.keys, parts.facts.policy_of, parts.worker
        )

    @cached_property
    def operations(self) -> CreationOperations:
        return CreationOperations(self.ledger, self._parts.announcer, self._parts.clock)

    @cached_property
    def calling_back(self) -> CallingBack:
        return CallingBack(SqlCreationCallbacks(self._parts.engine), HttpPostman(), self._parts.clock)
