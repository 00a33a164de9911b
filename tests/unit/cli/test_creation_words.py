"""What a creation's status means to a person, what to do next, and when a watch over it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from timbre_producers import CreationStatus, Status
from worker.cli.creation_history import explained
from worker.cli.creation_lists import Created, creations_table, why
from worker.cli.creation_watch import Standing
from worker.cli.failures import ExitCode
from worker.storage.creation_queries import CreationView
from worker.storage.views import EmissionView

MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_creation(status: CreationStatus = CreationStatus.CREATED, **more: Any) -> CreationView:
    empty: dict[str, Any] = dict.fromkeys(CreationView.__dataclass_fields__)
    facts = {
        **empty,
        "id": 1,
        "account": "acme",
        "kind": "invoice",
        "reference": "A-1",
        "status": status,
        "attempt": 1,
        "emits": False,
        "requested_by": "ana",
        "priority": "normal",
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "status_since": MOMENT,
    }
    return CreationView(**{**facts, **more})


def an_emission(status: Status) -> EmissionView:
    empty: dict[str, Any] = dict.fromkeys(EmissionView.__dataclass_fields__)
    return EmissionView(**{**empty, "document_id": "501", "status": status, "fiscal_code": "c0de"})


@pytest.mark.parametrize("status", CreationStatus)
def test_every_status_says_in_the_list_how_it_stands(status: CreationStatus) -> None:
    creation = a_creation(status, error_message="wrong", held_reason="two documents have its reference")
    assert why(creation)
    assert creations_table([Created(creation, None)]).row_count == 1
    if status is CreationStatus.HELD:
        assert why(creation) == "two documents have its reference"


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("status", [CreationStatus.HELD, CreationStatus.UNCERTAIN, CreationStatus.REJECTED])
def test_what_needs_words_has_them_in_both_languages(status: CreationStatus, lang: str) -> None:
    said = explained(a_creation(status), lang)
    assert said is not None
    assert said.meaning
    assert said.next
    assert said != explained(a_creation(status), "es" if lang == "en" else "en")


def test_alegras_code_of_a_rejection_is_explained_and_how_to_go_on() -> None:
    said = explained(a_creation(CreationStatus.REJECTED, error_code="3007", error_message="dueDate"), "en")
    plain = explained(a_creation(CreationStatus.REJECTED), "en")
    assert said is not None
    assert plain is not None
    assert said.meaning != plain.meaning
    assert said.next.endswith(plain.next)


@pytest.mark.parametrize(
    ("status", "emits", "emission", "over"),
    [
        (CreationStatus.QUEUED, False, None, False),
        (CreationStatus.CREATING, False, None, False),
        (CreationStatus.UNCERTAIN, True, None, False),
        (CreationStatus.REJECTED, True, None, True),
        (CreationStatus.HELD, True, None, True),
        (CreationStatus.CANCELLED, True, None, True),
        (CreationStatus.CREATED, False, None, True),
        (CreationStatus.CREATED, True, None, False),
        (CreationStatus.CREATED, True, Status.EMITTING, False),
        (CreationStatus.CREATED, False, Status.QUEUED, False),
        (CreationStatus.CREATED, True, Status.STAMPED, True),
        (CreationStatus.CREATED, True, Status.HELD, True),
    ],
)
def test_a_document_is_over_when_nothing_moves_it_any_more(
    status: CreationStatus, emits: bool, emission: Status | None, over: bool
) -> None:
    row = an_emission(emission) if emission else None
    assert Created(a_creation(status, emits=emits), row).over is over


def standing(*creations: Created, **more: Any) -> Standing:
    return Standing(asked=len(creations), creations=creations, **{"taken": True, **more})


STAMPED = Created(a_creation(emits=True), an_emission(Status.STAMPED))
DRAFT = Created(a_creation(document_id="501"), None)
WAITS = Created(a_creation(CreationStatus.UNCERTAIN), None)


@pytest.mark.parametrize(
    ("stands", "code"),
    [
        (standing(STAMPED), ExitCode.DONE),
        (standing(DRAFT), ExitCode.DONE),
        (standing(Created(replace(DRAFT.creation, emits=True), None)), ExitCode.STILL_SETTLING),
        (standing(STAMPED, refused={"A-2": "another body"}), ExitCode.SOME_REFUSED),
        (standing(Created(replace(DRAFT.creation, status=CreationStatus.HELD), None)), ExitCode.SOME_REFUSED),
        (standing(STAMPED, WAITS), ExitCode.STILL_SETTLING),
        (standing(STAMPED, taken=False), ExitCode.STILL_SETTLING),
    ],
)
def test_a_watch_ends_with_the_contracts_exit_code(stands: Standing, code: ExitCode) -> None:
    assert stands.code is code
