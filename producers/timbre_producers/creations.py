"""The message that asks for documents to be created: bodies in Alegra's words, each under the producer's reference."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, cast, overload

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
)

from timbre_producers.contracts import (
    CONTRACT_VERSION,
    AccountName,
    CallbackUrl,
    KindName,
    Moment,
    Priority,
    RequestedBy,
    read_as,
)

CREATE_TASK: Final = "timbre.create"

MAX_DOCUMENTS_PER_MESSAGE: Final = 100
"""How many documents one message may bring; a client splits what is longer."""

MAX_BODY: Final = 100_000
"""Bytes of one document's body, written as JSON."""

DEEPEST_BODY: Final = 30
"""Objects and lists inside each other; Alegra's have half a dozen. Far deeper ones could be read and not written."""

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
"""The producer's own name of a document, unique per account and kind: it keeps it from being created twice."""


class CreationStatus(StrEnum):
    """Where the creation of one document stands. `worker.creation.lifecycle` says which may follow which."""

    QUEUED = "queued"
    CREATING = "creating"
    CREATED = "created"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"
    HELD = "held"
    CANCELLED = "cancelled"


class NewDocument(BaseModel):
    """One document that does not exist yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: Reference
    body: Annotated[dict[str, Any], Field(min_length=1)]
    """Alegra's own fields. What it says of stamping is left out: Timbre decides that."""

    @field_validator("body", mode="after")
    @classmethod
    def _is_json(cls, body: dict[str, Any]) -> dict[str, Any]:
        if _deeper(body, DEEPEST_BODY):
            raise ValueError("is nested too deeply")
        try:
            size = len(canonical(body).encode())
        except (TypeError, RecursionError) as error:
            raise ValueError("is not JSON") from error
        if size > MAX_BODY:
            raise ValueError("is too long")
        if "observations" in body and not isinstance(body["observations"], str | None):
            # The reference is written behind them.
            raise ValueError("has observations that are no text")
        return body


class CreateRequest(BaseModel):
    """Ask for documents to be created: version 1 of the message of task `timbre.create`.

    A reference that is known with the same body is the same document, whoever asks and however often. With another body
    it is refused, that document alone. Unknown fields are refused rather than ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, serialize_by_alias=True)

    TASK: ClassVar[str] = CREATE_TASK

    version: Literal[1] = CONTRACT_VERSION
    request_id: uuid.UUID
    """The producer's idempotency key: the same request twice is one piece of work."""
    account: AccountName = "default"
    kind: KindName = "invoice"
    documents: Annotated[tuple[NewDocument, ...], Field(min_length=1, max_length=MAX_DOCUMENTS_PER_MESSAGE)]
    requested_by: RequestedBy
    emit: bool = Field(default=False, strict=True)
    """True: each is emitted once it is there. False: it is left a draft."""
    preflight: bool = Field(default=True, alias="validate", strict=True)
    """`validate`, which pydantic keeps for itself. False: created although pre-flight would reject them."""
    priority: Priority = Priority.NORMAL
    not_before: Moment | None = None
    """Nothing is sent before this instant."""
    callback_url: CallbackUrl | None = None

    @field_validator("documents", mode="after")
    @classmethod
    def _each_once(cls, documents: tuple[NewDocument, ...]) -> tuple[NewDocument, ...]:
        """The same document twice is one; one reference for two bodies stays, for the intake to refuse the second."""
        return tuple({(each.reference, canonical(each.body)): each for each in documents}.values())

    @model_serializer(mode="wrap")
    def _without_what_goes_without_saying(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.preflight:
            content.pop("validate", None)
        return content

    @property
    def references(self) -> tuple[str, ...]:
        """The producer's names of the documents."""
        return tuple(each.reference for each in self.documents)

    def fingerprint(self) -> str:
        """The content's digest: equal for equal work, whoever sends it again."""
        return digest(self.model_dump(mode="json", exclude={"request_id", "requested_by"}))


def _deeper(value: Any, most: int) -> bool:
    """Whether there are more than so many objects or lists inside each other."""
    if not isinstance(value, dict | list | tuple):
        return False
    inside = cast("Iterable[Any]", value.values() if isinstance(value, dict) else value)
    return most == 0 or any(_deeper(each, most - 1) for each in inside)


def canonical(content: Mapping[str, Any]) -> str:
    """JSON in one way of writing it: equal for equal content. Raises `ValueError` for what JSON cannot say."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(content: Mapping[str, Any]) -> str:
    """Of JSON content, however its names are ordered."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


@overload
def read_creation(payload: object) -> CreateRequest: ...


@overload
def read_creation(payload: Sequence[object], kwargs: Mapping[str, object]) -> CreateRequest: ...


def read_creation(payload: object, kwargs: Mapping[str, object] | None = None) -> CreateRequest:
    """The request in a decoded JSON message, or in the arguments the task was called with (args and kwargs).

    Raises `UnreadableMessage` and nothing else, whatever the payload is.
    """
    return read_as(CreateRequest, payload, kwargs)
