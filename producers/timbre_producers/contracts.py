"""The shared language of producers and worker: the message, the statuses, the task and queue names."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, cast, overload

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    field_serializer,
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

    version: Literal[1] = CONTRACT_VERSION
    request_id: uuid.UUID
    """The producer's idempotency key: the same request twice is one piece of work."""
    account: AccountName = "default"
    kind: KindName = "invoice"
    document_ids: Annotated[tuple[DocumentId, ...], Field(min_length=1, max_length=MAX_IDS_PER_MESSAGE)]
    requested_by: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_ONE_LINE)]
    priority: Priority = Priority.NORMAL
    not_before: datetime | None = None
    """Nothing is sent before this instant; a time without a zone is refused."""
    force: Force | None = None
    callback_url: AnyHttpUrl | None = None
    preflight: bool = Field(default=True, alias="validate", strict=True)
    """`validate`, which pydantic keeps for itself. False: documents are sent although pre-flight would reject them."""

    @field_validator("document_ids", mode="after")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ids))

    @field_validator("not_before", mode="before")
    @classmethod
    def _written_out(cls, moment: object) -> object:
        """A bare number could be seconds, milliseconds or a typing error: only a written time is unmistakable."""
        if isinstance(moment, str) and moment.strip().lstrip("+-").replace(".", "", 1).isdigit():
            raise ValueError("is a number")
        if isinstance(moment, (str, datetime)) or moment is None:
            return moment
        raise ValueError("is not a time")

    @field_validator("not_before", mode="after")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("has no time zone")
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("is outside the calendar") from error

    @field_validator("callback_url", mode="after")
    @classmethod
    def _without_secrets(cls, url: AnyHttpUrl | None) -> AnyHttpUrl | None:
        """The message is shown to operators and kept: it carries no password."""
        if url is not None and (url.username or url.password or len(str(url)) > MAX_URL):
            raise ValueError("carries credentials or is too long")
        return url

    @model_serializer(mode="wrap")
    def _without_what_goes_without_saying(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.preflight:
            content.pop("validate", None)
        return content

    @field_serializer("not_before")
    def _as_iso(self, moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    def fingerprint(self) -> str:
        """The content's digest: equal for equal work, whoever sends it again."""
        content = self.model_dump(mode="json", exclude={"request_id", "requested_by"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


FIELDS: Final = tuple(field.alias or name for name, field in EmitRequest.model_fields.items())
"""What a message may carry, as it is written there."""


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
    if kwargs is not None:
        payload = _only_argument(cast("Sequence[object]", payload), kwargs)
    if not isinstance(payload, Mapping):
        raise UnreadableMessage(f"the message is {shorten(payload)}: send the JSON object of the contract")
    message = cast("Mapping[object, object]", payload)
    try:
        return EmitRequest.model_validate(message)
    except ValidationError as error:
        problems = problems_of(error, FIELDS)
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
