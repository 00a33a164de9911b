"""Whatever Alegra answers, with whatever status: a report or `AlegraUnavailable`, and never another exception."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.unit.fuzz.bodies import COMPANY, INVOICE, STAMP_ANSWER, TEMPLATE, bodies, rows
from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import encoded
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient, Answer
from worker.alegra.invoicing import AlegraInvoicing
from worker.alegra.rates import RateSeen
from worker.countries import COUNTRIES
from worker.emission.kinds import KINDS
from worker.emission.observation import Observation
from worker.emission.ports import AlegraUnavailable, Grant

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
IDS = ("501", "502", "503", "504", "505")

statuses = st.sampled_from([200, 200, 200, 200, 201, 204, 301, 400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 503])
countries = st.sampled_from([*COUNTRIES, None])
kinds = st.sampled_from(sorted(KINDS))

an_invoice = dict(INVOICE)
a_list = rows(INVOICE, IDS)


class Mad:
    """An `AlegraClient` whose every answer is the next of these, and then the last of them again and again."""

    def __init__(self, answers: Sequence[tuple[int, bytes]]) -> None:
        self._answers = list(answers)

    def _next(self, *_: object, **__: object) -> Answer:
        status, body = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return Answer(status, body, RateSeen(throttled=status == 429))

    stamp = stamp_one = edit = documents = document = company = number_templates = _next


def invoicing(country: str | None, *answers: tuple[int, bytes]) -> AlegraInvoicing:
    access = AccountAccess("acme", "http://alegra.example", "ana@example.com", SecretStr("token-0123"), country)
    return AlegraInvoicing(
        cast("AlegraClient", Mad(answers)),
        lambda _account: access,
        permit=lambda _account: Grant(1, timedelta(0)),
        remember_country=lambda _account, _code: None,
    )


@given(
    statuses, bodies(STAMP_ANSWER, STAMP_ANSWER["data"], STAMP_ANSWER["error"][0], an_invoice), kinds, st.integers(1, 5)
)
@example(200, b'{"id": "\\ud800503", "code": 3051, "message": "AEP6016 El correo es obligatorio"}', "invoice", 3)
@cases(900)
def test_a_stamp_answer_gives_every_asked_id_an_outcome(status: int, body: bytes, kind: str, asked: int) -> None:
    ids = IDS[: min(asked, KINDS[kind].batch_size)]
    report = invoicing("CO", (status, body)).stamp("acme", KINDS[kind], ids, not_after=NOW + timedelta(days=1))
    assert set(report.outcomes) == set(ids)
    assert not set(report.strangers) & set(ids)


@given(
    statuses, bodies(a_list, {"metadata": {"total": 5}, "data": a_list}), statuses, bodies(an_invoice), countries, kinds
)
@cases(500)
def test_a_read_reports_what_it_can_of_what_was_asked(
    list_status: int, listed: bytes, status: int, single: bytes, country: str | None, kind: str
) -> None:
    report = invoicing(country, (list_status, listed), (status, single)).read("acme", KINDS[kind], IDS)
    assert set(report.observations) <= set(IDS)
    assert all(seen.document_id == each for each, seen in report.observations.items())
    assert report.failure or report.refused or set(report.observations) == set(IDS)


@given(statuses, bodies(an_invoice), countries, kinds)
@cases(700)
def test_a_single_read_says_what_it_saw_or_why_not(status: int, body: bytes, country: str | None, kind: str) -> None:
    report = invoicing(country, (status, body)).read("acme", KINDS[kind], ["501"])
    assert set(report.observations) <= {"501"}
    assert report.failure or report.refused or set(report.observations) == {"501"}


@given(statuses, bodies([{**each, "status": "draft", "stamp": None} for each in a_list]), countries, kinds)
@cases(500)
def test_a_page_of_drafts_is_drafts_or_unavailable(status: int, body: bytes, country: str | None, kind: str) -> None:
    drafts = or_unavailable(lambda api: api.drafts("acme", KINDS[kind]), country, status, body)
    if drafts is not None:
        page, start = drafts
        assert all(isinstance(each, Observation) and each.is_draft for each in page)
        assert start is None or start >= len(page)


@given(statuses, bodies(COMPANY))
@cases(300)
def test_a_company_is_of_a_country_we_emit_in_or_unavailable(status: int, body: bytes) -> None:
    company = or_unavailable(lambda api: api.company("acme"), None, status, body)
    assert company is None or company.country in COUNTRIES


@given(statuses, bodies([TEMPLATE, {**TEMPLATE, "id": "10"}]))
@cases(300)
def test_numberings_are_a_list_or_unavailable(status: int, body: bytes) -> None:
    templates = or_unavailable(lambda api: api.number_templates("acme"), "CO", status, body)
    assert templates is None or all(template.id for template in templates)


def or_unavailable(ask: Any, country: str | None, status: int, body: bytes) -> Any:
    """What is answered; None when Alegra counts as unavailable."""
    try:
        return ask(invoicing(country, (status, body)))
    except AlegraUnavailable:
        return None


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_is_spoiled_here_can_be_read_when_it_is_not(country: str) -> None:
    """Otherwise the fuzzing above would only ever reach the first check."""
    report = invoicing(country, (200, encoded(a_list))).read("acme", KINDS["invoice"], IDS)
    assert set(report.observations) == set(IDS)
    assert invoicing(country, (200, encoded(COMPANY))).company("acme").country == "CO"
    assert invoicing(country, (200, encoded([TEMPLATE]))).number_templates("acme")[0].prefix == "SETP"
