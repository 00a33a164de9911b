"""The Alegra accounts: credentials, country, quota and electronic numberings, asked of Alegra itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from worker.accounts import Account, AccountsDirectory, WrongAccounts, budget_for, load_accounts
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.errors import AccountRefused
from worker.alegra.invoicing import AlegraInvoicing
from worker.alegra.rates import RateSeen
from worker.doctor.budget import spending
from worker.doctor.findings import Finding, Findings, Level
from worker.emission.in_flight import enough
from worker.emission.observation import NumberTemplate
from worker.emission.outlook import LEARNED_FROM, Urgency, one_company, prospects
from worker.emission.ports import AlegraUnavailable, QuotaSpent
from worker.settings import Settings
from worker.storage.outlook import SqlOutlook
from worker.storage.queries import Queries
from worker.storage.session import make_engine

_LEVELS: Final[Mapping[Urgency, Level]] = {
    Urgency.FINE: Level.OK,
    Urgency.SOON: Level.WARNING,
    Urgency.OVER: Level.FAILED,
}


def look_at_accounts(settings: Settings, wanted: str | None) -> Findings:
    try:
        accounts = load_accounts(settings)
    except WrongAccounts as wrong:
        accounts = wrong.usable
        for problem in wrong.problems:
            yield Finding("accounts", Level.FAILED, problem, "Correct it: no worker starts like this.")
    else:
        if not accounts:
            remedy = "Set TIMBRE_ALEGRA_EMAIL and TIMBRE_ALEGRA_TOKEN, or TIMBRE_ACCOUNTS_FILE."
            yield Finding("accounts", Level.FAILED, "none is configured", remedy)
    if wanted is not None and wanted not in accounts:
        known = ", ".join(accounts) or "none"
        yield Finding("accounts", Level.FAILED, f"none is called {wanted[:64]!r}", f"Configured: {known}.", wanted)
    companies: dict[str, list[str]] = {}
    for account in (each for each in accounts.values() if wanted in (None, each.name)):
        yield from _account(account, settings, accounts, companies)


def _account(
    account: Account, settings: Settings, accounts: AccountsDirectory, companies: dict[str, list[str]]
) -> Findings:
    with spending(settings, accounts) as budget, AlegraClient(connections=1, budget=budget) as client:
        api = AlegraInvoicing(
            client,
            accounts=lambda name: _access(accounts[name], settings),
            permit=budget.permit,
            remember_country=lambda _account, _country: None,
        )
        try:
            company = api.company(account.name)
            yield Finding("account", Level.OK, f"{company.name} ({company.country})", None, account.name)
            if account.country is not None and account.country != company.country:
                said = f"it is configured for {account.country}, and Alegra says {company.country}"
                remedy = "Correct its country, or leave it out: then Alegra is asked."
                yield Finding("account", Level.FAILED, said, remedy, account.name)
            if company.identification:
                others = companies.setdefault(company.identification, [])
                if others:
                    said = one_company(company.identification, others).en
                    yield Finding("account", Level.WARNING, said, "Remove one of them from the accounts.", account.name)
                others.append(account.name)
            yield from _numberings(settings, account, api.number_templates(account.name))
        except AlegraUnavailable as error:
            yield _unavailable(account.name, error)
        yield from _quota(account, budget.seen)
    yield from _calls_at_once(settings, account)


def _unavailable(account: str, error: AlegraUnavailable) -> Finding:
    if isinstance(error, QuotaSpent):
        return Finding(
            "account", Level.WARNING, f"not asked: {error}", "The workers use all of it: try later.", account
        )
    if isinstance(error.__cause__, AccountRefused):
        remedy = "Correct the e-mail and the API token; Alegra shows the token under API in the company's settings."
        return Finding("account", Level.FAILED, str(error), remedy, account)
    remedy = "Check the network and TIMBRE_ALEGRA_BASE_URL, and try again: Alegra itself may be away."
    return Finding("account", Level.UNREACHABLE, str(error), remedy, account)


def _numberings(settings: Settings, owner: Account, templates: Sequence[NumberTemplate]) -> Findings:
    account, plan = owner.name, owner.documents_per_month
    usable = [each for each in templates if each.is_electronic and each.is_active and each.document_type == "invoice"]
    if not usable:
        remedy = "In Alegra: create or activate an electronic numbering (numberTemplate) for invoices."
        yield Finding("account", Level.FAILED, "no active electronic numbering for invoices", remedy, account)
    stamped, this_month = _pace(settings, owner, usable)
    today = datetime.now(UTC).date()
    for each in prospects(usable, stamped, today, this_month=this_month, documents_per_month=plan):
        remedy = (
            "Choose a larger plan in Alegra, or correct documents_per_month in the accounts file."
            if each.what == "plan"
            else "Obtain a new resolution from the tax authority and enter it in Alegra."
        )
        level = _LEVELS[each.urgency]
        yield Finding("account", level, each.en, None if level is Level.OK else remedy, account)


def _pace(settings: Settings, account: Account, templates: Sequence[NumberTemplate]) -> tuple[Mapping[str, int], int]:
    """Documents of the last thirty days by prefix, and those of this month; none when the table cannot be read."""
    now = datetime.now(UTC)
    engine = make_engine(settings.database)
    try:
        table = SqlOutlook(engine)
        stamped = table.stamped_since(account.name, now - LEARNED_FROM, sorted({each.prefix for each in templates}))
        month = table.stamped_since(account.name, now - timedelta(days=now.day - 1), [""])
        return stamped, sum(month.values())
    except SQLAlchemyError:
        # The database has its own lines.
        return {}, 0
    finally:
        engine.dispose()


def _quota(account: Account, seen: Mapping[str, RateSeen]) -> Findings:
    rate = seen.get(account.name)
    if rate is None or rate.remaining is None:
        return
    limit = rate.limit or account.requests_per_minute
    yield Finding("account", Level.OK, f"{rate.remaining} of {limit} requests left in this window", None, account.name)
    if rate.limit is not None and rate.limit < account.requests_per_minute:
        said = f"Alegra allows {rate.limit} requests a minute, {account.requests_per_minute} are configured"
        remedy = "Lower TIMBRE_REQUESTS_PER_MINUTE or the account's requests_per_minute."
        yield Finding("account", Level.WARNING, said, remedy, account.name)


def _calls_at_once(settings: Settings, account: Account) -> Findings:
    """What the workers learned of this account's stamp calls; nothing before the first, or without the database."""
    engine = make_engine(settings.database)
    try:
        known = Queries(engine).accounts(account.name)
    except SQLAlchemyError:
        return
    finally:
        engine.dispose()
    learned = next((each for each in known if each.in_flight_limit is not None), None)
    if learned is None or learned.in_flight_usual_ms is None:
        return
    most = account.overrides.get("max_in_flight", settings.max_in_flight)
    usual = timedelta(milliseconds=learned.in_flight_usual_ms)
    a_second = budget_for(settings, account).stamps_per_second
    wanted = enough(usual, a_second)
    said = f"a stamp call takes {usual.total_seconds():.1f} s; {learned.in_flight_limit} at once now, {most} at most"
    if wanted <= most:
        yield Finding("account", Level.OK, said, None, account.name)
        return
    share = most / usual.total_seconds() / a_second
    remedy = (
        f"Should its nights be shorter, raise TIMBRE_MAX_IN_FLIGHT or the account's max_in_flight to {wanted}; "
        "`ops/sizing` computes what that needs."
    )
    said = f"{said}: these spend {share:.0%} of its quota"
    yield Finding("account", Level.WARNING, said, remedy, account.name)


def _access(account: Account, settings: Settings) -> AccountAccess:
    return AccountAccess(
        name=account.name,
        base_url=account.base_url,
        email=account.email,
        token=account.token,
        country=None,
        read_timeout=min(settings.read_timeout, timedelta(seconds=15)),
        connect_timeout=settings.connect_timeout,
    )
