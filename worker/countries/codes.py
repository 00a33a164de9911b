"""Finding the fiscal code of a document: under its known key, else by its form, else as the document's number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from worker.countries.country import CodeFormat, Country

_BETWEEN_WORDS: Final = re.compile(r"[\s:=?&,;|\"'<>]+")
_A_DATE: Final = re.compile(r"date|fecha|time|hora|expir|venc|vto", re.IGNORECASE)
"""Keys whose value is a moment: `20260302091407` has the 14 digits of a CAE and is none."""

_NOT_ITS_OWN: Final = re.compile(
    r"(?<!uu)(?<!gu)id$|relat|relacion|refer|replac|reempla|substitu|sustitu|associat|asocia|origin|affect|afecta"
    r"|previous|anterior|cancel|invoices|notes|documents",
    re.IGNORECASE,
)
"""Keys whose value is of another document (a note's invoice, a replaced one, a cancellation), or an id of Alegra's: its
new ids are UUIDs, as Mexico's codes are."""

_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A fiscal code, or what stands in its place."""

    value: str
    type: str
    valid: bool
    """False: it fails its country's format; kept raw, and a person must look."""
    where: Literal["stamp", "number"]
    """`number`: it is the document's number, which a document has before it is emitted, too."""
    reason: str = ""
    """Why it is not valid, for a person."""


def find_code(
    country: Country, kind: str, stamp: Mapping[str, Any] | None, document: Mapping[str, Any]
) -> FoundCode | None:
    """The code of a document as Alegra shows it, `stamp` being the document's own; None when it carries none.

    Only a full match of the country's format counts. What stands under a key that holds nothing but the code and does
    not match is returned with `valid` false. Never raises.
    """
    formats = [each for each in country.formats if each.carried_by(kind)]
    numbered = [each for each in formats if each.is_document_number]
    numbers = document_numbers(document)
    for number in numbers:
        for form in numbered:
            # A number pieced together may mend how Alegra writes its own, never contradict it.
            if form.pattern.fullmatch(number) and _bare(number) == _bare(numbers[0]):
                return FoundCode(number, form.type, valid=True, where="number")
    if found := code_in_stamp(country, kind, stamp):
        return found
    if numbered and numbers:
        return _malformed(numbers[0], numbered[0], "number")
    return None


def code_in_stamp(country: Country, kind: str, stamp: Mapping[str, Any] | None) -> FoundCode | None:
    """The code that `stamp` itself carries: a sign that the document was sent, which its number is not."""
    if not stamp:
        return None
    formats = [each for each in country.formats if each.carried_by(kind)]
    values = {key.casefold(): text for key, value in stamp.items() if (text := _written(value))}
    malformed: FoundCode | None = None
    for form in formats:
        for key in (*form.keys, *form.shared_keys):
            value = values.get(key.casefold())
            if value is None:
                continue
            if form.pattern.fullmatch(value):
                return FoundCode(value, form.type, valid=True, where="stamp")
            if key in form.keys:
                malformed = malformed or _malformed(value, form, "stamp")
    return malformed or _by_form(country, formats, stamp)


def document_numbers(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The ways a document's `numberTemplate` writes its number, best first; none for a draft."""
    template = document.get("numberTemplate")
    if isinstance(template, list):
        template = template[0] if template else None
    if not isinstance(template, Mapping):
        return ()
    full, formatted, prefix, number = (
        _written(template.get(key)) for key in ("fullNumber", "formattedNumber", "prefix", "number")
    )
    pieced = [f"{prefix}{number}", f"{prefix}-{number}"] if prefix and number else [number]
    return tuple(dict.fromkeys(each for each in (full, formatted, *pieced) if each))


def _bare(number: str) -> str:
    """Letters and digits only."""
    return "".join(letter for letter in number if letter.isalnum())


def _by_form(country: Country, formats: list[CodeFormat], stamp: Mapping[str, Any]) -> FoundCode | None:
    """The one string in the stamp that has a code's form. Two different ones are no answer but a question."""
    for form in formats:
        matches = dict.fromkeys(text for text in _strings(stamp, country.texts) if form.pattern.fullmatch(text))
        if len(matches) > 1:
            value = next(iter(matches))
            reason = f"the stamp carries {len(matches)} different values that look like a {form.type}"
            return FoundCode(value, form.type, valid=False, where="stamp", reason=reason)
        for value in matches:
            return FoundCode(value, form.type, valid=True, where="stamp")
    return None


def _strings(value: object, texts: tuple[str, ...], key: str = "", depth: int = 0) -> Iterator[str]:
    """Every string inside, except moments and what is another's; the words of those keys that hold a text."""
    if depth > _DEEPEST or _A_DATE.search(key) or _NOT_ITS_OWN.search(key):
        return
    if isinstance(value, str):
        yield value.strip()
        if key in texts:
            yield from _BETWEEN_WORDS.split(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _strings(inner, texts, str(name), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, texts, key, depth + 1)


def _written(value: object) -> str | None:
    """A value as text; None when nothing is written there."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, default=str)


def _malformed(value: str, form: CodeFormat, where: Literal["stamp", "number"]) -> FoundCode:
    reason = f"{value[:100]!r} is no {form.type}: it fails the format {form.pattern.pattern}"
    return FoundCode(value, form.type, valid=False, where=where, reason=reason)
