"""The documents of a file as `timbre create` asks for them: what each becomes at Alegra, and which are kept back.

Needs no credentials, no broker and no database.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.cli.failures import Failure

if TYPE_CHECKING:
    from worker.cli.new_options import Wanted
    from worker.countries import Finding
    from worker.emission.kinds import Kind
    from worker.files import Found, Problem, Reading

STANDARD_INPUT: Final = "standard input"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One document that could be read."""

    found: Found
    body: dict[str, Any]
    """What would be posted: with its reference, without what the file says of stamping."""
    findings: Sequence[Finding] = ()
    """What pre-flight says of it."""
    kept_back: bool = False
    """It is certain to be refused, and nobody said --no-validate."""

    @property
    def reference(self) -> str:
        return self.found.reference


@dataclass(frozen=True, slots=True)
class NewDocuments:
    """What a file comes to."""

    reading: Reading
    prepared: Sequence[Prepared]
    examined_for: str | None
    """The country whose rules were asked; None when it is not known."""
    problems: Sequence[Problem] = field(default_factory=list)

    @property
    def to_send(self) -> list[Prepared]:
        return [each for each in self.prepared if not each.kept_back]

    @property
    def all_go(self) -> bool:
        """Nothing of the file stays behind."""
        return not self.reading.sunk and all(not each.kept_back for each in self.prepared)


def read_documents(wanted: Wanted) -> NewDocuments:
    """Everything the file holds, examined. Raises `Failure` when nothing of it can be used."""
    from worker.files import BrokenFile, read

    name, data = _bytes_of(wanted)
    try:
        reading = read(name, data, wanted.way)
    except BrokenFile as wrong:
        raise Failure("\n".join(map(str, wrong.problems)) + "\nNothing was sent.") from None
    fit = [each for each in reading.documents if not _unfit(reading, each)]
    return NewDocuments(reading, [_prepared(each, wanted) for each in fit], wanted.country, reading.problems)


def posted(body: dict[str, Any], reference: str, kind: Kind, *, emit: bool) -> dict[str, Any]:
    """The body of the request that creates it."""
    from worker.alegra.kinds import SHAPES

    return SHAPES[kind.name].new(body, reference, stamp=emit and kind.emitted_by_creation)


def _bytes_of(wanted: Wanted) -> tuple[str, bytes]:
    if wanted.data is not None:
        return "--data", wanted.data.encode("utf-8", "replace")
    if wanted.file == "-":
        if sys.stdin.isatty():
            raise Failure(
                "Nothing is piped in: `timbre create -f -` reads standard input, such as `… | timbre create`."
            )
        return STANDARD_INPUT, sys.stdin.buffer.read()
    try:
        return wanted.file, Path(wanted.file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "there is no such file"
        raise Failure(f"{wanted.file}: {reason}. Name a file that can be read, or - for standard input.") from None


def _unfit(reading: Reading, found: Found) -> bool:
    """Whether the contract refuses the document; then it is told as a problem of the file, and the others go on."""
    from pydantic import ValidationError

    from timbre_producers.creations import MAX_BODY, NewDocument
    from worker.files import Problem

    try:
        NewDocument(reference=found.reference, body=found.body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        what = f"the document {wrong['msg'].removeprefix('Value error, ')}"
        remedy = f"A body has at most {MAX_BODY:,} bytes, and its observations are a text."
        reading.problems.append(Problem(reading.file, found.line, "", None, what, remedy))
        reading.sunk += 1
        return True
    return False


def _prepared(found: Found, wanted: Wanted) -> Prepared:
    from worker.alegra.drafts import draft_to_create
    from worker.countries import COUNTRIES, preflight

    body = posted(found.body, found.reference, wanted.kind, emit=wanted.emit)
    if wanted.country is None:
        return Prepared(found, body)
    draft = replace(draft_to_create(body, wanted.country, wanted.kind.name), generates_stamp=wanted.emit)
    findings = preflight(draft, COUNTRIES[wanted.country].today(datetime.now(UTC)))
    blocked = any(each.blocks for each in findings)
    return Prepared(found, body, findings, kept_back=blocked and wanted.validate)


def asks_to_be_stamped(found: Found) -> bool:
    """Whether the file itself says that the document is to be stamped, or numbered."""
    stamp = found.body.get("stamp")
    return (isinstance(stamp, dict) and stamp.get("generateStamp") is True) or found.body.get("status") == "open"
