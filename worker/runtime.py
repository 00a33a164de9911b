"""What a process needs, built once and wired here only: engine, HTTP client, Redis, and the verbs on top of them."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from celery import Celery
from celery.app import app_or_default
from redis import Redis, RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from worker.accounts import AccountsDirectory, budget_for, load_accounts, policy_for
from worker.alegra.access import AccountAccess
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
from worker.countries import COUNTRIES, Country
from worker.creation_services import CreationServices
from worker.emission.callbacks import CallingBack
from worker.emission.dispatch import Dispatch
from worker.emission.intake import Intake
from worker.emission.mail import Mailing
from worker.emission.nightly import Nightly, NightlyPolicy
from worker.emission.operate import Operations
from worker.emission.outlook import LookingAhead
from worker.emission.pauses import Pauses
from worker.emission.policy import Policy
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

UNTIL_KNOWN = COUNTRIES["PE"]
"""Whose schedules hold until Alegra has named an account's country: the most patient one's, since patience is safe."""


ASK_FOR_COUNTRY_EVERY = timedelta(seconds=1)
"""Every request and every round wants to know it; the table is not asked each time while nobody does."""

ASK_FOR_ISSUER_EVERY = timedelta(minutes=10)


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
        self._countries: dict[str, Country] = {}
        self._asked_for_country: dict[str, datetime] = {}
        self._issuers: dict[str, tuple[str | None, datetime | None]] = {}
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
            accounts=self.access,
            permit=self._read_permit,
            remember_country=self._remember_country,
        )

    @cached_property
    def pauses(self) -> Pauses:
        return Pauses(self.accounts, self.api, self.announcer, self.clock, self.settings.probe_every, self.worker)

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            self.requests, self.announcer, self.clock, self.directory.keys, self.policy_of, self.country_code_of
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        return Dispatch(self.ledger, self.quota, self.announcer, self.clock, self.policy_of)

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
            self.policy_of,
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
            self.policy_of,
            self.worker,
        )

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(
            self.ledger, self.pauses, self.announcer, self.clock, self.directory.keys, self.policy_of, self.worker
        )

    @cached_property
    def nightly(self) -> Nightly:
        return Nightly(
            self.nights,
            self.api,
            self.intake,
            self.announcer,
            self.clock,
            self.night_policies,
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
            today_of=lambda name, now: (self._country_of(name) or UNTIL_KNOWN).today(now),
        )

    @cached_property
    def operations(self) -> Operations:
        return Operations(self.ledger, self.accounts, self.announcer, self.clock, self.policy_of)

    @cached_property
    def acts(self) -> SqlActs:
        return SqlActs(self.engine)

    @cached_property
    def act_api(self) -> AlegraActs:
        return AlegraActs(self.client, self.api, accounts=self.access, permit=self._read_permit)

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
            self.policy_of,
            self.worker,
        )

    @cached_property
    def voiding(self) -> Voiding:
        return Voiding(self.acts, self.act_api, self.ledger, self.locks, self.quota, self.clock, self.policy_of)

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

    def policy_of(self, account: str) -> Policy:
        """The numbers an account goes by. Raises `UnknownAccount`."""
        return policy_for(self.settings, self.directory[account], self._country_of(account) or UNTIL_KNOWN)

    def country_code_of(self, account: str) -> str | None:
        """The account's ISO code; None until somebody wrote it down or Alegra named it. Raises `UnknownAccount`."""
        country = self._country_of(account)
        return country.code if country else None

    def night_policies(self) -> Mapping[str, NightlyPolicy]:
        """Each account's night, in its own time zone."""
        policies = {}
        for name, account in self.directory.items():
            country = self._country_of(name)
            policies[name] = account.nightly_in(country.code if country else None)
        return policies

    def access(self, name: str) -> AccountAccess:
        """How to speak to Alegra for an account. Raises `UnknownAccount`."""
        account = self.directory[name]
        country = self._country_of(name)
        return AccountAccess(
            name=name,
            base_url=account.base_url,
            email=account.email,
            token=account.token,
            country=country.code if country else None,
            issuer=self._issuer_of(name),
            stamp_timeout=account.overrides.get("stamp_timeout", self.settings.stamp_timeout),
            read_timeout=account.overrides.get("read_timeout", self.settings.read_timeout),
            connect_timeout=self.settings.connect_timeout,
        )

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

    def _country_of(self, name: str) -> Country | None:
        if code := self.directory[name].country:
            return COUNTRIES[code]
        if name not in self._countries:
            now = self.clock.now()
            asked_at = self._asked_for_country.get(name)
            if asked_at is not None and now - asked_at < ASK_FOR_COUNTRY_EVERY:
                return None
            code = self.accounts.state(name).country
            if code is None:
                self._asked_for_country[name] = now
                return None
            self._countries[name] = COUNTRIES[code]
        return self._countries[name]

    def _remember_country(self, name: str, code: str) -> None:
        self.accounts.remember_country(name, code, self.clock.now())
        self._asked_for_country.pop(name, None)

    def _issuer_of(self, name: str) -> str | None:
        """The company's tax number; asked of the table now and then until the daily check has read it."""
        known, asked_at = self._issuers.get(name, (None, None))
        now = self.clock.now()
        if known is None and (asked_at is None or now - asked_at > ASK_FOR_ISSUER_EVERY):
            known = self.accounts.state(name).issuer
            self._issuers[name] = (known, now)
        return known

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
