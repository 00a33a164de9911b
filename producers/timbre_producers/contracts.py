"""The shared language of producers and worker: the message, the statuses, the task and queue names."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar, cast, overload

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    field_validator,
    model_serializer,
)

from timbre_producers.problems import FieldProblem, one_sentence, problems_of, shorten

EMIT_TASK: Final = "timbre.emit"
INTAKE_QUEUE: Final = "timbre.intake"

MAX_IDS_PER_MESSAGE: Final = 1000
"""How many documents one message may name; a client splits what is longer."""

CONTRACT_VERSION: Final = 1

MAX_URL: Final = 2000

AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,38}$")]


def _digits(value: object) -> object:
    """A whole number is an id written without quotes; True is not."""
    return str(value) if type(value) is int else value


DocumentId = Annotated[str, BeforeValidator(_digits), StringConstraints(pattern=r"^[0-9A-Za-z-]{1,36}$")]
"""Alegra's id: digits in old accounts, a UUIDv7 of 36 characters in new ones. Numbers are taken for their digits."""

_ONE_LINE: Final = r"^[^\p{Cc}\p{Zl}\p{Zp}]*$"
"""No control characters, no line or paragraph separators: the text goes into logs, and PostgreSQL stores no NUL."""


RequestedBy = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_ONE_LINE)]
"""Who answers for a request, in one line."""


def _written_out(moment: object) -> object:
    """A bare number could be seconds, milliseconds or a typing error: only a written time is unmistakable."""
    if isinstance(moment, str) and moment.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("is a number")
    if isinstance(moment, (str, datetime)):
        return moment
    raise ValueError("is not a time")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error


Moment = Annotated[
    datetime, BeforeValidator(_written_out), AfterValidator(_in_utc), PlainSerializer(datetime.isoformat)
]
"""An instant, kept in UTC; a time without a zone is refused."""


def _without_secrets(url: AnyHttpUrl) -> AnyHttpUrl:
    """The message is shown to operators and kept: it carries no password."""
    if url.username or url.password or len(str(url)) > MAX_URL:
        raise ValueError("carries credentials or is too long")
    return url


CallbackUrl = Annotated[AnyHttpUrl, AfterValidator(_without_secrets)]
"""Where to tell the outcome of a request."""


class Status(StrEnum):
    """Where one document stands. `lifecycle` in the worker says which may follow which."""

    QUEUED = "queued"
    EMITTING = "emitting"
    CONFIRMING = "confirming"
    WAITING = "waiting"
    UNCERTAIN = "uncertain"
    STAMPED = "stamped"
    REJECTED = "rejected"
    HELD = "held"
    CANCELLED = "cancelled"


class Priority(StrEnum):
    """`high` passes everything of the same account that is `normal`."""

    NORMAL = "normal"
    HIGH = "high"


class Force(BaseModel):
    """Why a held document may be tried again; `requested_by` is who answers for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=_ONE_LINE)]


class EmitRequest(BaseModel):
    """Ask for documents to be emitted: version 1 of the message of task `timbre.emit`.

    Unknown fields are refused rather than ignored: a misspelt `priority` must not pass silently. So a field that came
    later is written only when it says something: a message without it is read by every worker there ever was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, serialize_by_alias=True)

    TASK: ClassVar[str] = EMIT_TASK

    version: Literal[1] = CONTRACT_VERSION
    request_id: uuid.UUID
    """The producer's idempotency key: the same request twice is one piece of work."""
    account: AccountName = "default"
    kind: KindName = "invoice"
    document_ids: Annotated[tuple[DocumentId, ...], Field(min_length=1, max_length=MAX_IDS_PER_MESSAGE)]
    requested_by: RequestedBy
    priority: Priority = Priority.NORMAL
    not_before: Moment | None = None
    """Nothing is sent before this instant."""
    force: Force | None = None
    callback_url: CallbackUrl | None = None
    preflight: bool = Field(default=True, alias="validate", strict=True)
    """`validate`, which pydantic keeps for itself. False: documents are sent although pre-flight would reject them."""
    email: bool = Field(default=False, strict=True)
    """True: Alegra sends each document to its client once it is stamped, at most once; its failure is no emission's."""

    @field_validator("document_ids", mode="after")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ids))

    @model_serializer(mode="wrap")
    def _without_what_goes_without_saying(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.preflight:
            content.pop("validate", None)
        if not self.email:
            content.pop("email", None)
        return content

    def fingerprint(self) -> str:
        """The content's digest: equal for equal work, whoever sends it again."""
        content = self.model_dump(mode="json", exclude={"request_id", "requested_by"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def fields_of(model: type[BaseModel]) -> tuple[str, ...]:
    """What a message may carry, as it is written there."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


FIELDS: Final = fields_of(EmitRequest)


class UnreadableMessage(Exception):
    """A message that is not the contract's; the sentence says which field, what it held and what to send instead."""

    def __init__(self, sentence: str, *, problems: Sequence[FieldProblem] = (), request_id: str | None = None) -> None:
        super().__init__(sentence)
        self.problems = tuple(problems)
        self.request_id = request_id
        """The request's id when at least that could be read."""


@overload
def read_message(payload: object) -> EmitRequest: ...


@overload
def read_message(payload: Sequence[object], kwargs: Mapping[str, object]) -> EmitRequest: ...


def read_message(payload: object, kwargs: Mapping[str, object] | None = None) -> EmitRequest:
    """The request in a decoded JSON message, or in the arguments the task was called with (args and kwargs).

    Raises `UnreadableMessage` and nothing else, whatever the payload is.
    """
    return read_as(EmitRequest, payload, kwargs)


_Message = TypeVar("_Message", bound=BaseModel)


def read_as(model: type[_Message], payload: object, kwargs: Mapping[str, object] | None = None) -> _Message:
    """As `read_message`, for the message of any of Timbre's tasks."""
    if kwargs is not None:
        payload = _only_argument(cast("Sequence[object]", payload), kwargs)
    if not isinstance(payload, Mapping):
        raise UnreadableMessage(f"the message is {shorten(payload)}: send the JSON object of the contract")
    message = cast("Mapping[object, object]", payload)
    try:
        return model.model_validate(message)
    except ValidationError as error:
        problems = problems_of(error, fields_of(model))
        raise UnreadableMessage(
            one_sentence(problems), problems=problems, request_id=_request_id(message.get("request_id"))
        ) from None


def _only_argument(args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    if len(args) == 1 and not kwargs:
        return args[0]
    raise UnreadableMessage(
        f"the task was called with {len(args)} positional and {len(kwargs)} named arguments: "
        "send one positional argument, the JSON object of the contract"
    )


def _request_id(value: object) -> str | None:
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None
