"""Doctor: look at everything Timbre needs, and say of each part whether it works and what to do if it does not."""

from __future__ import annotations

from collections.abc import Callable

from worker.doctor.accounts import look_at_accounts
from worker.doctor.findings import Finding, Findings, Level
from worker.doctor.services import look_at_broker, look_at_database, look_at_redis, look_at_workers
from worker.settings import Settings, WrongSettings

__all__ = ["Finding", "Level", "examine"]


def examine(load: Callable[[], Settings], account: str | None = None) -> Findings:
    """Look at everything, or for one account's sake; findings come as they are made. Writes nothing that stays."""
    try:
        settings = load()
    except WrongSettings as wrong:
        for problem in wrong.problems:
            yield Finding("settings", Level.FAILED, problem, "Correct the variable; `timbre settings` lists them all.")
        return
    yield Finding("settings", Level.OK, f"read; data of this machine in {settings.home}")
    for warning in settings.warnings:
        yield Finding("settings", Level.WARNING, warning, "Correct or remove the variable.")
    yield from look_at_database(settings)
    yield from look_at_redis(settings)
    yield from look_at_broker(settings)
    yield from look_at_workers(settings)
    yield from look_at_accounts(settings, account)
