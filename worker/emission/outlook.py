"""Outlook: how long an account's numbers and plan will last, at the pace of the last thirty days."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from worker.emission.observation import Company, NumberTemplate
from worker.emission.ports import AlegraUnavailable, Clock, InvoicingApi, QuotaSpent

LEARNED_FROM: Final = timedelta(days=30)
"""The pace is that of so many days."""

AHEAD: Final = timedelta(days=30)
"""How long before it runs out somebody is told: a new resolution or plan takes days to obtain."""

NUMBERS_RUN_OUT: Final = 100
"""Fewer numbers than this are few at any pace."""

EVERY: Final = timedelta(days=1)

TRY_AGAIN_IN: Final = timedelta(hours=1)
"""When Alegra did not answer."""

ACCOUNTS_AT_ONCE: Final = 20
"""Accounts looked at in one round; the next rounds take the others."""


class Urgency(StrEnum):
    """How bad it is."""

    FINE = "fine"
    SOON = "soon"
    OVER = "over"
    """Nothing more can be emitted."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """How long one thing lasts: a numbering, a plan."""

    what: str
    urgency: Urgency
    en: str
    es: str


def prospects(
    templates: Sequence[NumberTemplate],
    stamped: Mapping[str, int],
    today: date,
    *,
    this_month: int = 0,
    documents_per_month: int | None = None,
) -> Sequence[Prospect]:
    """What each usable numbering and the plan have left.

    `stamped` counts the documents of the last thirty days by prefix; `this_month` those since the month began.
    """
    usable = [each for each in templates if each.is_electronic and each.is_active]
    found = [_numbering(each, stamped.get(each.prefix, 0) / LEARNED_FROM.days, today) for each in usable]
    if documents_per_month is not None:
        found.append(_plan(documents_per_month, this_month, sum(stamped.values()) / LEARNED_FROM.days, today))
    return found


def _numbering(template: NumberTemplate, daily: float, today: date) -> Prospect:
    what = f"numbering {template.prefix or template.name} ({template.id})"
    left, ends = numbers_left(template), _day(template.end_date)
    lasts = math.floor(left / daily) if left is not None and daily > 0 else None
    pace, ritmo = f"{daily:.1f} a day", f"{daily:.1f} al día"
    if left is not None and left <= 0:
        return Prospect(what, Urgency.OVER, f"{what} has no numbers left", f"{what}: no quedan números")
    if ends is not None and ends < today:
        return Prospect(what, Urgency.OVER, f"{what} ended on {ends}", f"{what} venció el {ends}")
    if left is not None and lasts is not None and lasts < AHEAD.days:
        until = today + timedelta(days=lasts)
        said = f"{what} has {left:,} numbers left, at {pace} until about {until}"
        return Prospect(what, Urgency.SOON, said, f"{what}: quedan {left:,} números, a {ritmo} hasta el {until} aprox.")
    if left is not None and left < NUMBERS_RUN_OUT:
        return Prospect(what, Urgency.SOON, f"{what} has {left} numbers left", f"{what}: quedan {left} números")
    if ends is not None and ends - today < AHEAD:
        return Prospect(what, Urgency.SOON, f"{what} ends on {ends}", f"{what} vence el {ends}")
    numbers, numeros = ("no last number", "sin número final")
    if left is not None:
        numbers, numeros = f"{left:,} numbers left", f"quedan {left:,} números"
    until_en, until_es = (f", until {ends}", f", hasta el {ends}") if ends else ("", "")
    return Prospect(what, Urgency.FINE, f"{what}: {numbers}{until_en}", f"{what}: {numeros}{until_es}")


def _plan(limit: int, used: int, daily: float, today: date) -> Prospect:
    """The plan's documents a month, which Alegra's API does not tell: the accounts file does."""
    what = "plan"
    month_ends = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    expected = used + math.ceil(daily * (month_ends - today).days)
    said, dicho = (
        f"{used:,} of the plan's {limit:,} documents this month",
        f"{used:,} de {limit:,} documentos del plan este mes",
    )
    if used >= limit:
        return Prospect(what, Urgency.OVER, said, dicho)
    if expected > limit:
        more = f"{said}; at {daily:.1f} a day it will be {expected:,}"
        return Prospect(what, Urgency.SOON, more, f"{dicho}; a {daily:.1f} al día serán {expected:,}")
    return Prospect(what, Urgency.FINE, said, dicho)


def one_company(identification: str, others: Sequence[str]) -> Prospect:
    """Other accounts have the same tax number: a document that two of them were asked for has two rows, two locks.

    No more than a warning: Alegra may keep two companies of one tax number, each with documents of its own.
    """
    names = ", ".join(others)
    return Prospect(
        "company",
        Urgency.SOON,
        f"{names} has the same tax number, {identification}: if it is the same company in Alegra, keep one of the "
        "accounts, or a document asked for under both may be stamped twice",
        f"{names} tiene la misma identificación, {identification}: si es la misma empresa en Alegra, conserve una de "
        "las cuentas, o un documento pedido en ambas podría emitirse dos veces",
    )


def numbers_left(template: NumberTemplate) -> int | None:
    """How many numbers a numbering still has; None when it has no last one."""
    if template.next_number is None or template.last_number is None:
        return None
    return template.last_number - template.next_number + 1


def _day(written: str | None) -> date | None:
    try:
        return date.fromisoformat(written[:10]) if written else None
    except ValueError:
        return None


class Memory(Protocol):
    """Where outlooks are kept: the tables `accounts_state` and `emissions`."""

    def take(self, account: str, *, before: datetime, now: datetime) -> bool:
        """True for the one caller that may look at this account's numberings now."""
        ...

    def save(self, account: str, company: Company, found: Sequence[Prospect], now: datetime) -> None: ...

    def of_the_same_company(self, account: str, identification: str) -> Sequence[str]:
        """Which other accounts have this tax number, by name."""
        ...

    def put_off(self, account: str, until: datetime) -> None:
        """Alegra did not answer: another may try then."""
        ...

    def stamped_since(self, account: str, since: datetime, prefixes: Sequence[str]) -> Mapping[str, int]:
        """Documents by the prefix of their number; one statement, whatever their number."""
        ...


class LookingAhead:
    """The daily check, as one round; `timbre.nightly_tick` calls it, tests call it."""

    def __init__(
        self,
        memory: Memory,
        api: InvoicingApi,
        clock: Clock,
        configured: Callable[[], Sequence[str]],
        plan_of: Callable[[str], int | None],
        today_of: Callable[[str, datetime], date],
    ) -> None:
        self._memory = memory
        self._api = api
        self._clock = clock
        self._configured = configured
        self._plan_of = plan_of
        self._today_of = today_of

    def round(self) -> Mapping[str, Sequence[Prospect]]:
        """Look at the accounts whose day has come; what runs out, by account."""
        running_out: dict[str, Sequence[Prospect]] = {}
        looked = 0
        for account in self._configured():
            now = self._clock.now()
            if looked == ACCOUNTS_AT_ONCE:
                break
            if not self._memory.take(account, before=now - EVERY, now=now):
                continue
            looked += 1
            found = self._look(account, now)
            if short := [each for each in found if each.urgency is not Urgency.FINE]:
                running_out[account] = short
        return running_out

    def _look(self, account: str, now: datetime) -> Sequence[Prospect]:
        try:
            company = self._api.company(account)
            templates = self._api.number_templates(account)
        except AlegraUnavailable as away:
            wait = away.retry_in if isinstance(away, QuotaSpent) else TRY_AGAIN_IN
            self._memory.put_off(account, now - EVERY + wait)
            return []
        prefixes = sorted({each.prefix for each in templates if each.is_electronic and each.is_active})
        today = self._today_of(account, now)
        month_began = now - timedelta(days=today.day - 1)
        stamped = self._memory.stamped_since(account, now - LEARNED_FROM, prefixes)
        plan = self._plan_of(account)
        this_month = sum(self._memory.stamped_since(account, month_began, [""]).values()) if plan else 0
        found = list(prospects(templates, stamped, today, this_month=this_month, documents_per_month=plan))
        if company.identification:
            others = self._memory.of_the_same_company(account, company.identification)
            if configured := [name for name in self._configured() if name in others]:
                found.append(one_company(company.identification, configured))
        self._memory.save(account, company, found, now)
        return found
