"""The Alegra users Timbre works for: `default` from the environment, any number from the accounts file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from worker.accounts_file import OVERRIDES, Entry, read_accounts_file, unusable
from worker.coordination.quota import Budget, alegra_user
from worker.countries import COUNTRIES, Country
from worker.emission.nightly import NightlyPolicy
from worker.emission.policy import Policy
from worker.environment import environment
from worker.observability import SECRETS
from worker.settings import Settings
from worker.values import Email, NotAllowed, never_proven

DEFAULT_ACCOUNT: Final = "default"

COUNTRY_DECIDES: Final = ("confirm_schedule", "waiting_schedule", "uncertain_schedule", "quiet_window")
"""What a country knows better than a setting's default: how its authority behaves."""


class WrongAccounts(Exception):
    """Accounts that cannot be used: `problems` holds a sentence for each, without secrets; `usable` is the rest.

    A worker does not start with any: half the accounts at work while nobody notices the others is worse than a start
    that fails with the reason. `timbre doctor` lists them all.
    """

    def __init__(self, problems: Sequence[str], usable: AccountsDirectory) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.usable = usable


class UnknownAccount(KeyError):
    """Nobody configured an account of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"configured: {', '.join(known) or 'none'}."
        super().__init__(f"No account is called {name[:64]!r}; {hint}")

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Account:
    """One Alegra user: its credentials, its quota, and what it does differently."""

    name: str
    email: str
    token: SecretStr
    base_url: str
    country: str | None
    """ISO code; None when Alegra must be asked."""
    requests_per_minute: int
    documents_per_month: int | None
    """What its plan includes; Alegra's API does not tell."""
    nightly: NightlyPolicy
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Policy values by name, which win over the environment's (`policy_for`)."""
    zone_is_given: bool = False
    """Somebody wrote down the night's time zone, or the country that implies it."""

    def nightly_in(self, country: str | None) -> NightlyPolicy:
        """The night in the country Alegra named, and in its zone unless somebody wrote another down."""
        if country is None or country not in COUNTRIES:
            return self.nightly
        zone = self.nightly.zone if self.zone_is_given else ZoneInfo(COUNTRIES[country].zone)
        return replace(self.nightly, country=country, zone=zone)


def policy_for(settings: Settings, account: Account, country: Country) -> Policy:
    """An account's policy; the more specific voice wins.

    Accounts file > environment variable somebody set > the country's default > the setting's default.
    """
    values: dict[str, Any] = {
        each.name: getattr(settings, each.name) for each in fields(Policy) if each.name != "country"
    }
    values |= {name: getattr(country, name) for name in COUNTRY_DECIDES if name not in settings.model_fields_set}
    return Policy(country=country.code, **(values | dict(account.overrides)))


def budget_for(settings: Settings, account: Account) -> Budget:
    """What an account may spend; accounts of one Alegra user share it."""
    return Budget(
        user=alegra_user(account.email, account.base_url),
        limit=account.requests_per_minute,
        window=settings.quota_window,
        read_share=settings.read_share,
    )


class AccountsDirectory(Mapping[str, Account]):
    """The accounts by name. Looking up another name raises `UnknownAccount`."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = dict(accounts)

    def __getitem__(self, name: str) -> Account:
        try:
            return self._accounts[name]
        except KeyError:
            raise UnknownAccount(name, list(self._accounts)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def __repr__(self) -> str:
        return f"AccountsDirectory({', '.join(self._accounts)})"


def load_accounts(settings: Settings, environ: Mapping[str, str] | None = None) -> AccountsDirectory:
    """Every configured account; none at all is no mistake. Raises `WrongAccounts`, all problems in it."""
    entries, problems = _entry_of_the_environment(settings)
    if settings.accounts_table is not None:
        more_entries, more_problems = read_accounts_file(
            settings.accounts_table, environment() if environ is None else environ
        )
        entries, problems = [*entries, *more_entries], [*problems, *more_problems]
    accounts: dict[str, Account] = {}
    for entry in entries:
        SECRETS.hide_credentials(entry.email, entry.token)
        account = _account(entry, settings)
        if problem := _misfit(account, settings, accounts):
            problems.append(f"{entry.source} {problem}.")
        else:
            accounts[account.name] = account
    if problems:
        raise WrongAccounts([_without_tokens(problem, entries) for problem in problems], AccountsDirectory(accounts))
    return AccountsDirectory(accounts)


def _entry_of_the_environment(settings: Settings) -> tuple[list[Entry], list[str]]:
    if settings.alegra_email is None and settings.alegra_token is None:
        return [], []
    if settings.alegra_email is None or settings.alegra_token is None:
        missing = "TIMBRE_ALEGRA_EMAIL" if settings.alegra_email is None else "TIMBRE_ALEGRA_TOKEN"
        return [], [f"{missing} is not set: account `{DEFAULT_ACCOUNT}` needs both the e-mail and the token."]
    try:
        email = Email()(settings.alegra_email)
    except NotAllowed as error:
        return [], [f"TIMBRE_ALEGRA_EMAIL has a value that cannot be used; allowed is {error}."]
    token = settings.alegra_token.get_secret_value()
    if problem := unusable(token):
        return [], [f"TIMBRE_ALEGRA_TOKEN {problem}."]
    return [Entry(DEFAULT_ACCOUNT, "TIMBRE_ALEGRA_TOKEN", email, token, {"country": settings.alegra_country})], []


def _account(entry: Entry, settings: Settings) -> Account:
    written, nightly = entry.written, entry.nightly
    country = written.get("country")
    zone = nightly.get("time_zone") or settings.time_zone or (ZoneInfo(COUNTRIES[country].zone) if country else None)
    return Account(
        name=entry.name,
        email=entry.email,
        token=SecretStr(entry.token),
        base_url=written.get("base_url", settings.alegra_base_url),
        country=country,
        requests_per_minute=written.get("requests_per_minute", settings.requests_per_minute),
        documents_per_month=written.get("documents_per_month"),
        nightly=NightlyPolicy(
            enabled=nightly.get("enabled", settings.nightly),
            hour=nightly.get("hour", settings.nightly_hour),
            zone=zone or NightlyPolicy().zone,
            minimum_age=nightly.get("min_age", settings.nightly_min_age),
            numberings=frozenset(nightly.get("numberings", settings.nightly_numberings)),
            kinds=nightly.get("kinds", settings.nightly_kinds),
            country=country,
        ),
        overrides=MappingProxyType({name: written[name] for name in OVERRIDES if name in written}),
        zone_is_given=zone is not None,
    )


def _misfit(account: Account, settings: Settings, others: Mapping[str, Account]) -> str | None:
    """Why this account cannot stand beside the others."""
    if account.name in others:
        return f"defines account `{account.name}` a second time: rename one"
    for other in others.values():
        # Under two names one document would have two rows, two locks and two chances to be stamped.
        if (other.token, other.base_url) == (account.token, account.base_url):
            return f"is the same Alegra user as account `{other.name}`: keep one of them"
    if account.overrides.keys() & {"uncertain_schedule", "quiet_window"}:
        schedule = account.overrides.get("uncertain_schedule", settings.uncertain_schedule)
        window = account.overrides.get("quiet_window", settings.quiet_window)
        if contradiction := never_proven(schedule, window):
            return f"has an uncertain_schedule that contradicts its quiet_window: {contradiction}"
    return None


def _without_tokens(problem: str, entries: Sequence[Entry]) -> str:
    """A last guard: whatever was read as a token does not leave in a sentence."""
    for entry in entries:
        problem = problem.replace(entry.token, "***") if len(entry.token) > 3 else problem
    return problem
