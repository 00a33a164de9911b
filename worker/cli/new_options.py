"""What `timbre create` was asked for, every option read: a wrong one is told before the file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.cli import reach
from worker.cli.failures import Failure

if TYPE_CHECKING:
    from worker.emission.kinds import Kind
    from worker.files import Way


@dataclass(frozen=True, slots=True)
class Wanted:
    """The documents of this file, in this account."""

    file: str
    data: str | None
    """JSON that stands on the command line instead of in a file."""
    way: Way
    account: str
    kind: Kind
    country: str | None
    emit: bool
    validate: bool


@dataclass(frozen=True, slots=True)
class Written:
    """The options about the file, as they were typed."""

    maps: Sequence[str]
    sets: Sequence[str]
    reference_field: str | None
    format: str | None
    encoding: str
    delimiter: str | None
    decimal: str | None
    dates: str


def way_of(written: Written) -> Way:
    """How the file is read. Raises `Failure`."""
    from worker.files import Columns, NoTarget, Way, columns_of, constant_of
    from worker.files.reading import FORMATS
    from worker.files.targets import REFERENCE
    from worker.files.texts import ENCODINGS
    from worker.files.values import DATES, DECIMALS, Manner

    if written.format is not None:
        _one_of("--format", written.format, FORMATS)
    _one_of("--encoding", written.encoding, list(ENCODINGS))
    if written.decimal is not None:
        _one_of("--decimal", written.decimal, DECIMALS)
    _one_of("--dates", written.dates, list(DATES))
    delimiter = {"tab": "\t", "\\t": "\t"}.get(written.delimiter or "", written.delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise Failure(f"--delimiter cannot be {delimiter[:20]!r}: write one character, or tab.")
    try:
        mapped = [each for one in written.maps for each in columns_of(one)]
        constants = [constant_of(one) for one in written.sets]
    except NoTarget as wrong:
        raise Failure(f"{wrong}.") from None
    if any(target.path == REFERENCE for target, _ in constants):
        raise Failure("--set cannot be the reference: every document has its own.")
    columns = Columns(mapped, None, delimiter, Manner(written.decimal, written.dates))
    return Way(written.format, written.encoding, written.reference_field, columns, constants)


def country_of(written: str | None, account: str, *, offline: bool) -> str | None:
    """Whose rules are asked before anything is sent; None when nobody says.

    The option's, else the account's, as configured or as the table remembers it, where `offline` does not look.
    """
    from worker.accounts import load_accounts
    from worker.values import CountryCode, NotAllowed

    accounts = load_accounts(reach.settings())
    known = accounts[account].country if account in accounts else None
    if written is None:
        return known if known or offline else _remembered(account)
    try:
        return str(CountryCode()(written))
    except NotAllowed as wrong:
        raise Failure(f"--country cannot be {written[:40]!r}: write {wrong}.") from None


def _remembered(account: str) -> str | None:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return next((each.country for each in reach.queries().accounts(account)), None)
    except (Failure, SQLAlchemyError):
        # To ask takes a broker, and nothing more: the worker examines it, too.
        return None


def _one_of(option: str, written: str, allowed: Sequence[str]) -> None:
    if written not in allowed:
        raise Failure(f"{option} cannot be {written[:40]!r}: write {' or '.join(allowed)}.")
