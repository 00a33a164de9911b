"""What a process knows of each account: as configured, and as the table and Alegra have told it since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from worker.accounts import AccountsDirectory, policy_for
from worker.alegra.access import AccountAccess
from worker.countries import COUNTRIES, Country
from worker.emission.nightly import NightlyPolicy
from worker.emission.policy import Policy
from worker.emission.ports import Accounts, Clock
from worker.settings import Settings

UNTIL_KNOWN: Final = COUNTRIES["PE"]
"""Whose schedules hold until Alegra has named an account's country: the most patient one's, since patience is safe."""

ASK_FOR_COUNTRY_EVERY: Final = timedelta(seconds=1)
"""Every request and every round wants to know it; the table is not asked each time while nobody does."""

ASK_FOR_ISSUER_EVERY: Final = timedelta(minutes=10)


class AccountFacts:
    """Each account's country, issuer, policy, night and access. What is asked of one raises `UnknownAccount`."""

    def __init__(self, settings: Settings, directory: AccountsDirectory, accounts: Accounts, clock: Clock) -> None:
        self._settings = settings
        self._directory = directory
        self._accounts = accounts
        self._clock = clock
        self._countries: dict[str, Country] = {}
        self._asked_for_country: dict[str, datetime] = {}
        self._issuers: dict[str, tuple[str | None, datetime | None]] = {}

    def policy_of(self, name: str) -> Policy:
        """The numbers an account goes by."""
        return policy_for(self._settings, self._directory[name], self._country_of(name) or UNTIL_KNOWN)

    def country_code_of(self, name: str) -> str | None:
        """The account's ISO code; None until somebody wrote it down or Alegra named it."""
        country = self._country_of(name)
        return country.code if country else None

    def today_of(self, name: str, now: datetime) -> date:
        """The date where the account is."""
        return (self._country_of(name) or UNTIL_KNOWN).today(now)

    def night_policies(self) -> Mapping[str, NightlyPolicy]:
        """Each account's night, in its own time zone."""
        return {name: account.nightly_in(self.country_code_of(name)) for name, account in self._directory.items()}

    def access(self, name: str) -> AccountAccess:
        """How to speak to Alegra for an account."""
        account = self._directory[name]
        return AccountAccess(
            name=name,
            base_url=account.base_url,
            email=account.email,
            token=account.token,
            country=self.country_code_of(name),
            issuer=self._issuer_of(name),
            stamp_timeout=account.overrides.get("stamp_timeout", self._settings.stamp_timeout),
            read_timeout=account.overrides.get("read_timeout", self._settings.read_timeout),
            connect_timeout=self._settings.connect_timeout,
        )

    def remember_country(self, name: str, code: str) -> None:
        """Alegra named the country of an account for which nobody had written one down."""
        self._accounts.remember_country(name, code, self._clock.now())
        self._asked_for_country.pop(name, None)

    def _country_of(self, name: str) -> Country | None:
        if code := self._directory[name].country:
            return COUNTRIES[code]
        if name not in self._countries:
            now = self._clock.now()
            asked_at = self._asked_for_country.get(name)
            if asked_at is not None and now - asked_at < ASK_FOR_COUNTRY_EVERY:
                return None
            code = self._accounts.state(name).country
            if code is None:
                self._asked_for_country[name] = now
                return None
            self._countries[name] = COUNTRIES[code]
        return self._countries[name]

    def _issuer_of(self, name: str) -> str | None:
        """The company's tax number; asked of the table now and then until the daily check has read it."""
        known, asked_at = self._issuers.get(name, (None, None))
        now = self._clock.now()
        if known is None and (asked_at is None or now - asked_at > ASK_FOR_ISSUER_EVERY):
            known = self._accounts.state(name).issuer
            self._issuers[name] = (known, now)
        return known
