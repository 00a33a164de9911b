"""What the answer to a read says as a whole, before anybody looks at its documents."""

from __future__ import annotations

from typing import Any

from worker.alegra.bodies import UnreadableBody, read_json
from worker.alegra.catalogue import account_problem
from worker.alegra.client import Answer
from worker.alegra.errors import AccountRefused, AnswerLost, Throttled
from worker.alegra.stamp_rows import rows_of


class ListRefused(AnswerLost):
    """The list could not be had in this form; single documents may be."""


def accepted(answer: Answer) -> Answer:
    """The same answer, unless the request as a whole failed: raises `Throttled`, `AccountRefused`, `AnswerLost`."""
    if answer.status == 429:
        raise Throttled(answer.rate.wait)
    if answer.status in {401, 402, 403}:
        code, message = _said(answer)
        raise AccountRefused(account_problem(answer.status, code, message))
    if not (200 <= answer.status < 300 or answer.status in {400, 404, 414, 422}):
        raise AnswerLost(_failed(answer))
    return answer


def body_of(answer: Answer) -> Any:
    """The JSON of a 2xx answer. Raises `AnswerLost`."""
    if not 200 <= answer.status < 300:
        raise AnswerLost(_failed(answer))
    try:
        return read_json(answer.body)
    except UnreadableBody as error:
        reason = f"HTTP {answer.status}, but {error}"
    raise AnswerLost(reason)


def rows_of_list(answer: Answer) -> list[Any]:
    """The rows of a list: a bare array, or `{metadata, data}`. Raises `ListRefused`, `AnswerLost`."""
    if answer.status in {400, 414, 422}:
        raise ListRefused(_failed(answer))
    body = body_of(answer)
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        body = body["data"]
    if not isinstance(body, list):
        raise ListRefused("the answer is not a list")
    return body


def denies_existence(answer: Answer) -> bool:
    """404 in Alegra's own words. A 404 page of some other server says nothing about a document."""
    if answer.status != 404:
        return False
    try:
        return isinstance(read_json(answer.body), dict)
    except UnreadableBody:
        return False


def _failed(answer: Answer) -> str:
    code, message = _said(answer)
    return f"HTTP {answer.status} {code} {message[:200]}".replace("  ", " ").strip()


def _said(answer: Answer) -> tuple[str, str]:
    """Code and text of an error answer, in any of its shapes."""
    try:
        rows = rows_of(read_json(answer.body))
    except UnreadableBody:
        rows = []
    row = next(iter(rows), None)
    return (row.code, row.message) if row else ("", "")
