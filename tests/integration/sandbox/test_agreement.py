"""Pre-flight and the stand-in judge by rules of their own: what one blocks the other refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.papers import VALID, paper
from worker.alegra.drafts import draft_shown
from worker.countries import COUNTRIES, Finding, preflight
from worker.sandbox.examination import objection
from worker.sandbox.flaws import flaws_of, spoil
from worker.sandbox.nations import NATIONS
from worker.sandbox.numbering import NumberTemplate, templates_for
from worker.sandbox.seed import contacts_of, goods_of, invoice_facts

NUMBER = "client.identificationObject.number"
COUNTRY_NAMES = {nation.iso: nation.name for nation in NATIONS.values()}


def found(document: dict[str, Any], country: str) -> tuple[Finding, ...]:
    today = COUNTRIES[country].today(datetime.now(UTC))
    return preflight(draft_shown(document, country, "invoice"), today)


def as_shown(facts: dict[str, Any], template: NumberTemplate) -> dict[str, Any]:
    """A draft of these facts as GET /invoices/{id} shows it."""
    numbering = {
        "id": template.id,
        "prefix": template.series.prefix or None,
        "number": None,
        "subDocumentType": template.series.sub_document_type or None,
        "isElectronic": True,
    }
    return {"id": "501", "status": "draft", "stamp": None, "numberTemplate": numbering, **facts}


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_good_draft_of_the_seed_passes_both(country: str) -> None:
    nation = NATIONS[COUNTRY_NAMES[country]]
    chance = Random("good")
    contacts, goods = contacts_of(nation, chance), goods_of(nation)
    for template in [each for each in templates_for(nation, 2026) if each.is_electronic and each.status == "active"]:
        if template.document_type != "invoice":
            continue
        for _ in range(40):
            day = datetime(2026, 3, 2, tzinfo=UTC).date()
            facts = invoice_facts(nation, contacts, goods, day, chance, template.series.sub_document_type)
            assert objection(nation, facts, template) is None
            assert [each.sentence() for each in found(as_shown(facts, template), country) if each.blocks] == []


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_flaw_of_the_stand_in_is_blocked_and_refused(country: str) -> None:
    nation = NATIONS[COUNTRY_NAMES[country]]
    template = templates_for(nation, 2026)[0]
    contacts, goods = contacts_of(nation, Random("flaws")), goods_of(nation)
    day = datetime(2026, 3, 2, tzinfo=UTC).date()
    for place, _ in enumerate(flaws_of(nation)):
        facts = invoice_facts(nation, contacts, goods, day, Random(place), template.series.sub_document_type)
        flaws_of(nation)[place](facts)
        assert objection(nation, facts, template), (country, place)
        assert any(each.blocks for each in found(as_shown(facts, template), country)), (country, place)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_doubt_of_the_stand_in_is_warned_about_and_accepted(country: str) -> None:
    nation = NATIONS[COUNTRY_NAMES[country]]
    template = templates_for(nation, 2026)[0]
    contacts, goods = contacts_of(nation, Random("doubts")), goods_of(nation)
    day = COUNTRIES[country].today(datetime.now(UTC))
    for place in range(20):
        chance = Random(place)
        facts = invoice_facts(nation, contacts, goods, day, chance, template.series.sub_document_type)
        doubtful = spoil(nation, facts, chance, certain=False)
        assert objection(nation, doubtful, template) is None
        findings = found(as_shown(doubtful, template), country)
        assert findings
        assert not any(each.blocks for each in findings)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_over_http_flawed_drafts_are_refused_until_they_are_corrected(
    desk_of: Callable[..., Any], country: str
) -> None:
    desk = desk_of("acme", country)
    [flawed, doubtful] = [desk.drafts(1, **{name: 1})[0] for name in ("flawed", "doubtful")]
    shown = desk.read(flawed)
    assert any(each.blocks for each in found(shown, country))
    assert desk.rows(flawed)[flawed]["code"] == 3051
    assert desk.executions(flawed) == 0
    assert desk.rows(doubtful)[doubtful]["success"]
    good = desk.read(desk.drafts(1)[0])
    corrected = {key: good[key] for key in ("client", "items", "saleConcept") if key in good}
    desk.sandbox.plant("acme", flawed, fields=corrected)
    assert desk.rows(flawed)[flawed]["success"]


TEXTS = (
    "0 5 59 5A 12345 123456 1234567 12345678 900100200 900.100.200-0 9001002000 222222222222 EKU9003173C9 "
    "EKU9013173C9 CACX7605101P8 XAXX010101000 XEXX010101000 COMG600703 20131312955 20131312956 10054148289 "
    "33-69345023-9 33693450238 101850043 101850042 4015062 00113918205 3101999999 3-101-999999 304550175 0304550175 "
    "155812994816 8-442-445 8_442 AB 8311100000000 80101500 8010150 42501 4250 605 601 616 612 626 G03 D01 S01 CN01 "
    "G02 I04 D10 NIT CC RFC RUC DNI CE CUIT RNC CEDULA CF CJ DIMEX NITE PE PASSPORT INTERNAL_SALE EXPORT SERVICES "
    "PRODUCTS 2026-03-01 2026-02-01 PPD 99 FINAL_CONSUMER TAXPAYER IVA_RESPONSABLE GOVERNMENT FOREIGN CREDIT "
    "250000.00 "
)
texts = st.sampled_from(["", " ", *TEXTS.split()])
values = texts | st.none() | st.integers(-1, 300_000) | st.lists(texts, max_size=2)
PLACES = (
    f"client.name client.email {NUMBER} client.identificationObject.type client.identificationObject.dv "
    "client.address.city client.address.zipCode client.regimeObject client.cfdiUse client.ivaCondition "
    "client.thirdType client.kindOfPerson items items.0.quantity items.0.productKey items.0.tax total operationType "
    "saleConcept startDateService endDateService saleCondition paymentMethod paymentForm dueDate"
).split()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    country=st.sampled_from(sorted(VALID)),
    changes=st.dictionaries(st.sampled_from(PLACES), values, min_size=1, max_size=4),
    which=st.integers(0, 1),
)
def test_whatever_pre_flight_blocks_the_stand_in_refuses(country: str, changes: dict[str, Any], which: int) -> None:
    nation = NATIONS[COUNTRY_NAMES[country]]
    template = templates_for(nation, 2026)[which if len(nation.series) > 1 else 0]
    # An empty list of items has no first one to change.
    ordered = dict(sorted(changes.items(), key=lambda change: change[0] == "items"))
    document = paper(country, ordered)
    shown = as_shown({name: value for name, value in document.items() if name != "numberTemplate"}, template)
    if not isinstance(shown["items"], list) or not all(isinstance(each, dict) for each in shown["items"]):
        return
    blocks = [each for each in found(shown, country) if each.blocks]
    if blocks:
        assert objection(nation, shown, template), [each.sentence() for each in blocks]
