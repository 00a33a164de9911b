"""What a person may write for a setting, and what it becomes; environment and accounts file share these readers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from worker.countries import COUNTRIES
from worker.emission.kinds import KINDS


class NotAllowed(ValueError):
    """The value cannot be used; the text says what is allowed and never repeats the value, which may be a secret."""


class Reader(Protocol):
    """Turns what was written into a value. Raises `NotAllowed`."""

    @property
    def allowed(self) -> str:
        """What may be written, in words."""
        ...

    def __call__(self, raw: object) -> Any: ...


_OTHER_NAMES: Final = {"dominicanrepublic": "DO"}

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_EMAIL = re.compile(r"[^@:\s]{1,120}@[^@:\s]{1,120}")
_TOKENS_LETTERS = re.compile(r"[A-Za-z0-9+/=_-]{16,}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{16,}")
_HOUR = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def _number(raw: object, pattern: re.Pattern[str]) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    written = str(raw).strip()
    return float(written) if pattern.fullmatch(written) else None


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration written as a number of seconds."""

    least: float
    most: float

    @property
    def allowed(self) -> str:
        return f"a number of seconds from {self.least:.15g} to {self.most:.15g}"

    def __call__(self, raw: object) -> timedelta:
        if isinstance(raw, timedelta):
            return raw
        number = _number(raw, _DECIMAL)
        if number is None or not self.least <= number <= self.most:
            raise NotAllowed(self.allowed)
        return timedelta(seconds=number)


@dataclass(frozen=True, slots=True)
class Delays:
    """A schedule: the delays of successive reads, in seconds, comma-separated (or a list, in TOML)."""

    most: float = 30 * 24 * 3600

    @property
    def allowed(self) -> str:
        return f"1 to 50 comma-separated delays in seconds, each above 0 and at most {self.most:.15g}, such as 5,15,60"

    def __call__(self, raw: object) -> tuple[timedelta, ...]:
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list | tuple) or not 1 <= len(parts) <= 50:
            raise NotAllowed(self.allowed)
        numbers = [part.total_seconds() if isinstance(part, timedelta) else _number(part, _DECIMAL) for part in parts]
        delays = [number for number in numbers if number is not None and 0 < number <= self.most]
        if len(delays) != len(parts):
            raise NotAllowed(self.allowed)
        return tuple(timedelta(seconds=delay) for delay in delays)


@dataclass(frozen=True, slots=True)
class Whole:
    """A count."""

    least: int
    most: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def __call__(self, raw: object) -> int:
        number = _number(raw, _WHOLE)
        if number is None or not self.least <= number <= self.most:
            raise NotAllowed(self.allowed)
        return int(number)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole."""

    least: float
    most: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def __call__(self, raw: object) -> float:
        number = _number(raw, _DECIMAL)
        if number is None or not self.least <= number <= self.most:
            raise NotAllowed(self.allowed)
        return number


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    allowed: str = "on or off"

    def __call__(self, raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw.strip().lower() in {"on", "true", "yes", "1"}:
            return True
        if isinstance(raw, str) and raw.strip().lower() in {"off", "false", "no", "0"}:
            return False
        raise NotAllowed(self.allowed)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A word from a short list, in any case."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def __call__(self, raw: object) -> str:
        for word in self.words:
            if isinstance(raw, str) and raw.strip().lower() == word.lower():
                return word
        raise NotAllowed(self.allowed)


@dataclass(frozen=True, slots=True)
class Words:
    """Several words, comma-separated (or a list, in TOML)."""

    allowed: str

    def __call__(self, raw: object) -> tuple[str, ...]:
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str | int) for part in parts):
            raise NotAllowed(self.allowed)
        return tuple(dict.fromkeys(word for part in parts if (word := str(part).strip())))


@dataclass(frozen=True, slots=True)
class KindNames:
    """Kinds of document, comma-separated (or a list, in TOML)."""

    @property
    def allowed(self) -> str:
        return f"comma-separated kinds of document: {', '.join(KINDS)}"

    def __call__(self, raw: object) -> tuple[str, ...]:
        named = tuple(word.replace("-", "_").lower() for word in Words(self.allowed)(raw))
        if not named or not set(named) <= KINDS.keys():
            raise NotAllowed(self.allowed)
        return named


@dataclass(frozen=True, slots=True)
class Email:
    """The address an Alegra user signs in with."""

    allowed: str = "an e-mail address, such as invoices@example.com"

    def __call__(self, raw: object) -> str:
        if not isinstance(raw, str) or not raw.isprintable() or not _EMAIL.fullmatch(raw.strip()):
            raise NotAllowed(self.allowed)
        return raw.strip()


@dataclass(frozen=True, slots=True)
class Hour:
    """A local time of day."""

    allowed: str = "an hour as HH:MM, from 00:00 to 23:59"

    def __call__(self, raw: object) -> time:
        if isinstance(raw, time):
            return raw.replace(second=0, microsecond=0, tzinfo=None)
        match = _HOUR.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if match is None:
            raise NotAllowed(self.allowed)
        return time(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone of the IANA database."""

    allowed: str = "an IANA time zone, such as America/Bogota"

    def __call__(self, raw: object) -> ZoneInfo:
        if isinstance(raw, ZoneInfo):
            return raw
        try:
            return ZoneInfo(raw.strip() if isinstance(raw, str) else "")
        except (ValueError, OSError, LookupError) as error:
            # What ZoneInfo raises depends on which part of the name the file system dislikes.
            raise NotAllowed(self.allowed) from error


@dataclass(frozen=True, slots=True)
class CountryCode:
    """A country by its code or its name, with or without accents; becomes the ISO code."""

    @property
    def allowed(self) -> str:
        return ", ".join(f"{code} ({country.name})" for code, country in COUNTRIES.items())

    def __call__(self, raw: object) -> str:
        wanted = _plain(raw) if isinstance(raw, str) else ""
        for code, country in COUNTRIES.items():
            if wanted in {code.lower(), _plain(country.name)}:
                return code
        if wanted in _OTHER_NAMES:
            return _OTHER_NAMES[wanted]
        raise NotAllowed(self.allowed)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha())


@dataclass(frozen=True, slots=True)
class Url:
    """An address of one of these schemes. With `credentials` false, a user or password inside it is refused."""

    schemes: tuple[str, ...]
    example: str
    credentials: bool = True

    @property
    def allowed(self) -> str:
        schemes = ", ".join(f"{scheme}://" for scheme in self.schemes)
        plain = "" if self.credentials else ", without user or password"
        return f"an address of {schemes}, such as {self.example}{plain}"

    def __call__(self, raw: object) -> str:
        url = raw.strip() if isinstance(raw, str) else ""
        # A broker may be several servers, separated by semicolons (Sentinel).
        if not all(self._usable(part) for part in url.split(";")):
            raise NotAllowed(self.allowed)
        # A broker's trailing slash may name a virtual host; a web address does not need its own.
        return url if self.credentials else url.rstrip("/")

    def _usable(self, url: str) -> bool:
        if any(letter.isspace() or not letter.isprintable() for letter in url):
            return False
        try:
            parts = urlsplit(url)
            on_a_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            return False
        if parts.scheme not in self.schemes or not (on_a_host or "+socket" in parts.scheme):
            return False
        return self.credentials or "@" not in parts.netloc


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """PostgreSQL by any of its usual names, spoken to with psycopg 3; or a SQLite file, made absolute."""

    allowed: str = (
        "postgresql://user:password@host/database, or sqlite:///file.db (a file, since several processes share it)"
    )

    def __call__(self, raw: object) -> str:
        url = raw.strip() if isinstance(raw, str) else ""
        if any((letter.isspace() and letter != " ") or not letter.isprintable() for letter in url):
            raise NotAllowed(self.allowed)
        scheme, _, rest = url.partition("://")
        if scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
            try:
                parts = urlsplit(f"postgresql://{rest}")
                named = len(parts.path) > 1 and (parts.port is None or parts.port > 0)
            except ValueError as error:
                raise NotAllowed(self.allowed) from error
            # Without a host it is PostgreSQL's own socket.
            if named:
                return f"postgresql+psycopg://{rest}"
        if scheme in {"sqlite", "sqlite+pysqlite"} and rest.startswith("/") and rest.strip("/") not in {"", ":memory:"}:
            return f"sqlite:///{Path(rest[1:]).absolute()}"
        raise NotAllowed(self.allowed)


def may_be_secret(value: object) -> bool:
    """Whether a refused value had better not be repeated: an address with a user in it, or what could be a token.

    Whoever pastes one into the wrong place must not see it in a log.
    """
    match value:
        case str():
            runs = _TOKENS_LETTERS.findall(value)
            return "@" in value or any(_mixes_letters_and_digits(run) for run in runs)
        case Mapping():
            return any(may_be_secret(each) for pair in value.items() for each in pair)
        case list() | tuple():
            return any(may_be_secret(each) for each in value)
    return False


def is_alegras_token(text: str) -> bool:
    """Whether a text has the form of Alegra's API tokens, hexadecimal; a name that people chose has not."""
    return _HEXADECIMAL.fullmatch(text) is not None and _mixes_letters_and_digits(text)


def _mixes_letters_and_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)


def never_proven(schedule: tuple[timedelta, ...], quiet_window: timedelta) -> str | None:
    """Why reads on this schedule could never prove a document unstamped (rule 4); None when they can."""
    span = sum(schedule[1:], timedelta(0))
    if len(schedule) >= 2 and span >= quiet_window:
        return None
    return (
        f"a lost answer is settled by two reads or more over {quiet_window.total_seconds():g} s, "
        f"and these {len(schedule)} span {span.total_seconds():g} s after the first"
    )
