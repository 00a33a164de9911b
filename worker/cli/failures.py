"""How the command ends: the exit codes of the contract, and a sentence for everything that can go wrong."""

from __future__ import annotations

import re
import tempfile
import traceback
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

_OTHER_TABLES = re.compile(r"no such (table|column)|(relation|column) .* does not exist")
"""How SQLite and PostgreSQL say that a migration is missing."""


class ExitCode(IntEnum):
    """What a script can tell from how the command ended (design.md §5)."""

    DONE = 0
    SOME_REFUSED = 1
    """Some documents were rejected or held, or an operation was refused."""
    WRONG_USAGE = 2
    UNREACHABLE = 3
    """A service cannot be reached, or something unforeseen happened: nothing is known about the documents."""
    STILL_SETTLING = 4
    """`--wait` ran out."""


class Failure(Exception):
    """The command cannot do what was asked. The text is what the user reads: what is wrong, and what to do next."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.WRONG_USAGE) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


def unreachable(sentence: str) -> Failure:
    """A service is away."""
    return Failure(sentence, ExitCode.UNREACHABLE)


def told(error: Exception) -> Failure | None:
    """The failure behind an expected error, as a sentence; None when the error is a surprise."""
    # What is not imported cannot have raised; importing it here costs time only when something went wrong.
    from kombu.exceptions import KombuError
    from redis import RedisError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from timbre_producers.errors import BrokerUnreachable, InvalidRequest
    from worker.accounts import UnknownAccount, WrongAccounts
    from worker.emission.ports import AlegraUnavailable, CoordinationDown
    from worker.settings import WrongSettings

    match error:
        case Failure():
            return error
        case WrongSettings(problems=problems) | WrongAccounts(problems=problems):
            return Failure("\n".join(problems))
        case UnknownAccount() | InvalidRequest():
            return Failure(str(error))
        case BrokerUnreachable() | AlegraUnavailable():
            return unreachable(str(error))
        case CoordinationDown():
            return unreachable(f"{error} Start it, or correct TIMBRE_REDIS_URL; `timbre doctor` checks it.")
        case RedisError() | KombuError():
            return unreachable(
                f"Redis or the broker did not answer ({type(error).__name__}): start it, or correct TIMBRE_REDIS_URL "
                "or TIMBRE_BROKER_URL; `timbre doctor` checks them."
            )
        case DBAPIError():
            return _database(error)
        case SQLAlchemyError():
            return unreachable(f"The database cannot be used ({type(error).__name__}): correct TIMBRE_DATABASE_URL.")
        case OSError(strerror=str(reason)):
            about = f" ({error.filename})" if error.filename else ""
            return unreachable(f"The system said: {reason}{about}. Make room or give the right to it, and try again.")
        case _:
            return None


def surprise(error: Exception, home: Path | None) -> tuple[Failure, str]:
    """An error nobody foresaw: kept in a file, told in a sentence. Returns the failure and the traceback."""
    from worker.observability import SECRETS

    text = SECRETS.remove("".join(traceback.format_exception(error)))
    place = _keep(text, home)
    kept = f"The details are in {place}" if place else "The details could not be written to a file"
    return (
        unreachable(
            f"Something unforeseen happened ({type(error).__name__}). {kept}; TIMBRE_DEBUG=1 shows them here. "
            "`timbre doctor` may find the cause."
        ),
        text,
    )


def _database(error: Exception) -> Failure:
    cause = str(getattr(error, "orig", error)).strip().splitlines()
    first = cause[0] if cause else type(error).__name__
    if _OTHER_TABLES.search(first):
        return unreachable("The database has not the tables of this release: run `timbre migrate`.")
    return unreachable(
        f"The database cannot be used: {first.rstrip('.')}. Start it, or correct TIMBRE_DATABASE_URL; "
        "`timbre doctor` checks it."
    )


def _keep(text: str, home: Path | None) -> Path | None:
    stamped = f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}\n"
    for folder in (home, Path(tempfile.gettempdir())):
        if folder is None or not folder.is_dir():
            continue
        place = folder / "timbre-cli.log"
        try:
            with place.open("a", encoding="utf-8") as file:
                file.write(stamped)
        except OSError:
            continue
        return place
    return None
