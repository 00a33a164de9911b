"""What people write into a cell, as the value that Alegra takes: exact numbers, dates in ISO form, ids, texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

DECIMALS: Final = ("point", "comma")
DATES: Final[Mapping[str, str]] = {"ymd": "2026-03-31", "dmy": "31/03/2026", "mdy": "03/31/2026"}
"""The orders a date may be written in, each with an example."""

MOST_DIGITS: Final = 30
"""Before the point: nobody sells for more."""

MOST_EXACT: Final = 2**53
"""Whole numbers beyond it are rounded by programs that read JSON's numbers as doubles."""

_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and the ends of lines, and halves of characters: no database takes them."""

_PLAIN: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_LIKE_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
"""`50.000`: fifty thousand in Bogotá, fifty in Mexico."""

_GROUPED: Final = {
    "point": re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?"),
    "comma": re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?"),
}
_DAY: Final = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,36}")

_TRUTHS: Final = {"true": True, "yes": True, "sí": True, "si": True, "1": True, "false": False, "no": False, "0": False}


class Unfit(ValueError):
    """A value that cannot be used as it is written: what is wrong, and what to write instead."""

    def __init__(self, what: str, remedy: str, *, of_the_file: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.of_the_file = of_the_file
        """It shows that the whole file is written in another way than was said: none of its numbers can be trusted."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the file writes numbers and dates."""

    decimal: str | None = None
    """`point`, `comma`; None when nobody said, and then only what is no question is read."""
    dates: str = "ymd"


def number(written: str, manner: Manner) -> Decimal:
    """A number, exactly. Raises `Unfit`."""
    if manner.decimal is None:
        if _PLAIN.fullmatch(written) and not _LIKE_THOUSANDS.fullmatch(written):
            return Decimal(written)
        if any(each.fullmatch(written) for each in _GROUPED.values()):
            raise Unfit(
                "it may be parted by thousands or by decimals",
                "Say which the file means: --decimal point (1,234.50) or --decimal comma (1.234,50).",
                of_the_file=True,
            )
    elif _GROUPED[manner.decimal].fullmatch(written):
        group, point = (",", ".") if manner.decimal == "point" else (".", ",")
        return Decimal(written.replace(group, "").replace(point, "."))
    elif any(each.fullmatch(written) for each in _GROUPED.values()):
        raise Unfit(
            f"it is no number with a decimal {manner.decimal}, and one without",
            "Say --decimal as the whole file is written, or write all its numbers alike.",
            of_the_file=True,
        )
    raise Unfit("it is no number", "Write digits alone, without a currency, a percent sign or an exponent.")


def day(written: str, manner: Manner) -> str:
    """A date, as ISO writes it. Raises `Unfit`."""
    example = DATES[manner.dates]
    if (found := _DAY.fullmatch(written)) and (parts := _in_order(found, manner.dates)):
        try:
            return date(*parts).isoformat()
        except ValueError:
            raise Unfit("the calendar has no such day", f"Correct it; days are read as in {example}.") from None
    fits = [order for order in DATES if found and order != manner.dates and _in_order(found, order)]
    hint = f" If the file writes them so, say --dates {' or '.join(fits)}." if fits else ""
    raise Unfit(f"it is no date as in {example}", f"Write it so.{hint}")


def _in_order(found: re.Match[str], order: str) -> tuple[int, int, int] | None:
    """Year, month and day; None when the year does not stand where it should."""
    parts = dict(zip(order, (found[1], found[3], found[4]), strict=True))
    if len(parts["y"]) != 4 or max(len(parts["m"]), len(parts["d"])) > 2:
        return None
    return int(parts["y"]), int(parts["m"]), int(parts["d"])


def identity(written: str, _: Manner) -> str:
    """An id of Alegra's; a number that a spreadsheet has rounded is none. Raises `Unfit`."""
    if _ID.fullmatch(written):
        return written
    raise Unfit("it is no id of Alegra's", "Write 1 to 36 letters, digits or dashes, as Alegra shows it.")


def truth(written: str, _: Manner) -> bool:
    """Yes or no. Raises `Unfit`."""
    if written.casefold() in _TRUTHS:
        return _TRUTHS[written.casefold()]
    raise Unfit("it is neither true nor false", "Write true or false.")


def text(written: str, _: Manner) -> str:
    """Any text; what no database holds was refused before."""
    return written


READERS: Final[Mapping[str, Callable[[str, Manner], object]]] = {
    "text": text,
    "number": number,
    "date": day,
    "id": identity,
    "bool": truth,
}
"""What a cell may be, by the word behind the colon of a target (`items[].code:text`)."""

_NUMBERS: Final = frozenset({"price", "quantity", "discount", "amount", "percentage", "exchangeRate", "total"})
_DATES: Final = frozenset({"date", "dueDate", "startDateService", "endDateService", "startDate", "endDate"})


def usual(name: str) -> str:
    """What a field of this name holds at Alegra; the rest is text."""
    if name in _NUMBERS:
        return "number"
    if name in _DATES:
        return "date"
    return "id" if name == "id" else "text"


def unfit_text(written: str) -> Unfit | None:
    """Why a text cannot be kept by any database; None when it can."""
    found = _UNSTORABLE.search(written)
    if found is None:
        return None
    name = f"U+{ord(found[0]):04X}"
    return Unfit(f"it holds the control character {name}", "Take it out; look whether the encoding is the right one.")


def unfit_values(value: object, at: str = "") -> Iterator[tuple[str, object, Unfit]]:
    """What of a value read from JSON cannot be kept: path, value and why."""
    match value:
        case dict():
            for name, each in value.items():
                path = f"{at}.{name}" if at else name
                if (unfit := unfit_text(name)) is not None:
                    yield path, name, unfit
                yield from unfit_values(each, path)
        case list():
            for place, each in enumerate(value):
                yield from unfit_values(each, f"{at}[{place}]")
        case str() if (unfit := unfit_text(value)) is not None:
            yield at, value, unfit
        case Decimal():
            try:
                kept(value)
            except Unfit as unfit:
                yield at, value, unfit


def as_written(value: object) -> str:
    """A value of JSON for a sentence: texts bare, the rest as JSON writes it."""
    return str(value) if isinstance(value, str | Decimal) else json.dumps(value, ensure_ascii=False, default=str)


def as_kept(value: Any) -> Any:
    """The value with its numbers as JSON programs keep them. Raises `Unfit`."""
    match value:
        case dict():
            return {name: as_kept(each) for name, each in value.items()}
        case list():
            return [as_kept(each) for each in value]
        case Decimal():
            return kept(value)
        case _:
            return value


def kept(value: Decimal) -> int | float:
    """The very same number, as every JSON program keeps it. Raises `Unfit` when none does.

    The message, the database and Alegra read numbers as IEEE doubles: one of more digits would silently become another.
    """
    if not value.is_finite() or value.adjusted() > MOST_DIGITS:
        raise Unfit("it is too large to be a number of a document", "Write the number that was meant.")
    whole, near = int(value), float(value)
    if whole == value and abs(whole) <= MOST_EXACT:
        return whole
    if whole == value or Decimal(repr(near)) != value:
        raise Unfit("it has more digits than a number in JSON keeps", "Round it to at most 15 digits.")
    return near
