"""JSON with a document in each object: one, an array of them, or one a line; each with the line it begins on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from worker.files.problems import BrokenFile, Problem, broken
from worker.files.values import as_written, unfit_values

_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Raw:
    """One document as the file has it, its numbers exact; without a body when it cannot be used."""

    line: int
    body: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()


class _Twice(ValueError):
    """An object gives one name two values: which of them holds, readers of JSON do not agree about."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def documents_of(file: str, text: str) -> Iterator[Raw]:
    """The documents of a `.json`: one object, or an array of objects. Raises `BrokenFile`."""
    at = _after_space(text, 0)
    if text[at] == "[":
        yield from _elements(file, text, at + 1)
        return
    value, end = _value(file, text, at)
    rest = _after_space(text, end)
    if rest < len(text):
        line = text.count("\n", 0, rest) + 1
        remedy = "Put the documents into an array, or say --format jsonl if there is one a line."
        raise broken(file, "there is more behind the first document", remedy, line=line)
    yield _raw(file, text.count("\n", 0, at) + 1, value)


def lines_of(file: str, text: str) -> Iterator[Raw]:
    """The documents of JSON lines; a line that cannot be read is no reason to drop the others."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value, end = _value(file, line, _after_space(line, 0))
            if line[end:].strip():
                raise broken(file, "there is more behind the document", "Write one document a line.", line=number)
        except BrokenFile as wrong:
            (problem,) = wrong.problems
            yield Raw(number, None, (Problem(file, number, "", line.strip(), problem.what, problem.remedy),))
        else:
            yield _raw(file, number, value)


def _elements(file: str, text: str, at: int) -> Iterator[Raw]:
    line, counted = 1, 0
    at = _after_space(text, at)
    if text[at : at + 1] == "]":
        raise broken(file, "its array has no documents", "Write at least one.")
    while True:
        line, counted = line + text.count("\n", counted, at), at
        value, end = _value(file, text, at)
        yield _raw(file, line, value)
        at = _after_space(text, end)
        if text[at : at + 1] == "]" and not text[at + 1 :].strip():
            return
        if text[at : at + 1] != ",":
            what = "the array does not end" if at == len(text) else "no comma or end of the array stands there"
            raise broken(file, what, "Correct the JSON.", line=text.count("\n", 0, at) + 1)
        at = _after_space(text, at + 1)


def _value(file: str, text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        what = f"it is no JSON: {error.msg[:1].lower()}{error.msg[1:]}, at column {error.colno}"
        raise broken(file, what, "Correct the JSON.", line=error.lineno) from None
    except _Twice as twice:
        line = text.count("\n", 0, at) + 1
        what = f"its document gives {twice.name!r} two values"
        raise broken(file, what, "Leave one of them.", line=line) from None
    except (RecursionError, ValueError, ArithmeticError):
        line = text.count("\n", 0, at) + 1
        raise broken(file, "it is nested too deeply, or a number is too long", "Correct it.", line=line) from None


def _raw(file: str, line: int, value: Any) -> Raw:
    if not isinstance(value, dict):
        what = "it is no document: a document is a JSON object"
        return Raw(line, None, (Problem(file, line, "", as_written(value), what, 'Write {"client": …, …}.'),))
    problems = [
        Problem(file, line, path, as_written(each), unfit.what, unfit.remedy)
        for path, each, unfit in unfit_values(value)
    ]
    return Raw(line, value, tuple(problems))


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read and read[name] != value:
            raise _Twice(name)
        read[name] = value
    return read


_DECODER: Final = json.JSONDecoder(
    parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal, object_pairs_hook=_once
)
"""`NaN` and the infinities are read, to be refused by name."""
