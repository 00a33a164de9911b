"""The countries, and Alegra's names for them."""

from __future__ import annotations

import pytest

from worker.countries import COUNTRIES, country, from_application_version


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("colombia", "CO"),
        ("mexico", "MX"),
        ("costaRica", "CR"),
        ("COSTA_RICA", "CR"),
        ("peru", "PE"),
        ("argentina", "AR"),
        ("republicaDominicana", "DO"),
        ("panama", "PA"),
    ],
)
def test_alegras_application_version_names_the_country(version: str, code: str) -> None:
    found = from_application_version(version)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("version", ["chile", "spain", "", "???"])
def test_a_country_timbre_does_not_emit_in_is_none(version: str) -> None:
    assert from_application_version(version) is None


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        country("CL")


def test_every_schedule_can_carry_rule_four() -> None:
    """Reads of an uncertain document must span the quiet window, or it could never be proven unstamped."""
    for each in COUNTRIES.values():
        assert sum(each.uncertain_schedule, start=each.quiet_window * 0) >= each.quiet_window
        assert all(delay.total_seconds() > 0 for delay in (*each.confirm_schedule, *each.waiting_schedule))


def test_perus_boletas_may_wait_for_days() -> None:
    assert sum(delay.total_seconds() for delay in country("PE").waiting_schedule) >= 72 * 3600


def test_every_format_names_its_source() -> None:
    assert all(form.source for each in COUNTRIES.values() for form in each.formats)


def test_only_mexico_is_believed_without_a_legal_status() -> None:
    assert [code for code, each in COUNTRIES.items() if not each.expects_legal_status] == ["MX"]
