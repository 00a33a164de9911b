"""Each country's fiscal code: its format, where it stands, and whether its inner fields tell the truth."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

FORMATS = {
    "colombia": r"[0-9a-f]{96}",
    "mexico": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "costaRica": r"506\d{47}",
    "peru": r"[FB][A-Z0-9]{3}-\d{1,8}",
    "argentina": r"\d{14}",
    "republicaDominicana": r"E(31|32|33|34|41|43|44|45|46|47)\d{10}",
    "panama": r"FE\d{2}[123][0-9A-Z-]{20}-\d{2}[0-9A-Z]{4}\d{8}\d{10}\d{3}\d{2}[12]\d{9}\d",
}
KEYS = {"colombia": "cufe", "mexico": "uuid", "costaRica": "uuid", "argentina": "cae", "panama": "cufe"}


def shown_code(row: dict[str, Any], country: str) -> str:
    return str(row["stamp"][KEYS[country]] if country in KEYS else row["numberTemplate"]["fullNumber"])


@pytest.mark.parametrize("country", FORMATS)
def test_the_code_has_its_countrys_format_and_stands_in_the_ledger(desk_of: Callable[..., Any], country: str) -> None:
    desk = desk_of("acme", country)
    ids = desk.drafts(3)
    assert {row["emissionStatus"] for row in desk.rows(*ids).values()} == {"STAMPED_AND_ACCEPTED"}
    codes = {document_id: shown_code(desk.read(document_id), country) for document_id in ids}
    assert all(re.fullmatch(FORMATS[country], code) for code in codes.values())
    assert len(set(codes.values())) == 3
    assert {entry["document_id"]: entry["code"] for entry in desk.sandbox.ledger("acme")} == codes


@pytest.mark.parametrize("country", FORMATS)
def test_mexico_alone_has_no_legal_status_unless_asked(desk_of: Callable[..., Any], country: str) -> None:
    desk = desk_of("acme", country)
    [one] = desk.drafts(1)
    desk.stamp(one)
    assert ("legalStatus" in desk.read(one)["stamp"]) == (country != "mexico")
    desk.sandbox.faults.set(legal_status_mexico=True)
    assert desk.read(one)["stamp"]["legalStatus"] == "STAMPED_AND_ACCEPTED"


def test_a_colombian_bar_code_repeats_number_date_and_code(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.stamp(one)
    row = acme.read(one)
    lines = dict(line.split(": ", 1) for line in row["stamp"]["barCodeContent"].split("\n"))
    assert lines["CUFE"] == row["stamp"]["cufe"]
    assert (lines["NumFac"], lines["FecFac"]) == (row["numberTemplate"]["fullNumber"], row["date"])


def test_a_clave_agrees_with_date_issuer_and_consecutive(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("tica", "costaRica")
    [one] = desk.drafts(1)
    desk.stamp(one)
    row, company = desk.read(one), desk.http.get("/company").json()
    clave = row["stamp"]["uuid"]
    year, month, day = row["date"].split("-")
    assert clave[3:9] == f"{day}{month}{year[2:]}"
    assert clave[9:21] == company["identification"].zfill(12)
    assert clave[21:41] == row["numberTemplate"]["fullNumber"]


def test_a_cae_has_an_expiry_under_the_key_of_the_setting(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("che", "argentina")
    first, second = desk.drafts(2)
    desk.stamp(first)
    assert re.fullmatch(r"\d{8}", desk.read(first)["stamp"]["caeExpirationDate"])
    desk.sandbox.faults.set(code_key_argentina="CAE", expiry_key_argentina="CAEFchVto")
    desk.stamp(second)
    assert {"CAE", "CAEFchVto"} <= desk.read(second)["stamp"].keys()


@pytest.mark.parametrize(
    ("country", "fault"),
    [
        ("colombia", "code_key_colombia"),
        ("mexico", "code_key_mexico"),
        ("costaRica", "code_key_costaRica"),
        ("panama", "code_key_panama"),
    ],
)
def test_the_key_of_the_code_is_a_setting(desk_of: Callable[..., Any], country: str, fault: str) -> None:
    desk = desk_of("acme", country)
    [one] = desk.drafts(1)
    desk.sandbox.faults.set({fault: "legend"})
    desk.stamp(one)
    assert re.fullmatch(FORMATS[country], desk.read(one)["stamp"]["legend"])


def test_panamas_check_digit_is_a_setting(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("canal", "panama")
    ids = desk.drafts(10)
    desk.sandbox.faults.set(check_digit_panama="zero")
    desk.stamp(*ids)
    assert {desk.read(each)["stamp"]["cufe"][-1] for each in ids} == {"0"}


@pytest.mark.parametrize("country", FORMATS)
def test_a_malformed_code_breaks_its_countrys_format(desk_of: Callable[..., Any], country: str) -> None:
    desk = desk_of("acme", country)
    [one] = desk.drafts(1)
    desk.sandbox.faults.set(malformed_code="always")
    desk.stamp(one)
    assert not re.fullmatch(FORMATS[country], shown_code(desk.read(one), country))


@pytest.mark.parametrize("country", ["colombia", "costaRica", "panama"])
def test_an_inconsistent_code_is_well_formed_and_belongs_elsewhere(desk_of: Callable[..., Any], country: str) -> None:
    desk = desk_of("acme", country)
    [one] = desk.drafts(1)
    desk.sandbox.faults.set(inconsistent_code={"ids": [one]})
    desk.stamp(one)
    row = desk.read(one)
    code = shown_code(row, country)
    assert re.fullmatch(FORMATS[country], code)
    year, month, day = row["date"].split("-")
    inner = {
        "colombia": f"FecFac: {row['date']}" in row["stamp"].get("barCodeContent", ""),
        "costaRica": code[3:9] == f"{day}{month}{year[2:]}",
        "panama": f"{year}{month}{day}" in code,
    }
    assert not inner[country]


@pytest.mark.parametrize(("country", "prefix"), [("peru", "B001"), ("republicaDominicana", "E32")])
def test_other_series_can_be_asked_for(desk_of: Callable[..., Any], country: str, prefix: str) -> None:
    desk = desk_of("acme", country)
    [one] = desk.sandbox.add_drafts("acme", 1, numbering=prefix)
    desk.stamp(one)
    assert shown_code(desk.read(one), country).startswith(prefix)


def test_identifications_carry_valid_check_digits() -> None:
    """Published examples, from the contract."""
    from worker.sandbox.identification import cuit_check_digit, nit_check_digit, rnc_check_digit, ruc_check_digit

    assert (nit_check_digit("900100200"), nit_check_digit("222222222")) == ("0", "7")
    assert ruc_check_digit("2010000000") == "9"
    assert cuit_check_digit("3000000000") == "7"
    assert rnc_check_digit("10100000") == "7"
