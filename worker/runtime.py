"""What a process needs, built once and wired here only: engine, HTTP client, Redis, and the verbs on top of them."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime
from functools import cached_property

from celery import Celery
from celery.app import app_or_default
from redis import Redis, RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from worker.account_facts import AccountFacts
from worker.accounts import AccountsDirectory, budget_for, load_accounts
from worker.alegra.acts import AlegraActs
from worker.alegra.client import AlegraClient
from worker.alegra.invoicing import AlegraInvoicing
from worker.broker import CeleryAnnouncer
from worker.callbacks import HttpPostman
from worker.coordination.connection import connect
from worker.coordination.heartbeat import leave_heartbeat
from worker.coordination.locks import RedisLocks
from worker.coordination.nudges import Debounce
from worker.coordination.quota import RedisQuota
from worker.creation_services import CreationServices
from worker.emission.callbacks import CallingBack
from worker.emission.dispatch import Dispatch
from worker.emission.intake import Intake
from worker.emission.mail import Mailing
from worker.emission.nightly import Nightly
from worker.emission.operate import Operations
from worker.emission.outlook import LookingAhead
from worker.emission.pauses import Pauses
from worker.emission.ports import CoordinationDown, Grant
from worker.emission.prerequisites import Prerequisites
from worker.emission.reading import Reading
from worker.emission.stamp import Stamping
from worker.emission.sweep import Sweep
from worker.emission.voiding import Voiding
from worker.environment import start_settings
from worker.observability import SECRETS
from worker.settings import Settings
from worker.storage.accounts import SqlAccounts
from worker.storage.acts import SqlActs
from worker.storage.callbacks import SqlCallbacks
from worker.storage.ledger import SqlLedger
from worker.storage.nights import SqlNights
from worker.storage.outlook import SqlOutlook
from worker.storage.queries import Queries
from worker.storage.requests import SqlRequests
from worker.storage.session import make_engine, say_hello


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Runtime:
    """One process's services; each is built when it is first asked for."""

    def __init__(self, settings: Settings, directory: AccountsDirectory, app: Celery) -> None:
        self.settings = settings
        self.directory = directory
        self.clock = SystemClock()
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self._app = app
        self._hide_secrets()

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.settings.database, pool_size=min(self.settings.worker_threads, 16))

    @cached_property
    def redis(self) -> Redis:
        return connect(self.settings.redis)

    @cached_property
    def ledger(self) -> SqlLedger:
        return SqlLedger(self.engine)

    @cached_property
    def accounts(self) -> SqlAccounts:
        return SqlAccounts(self.engine)

    @cached_property
    def facts(self) -> AccountFacts:
        return AccountFacts(self.settings, self.directory, self.accounts, self.clock)

    @cached_property
    def nights(self) -> SqlNights:
        return SqlNights(self.engine)

    @cached_property
    def requests(self) -> SqlRequests:
        return SqlRequests(self.engine)

    @cached_property
    def queries(self) -> Queries:
        return Queries(self.engine)

    @cached_property
    def locks(self) -> RedisLocks:
        return RedisLocks(self.redis, self.settings.lock_ttl)

    @cached_property
    def quota(self) -> RedisQuota:
        return RedisQuota(self.redis, lambda name: budget_for(self.settings, self.directory[name]))

    @cached_property
    def debounce(self) -> Debounce:
        return Debounce(self.redis)

    @cached_property
    def announcer(self) -> CeleryAnnouncer:
        return CeleryAnnouncer(self._app, self.debounce)

    @cached_property
    def client(self) -> AlegraClient:
        return AlegraClient(connections=self.settings.worker_threads, budget=self.quota)

    @cached_property
    def api(self) -> AlegraInvoicing:
        return AlegraInvoicing(
            self.client,
            accounts=self.facts.access,
            permit=self._read_permit,
            remember_country=self.facts.remember_country,
        )

    @cached_property
    def pauses(self) -> Pauses:
        return Pauses(self.accounts, self.api, self.announcer, self.clock, self.settings.probe_every, self.worker)

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            self.requests,
            self.announcer,
            self.clock,
            self.directory.keys,
            self.facts.policy_of,
            self.facts.country_code_of,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        return Dispatch(self.ledger, self.quota, self.announcer, self.clock, self.facts.policy_of)

    @cached_property
    def prerequisites(self) -> Prerequisites:
        return Prerequisites(self.ledger, self.api, self._one_more_read)

    @cached_property
    def reading(self) -> Reading:
        return Reading(
            self.ledger,
            self.api,
            self.locks,
            self.prerequisites,
            self.pauses,
            self.announcer,
            self.clock,
            self.facts.policy_of,
            self.worker,
        )

    @cached_property
    def stamping(self) -> Stamping:
        return Stamping(
            self.ledger,
            self.api,
            self.locks,
            self.pauses,
            self.announcer,
            self.clock,
            self.facts.policy_of,
            self.worker,
        )

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(
            self.ledger, self.pauses, self.announcer, self.clock, self.directory.keys, self.facts.policy_of, self.worker
        )

    @cached_property
    def nightly(self) -> Nightly:
        return Nightly(
            self.nights,
            self.api,
            self.intake,
            self.announcer,
            self.clock,
            self.facts.night_policies,
            self.settings.night_lease,
        )

    @cached_property
    def looking_ahead(self) -> LookingAhead:
        return LookingAhead(
            SqlOutlook(self.engine),
            self.api,
            self.clock,
            configured=lambda: list(self.directory),
            plan_of=lambda name: self.directory[name].documents_per_month,
            today_of=self.facts.today_of,
        )

    @cached_property
    def operations(self) -> Operations:
        return Operations(self.ledger, self.accounts, self.announcer, self.clock, self.facts.policy_of)

    @cached_property
    def acts(self) -> SqlActs:
        return SqlActs(self.engine)

    @cached_property
    def act_api(self) -> AlegraActs:
        return AlegraActs(self.client, self.api, accounts=self.facts.access, permit=self._read_permit)

    @cached_property
    def mailing(self) -> Mailing:
        return Mailing(
            self.acts,
            self.act_api,
            self.ledger,
            self.quota,
            self.announcer,
            self.clock,
            self.directory.keys,
            self.facts.policy_of,
            self.worker,
        )

    @cached_property
    def voiding(self) -> Voiding:
        return Voiding(self.acts, self.act_api, self.ledger, self.locks, self.quota, self.clock, self.facts.policy_of)

    @cached_property
    def creation(self) -> CreationServices:
        return CreationServices(self)

    @cached_property
    def calling_back(self) -> CallingBack:
        return CallingBack(SqlCallbacks(self.engine), HttpPostman(), self.clock)

    def leave_heartbeat(self) -> None:
        """Let others see that beat and this worker are alive. Raises `CoordinationDown`."""
        leave_heartbeat(self.redis, self.clock.now())

    def servers_answer(self) -> bool:
        """Whether database and Redis can be reached now; while they cannot, connections kept from before are let go."""
        try:
            say_hello(self.settings.database)
            self.redis.ping()
        except (SQLAlchemyError, RedisError, OSError):
            self.engine.dispose()
            return False
        return True

    def close(self) -> None:
        """Give back connections and threads; what is not built yet stays unbuilt."""
        built = vars(self)
        if "locks" in built:
            self.locks.close()
        if "client" in built:
            self.client.close()
        if "engine" in built:
            self.engine.dispose()
        if "redis" in built:
            self.redis.close()

    def _read_permit(self, account: str) -> Grant:
        return self.quota.take(account, 1, "read")

    def _one_more_read(self, account: str) -> bool:
        """A permit for a read nobody planned; without Redis there is none."""
        try:
            return self.quota.take(account, 1, "read").granted == 1
        except CoordinationDown:
            return False

    def _hide_secrets(self) -> None:
        SECRETS.hide_url(self.settings.database)
        SECRETS.hide_url(self.settings.broker)
        SECRETS.hide_url(self.settings.redis)
        for account in self.directory.values():
            SECRETS.hide_credentials(account.email, account.token.get_secret_value())


def open_runtime(app: Celery) -> Runtime:
    """A runtime from this process's environment. Raises `WrongAccounts`; wrong settings end the process."""
    settings = start_settings()
    return Runtime(settings, load_accounts(settings), app)


_built: dict[int, Runtime] = {}
_building = threading.Lock()


def runtime() -> Runtime:
    """This process's runtime. A forked child builds its own: connections do not survive a fork."""
    pid = os.getpid()
    with _building:
        if pid not in _built:
            _built[pid] = open_runtime(app_or_default())
        return _built[pid]


def close_runtime() -> None:
    """End of this process's work; nothing to do when it never began any."""
    with _building:
        if built := _built.pop(os.getpid(), None):
            built.close()
