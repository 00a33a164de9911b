"""Rules of pre-flight: what a rule is, what it says when it is broken, and all of them by their key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType, ModuleType
from typing import Final, Literal

Language = Literal["en", "es"]

LONGEST_VALUE: Final = 80


class Severity(StrEnum):
    """How sure a rule is."""

    BLOCK = "block"
    """The document is certain to be refused."""
    WARN = "warn"
    """It may be refused, or somebody should know."""


@dataclass(frozen=True, slots=True)
class Words:
    """A rule for people. Both sentences may name what a finding adds in braces."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one authority."""

    key: str
    """`co-nit-check-digit`; it stands in the history, so it is never given to another rule."""
    severity: Severity
    source: str
    """Who says so, and where."""
    en: Words
    es: Words

    def broken(self, at: str, value: object = "", /, **told: object) -> Finding:
        """The finding for the field at path `at`; `told` fills the braces of the words."""
        shown = "" if value is None else str(value)[:LONGEST_VALUE]
        return Finding(self, at, shown, tuple((name, str(each)[:200]) for name, each in told.items()))


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one document."""

    rule: Rule
    field: str
    """Alegra's path: `client.identificationObject.dv`, `items[2].productKey`."""
    value: str
    """What stands there; empty when nothing does."""
    told: tuple[tuple[str, str], ...] = ()

    def at(self, field: str) -> Finding:
        """The same of another field."""
        return replace(self, field=field)

    @property
    def blocks(self) -> bool:
        return self.rule.severity is Severity.BLOCK

    def problem(self, lang: Language = "en") -> str:
        """What is wrong."""
        return self._words(lang).problem.format(**self._filling())

    def remedy(self, lang: Language = "en") -> str:
        """What to do about it."""
        return self._words(lang).remedy.format(**self._filling())

    def sentence(self, lang: Language = "en") -> str:
        """Field, value, problem and remedy in a line."""
        where = f"{self.field} {self.value!r}" if self.value else self.field
        return f"{where}: {self.problem(lang)} {self.remedy(lang)}"

    def as_json(self) -> dict[str, object]:
        """For the history and for pipes; `finding_from` reads it back."""
        short: dict[str, object] = {"rule": self.rule.key, "field": self.field, "value": self.value}
        return short | ({"told": dict(self.told)} if self.told else {})

    def described(self) -> dict[str, object]:
        """Everything about it, in both languages, for `--json`."""
        return {
            "field": self.field,
            "value": self.value,
            "severity": self.rule.severity.value,
            "rule": self.rule.key,
            "source": self.rule.source,
            "problem": {"en": self.problem("en"), "es": self.problem("es")},
            "remedy": {"en": self.remedy("en"), "es": self.remedy("es")},
        }

    def _words(self, lang: Language) -> Words:
        return self.rule.es if lang == "es" else self.rule.en

    def _filling(self) -> dict[str, str]:
        return {"value": self.value, **dict(self.told)}


def rules_in(*modules: ModuleType) -> Mapping[str, Rule]:
    """All rules written down in these modules, by their key. Raises `ValueError` when two share one."""
    rules: dict[str, Rule] = {}
    for rule in (each for module in modules for each in vars(module).values() if isinstance(each, Rule)):
        if rules.setdefault(rule.key, rule) is not rule:
            raise ValueError(f"two rules are called {rule.key}")
    return MappingProxyType(rules)
