"""The documents of a file as `timbre create` asks for them: what each becomes at Alegra, and which are kept back.

Needs no credentials, no broker and no database.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.cli.failures import Failure

if TYPE_CHECKING:
    from worker.cli.new_options import Wanted
    from worker.countries import Finding
    from worker.emission.kinds import Kind
    from worker.files import Found, Reading

STANDARD_INPUT: Final = "standard input"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One document that could be read."""

    found: Found
    asked: dict[str, Any]
    """The body as it is asked for: the file's, without what it says of stamping, so that with or without such words it
    is the same document."""
    body: dict[str, Any]
    """What would be posted: with its reference, too, and as a draft."""
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
    asked = [(each, _asked(each, wanted.kind)) for each in reading.documents]
    prepared = [_prepared(each, body, wanted) for each, body in asked if not _unfit(reading, each, body)]
    return NewDocuments(reading, prepared, wanted.country)


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


def _asked(found: Found, kind: Kind) -> dict[str, Any]:
    from worker.alegra.kinds import SHAPES

    ours = {"stamp", "status"} if SHAPES[kind.name].has_drafts else {"stamp"}
    return {name: value for name, value in found.body.items() if name not in ours}


def _unfit(reading: Reading, found: Found, asked: dict[str, Any]) -> bool:
    """Whether the contract refuses the document; then it is told as a problem of the file, and the others go on."""
    from pydantic import ValidationError

    from timbre_producers.creations import MAX_BODY, NewDocument
    from worker.files import Problem

    try:
        NewDocument(reference=found.reference, body=asked)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        said = wrong["msg"].removeprefix("Value error, ")
        what = f"the document {said if asked else 'has nothing but words about stamping'}"
        remedy = f"A body has at most {MAX_BODY:,} bytes, and its observations are a text."
        reading.problems.append(Problem(reading.file, found.line, "", None, what, remedy))
        reading.sunk += 1
        return True
    return False


def _prepared(found: Found, asked: dict[str, Any], wanted: Wanted) -> Prepared:
    from worker.alegra.drafts import draft_to_create
    from worker.alegra.kinds import SHAPES
    from worker.countries import COUNTRIES, preflight

    stamp = wanted.emit and wanted.kind.emitted_by_creation
    body = SHAPES[wanted.kind.name].new(asked, found.reference, stamp=stamp)
    if wanted.country is None:
        return Prepared(found, asked, body)
    draft = replace(draft_to_create(body, wanted.country, wanted.kind.name), generates_stamp=wanted.emit)
    findings = preflight(draft, COUNTRIES[wanted.country].today(datetime.now(UTC)))
    blocked = any(each.blocks for each in findings)
    return Prepared(found, asked, body, findings, kept_back=blocked and wanted.validate)


def asks_to_be_stamped(found: Found) -> bool:
    """Whether the file itself says that the document is to be stamped, or numbered."""
    stamp = found.body.get("stamp")
    return (isinstance(stamp, dict) and stamp.get("generateStamp") is True) or found.body.get("status") == "open"
