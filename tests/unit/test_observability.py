"""Logs: events with fields, the context of the task at hand, and never a secret."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.observability import HIDDEN, JsonFormatter, Prepared, Secrets, TextFormatter, bound, setup_logging

TOKEN = "s3cr3t-t0ken"
HEADER = base64.b64encode(f"me@example.com:{TOKEN}".encode()).decode()


class Log:
    """A logger of its own and what it wrote."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.secrets = Secrets()
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.addFilter(Prepared(self.secrets))
        handler.setFormatter(formatter)
        self.logger = logging.Logger("worker.somewhere")  # noqa: LOG001  # outside the tree: no other handler hears it
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def text() -> Log:
    return Log(TextFormatter())


@pytest.fixture
def lines() -> Log:
    return Log(JsonFormatter())


def test_a_text_line_holds_the_event_and_its_fields(text: Log) -> None:
    text.logger.info("batch_sent", extra={"documents": 10, "cause": "two words", "ids": ["501", "502"]})
    assert 'INFO    worker.somewhere batch_sent documents=10 cause="two words" ids=["501", "502"]\n' in text.text


def test_a_json_line_holds_the_same(lines: Log) -> None:
    with bound(account="acme"):
        lines.logger.warning("batch_%s", "sent", extra={"documents": 10})
    line = json.loads(lines.text)
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "WARNING",
        "logger": "worker.somewhere",
        "event": "batch_sent",
        "account": "acme",
        "documents": 10,
    }


def test_context_nests_and_ends_with_its_block(text: Log) -> None:
    with bound(account="acme", request_id=None):
        with bound(batch_id="b1"):
            text.logger.info("inside")
        text.logger.info("after")
    text.logger.info("outside")
    inside, after, outside = text.text.splitlines()
    assert inside.endswith("inside account=acme batch_id=b1")
    assert after.endswith("after account=acme")
    assert outside.endswith("outside")


def test_threads_do_not_share_their_context(text: Log) -> None:
    def work(account: str) -> None:
        with bound(account=account):
            text.logger.info("of_%s", account)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [f"a{number}" for number in range(50)]))
    for line in text.text.splitlines():
        event, field = line.split()[-2:]
        assert field == f"account={event.removeprefix('of_')}"


def test_a_line_break_cannot_forge_a_second_line(text: Log) -> None:
    text.logger.info("first\n2026-01-01 ERROR forged", extra={"answer": "x\ny"})
    assert len(text.text.splitlines()) == 1


def refuse() -> None:
    inner = ValueError(f"Authorization: Basic {HEADER}")
    raise RuntimeError(f"token {TOKEN} refused") from inner


@pytest.mark.parametrize("log", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_no_secret_reaches_a_line_by_any_way(log: logging.Formatter) -> None:
    log_ = Log(log)
    log_.secrets.hide_credentials("me@example.com", TOKEN)
    log_.secrets.hide_url("redis://:p%40ssw0rd@host/0")
    log_.secrets.hide_url("sentinel://one;sentinel://two/0?master_name=m&sentinel_password=hunter%212")
    try:
        refuse()
    except RuntimeError:
        log_.logger.exception("failed for %s", TOKEN, stack_info=True, extra={"headers": {"auth": [HEADER, TOKEN]}})
    with bound(url="redis://:p@ssw0rd@host"):
        log_.logger.error({"password": "p%40ssw0rd", "sentinel": ["hunter!2", "hunter%212"]})
    for secret in (TOKEN, HEADER, "p@ssw0rd", "p%40ssw0rd", "hunter!2", "hunter%212"):
        assert secret not in log_.text
    assert log_.text.count(HIDDEN) >= 7
    assert "RuntimeError" in log_.text


def test_a_secret_that_json_would_escape_is_still_found(lines: Log) -> None:
    awkward = 'quo"te\\slash é'
    lines.secrets.hide(awkward)
    lines.logger.info("x", extra={"field": awkward})
    assert json.loads(lines.text)["field"] == HIDDEN


def test_a_longer_secret_is_removed_whole(text: Log) -> None:
    text.secrets.hide("abcd", "abcdefgh")
    text.logger.info("abcdefgh")
    assert text.text.endswith(f" {HIDDEN}\n")


def test_a_call_with_broken_arguments_still_makes_a_line(text: Log) -> None:
    template = "%d of %d"
    text.logger.info(template, "one")
    assert "its arguments do not fit" in text.text


def test_fields_of_unknown_types_become_text(lines: Log) -> None:
    lines.logger.info("x", extra={"thing": object, "pair": (1, {"a": {2}})})
    assert json.loads(lines.text)["pair"] == [1, {"a": [2]}]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:], root.level = handlers, level


def test_setting_up_twice_writes_each_line_once(root: logging.Logger) -> None:
    stream = io.StringIO()
    setup_logging("INFO", "json", io.StringIO())
    setup_logging("INFO", "json", stream)
    logging.getLogger("worker.tasks").info("once")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["once"]


def test_a_handler_that_somebody_adds_behind_ours_writes_no_secret_of_a_traceback_either(text: Log) -> None:
    text.secrets.hide(TOKEN)
    behind = io.StringIO()
    text.logger.addHandler(logging.StreamHandler(behind))
    text.logger.error("failed", exc_info=ValueError(TOKEN))
    assert "ValueError" in behind.getvalue()
    assert TOKEN not in behind.getvalue() + text.text
