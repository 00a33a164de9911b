"""The fuzz suite tries ten thousand cases and more, each time the same ones."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.unit.fuzz.cases import COUNTED

TESTS = Path(__file__).parents[2]


def test_these_are_ten_thousand_cases_and_more() -> None:
    for file in sorted(TESTS.glob("*/fuzz/test_*.py")):
        importlib.import_module(".".join(("tests", *file.relative_to(TESTS).with_suffix("").parts)))
    assert sum(COUNTED.values()) >= 10_000, COUNTED
