"""The rows of a stamp answer, whatever holds them: `{data, error}`, an array, one object, a plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from worker.alegra.catalogue import known_in_text
from worker.alegra.kinds import SHAPES

Section = Literal["data", "error", "bare"]

_ERRORS: Final = ("error", "errors")
_DOCUMENTS: Final = tuple(shape.body_key for shape in SHAPES.values())
"""Where an error row may carry the document itself (§7.1: `{"code":3051,"error":"…","bill":{"id":"31"}}`)."""

_FINE: Final = frozenset({"0", "200", "201"})
"""Written where an error's code would stand, these mean that there is none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing the answer says, of the document it names or of none."""

    document_id: str | None
    section: Section
    code: str
    message: str
    emission_status: str | None
    success: bool | None
    failed: bool
    """It reports an error, by its place, its code or its `success`."""

    @property
    def contradicts_itself(self) -> bool:
        return self.section == "error" and self.success is True

    @property
    def is_bare_text(self) -> bool:
        """Nothing but a message: what it means, the HTTP status says."""
        return self.section == "bare" and self.success is None and self.emission_status is None

    def says_something(self, status: int) -> bool:
        """Whether it reports an outcome at all when no document is named: a friendly text alone does not."""
        if status >= 400 or self.success is not None or self.code or self.section == "error":
            return True
        return self.emission_status is not None or known_in_text(self.message)


def rows_of(value: Any) -> list[Row]:
    """Every row in a JSON value; what is none is left out. Never raises."""
    if isinstance(value, list):
        return [row for each in value for row in _row(each, "bare")]
    if not isinstance(value, dict):
        return []
    errors = [value[key] for key in _ERRORS if value.get(key)]
    if "data" not in value and not (errors and isinstance(errors[0], list)):
        # An error's text or object stands beside its code and its document: one row, not two.
        return list(_row(value, "error" if errors else "bare"))
    rows = [
        *(row for each in _listed(value.get("data")) for row in _row(each, "data")),
        *(row for group in errors for each in _listed(group) for row in _row(each, "error")),
    ]
    return rows or (list(_row(value, "error")) if value.get("code") else [])


def row_of_text(text: str) -> Row:
    """The row that a plain text is."""
    return Row(None, "bare", "", text, None, success=None, failed=known_in_text(text))


def _row(value: Any, section: Section) -> Iterator[Row]:
    if isinstance(value, str):
        # A text among the errors is an error without a name; among the data it is nothing we know.
        if section == "error" and value.strip():
            yield Row(None, section, "", value.strip(), None, success=None, failed=True)
        return
    if not isinstance(value, dict) or not value:
        return
    inner = next((value[key] for key in _ERRORS if value.get(key)), None)
    code, message = _reason(value)
    for nested in _listed(inner):
        nested_code, nested_message = _reason(nested)
        code, message = code or nested_code, "; ".join(filter(None, (message, nested_message)))
    success = _truth(value.get("success"))
    failed = section == "error" or success is False or inner is not None or (bool(code) and success is not True)
    if section == "bare" and not failed and success is None and not _status_of(value) and known_in_text(message):
        # {"id": "501", "message": "Service Unavailable"} is no success.
        failed = True
    yield Row(_id_of(value), section, code, message, _status_of(value), success, failed)


def _reason(value: Any) -> tuple[str, str]:
    """Code and text of an error, or of a row."""
    if isinstance(value, str):
        return "", value.strip()
    if not isinstance(value, Mapping):
        return "", ""
    code = _text(value.get("code")) or ""
    return ("" if code in _FINE else code), _text(value.get("message")) or ""


def _id_of(row: Mapping[str, Any]) -> str | None:
    for holder in (row, *(row.get(key) for key in (*_DOCUMENTS, *_ERRORS))):
        if isinstance(holder, Mapping) and (found := _text(holder.get("id"))):
            return found
    return None


def _status_of(row: Mapping[str, Any]) -> str | None:
    stamp = row.get("stamp")
    places = (
        row.get("emissionStatus"),
        row.get("legalStatus"),
        *((stamp.get("emissionStatus"), stamp.get("legalStatus")) if isinstance(stamp, Mapping) else ()),
    )
    return next((each for each in places if isinstance(each, str) and each.strip()), None)


def _truth(value: Any) -> bool | None:
    """`success` as a boolean, a number or a word; None when nothing is said."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | int) else None


def _text(value: Any) -> str | None:
    """An id, a code or a message: a string or a whole number, never a truth value."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**36 else None
    return None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
