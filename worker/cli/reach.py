"""What a command reaches for, opened only when one asks for it: settings, tables, the runtime. Help stays quick."""

from __future__ import annotations

import re
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from worker.cli.failures import Failure, unreachable
from worker.cli.output import complain

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from worker.emission.kinds import Kind
    from worker.runtime import Runtime
    from worker.settings import Settings
    from worker.storage.creation_queries import CreationQueries
    from worker.storage.queries import Queries

NO_REASON_SHORTER_THAN = 3
"""The contract's own limit: `--reason x` explains nothing to the auditor who reads it in a year."""


_opened = ExitStack()
"""What this command opened, to be given back at its end."""


def settings() -> Settings:
    """The settings of the environment; probable mistakes are said once. Raises `WrongSettings`."""
    from worker.environment import environment, load_settings

    loaded = load_settings(environment())
    for warning in loaded.warnings:
        _warn(warning)
    return loaded


def queries() -> Queries:
    """The read-only questions to the tables."""
    from worker.storage.queries import Queries

    return Queries(engine())


def creation_queries() -> CreationQueries:
    """The read-only questions about documents that were to be created."""
    from worker.storage.creation_queries import CreationQueries

    return CreationQueries(engine())


@cache
def engine() -> Engine:
    """The database of the settings."""
    from worker.storage.session import make_engine

    made = make_engine(_existing(settings().database))
    _opened.callback(made.dispose)
    return made


@cache
def runtime() -> Runtime:
    """The verbs, wired as in a worker, with a Celery application that only publishes."""
    from celery import Celery

    from worker.accounts import load_accounts
    from worker.broker import configure
    from worker.runtime import Runtime

    loaded = settings()
    _existing(loaded.database)
    app = Celery("timbre", set_as_current=False)
    configure(app, loaded)
    made = Runtime(loaded, load_accounts(loaded), app)
    _opened.callback(made.close)
    _opened.callback(app.close)
    return made


def close() -> None:
    """Give back what the command opened."""
    for each in (engine, runtime, _warn):
        each.cache_clear()
    _opened.close()


def possible_account(name: str | None) -> str | None:
    """The name to look for, if an account can have it; it need not be configured (any more)."""
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise Failure(f"--account cannot be {name[:60]!r}: a name has 1 to 63 letters, digits, dots, dashes or _.")
    return name


def known_account(name: str) -> str:
    """The name, if somebody configured it. Without any configured account only the worker can tell."""
    from worker.accounts import load_accounts

    possible_account(name)
    accounts = load_accounts(settings())
    if len(accounts):
        _ = accounts[name]
    return name


def known_kind(name: str) -> Kind:
    """The kind of document, which the command line may write with a dash."""
    from worker.emission.kinds import KINDS

    kind = KINDS.get(name.replace("-", "_"))
    if kind is None:
        raise Failure(f"--kind cannot be {name[:40]!r}: Timbre emits {', '.join(KINDS)}.")
    return kind


def kind_of_account(name: str, account: str) -> Kind:
    """The same, for an account whose country may lack it. Raises `Failure`."""
    from worker.accounts import load_accounts
    from worker.emission.kinds import foreign

    kind = known_kind(name)
    accounts = load_accounts(settings())
    country = accounts[account].country if account in accounts else None
    if country is not None and not kind.exists_in(country):
        raise Failure(f"--kind cannot be {kind.name} for account {account}: {foreign(kind, country)}.")
    return kind


def known_ids(ids: list[str]) -> list[str]:
    """The ids, each once, if Alegra could have made them."""
    for each in ids:
        if not re.fullmatch(r"[0-9A-Za-z-]{1,36}", each):
            raise Failure(f"ID cannot be {each[:60]!r}: write Alegra's id, 1 to 36 letters, digits or dashes.")
    return list(dict.fromkeys(ids))


def given_reason(reason: str | None, needed_for: str) -> str:
    """The reason somebody will read in the history."""
    said = " ".join((reason or "").split())
    if not said.isprintable() or not NO_REASON_SHORTER_THAN <= len(said) <= 500:
        raise Failure(f"{needed_for} needs --reason: one line of 3 to 500 characters; the history keeps it.")
    return said


def operator() -> str:
    """Who answers for what is done here: user@host."""
    from timbre_producers.calls import this_program

    return this_program().rpartition("/")[0][:120]


def _existing(url: str) -> str:
    """The URL, unless it names a SQLite file that is not there: to look must not make one."""
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.is_file():
        raise unreachable(
            f"There is no database at {file} yet: `timbre migrate` makes it, and so do `timbre up` and `timbre demo`. "
            "If it is elsewhere, set TIMBRE_DATABASE_URL."
        )
    return url


@cache
def _warn(warning: str) -> None:
    complain(warning)
