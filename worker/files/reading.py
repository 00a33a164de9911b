"""A file read as a whole: its documents with their references, everything that is wrong with it, nothing sent yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from worker.files import json_texts, tables
from worker.files.json_texts import Raw
from worker.files.problems import Problem, broken
from worker.files.references import FORM, LONGEST, found_at, made_of
from worker.files.tables import Columns
from worker.files.targets import REFERENCE, NoTarget, Target, without_gaps
from worker.files.texts import doubt_of, text_of
from worker.files.values import as_kept, as_written, unfit_values

FORMATS: Final = ("json", "jsonl", "csv")

_BY_SUFFIX: Final = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}


@dataclass(frozen=True, slots=True)
class Way:
    """How a file is to be read."""

    format: str | None = None
    """`json`, `jsonl`, `csv`; None: as its name ends, or as its first character looks."""
    encoding: str = "utf-8"
    reference_field: str | None = None
    """The column, or the dotted path in the body, that holds the reference; it stays where it is."""
    columns: Columns = field(default_factory=Columns)
    constants: Sequence[tuple[Target, object]] = ()
    """Fields that every document gets."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that can be created."""

    reference: str
    body: dict[str, Any]
    """Alegra's fields, its numbers as JSON keeps them."""
    line: int
    made: bool
    """The file gives no reference; this one follows from the content."""


@dataclass(slots=True)
class Reading:
    """What the file holds."""

    file: str
    documents: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sunk: int = 0
    """Documents that cannot be used."""
    notices: list[str] = field(default_factory=list)
    """What somebody should know, and is no problem."""


def read(file: str, data: bytes, way: Way) -> Reading:
    """Everything the file holds. Raises `BrokenFile` when nothing of it can be used."""
    text = text_of(file, data, way.encoding)
    reading = Reading(file)
    if doubt := doubt_of(data, way.encoding):
        reading.notices.append(doubt)
    written_as = way.format or _BY_SUFFIX.get(PurePath(file).suffix.lower()) or _looks_like(text)
    for raw in _raws(file, text, written_as, way, reading):
        # A column of a table was taken for the reference already, and is no field.
        found, problems = _found(file, raw, way, None if written_as == "csv" else way.reference_field)
        reading.problems += problems
        if found is None:
            reading.sunk += 1
        else:
            reading.documents.append(found)
    _tell_apart(reading)
    return reading


def _raws(file: str, text: str, written_as: str, way: Way, reading: Reading) -> Sequence[Raw]:
    match written_as:
        case "csv":
            columns = way.columns
            if way.reference_field is not None:
                columns = Columns(columns.mapped, way.reference_field, columns.delimiter, columns.manner)
            documents, left_out = tables.documents_of(file, text, columns)
            reading.notices += left_out
            return documents
        case _ if way.columns.mapped:
            raise broken(
                file, "--map is for the columns of CSV, and this is JSON", "Leave it out, or say --format csv."
            )
        case "jsonl":
            return list(json_texts.lines_of(file, text))
        case _:
            return list(json_texts.documents_of(file, text))


def _looks_like(text: str) -> str:
    """The format of what has no name: standard input."""
    beginning = text.lstrip()
    if beginning[:1] not in {"{", "["}:
        return "csv"
    first, _, rest = beginning.partition("\n")
    return "jsonl" if beginning[0] == "{" and first.rstrip().endswith("}") and rest.strip() else "json"


def _found(file: str, raw: Raw, way: Way, elsewhere: str | None) -> tuple[Found | None, list[Problem]]:
    """The document, unless there are problems. `elsewhere` is the path of its reference, when somebody named one."""
    if raw.body is None or raw.problems:
        return None, list(raw.problems)
    body, reference = _opened(raw.body, elsewhere)
    try:
        for wanted, value in way.constants:
            wanted.put_into_all(body, value)
    except NoTarget as wrong:
        return None, [Problem(file, raw.line, "--set", None, str(wrong), "Correct it.")]
    if way.constants:
        body = without_gaps(body)
    problems = [
        Problem(file, raw.line, path, as_written(value), unfit.what, unfit.remedy)
        for path, value, unfit in unfit_values(body)
    ]
    if not body:
        problems.append(Problem(file, raw.line, "", None, "the document has no fields", "Write Alegra's fields."))
    problems += _of_the_reference(file, raw.line, reference, elsewhere)
    if problems:
        return None, problems
    kept = as_kept(body)
    named = made_of(kept) if reference is None else _written(reference)
    return Found(named, kept, raw.line, made=reference is None), []


def _opened(raw: dict[str, Any], elsewhere: str | None) -> tuple[dict[str, Any], Any]:
    """Body and reference: apart as in the message (`reference`, `body`), or the reference among Alegra's fields.

    A field that somebody named as the reference stays where it is.
    """
    if elsewhere not in {None, REFERENCE}:
        return dict(raw), found_at(raw, str(elsewhere).split("."))
    if set(raw) <= {REFERENCE, "body"} and isinstance(raw.get("body"), dict):
        return raw["body"], raw.get(REFERENCE)
    return {name: value for name, value in raw.items() if name != REFERENCE}, raw.get(REFERENCE)


def _of_the_reference(file: str, line: int, reference: object, wanted: str | None) -> Iterator[Problem]:
    if reference is None:
        if wanted is not None:
            remedy = "Give each document its own, or leave --reference-field out."
            yield Problem(file, line, wanted, None, "it is missing", remedy)
        return
    written = _written(reference)
    if not FORM.fullmatch(written):
        what = "it is no reference" if written else "it is empty"
        remedy = "Write 1 to 64 letters, digits or . _ : / - without spaces."
        yield Problem(file, line, wanted or REFERENCE, written, what, remedy)


def _written(reference: object) -> str:
    """A number is a reference written without quotes."""
    if isinstance(reference, Decimal) and reference.is_finite() and abs(reference.adjusted()) < LONGEST:
        return f"{reference:f}"
    return reference if isinstance(reference, str) else as_written(reference)


def _tell_apart(reading: Reading) -> None:
    """No two documents have one reference: equal content twice is a question, and other content a contradiction."""
    by_reference: dict[str, list[Found]] = {}
    for found in reading.documents:
        by_reference.setdefault(found.reference, []).append(found)
    reading.documents = []
    for reference, several in by_reference.items():
        lines = ", ".join(str(each.line) for each in several)
        same = not several[0].made and all(each.body == several[0].body for each in several)
        if len(several) == 1 or same:
            reading.documents.append(several[0])
            if len(several) > 1:
                reading.notices.append(f"lines {lines} are the same document {reference}: it is asked for once")
            continue
        reading.sunk += len(several)
        reading.problems.append(_of_one_name(reading.file, reference, several, lines))


def _of_one_name(file: str, reference: str, several: Sequence[Found], lines: str) -> Problem:
    last = several[-1].line
    if several[0].made:
        what = f"the documents of lines {lines} are equal and have no reference: they would be one document"
        return Problem(file, last, "", None, what, "Leave one of them, or give each a reference if all are meant.")
    what = f"lines {lines} have this reference, and other content each"
    remedy = "A reference names one document: correct it, or leave the wrong ones out."
    return Problem(file, last, REFERENCE, reference, what, remedy)
