"""The migrations, applied one after the other, make the tables the code was written for."""

from __future__ import annotations

from worker.storage.migrate import check


def test_nothing_differs_between_the_migrated_tables_and_the_models(database_url: str) -> None:
    assert check(database_url) == []
