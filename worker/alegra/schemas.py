"""The bodies Alegra answers with, as far as Timbre reads them: tolerant, but of no doubt about what is stamped.

A value of an odd type becomes None where that is harmless (a total, a date). Where it could hide that a document was
sent (`stamp`, `status`), the document is unreadable instead, and the read brings no news of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from worker.alegra.bodies import clean


class UnreadableDocument(ValueError):
    """A document in an answer is not what a document looks like; the text says where."""


def text_of(value: Any) -> str | None:
    """A string or a whole number as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else ""
    return (clean(value, 300).strip() or None) if isinstance(value, str) else None


def count_of(value: Any) -> int | None:
    """A whole number that is not negative; None for anything else."""
    return int(text) if (text := text_of(value) or "").isdecimal() else None


def money_of(value: Any) -> Decimal | None:
    """Alegra writes money as number or string."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value)[:60].strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) < 30 else None


def truth_of(value: Any) -> bool | None:
    """A truth, also written out or as 0 and 1; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | int) else None


def _only(value: Any) -> Any:
    """An object, also when it comes as an array of one; None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, Mapping) else None


def _stamp(value: Any) -> Any:
    """The stamp object. Nothing may be written in many ways; anything else than nothing or an object is a doubt."""
    if value is None or value is False or value in ("", [], {}):
        return None
    found = _only(value)
    if found is None:
        raise ValueError("is neither an object nor empty")
    return dict(found)


def _party(value: Any) -> str | None:
    """Who a document is for: the client's id, or what else names it."""
    found = _only(value)
    if found is None:
        return text_of(value)
    return text_of(found.get("id")) or text_of(found.get("identification")) or text_of(found.get("name"))


Text = Annotated[str | None, BeforeValidator(text_of)]
Id = Annotated[str, BeforeValidator(text_of)]
Money = Annotated[Decimal | None, BeforeValidator(money_of)]
Truth = Annotated[bool | None, BeforeValidator(truth_of)]
Count = Annotated[int | None, BeforeValidator(count_of)]
Party = Annotated[str | None, BeforeValidator(_party)]
StampObject = Annotated[dict[str, Any] | None, BeforeValidator(_stamp)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, value: Any) -> Self:
        """Raises `UnreadableDocument`."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = ".".join(str(each) for each in first["loc"]) or cls.__name__
            reason = f"{place}: {first['msg']}"
        raise UnreadableDocument(reason)


class Numbering(_Body):
    """The `numberTemplate` of a document."""

    id: Text = None
    prefix: Text = None
    is_electronic: Truth = Field(None, alias="isElectronic")
    sub_type: Text = Field(None, alias="subDocumentType")


class Invoice(_Body):
    """`GET /invoices/{id}`, or a row of the list."""

    id: Id
    status: Annotated[str, BeforeValidator(text_of), StringConstraints(to_lower=True)]
    """draft, open, closed or void: the business's, independent of the fiscal one."""
    date: Text = None
    created: Text = Field(None, alias="datetime")
    """Local time, without a zone."""
    total: Money = None
    client: Party = None
    numbering: Annotated[Numbering | None, BeforeValidator(_only)] = Field(None, alias="numberTemplate")
    stamp: StampObject = None
    emission_status: Any = Field(None, alias="emissionStatus")


class CompanyBody(_Body):
    """`GET /company`."""

    name: Text = None
    application_version: Text = Field(None, alias="applicationVersion")
    identification: Text = None


class NumberTemplateBody(_Body):
    """A row of `GET /number-templates`."""

    id: Id
    name: Text = None
    prefix: Text = None
    document_type: Text = Field(None, alias="documentType")
    is_electronic: Truth = Field(None, alias="isElectronic")
    status: Text = None
    sub_document_type: Text = Field(None, alias="subDocumentType")
    first_number: Count = Field(None, alias="minInvoiceNumber")
    next_number: Count = Field(None, alias="nextInvoiceNumber")
    last_number: Count = Field(None, alias="maxInvoiceNumber")
    start_date: Text = Field(None, alias="startDate")
    end_date: Text = Field(None, alias="endDate")
