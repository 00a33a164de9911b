"""Pre-flight: every problem of a document that is known before it costs a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from worker.countries import (
    argentina,
    colombia,
    common_rules,
    costa_rica,
    dominican_republic,
    mexico,
    other_kinds,
    panama,
    peru,
)
from worker.countries.country import Country
from worker.countries.draft import Draft
from worker.countries.registry import COUNTRIES
from worker.countries.rules import Finding, Rule, rules_in

RULES: Final[Mapping[str, Rule]] = rules_in(
    argentina, colombia, common_rules, costa_rica, dominican_republic, mexico, other_kinds, panama, peru
)
"""Every rule by its key, as the history names it."""


SALES: Final = frozenset({"invoice", "credit_note", "income_debit_note"})
"""Sales and their notes, which the country's own rules are about; the other kinds have few, of their own."""


def preflight(draft: Draft, today: date) -> tuple[Finding, ...]:
    """All problems of a document at once, those that block first. `today` is the account's local date. Never raises.

    Of two rules about one field, the country's own speaks: what every country asks for, it asks more precisely.
    """
    if draft.kind not in SALES:
        few = other_kinds.RULES_OF.get(draft.kind)
        return tuple(sorted(few(draft, today), key=lambda finding: not finding.blocks)) if few else ()
    country = COUNTRIES[draft.country]
    own = [*country.examine(draft, today), *_late(draft, country, today)]
    named = {finding.field for finding in own}
    common = [finding for finding in common_rules.examine(draft, today) if finding.field not in named]
    return tuple(sorted(own + common, key=lambda finding: not finding.blocks))


def _late(draft: Draft, country: Country, today: date) -> Iterator[Finding]:
    """The law's time to send it is over. Nobody knows whether Alegra dates it anew, so it only warns."""
    deadline = country.deadline(draft)
    if deadline is None or draft.issued is None or (today - draft.issued).days <= deadline.days:
        return
    until = draft.issued + timedelta(days=deadline.days)
    yield common_rules.PAST_DEADLINE.broken("date", draft.issued, en=deadline.en, es=deadline.es, until=until)


def finding_from(raw: object) -> Finding | None:
    """A finding as the history keeps it (`Finding.as_json`); None for one whose rule no longer exists."""
    if not isinstance(raw, Mapping) or (rule := RULES.get(str(raw.get("rule")))) is None:
        return None
    told = raw.get("told")
    pairs = tuple((str(name), str(value)) for name, value in told.items()) if isinstance(told, Mapping) else ()
    return Finding(rule, str(raw.get("field", "")), str(raw.get("value", "")), pairs)
