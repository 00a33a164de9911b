"""What one call of the client asks for: checked as a whole, then split into messages."""

from __future__ import annotations

import getpass
import re
import socket
import sys
import uuid
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar, cast

from pydantic import BaseModel, Field, ValidationError

from timbre_producers.contracts import MAX_IDS_PER_MESSAGE, DocumentId, EmitRequest, fields_of
from timbre_producers.creations import MAX_DOCUMENTS_PER_MESSAGE, CreateRequest, NewDocument
from timbre_producers.errors import InvalidRequest
from timbre_producers.problems import FieldProblem, problems_of

SHOWN_IDS: Final = 30
"""Ids that Flower shows of one message."""

Message = EmitRequest | CreateRequest


@dataclass(frozen=True, slots=True)
class Part:
    """One message: at most a thousand documents to emit, or a hundred to create, under a request id of their own."""

    request_id: uuid.UUID
    document_ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Of documents to be created: the producer's own names."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the broker took. The fiscal codes appear in the status table, under the parts' request ids."""

    account: str
    kind: str
    request_id: uuid.UUID
    """The id of the whole; give it again to repeat the call."""
    parts: tuple[Part, ...]

    @property
    def request_ids(self) -> tuple[uuid.UUID, ...]:
        """One per message sent: the request id itself, or one derived from it per part."""
        return tuple(part.request_id for part in self.parts)

    @property
    def document_ids(self) -> tuple[str, ...]:
        """Every document asked for, once."""
        return tuple(document_id for part in self.parts for document_id in part.document_ids)

    @property
    def references(self) -> tuple[str, ...]:
        """Every document to be created, once, by its reference."""
        return tuple(reference for part in self.parts for reference in part.references)


class EmitCall(EmitRequest):
    """What one call of `emit` asks for, before it is split."""

    document_ids: Annotated[tuple[DocumentId, ...], Field(min_length=1)]


class CreateCall(CreateRequest):
    """What one call of `create` asks for, before it is split."""

    documents: Annotated[tuple[NewDocument, ...], Field(min_length=1)]


_Call = TypeVar("_Call", bound=BaseModel)


def this_program() -> str:
    """Who asks, when the caller does not say: user@host/program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    name = f"{user}@{socket.gethostname()}/{Path(sys.argv[0]).name or 'python'}"
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", name)[:120]


def checked(model: type[_Call], fields: dict[str, object]) -> _Call:
    """The call, if all of it can be sent. Raises `InvalidRequest`."""
    try:
        call = model.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(problems_of(error, fields_of(model))) from None
    if isinstance(call, CreateCall) and (problems := _named_twice(call)):
        raise InvalidRequest(problems)
    return call


def _named_twice(call: CreateCall) -> list[FieldProblem]:
    """Documents whose reference another one of the same call has."""
    seen: set[str] = set()
    problems: list[FieldProblem] = []
    for place, reference in enumerate(call.references):
        if reference in seen:
            field = f"documents[{place}].reference"
            remedy = "give each document a reference of its own"
            problems.append(FieldProblem(field, reference, f"{reference!r} names two documents that differ", remedy))
        seen.add(reference)
    return problems


def as_list(members: object) -> object:
    """The ids or documents in an order that a repeated call repeats: a set has none of its own."""
    if isinstance(members, (str, bytes)) or not isinstance(members, Iterable):
        return members
    if isinstance(members, dict):
        # One document, not a list of its keys.
        return cast("object", members)
    each = cast("Iterable[object]", members)
    return sorted(each, key=str) if isinstance(members, AbstractSet) else list(each)


def split_emission(call: EmitCall) -> Iterator[EmitRequest]:
    """The messages of a call; each part's id follows from the call's, so that a repeated call repeats them."""
    fields = call.model_dump(exclude={"document_ids", "request_id"})
    for part_id, ids in _parts(call.request_id, call.document_ids, MAX_IDS_PER_MESSAGE):
        yield EmitRequest(**fields, request_id=part_id, document_ids=ids)


def split_creation(call: CreateCall) -> Iterator[CreateRequest]:
    """As `split_emission`."""
    fields = call.model_dump(exclude={"documents", "request_id"})
    for part_id, documents in _parts(call.request_id, call.documents, MAX_DOCUMENTS_PER_MESSAGE):
        yield CreateRequest(**fields, request_id=part_id, documents=documents)


_Member = TypeVar("_Member")


def _parts(
    call_id: uuid.UUID, members: tuple[_Member, ...], most: int
) -> Iterator[tuple[uuid.UUID, tuple[_Member, ...]]]:
    if len(members) <= most:
        yield call_id, members
        return
    for number, start in enumerate(range(0, len(members), most), start=1):
        yield uuid.uuid5(call_id, str(number)), members[start : start + most]


def part_of(message: Message) -> Part:
    """What a receipt says of one message that was sent."""
    if isinstance(message, CreateRequest):
        return Part(message.request_id, references=message.references)
    return Part(message.request_id, message.document_ids)


def shown(message: Message) -> str:
    """The message as Flower shows it: what an operator looks for, and no more of it than fits; never a body."""
    every = message.references if isinstance(message, CreateRequest) else message.document_ids
    names = ", ".join(every[:SHOWN_IDS])
    more = f", … {len(every)} in all" if len(every) > SHOWN_IDS else ""
    return f"{message.account} {message.kind} [{names}{more}] {message.priority}"
