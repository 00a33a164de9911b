"""The catalogue of Alegra's errors: from a code and a text to what it asks for, and to sentences for people."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.alegra.bodies import clean
from worker.emission.outcomes import ErrorClass, Problem

Language = Literal["en", "es"]

NEVER_SEND_AGAIN: Final = frozenset({ErrorClass.ALREADY_SENT, ErrorClass.IN_PROCESS})

PLAN_CODES: Final = frozenset({"900", "907", "908"})
"""The plan's limit: nothing was executed, and nothing will be for any document of the account."""

NO_CODE: Final = "unknown"
"""An error row in an answer that is otherwise a success, and without a code."""

_TOO_GENERAL: Final = frozenset({NO_CODE, "3051", "400", "404", "409", "422", "500", "502", "503", "504"})
"""Codes that say that something failed and leave the reason to the message."""

_LONGEST_CODE: Final = 40
_LONGEST_MESSAGE: Final = 1000


class Explanation(BaseModel):
    """One error for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meaning: str
    next_step: str = Field(alias="next")


class Entry(BaseModel):
    """One row of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codes: tuple[str, ...] = ()
    text: str = ""
    error_class: ErrorClass = Field(alias="class")
    account: bool = False
    source: str
    en: Explanation
    es: Explanation


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rows, by code and by what is searched in a message."""

    by_code: Mapping[str, Entry]
    by_text: tuple[tuple[re.Pattern[str], Entry], ...]
    """From the most specific."""


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once from `catalogue.toml`."""
    rows = tomllib.loads((files(__package__) / "catalogue.toml").read_text(encoding="utf-8"))["error"]
    entries = [Entry.model_validate(row) for row in rows]
    return Catalogue(
        by_code=MappingProxyType({code: entry for entry in entries for code in entry.codes}),
        by_text=tuple((re.compile(pattern), entry) for entry in entries if (pattern := _searched(entry))),
    )


def classify(http_status: int, code: str, message: str) -> Problem:
    """What an error asks for. `code` is Alegra's own, empty when it gave none; the problem keeps it.

    A code that only says "failed" is refined by the tokens in its message. What the catalogue does not know is `DATA`,
    which a document becomes only after a read proves it unstamped.
    """
    code = code or (str(http_status) if http_status >= 400 else NO_CODE)
    entry = _entry(code, message)
    return Problem(
        error_class=entry.error_class if entry else ErrorClass.DATA,
        code=clean(code, _LONGEST_CODE),
        message=clean(message, _LONGEST_MESSAGE),
        blames_account=entry.account if entry else False,
    )


def account_problem(http_status: int, code: str, message: str) -> Problem:
    """What refuses a whole account: the plan's own code where Alegra gives one, else the status (401, 403, 405 …)."""
    kept = code if code in PLAN_CODES else str(http_status)
    refined = classify(http_status, kept, "")
    return replace(refined, message=clean(message, _LONGEST_MESSAGE) or f"HTTP {http_status}", blames_account=True)


def explain(problem_code: str, lang: Language, message: str = "") -> Explanation:
    """What an error means and what to do next; `message` is Alegra's text, which makes 3051 precise."""
    entry = _entry(problem_code, message)
    if entry is None:
        return _UNKNOWN[lang]
    return entry.es if lang == "es" else entry.en


def known_in_text(message: str) -> bool:
    """Whether a message says something the catalogue knows."""
    return _in_text(message) is not None


def _entry(code: str, message: str) -> Entry | None:
    """The row for an error; a message that says "already there" wins over every code."""
    by_code, by_text = catalogue().by_code.get(code), _in_text(f"{code} {message}")
    if by_text and (by_text.error_class in NEVER_SEND_AGAIN or by_code is None or code in _TOO_GENERAL):
        return by_text
    return by_code


def _in_text(text: str) -> Entry | None:
    found = [entry for pattern, entry in catalogue().by_text if pattern.search(text)]
    return next((entry for entry in found if entry.error_class in NEVER_SEND_AGAIN), found[0] if found else None)


def _searched(entry: Entry) -> str:
    tokens = [rf"\b{code}\b" for code in entry.codes if re.fullmatch(r"[A-Z]{3,}\d+|[A-Z]{2}\d{4}", code)]
    return "|".join([*tokens, *([entry.text] if entry.text else [])])


_UNKNOWN: Final[Mapping[Language, Explanation]] = MappingProxyType(
    {
        "en": Explanation(
            meaning="Alegra gave an error that is not in the catalogue; its message is all that is known.",
            next="Do what the message asks and request the document again; tell us the code so that it is added.",
        ),
        "es": Explanation(
            meaning="Alegra dio un error que no está en el catálogo; solo se sabe lo que dice el mensaje.",
            next="Haga lo que pide el mensaje y vuelva a pedir el documento; cuéntenos el código para agregarlo.",
        ),
    }
)
