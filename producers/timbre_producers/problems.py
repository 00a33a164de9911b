"""What is wrong with a message, in sentences that name the field, its value and the remedy."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

MOST_SHOWN: Final = 5
"""Problems told in one sentence; a thousand wrong ids would drown the one that explains them."""

_REMEDIES: Final = {
    "version": "send 1, the only version of the message there is, or update the side that is older",
    "request_id": "send a UUID you can repeat, for example 5f0c2b1e-8f5b-4f6c-9a51-0d8a3f1f7c11",
    "account": "use a name of the accounts file: 1 to 63 letters, digits, dots, dashes or underscores",
    "kind": "use the kind's name in small letters, for example invoice or credit_note",
    "document_ids": "send a list of 1 to 1000 of Alegra's ids, each of 1 to 36 letters, digits or dashes",
    "requested_by": "say who asks, in one line of 1 to 120 characters",
    "priority": "use normal or high",
    "not_before": "write an ISO date and time with its zone, for example 2026-03-02T09:00:00-05:00, or null",
    "force": 'send {"reason": "why it must be tried again"}, one line of 3 to 500 characters, or null',
    "validate": "write true or false, or leave it out",
    "callback_url": "send an http or https address without user or password, at most 2000 characters, or null",
    "documents": 'send a list of 1 to 100 documents, each {"reference": "INV-2026-0001", "body": {…Alegra\'s fields…}}',
    "documents.reference": "name the document with 1 to 64 letters, digits or any of . _ : / -",
    "documents.body": (
        "send Alegra's own fields as a JSON object of at most 100 kB; observations, if it has them, are a text"
    ),
    "emit": "write true to have it emitted once it is created, or false to leave a draft",
}

_MAY_HOLD_SECRETS: Final = frozenset({"callback_url", "documents.body"})
"""Fields whose refused value is not repeated: an address may carry a password, a body whatever a customer wrote."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that cannot be accepted."""

    field: str
    """Its path in the message, for example `document_ids[3]`."""
    value: str | None
    """What was sent, shortened; None when nothing was, or when it is none of our fields and may be a secret."""
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} {self.what}: {self.remedy}"


def one_sentence(problems: Sequence[FieldProblem]) -> str:
    """The problems as one sentence: a remedy is said once, and long lists end with how many more there are."""
    remedies: dict[str, list[str]] = {}
    for problem in problems[:MOST_SHOWN]:
        remedies.setdefault(problem.remedy, []).append(f"{problem.field} {problem.what}")
    shown = "; ".join(f"{', '.join(what)}: {remedy}" for remedy, what in remedies.items())
    more = len(problems) - MOST_SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def problems_of(error: ValidationError, fields: Collection[str]) -> tuple[FieldProblem, ...]:
    """Every field the model refused, in the message's own terms."""
    problems: list[FieldProblem] = []
    for detail in error.errors(include_url=False, include_context=False):
        location = detail["loc"]
        top = str(location[0]) if location else "the message"
        name = next((each for each in _names(location) if each in _REMEDIES), top)
        remedy = _REMEDIES.get(name, "correct it as the message's description says")
        match detail["type"]:
            case "missing":
                problems.append(FieldProblem(_path(location), None, "is missing", remedy))
            case "extra_forbidden" if len(location) == 1:
                problems.append(FieldProblem(shorten(top), None, "is not a field of the message", _near(top, fields)))
            case "extra_forbidden":
                problems.append(FieldProblem(_path(location), None, "is not a field of the message", remedy))
            case "too_long":
                problems.append(FieldProblem(_path(location), None, f"has {len(detail['input'])} entries", remedy))
            case "too_short" if detail["input"]:
                pass  # It is not empty: its entries were refused one by one, and are told above.
            case _ if name in _MAY_HOLD_SECRETS:
                problems.append(FieldProblem(_path(location), None, "cannot be accepted as it is", remedy))
            case _:
                value = shorten(detail["input"])
                problems.append(FieldProblem(_path(location), value, f"cannot be {value}", remedy))
    return tuple(problems)


def shorten(value: object) -> str:
    """A short picture of any value, constants as JSON writes them; never raises, whatever the value is.

    Where a secret could be (an address, an object, JSON inside a text) it says what stands there and not its contents.
    """
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    try:
        return _SHORT.repr(value)
    except Exception:  # noqa: BLE001 - a value that cannot even be shown must not hide what is wrong with it
        return f"a {type(value).__name__}"


def _names(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """What a place in the message goes by, the narrowest first: `documents.body`, `documents`."""
    steps = [step for step in location if isinstance(step, str)]
    return tuple(".".join(steps[:length]) for length in (2, 1))


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{shorten(step).strip(chr(39))}" if text else step
    return text or "the message"


def _near(name: str, fields: Collection[str]) -> str:
    alike = difflib.get_close_matches(name, fields, n=1)
    return f"did you mean {alike[0]}?" if alike else f"leave it out (the fields are {', '.join(fields)})"


class _Picture(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlist = self.maxtuple = 3
        self.maxlevel = 2

    def repr_str(self, x: str, level: int) -> str:
        if "://" in x:
            return "an address"
        if x.lstrip()[:1] in {"{", "["}:
            return f"a text of {len(x)} characters that looks like JSON"
        return super().repr_str(x, level)

    def repr_dict(self, x: dict[object, object], level: int) -> str:  # noqa: ARG002 - reprlib gives it
        return f"an object of {len(x)} names" if x else "{}"


_SHORT: Final = _Picture()
