"""Reading the answer to one creation call: the document, a refusal that proves there is none, or a doubt.

A 4xx on a creation means that nothing was created, except 3051: the stamp failed, and the document may be there (§3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from worker.alegra.bodies import UnreadableBody, clean, excerpt, plain_text, read_json
from worker.alegra.catalogue import NEVER_SEND_AGAIN, PLAN_CODES, account_problem, classify
from worker.alegra.kinds import Shape
from worker.alegra.schemas import text_of
from worker.alegra.stamp_answer import NO_SUCH_CALL
from worker.alegra.stamp_rows import Row, row_of_text, rows_of
from worker.creation.outcomes import Created, CreateOutcome, CreateReport, InDoubt, Invalid
from worker.creation.reference import references_in
from worker.emission.outcomes import Deferred, ErrorClass, Problem, Refused

STAMP_FAILED: Final = "3051"

_REFUSED_ACCOUNT: Final = frozenset({401, 402, 403})

_NOT_UNDERSTOOD: Final = frozenset({405, 406, 411, 413, 414, 415, 431})
"""The form of the request is wrong, or Alegra does not let this kind be created: which says nothing of the account."""

_REFUSALS: Final = frozenset({400, 404, 410, 422}) | _NOT_UNDERSTOOD
"""Every other 4xx (408, 409, 425 …) leaves open what was done."""

_LONGEST_ID: Final = 36


def read_create_answer(
    status: int, body: bytes, shape: Shape, reference: str, *, retry_in: timedelta | None = None
) -> CreateReport:
    """What became of one creation. Total: any status and any bytes give an outcome; in doubt it is `InDoubt`.

    `retry_in` is what a 429 asked to wait.
    """
    return CreateReport(_outcome(status, body, shape, reference, retry_in), status, excerpt(body))


def _outcome(status: int, body: bytes, shape: Shape, reference: str, retry_in: timedelta | None) -> CreateOutcome:
    try:
        value, unreadable = read_json(body), ""
    except UnreadableBody as error:
        value, unreadable = None, str(error)
    text = plain_text(body) if unreadable else None
    row = row_of_text(text) if text else next(iter(rows_of(value)), None)
    document = _document(value, shape)
    if 200 <= status < 300:
        return _accepted(status, row, document, reference, unreadable)
    if document is not None:
        # Whatever else it says: this one is there, or was.
        return _doubt(status, row, f"and shows document {document[0]}")
    if status == 429:
        return Deferred(f"429 {clean(row.message, 200) if row else ''}".rstrip(), retry_in)
    if status in _REFUSED_ACCOUNT:
        return Refused(account_problem(status, row.code if row else "", row.message if row else ""))
    if status not in _REFUSALS or row is None:
        return _doubt(status, row, unreadable or "which leaves open what was done")
    return _refused(status, row)


def _accepted(
    status: int, row: Row | None, document: tuple[str, frozenset[str]] | None, reference: str, unreadable: str
) -> CreateOutcome:
    if row is not None and row.failed:
        return _doubt(status, row, "and yet an error")
    if document is None:
        return InDoubt(f"HTTP {status}, but {unreadable or 'no document in it that can be told'}")
    document_id, references = document
    return Created(document_id, marked=reference in references)


def _document(value: Any, shape: Shape) -> tuple[str, frozenset[str]] | None:
    """Id and references of the document in an answer: the answer itself, an array of one, or under the kind's key."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    for holder in (value.get(shape.body_key), value):
        if isinstance(holder, Mapping) and (found := text_of(holder.get("id"))) and len(found) <= _LONGEST_ID:
            return found, references_in(holder.get("observations"))
    return None


def _refused(status: int, row: Row) -> CreateOutcome:
    problem = classify(status, row.code, row.message)
    if row.code == STAMP_FAILED or problem.error_class in {*NEVER_SEND_AGAIN, ErrorClass.TRANSIENT}:
        return _doubt(status, row, "after which it may be there")
    if status in _NOT_UNDERSTOOD:
        return Invalid(Problem(ErrorClass.DATA, NO_SUCH_CALL, f"HTTP {status} {problem.message}".strip()))
    if row.code in PLAN_CODES or problem.blames_account:
        return Refused(problem)
    return Invalid(problem)


def _doubt(status: int, row: Row | None, why: str) -> InDoubt:
    said = clean(f"{row.code} {row.message}".strip(), 300) if row else ""
    stamp_failed = row is not None and row.code == STAMP_FAILED
    # Of any other doubt the words are no verdict.
    problem = classify(status, row.code, row.message) if row and stamp_failed else None
    return InDoubt(
        f"HTTP {status} {said}, {why}".replace(" ,", ","),
        stamp_failed=stamp_failed,
        problem=problem,
    )
