"""The names other programs import, which may not change silently."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import timbre_producers
from timbre_producers.contracts import FIELDS

ROOT = Path(timbre_producers.__file__).parent


def test_the_public_names_are_these() -> None:
    assert set(timbre_producers.__all__) == {
        "CONTRACT_VERSION",
        "CREATE_TASK",
        "EMIT_TASK",
        "INTAKE_QUEUE",
        "MAX_DOCUMENTS_PER_MESSAGE",
        "MAX_IDS_PER_MESSAGE",
        "BrokerUnreachable",
        "CreateRequest",
        "CreationStatus",
        "EmissionClient",
        "EmissionError",
        "EmitRequest",
        "FieldProblem",
        "Force",
        "InvalidRequest",
        "NewDocument",
        "Part",
        "Priority",
        "Receipt",
        "Status",
        "UnreadableMessage",
        "read_creation",
        "read_message",
    }
    assert all(hasattr(timbre_producers, name) for name in timbre_producers.__all__)


def test_the_contracts_constants_are_what_foreign_services_were_told() -> None:
    assert (timbre_producers.EMIT_TASK, timbre_producers.INTAKE_QUEUE) == ("timbre.emit", "timbre.intake")
    assert (timbre_producers.CONTRACT_VERSION, timbre_producers.MAX_IDS_PER_MESSAGE) == (1, 1000)
    assert (timbre_producers.CREATE_TASK, timbre_producers.MAX_DOCUMENTS_PER_MESSAGE) == ("timbre.create", 100)


def test_the_fields_of_the_message_are_those_of_version_1_and_what_may_be_left_out() -> None:
    assert list(FIELDS) == [
        "version",
        "request_id",
        "account",
        "kind",
        "document_ids",
        "requested_by",
        "priority",
        "not_before",
        "force",
        "callback_url",
        "validate",
        "email",
    ]


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert (ROOT / "py.typed").is_file()


def test_it_depends_on_pydantic_and_celery_only() -> None:
    needed = importlib.metadata.requires("timbre-producers") or []
    assert sorted(name.partition(">")[0].partition("<")[0] for name in needed) == ["celery[redis]", "pydantic"]


def test_every_public_class_and_function_says_what_it_is() -> None:
    public = [getattr(timbre_producers, name) for name in timbre_producers.__all__]
    assert all(thing.__doc__ for thing in public if callable(thing))
