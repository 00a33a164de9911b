"""The accounts file: TOML, one table per Alegra user, secrets by reference only."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from worker.settings import ALEGRA, KIND_NAMES, NUMBERINGS, reader_of
from worker.values import (
    CountryCode,
    Email,
    Hour,
    NotAllowed,
    Reader,
    Seconds,
    Switch,
    Whole,
    Zone,
    is_alegras_token,
    may_be_secret,
)

OVERRIDES: Final = (
    "linger",
    "look_fresh",
    "confirm_schedule",
    "waiting_schedule",
    "uncertain_schedule",
    "quiet_window",
    "stamp_timeout",
    "read_timeout",
    "min_in_flight",
    "max_in_flight",
    "max_attempts",
)
"""Keys that override the setting of the same name, and are written the same way."""

_READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "email": Email(),
        "country": CountryCode(),
        "base_url": ALEGRA,
        "requests_per_minute": reader_of("requests_per_minute"),
        "documents_per_month": Whole(1, 10_000_000),
        **{name: reader_of(name) for name in OVERRIDES},
    }
)
_NIGHTLY_READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "enabled": Switch(),
        "hour": Hour(),
        "time_zone": Zone(),
        "min_age": Seconds(0, 365 * 24 * 3600),
        "numberings": NUMBERINGS,
        "kinds": KIND_NAMES,
    }
)
_KEYS: Final = ("token_env", "token_file", "nightly", *_READERS)
_SECRET_KEYS: Final = frozenset({"token", "api_token", "api_key", "apikey", "password", "secret", "key"})

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_LIKE_A_TOKEN: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{16,}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One account as it was written down."""

    name: str
    source: str
    """Where, for sentences about it."""
    email: str
    token: str = field(repr=False)
    written: Mapping[str, Any] = field(default_factory=dict)
    """What the account says itself, by key."""
    nightly: Mapping[str, Any] = field(default_factory=dict)


def read_accounts_file(path: Path, environ: Mapping[str, str]) -> tuple[Sequence[Entry], Sequence[str]]:
    """The accounts that are whole, and a sentence for each problem: file, table, key, value, remedy; never a secret."""
    shown = _shown(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return [], [f"{shown} cannot be read ({error.strerror}); TIMBRE_ACCOUNTS_FILE names it."]
    except UnicodeDecodeError:
        return [], [f"{shown} is not UTF-8 text: save it as UTF-8."]
    except tomllib.TOMLDecodeError as error:
        # Only the place: the parser's own sentence may quote the line.
        place = re.search(r"at line [0-9]+, column [0-9]+|at end of document", str(error))
        return [], [f"{shown} is not TOML{f' {place[0]}' if place else ''}: correct that line."]
    except (RecursionError, ValueError):
        return [], [f"{shown} is not TOML that can be read: write one table per account, one key a line."]
    readings = [_Table(path, environ, name, table) for name, table in tables.items()]
    entries = [entry for reading in readings if (entry := reading.entry()) is not None]
    return entries, [problem for reading in readings for problem in reading.problems]


class _Table:
    """One table being read, its problems collected."""

    def __init__(self, path: Path, environ: Mapping[str, str], name: str, table: object) -> None:
        self._path = path
        self._environ = environ
        self._name = name
        self._table: Mapping[str, object] = table if isinstance(table, dict) else {}
        self._is_table = isinstance(table, dict)
        self.problems: list[str] = []

    def entry(self) -> Entry | None:
        """The account, when nothing is wrong with it."""
        if not self._is_table:
            self._problem(None, "is a single value: an account is a table, its keys below its name; secrets stay out")
            return None
        if not _NAME.fullmatch(self._name):
            self._problem(None, "is not an account name: use letters, digits, `_`, `.` and `-`, at most 63")
        token, written, nightly = self._token(), self._account(), self._nightly()
        if self.problems or token is None:
            return None
        email = written.pop("email")
        return Entry(self._name, f"{_shown(self._path)}: [{self._name}]", email, token, written, nightly)

    def _problem(self, key: str | None, what: str, *, below: str = "") -> None:
        where = f"[{_short(self._name)}{below}]" + (f" {_short(key)}" if key is not None else "")
        self.problems.append(f"{_shown(self._path)}: {where} {what}.")

    def _account(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._table.items():
            if key.lower() in _SECRET_KEYS:
                remedy = "name where it is with token_env or token_file, and change it if others could read it"
                self._problem(key, f"is refused, because no secret belongs in this file: {remedy}")
            elif key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, 1, cutoff=0)[0]
                self._problem(key, f"is not a key of an account; the nearest is {near}")
            elif key in _READERS:
                self._read(found, key, _READERS[key], value)
        if "email" not in self._table:
            self._problem("email", "is missing: write the Alegra user's e-mail address")
        return found

    def _nightly(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        table = self._table.get("nightly", {})
        if not isinstance(table, dict):
            self._problem("nightly", f"is a single value: write a table [{_short(self._name)}.nightly]")
            return found
        for key, value in table.items():
            if key in _NIGHTLY_READERS:
                self._read(found, key, _NIGHTLY_READERS[key], value, below=".nightly")
            else:
                near = difflib.get_close_matches(key, _NIGHTLY_READERS, 1, cutoff=0)[0]
                self._problem(key, f"is not a key of a night; the nearest is {near}", below=".nightly")
        return found

    def _read(self, found: dict[str, Any], key: str, reader: Reader, value: object, *, below: str = "") -> None:
        try:
            found[key] = reader(value)
        except NotAllowed as error:
            hidden = key == "email" or may_be_secret(value)
            shown = "has a value that cannot be used" if hidden else f"is {_short(repr(value))}"
            self._problem(key, f"{shown}; allowed is {error}", below=below)

    def _token(self) -> str | None:
        table = self._table
        if "token_env" in table and "token_file" in table:
            self._problem("token_env", "and token_file are both given: keep one")
        elif "token_env" in table:
            return self._token_of_variable(table["token_env"])
        elif "token_file" in table:
            return self._token_of_file(table["token_file"])
        elif not _SECRET_KEYS & {key.lower() for key in table}:
            self._problem(
                "token_env", "is missing: name the variable that holds the token, or its file with token_file"
            )
        return None

    def _token_of_variable(self, variable: object) -> str | None:
        if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable) or _LIKE_A_TOKEN.fullmatch(variable):
            self._problem("token_env", "is not the name of an environment variable, such as ACME_TOKEN")
            return None
        token = self._environ.get(variable, "").strip()
        if not token:
            self._problem("token_env", f"names {_short(variable)}, which is not set: export it, or use token_file")
            return None
        return self._usable("token_env", token)

    def _token_of_file(self, written: object) -> str | None:
        if not isinstance(written, str) or not written.strip():
            self._problem("token_file", "is not the path of a file that holds the token and nothing else")
            return None
        hidden = "@" in written or _LIKE_A_TOKEN.fullmatch(written)
        shown = "names a file that" if hidden else f"names {_short(repr(written))}, which"
        try:
            token = (self._path.parent / written).read_text(encoding="utf-8").strip()
        except OSError as error:
            self._problem(
                "token_file", f"{shown} cannot be read ({error.strerror}): a path, from this file's directory"
            )
            return None
        except ValueError:
            self._problem("token_file", f"{shown} is no text file: it must hold the token and nothing else")
            return None
        return self._usable("token_file", token)

    def _usable(self, key: str, token: str) -> str | None:
        if problem := unusable(token):
            self._problem(key, f"leads to a token that {problem}")
            return None
        return token


def unusable(token: str) -> str | None:
    """Why this cannot be an API token; None when it can."""
    if not token:
        return "is empty"
    if any(not letter.isprintable() or letter.isspace() or not letter.isascii() for letter in token):
        return "has spaces, line breaks or accented letters: copy it again, alone"
    return None


def _shown(path: Path) -> str:
    """The path, unless it is a token or an address that somebody wrote in its place, or would not show."""
    written = str(path)
    hidden = "@" in written or is_alegras_token(path.name) or not written.isprintable()
    return "The accounts file" if hidden else written


def _short(text: str) -> str:
    if is_alegras_token(text):
        return "(a name that looks like a token)"
    if not text.isprintable():
        text = ascii(text)[1:-1]
    return text if len(text) <= 80 else text[:79] + "…"
