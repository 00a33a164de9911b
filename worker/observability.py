"""Logs: constant event names with fields, as text or JSON, the task at hand on every line, secrets on none.

The standard library suffices: Celery, SQLAlchemy and httpx log through it, so what a second library would add must be
bridged back into it, while a formatter and a filter give the same lines for all of them.

    log = logging.getLogger(__name__)
    log.info("batch_sent", extra={"documents": 10})
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TextIO
from urllib.parse import quote, unquote, urlsplit

_CONTEXT: ContextVar[Mapping[str, Any]] = ContextVar("timbre_log_context", default=MappingProxyType({}))

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "context"}
"""What every record has; the rest came as fields."""

_SHORTEST_SECRET: Final = 4
"""Shorter ones would blacken ordinary words; nothing that short protects anything."""

HIDDEN: Final = "***"


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every line logged inside carries these fields; None values are left out. Threads and tasks do not mix."""
    token = _CONTEXT.set({**_CONTEXT.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _CONTEXT.reset(token)


class Secrets:
    """The secrets of this process, and their removal from anything that is about to be written."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, *secrets: str) -> None:
        """Remove these from every line from now on."""
        known = self._known | {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        if known != self._known:
            # Longest first, so that a secret inside another does not leave the rest of the longer one standing.
            longest_first = sorted(known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            self._known = known

    def hide_credentials(self, user: str, password: str) -> None:
        """A password, and the header of HTTP Basic authentication that it makes."""
        header = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.hide(password, quote(password, safe=""), header, header.rstrip("="))

    def hide_url(self, url: str) -> None:
        """The passwords inside a URL, encoded or not: its user's, and those among its options."""
        for part in url.split(";"):
            for written in _passwords(part):
                password = unquote(written)
                self.hide(written, password, quote(password, safe=""))

    def remove(self, text: str) -> str:
        """The text without the secrets."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def remove_all(self, value: Any) -> Any:
        """The same value without the secrets, as deep as it goes; what is no plain data becomes text."""
        match value:
            case str():
                return self.remove(value)
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {self.remove(str(name)): self.remove_all(inner) for name, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.remove_all(inner) for inner in value]
        return self.remove(str(value))


def _passwords(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        options = [pair.partition("=") for pair in parts.query.split("&")]
        return [parts.password or "", *(value for name, _, value in options if "password" in name.lower())]
    except ValueError:
        return []


SECRETS: Final = Secrets()
"""This process's secrets; whoever reads one registers it here."""


class Prepared(logging.Filter):
    """Makes a record final before a formatter sees it: its context added, every secret removed."""

    def __init__(self, secrets: Secrets = SECRETS) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001  # a caller's broken arguments must not cost the line
            message = f"{record.msg} (its arguments do not fit: {type(error).__name__})"
        record.msg, record.args = self._secrets.remove(message), None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # The exception itself goes: another handler would write its text again, unread.
        record.exc_info = None
        record.exc_text = self._secrets.remove(record.exc_text) if record.exc_text else None
        record.stack_info = self._secrets.remove(record.stack_info) if record.stack_info else None
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        for name, value in given.items():
            setattr(record, name, self._secrets.remove_all(value))
        record.context = self._secrets.remove_all({**_task_at_hand(), **_CONTEXT.get()})
        return True


def _task_at_hand() -> dict[str, Any]:
    """The Celery task this line belongs to; nothing outside of one, or where Celery was never loaded."""
    if (state := sys.modules.get("celery._state")) is None:
        return {}
    task = state.get_current_task()
    return {"task_id": task.request.id, "task_name": task.name} if task is not None and task.request.id else {}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    own = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {**getattr(record, "context", {}), **own}


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextFormatter(logging.Formatter):
    """`2026-03-02T09:14:07.120Z INFO    worker.tasks batch_sent account=acme documents=10`, one line each."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        line = f"{_instant(record)} {record.levelname:<7} {record.name} {_one_line(record.getMessage())}{fields}"
        details = [text for text in (record.exc_text, record.stack_info) if text]
        return "\n    ".join([line, *"\n".join(details).splitlines()]) if details else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `event`, the fields, and `exception` if there was one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            **_fields(record),
            "at": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if details := "\n".join(text for text in (record.exc_text, record.stack_info) if text):
            line["exception"] = details
        return json.dumps(line, ensure_ascii=False, default=str)


def _one_line(text: str) -> str:
    """A line break in a message must not look like a second line."""
    return (
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") if "\n" in text or "\r" in text else text
    )


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = text and text.isprintable() and not any(letter in ' "=' for letter in text)
    return text if plain or not isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def setup_logging(level: str = "INFO", style: str = "text", stream: TextIO | None = None) -> None:
    """Send every logger's lines to one handler. Safe to call again; `worker.app` calls it for Celery."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(Prepared())
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    for earlier in [
        earlier for earlier in root.handlers if isinstance(earlier.formatter, TextFormatter | JsonFormatter)
    ]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    # They say at INFO what our own events say better, once per request.
    for chatty in ("httpx", "httpcore", "celery.worker.strategy", "celery.app.trace", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
