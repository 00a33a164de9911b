"""Reading the answer to one stamp call: what it says of each document by itself, in every shape Alegra was seen to use.

The body is read first, the status second: a 4xx may carry successes and a 200 nothing but errors (alegra-api.md §4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from worker.alegra.bodies import UnreadableBody, clean, excerpt, plain_text, read_json
from worker.alegra.catalogue import PLAN_CODES, account_problem, classify
from worker.alegra.stamp_rows import Row, row_of_text, rows_of
from worker.countries import Verdict, read_legal_status
from worker.emission.outcomes import (
    Answered,
    Deferred,
    ErrorClass,
    Outcome,
    Problem,
    Refused,
    StampReport,
    Uncertain,
)

_REFUSED_ACCOUNT: Final = frozenset({401, 402, 403})

_NOT_UNDERSTOOD: Final = frozenset({405, 406, 411, 413, 414, 415, 431})
"""The form of the request is wrong. No document is to blame and none can pass: the account rests, instead of ten
documents being rejected one after the other. Whether anything was executed all the same, reads must prove."""

_VALIDATION: Final = frozenset({400, 404, 410, 422})
"""Alegra looked at what was asked and refused it. Every other 4xx (408, 409, 425 …) leaves open what was done."""

_MOST_STRANGERS: Final = 20

NO_SUCH_CALL: Final = "no_such_call"
"""The code, in the catalogue, of a kind of document that Alegra does not let us stamp."""


def read_stamp_answer(
    status: int, body: bytes, asked: Sequence[str], *, retry_in: timedelta | None = None, together: bool = True
) -> StampReport:
    """What became of each asked id. Total: any status and any bytes give an outcome for every asked id and no other.

    `retry_in` is what a 429 asked to wait. Only a row that names an id speaks for it; what names none speaks for a
    single asked id, or refuses the batch as one. In doubt the outcome is `Uncertain`: a question costs a request.
    `together` is false for the calls that stamp one document, whose very existence is assumed for some kinds: that
    Alegra does not take one says nothing of the account.
    """
    ids = set(asked)
    rows, unreadable = _rows(body)
    named: dict[str, list[Outcome]] = {}
    for row in rows:
        if row.document_id is not None:
            named.setdefault(row.document_id, []).append(_outcome(row, status))
    nameless = [row for row in rows if row.document_id is None]
    strangers = [each for each in named if each not in ids]

    rest: Outcome
    if ids & named.keys():
        # Where some documents have their row, a missing one was dropped; the status cannot say what became of it.
        rest = Uncertain(_missing(status, nameless))
    elif status in _NOT_UNDERSTOOD and not together:
        rest = Answered(Problem(ErrorClass.DATA, NO_SUCH_CALL, f"HTTP {status} {_all_said(nameless)}".strip()))
    elif status in _REFUSED_ACCOUNT or status in _NOT_UNDERSTOOD or status == 429:
        rest = _refusal(status, nameless, retry_in)
        if any(isinstance(said := _outcome(row, status), Answered) and said.problem is None for row in nameless):
            rest = Uncertain(f"HTTP {status}, and yet the answer reports a success")
    elif strangers:
        rest = Uncertain(f"the answer (HTTP {status}) speaks of other documents")
    else:
        rest = _without_names(status, nameless, unreadable, single=len(ids) == 1)
    return StampReport(
        outcomes={each: _agreed(named[each]) if each in named else rest for each in asked},
        http_status=status,
        excerpt=excerpt(body),
        strangers=tuple(clean(each, 64) for each in strangers[:_MOST_STRANGERS]),
    )


def _rows(body: bytes) -> tuple[list[Row], str]:
    """The rows of a body, and why it could not be read as JSON. A plain text is one row without a name."""
    try:
        return rows_of(read_json(body)), ""
    except UnreadableBody as error:
        text = plain_text(body)
        return ([row_of_text(text)] if text else []), str(error)


def _outcome(row: Row, status: int) -> Outcome:
    """What one row says of the document it names."""
    verdict = read_legal_status(row.emission_status)
    emission_status = clean(row.emission_status, 60) if row.emission_status else None
    if row.contradicts_itself:
        return Uncertain("its row is among the errors and reports a success")
    if not row.failed and not (status >= 400 and row.is_bare_text):
        if verdict is Verdict.NOT_EMITTED:
            return Uncertain(f"its row reports a success and the status {emission_status}")
        if verdict not in {Verdict.REJECTED, Verdict.IN_PROCESS}:
            return Answered(emission_status=emission_status)
    # A status in process is the same state whether it comes as success or as error 3246 (§4).
    code = row.code or ((emission_status or "") if verdict in {Verdict.REJECTED, Verdict.IN_PROCESS} else "")
    problem = classify(status, code, row.message)
    if verdict is Verdict.IN_PROCESS:
        problem = replace(problem, error_class=ErrorClass.IN_PROCESS, blames_account=False)
    elif verdict in {Verdict.ACCEPTED, Verdict.CANCELLED, Verdict.CANCELLING}:
        problem = replace(problem, error_class=ErrorClass.ALREADY_SENT, blames_account=False)
    elif row.code in PLAN_CODES:
        return Refused(problem)
    return Answered(problem, emission_status)


def _agreed(outcomes: Sequence[Outcome]) -> Outcome:
    """What several rows for one document say together: rows that contradict each other say nothing."""
    first, *others = dict.fromkeys(outcomes)
    if not others:
        return first
    if isinstance(first, Answered) and first.problem:
        messages = [first.problem.message]
        for other in others:
            if not isinstance(other, Answered) or other.problem is None or _gist(other) != _gist(first):
                break
            messages.append(other.problem.message)
        else:
            return replace(first, problem=replace(first.problem, message=clean("; ".join(messages), 1000)))
    return Uncertain("the answer has contradicting rows for it")


def _gist(answered: Answered) -> tuple[object, ...]:
    problem = answered.problem
    return (problem and problem.error_class, problem and problem.blames_account)


def _missing(status: int, nameless: Sequence[Row]) -> str:
    said = "; ".join(filter(None, (f"{row.code} {row.message}".strip() for row in nameless)))
    beside = f", which says without naming a document: {clean(said, 300)}" if said else ""
    return f"the answer (HTTP {status}) has no row for it{beside}"


def _refusal(status: int, nameless: Sequence[Row], retry_in: timedelta | None) -> Outcome:
    """The call as a whole was turned away."""
    code = next((row.code for row in nameless if row.code), "")
    message = next((row.message for row in nameless if row.message), "")
    if status == 429:
        return Deferred(f"429 {clean(message, 200)}".rstrip(), retry_in)
    problem = account_problem(status, code, message)
    return Answered(problem, whole_batch=True) if status in _NOT_UNDERSTOOD else Refused(problem)


def _without_names(status: int, nameless: Sequence[Row], unreadable: str, *, single: bool) -> Outcome:
    """No row names a document: what is said concerns the only one asked, or the batch as one, or nobody."""
    if status >= 500:
        return Uncertain(f"HTTP {status} {_all_said(nameless) or unreadable}".rstrip())
    if 300 <= status < 400 or (status >= 400 and status not in _VALIDATION):
        return Uncertain(f"HTTP {status} leaves open what was done")
    if not nameless:
        return Uncertain(f"HTTP {status}: {unreadable or 'the answer has no row for it'}")
    outcomes = [_outcome(row, status) for row in nameless if row.says_something(status)]
    if not outcomes:
        return Uncertain(f"HTTP {status}: the answer does not say what was done: {_all_said(nameless)}")
    agreed = _agreed(outcomes)
    if single or isinstance(agreed, Uncertain):
        return agreed
    # The plan's limit may have been reached in the middle of the batch: the account rests, and reads must prove it.
    refused = Answered(agreed.problem) if isinstance(agreed, Refused) else agreed
    if not isinstance(refused, Answered) or refused.problem is None:
        # A success that names nobody does not bless ten documents.
        return Uncertain(f"HTTP {status}: the answer reports a success and names no document")
    if refused.problem.error_class in {ErrorClass.ALREADY_SENT, ErrorClass.IN_PROCESS}:
        return Uncertain(f"one of the batch, unnamed, was sent before: {refused.problem.message}")
    return replace(refused, whole_batch=True)


def _all_said(rows: Sequence[Row]) -> str:
    return clean("; ".join(filter(None, (f"{row.code} {row.message}".strip() for row in rows))), 300)
