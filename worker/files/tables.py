"""A table as documents: columns go where `--map` says, and the rows of one reference are the lines of one document."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from worker.files.json_texts import Raw
from worker.files.problems import BrokenFile, Problem, broken
from worker.files.targets import REFERENCE, Mapped, NoTarget, Target, target, without_gaps
from worker.files.values import READERS, Manner, Unfit, unfit_text

DELIMITERS: Final = ",;\t|"
"""Those that are recognised in the first line, by which of them stands there most often."""

_SEPARATOR: Final = re.compile(r"sep=([^\r\n])\r?\n")

Fields = Sequence[str]


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table is read."""

    mapped: Sequence[Mapped] = ()
    """Nothing: the columns are called as the fields."""
    reference: str | None = None
    """The column that says which rows belong together."""
    delimiter: str | None = None
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Fields


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line, and what it makes of the columns."""

    file: str
    names: Fields
    targets: Sequence[tuple[int, Target]]
    """Places of columns, and where their cells belong."""
    reference: int | None

    @property
    def has_lines(self) -> bool:
        """Whether a row may be one of several of its document."""
        return self.reference is not None and any(each.list_path for _, each in self.targets)


def documents_of(file: str, text: str, columns: Columns) -> tuple[list[Raw], list[str]]:
    """The documents, and what was left out. Raises `BrokenFile`."""
    rows = _rows(file, text, columns.delimiter)
    first = next(rows, None)
    if first is None:
        raise broken(file, "it has no line", "Write the names of the columns into the first one.")
    head = _head(file, first, columns)
    groups: dict[str | int, list[_Row]] = {}
    ragged: dict[str | int, list[Problem]] = {}
    for row in rows:
        key, problem = _document_of(head, row)
        groups.setdefault(key, []).append(row)
        if problem is not None:
            ragged.setdefault(key, []).append(problem)
    if not groups:
        raise broken(file, "it has names of columns and no line below them", "Write a line for each document.")
    found = [_document(head, rows, columns.manner, ragged.get(key, [])) for key, rows in groups.items()]
    return found, _left_out(head)


def _rows(file: str, text: str, delimiter: str | None) -> Iterator[_Row]:
    """The rows that hold anything, each with the line it begins on."""
    # Excel's own first line, which names the delimiter and is no row.
    said = _SEPARATOR.match(text)
    chosen = delimiter or (said[1] if said else _delimiter(text))
    before, rest = (1, text[said.end() :]) if said else (0, text)
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=chosen, strict=True)
    line = before + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Row(line, [cell.strip() for cell in cells])
            line = before + reader.line_num + 1
    except csv.Error as error:
        remedy = 'Look at the quotes: one inside a text is written twice (""), and each that opens must close.'
        raise broken(file, f"it is no CSV: {error}", remedy, line=line) from None


def _delimiter(text: str) -> str:
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _head(file: str, first: _Row, columns: Columns) -> _Head:
    names = first.cells
    problems = [
        Problem(file, first.line, "", name, "two columns have this name", "Give each column a name of its own.")
        for place, name in enumerate(names)
        if name and name in names[:place]
    ]
    mapped = columns.mapped or list(_by_name(file, first, columns.reference, problems))
    wanted: dict[str, str] = {}
    targets: list[tuple[int, Target]] = []
    reference = columns.reference
    for each in mapped:
        if wanted.setdefault(each.target.path, each.column) != each.column:
            what = f"{wanted[each.target.path]!r} and {each.column!r} are both to be {each.target.path}"
            problems.append(Problem(file, None, "--map", None, what, "Leave one of them out."))
        elif each.column not in names:
            problems.append(_no_column(file, each, names))
        elif each.target.path == REFERENCE:
            reference = reference or each.column
        else:
            targets.append((names.index(each.column), each.target))
    if columns.reference is not None and columns.reference not in names:
        what, remedy = "there is no such column", f"The columns are {', '.join(filter(None, names))}."
        problems.append(Problem(file, first.line, "--reference-field", columns.reference, what, remedy))
    if problems:
        raise BrokenFile(problems)
    return _Head(file, names, targets, None if reference is None else names.index(reference))


def _by_name(file: str, first: _Row, reference: str | None, problems: list[Problem]) -> Iterator[Mapped]:
    """Without `--map` the columns are called as the fields they hold."""
    for name in filter(None, first.cells):
        try:
            if name != reference:
                yield Mapped(target(name), name)
        except NoTarget:
            remedy = "Say where it belongs: --map FIELD=COLUMN; then only the columns that you name are read."
            problems.append(Problem(file, first.line, "", name, "the column has the name of no field", remedy))


def _no_column(file: str, mapped: Mapped, names: Fields) -> Problem:
    turned = f" Perhaps the other way round: --map {mapped.column}={mapped.target.path}."
    remedy = f"The columns are {', '.join(filter(None, names))}.{turned if mapped.target.path in names else ''}"
    return Problem(file, 1, f"--map {mapped.target.path}", mapped.column, "there is no such column", remedy)


def _document_of(head: _Head, row: _Row) -> tuple[str | int, Problem | None]:
    """What tells the row's document from the others, and what is wrong with the row as a whole. Raises `BrokenFile`.

    A row that may be a line of any document cannot be left out: one of them would go without it.
    """
    problem = None
    if len(row.cells) != len(head.names):
        what = f"it has {len(row.cells)} cells, and the first line has {len(head.names)}"
        problem = Problem(head.file, row.line, "", None, what, "Look for a delimiter too many or a quote missing.")
    if head.reference is None:
        return row.line, problem
    trusted = problem is None or head.reference == 0
    reference = row.cells[head.reference] if trusted and head.reference < len(row.cells) else ""
    if reference:
        return reference, problem
    name = head.names[head.reference]
    problem = problem or Problem(head.file, row.line, name, None, "it is empty", "Write the document's own name there.")
    if head.has_lines:
        remedy = f"{problem.remedy} Which document this line belongs to cannot be told, so none of the file is used."
        raise BrokenFile([Problem(head.file, row.line, problem.field, None, problem.what, remedy)])
    return row.line, problem


def _document(head: _Head, rows: Sequence[_Row], manner: Manner, problems: list[Problem]) -> Raw:
    body: dict[str, Any] = {}
    if not problems:
        problems = _fill(head, rows, manner, body)
        body = without_gaps(body)
    if head.reference is not None and head.reference < len(rows[0].cells) and not problems:
        body = {REFERENCE: rows[0].cells[head.reference], **body}
    return Raw(rows[0].line, None if problems else body, tuple(problems))


def _fill(head: _Head, rows: Sequence[_Row], manner: Manner, body: dict[str, Any]) -> list[Problem]:
    """Write the rows into the body; what cannot be, is returned. Raises `BrokenFile` when the manner is wrong."""
    problems: list[Problem] = []
    said: dict[str, tuple[int, str]] = {}
    elements: dict[str, int] = {}
    for row in rows:
        places = _places(head, row, elements)
        for column, wanted in head.targets:
            cell = row.cells[column]
            if not cell:
                continue
            name = _name(head.names[column], wanted)
            path = wanted.list_path
            if path is None:
                line, before = said.setdefault(wanted.path, (row.line, cell))
                if before != cell:
                    what = f"line {line} of the same document says {before!r}"
                    remedy = "Write it alike, or once; if they are two documents, give each a reference."
                    problems.append(Problem(head.file, row.line, name, cell, what, remedy))
                if line != row.line:
                    continue
            try:
                wanted.put(body, _read(cell, wanted, manner), places.get(path or "", 0))
            except Unfit as unfit:
                problem = Problem(head.file, row.line, name, cell, unfit.what, unfit.remedy)
                if unfit.of_the_file:
                    raise BrokenFile([problem]) from None
                problems.append(problem)
            except NoTarget as wrong:
                raise broken(head.file, str(wrong), "Correct --map.") from None
    return problems


def _places(head: _Head, row: _Row, elements: dict[str, int]) -> Mapping[str, int]:
    """Which element of each list this row is: the next one, where it holds anything of it."""
    places = {}
    for path in dict.fromkeys(each.list_path for _, each in head.targets):
        if path and any(row.cells[column] for column, each in head.targets if each.list_path == path):
            places[path] = elements.get(path, 0)
            elements[path] = places[path] + 1
    return places


def _read(cell: str, wanted: Target, manner: Manner) -> object:
    if (unfit := unfit_text(cell)) is not None:
        raise unfit
    return READERS[wanted.reads](cell, manner)


def _name(column: str, wanted: Target) -> str:
    return column if column == wanted.path else f"{column} ({wanted.path})"


def _left_out(head: _Head) -> list[str]:
    used = {column for column, _ in head.targets} | {head.reference}
    names = [name for place, name in enumerate(head.names) if name and place not in used]
    return [f"columns that --map does not name are not read: {', '.join(names)}"] if names else []
