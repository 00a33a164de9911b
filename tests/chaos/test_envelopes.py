"""Whatever stands in a queue instead of a task: it is set aside with the reason, and no worker ends over it."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import ValkeyServer
from timbre_producers.contracts import INTAKE_QUEUE
from worker.storage.migrate import upgrade

CALL = b"[[1], {}, {}]"


def envelope(body: bytes = CALL, **changes: Any) -> str:
    """What kombu writes into a list of Redis, with changes; None takes a part away."""
    task_id = str(uuid.uuid4())
    parts = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"id": task_id, "task": "timbre.emit", "lang": "any"},
        "properties": {
            "correlation_id": task_id,
            "delivery_info": {"exchange": "", "routing_key": INTAKE_QUEUE},
            "delivery_mode": 2,
            "delivery_tag": task_id,
            "body_encoding": "base64",
        },
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return json.dumps({name: value for name, value in parts.items() if value is not None})


def headed(**headers: Any) -> str:
    return envelope(headers={"id": str(uuid.uuid4()), "task": "timbre.emit"} | headers)


ENVELOPES: dict[str, str | bytes] = {
    "a body that is no JSON": envelope(b"{oops"),
    "a number": envelope(b"3"),
    "nothing": envelope(b"null"),
    "an empty list": envelope(b"[]"),
    "the contract's object unwrapped": envelope(b'{"version": 1, "document_ids": ["501"]}'),
    "a text for arguments": envelope(b'["abc", {}, {}]'),
    "an object for arguments": envelope(b'[{"a": 1}, {}, {}]'),
    "no arguments": envelope(b"[null, null, null]"),
    "named arguments in a list": envelope(b"[[1], [2], {}]"),
    "a pickle": envelope(b"\x80\x04N.", content_type="application/x-python-serialize"),
    "no task": envelope(headers={"id": "1"}),
    "another task": headed(task="timbre.emitt"),
    "a number for a task": headed(task=7),
    "a list for a task": headed(task=["x"]),
    "no id": envelope(headers={"task": "timbre.emit"}),
    "no headers": envelope(headers=None),
    "a text for headers": envelope(headers="x"),
    "another content type": envelope(content_type="text/plain"),
    "no content type": envelope(content_type=None),
    "an unknown encoding": envelope(content_encoding="klingon"),
    "the bytes of another encoding": envelope('[["é"], {}, {}]'.encode("latin-1")),
    "the first protocol": envelope(b'{"task": "timbre.emit", "id": "1", "args": [1], "kwargs": {}}', headers={}),
    "the first protocol without an id": envelope(b'{"task": "timbre.emit", "args": [1]}', headers={}),
    "a time that is none": headed(eta="tomorrow"),
    "an end that is none": headed(expires="tomorrow"),
    "a limit that is none": headed(timelimit="x"),
    "lists in lists": envelope(b"[" * 100_000),
    "a date that is none": envelope(b'[[{"__type__": "datetime", "__value__": "x"}], {}, {}]'),
    "a body that is no base64": envelope().replace('"body": "', '"body": "%'),
    "no envelope": "document 501, please",
    "no text": b"\xff\xfe\x00",
    "JSON's nothing as an envelope": "null",
    "a list as an envelope": "[]",
    "an empty envelope": "{}",
    "no properties": json.dumps({"body": "x", "headers": {}}),
    "the contract's object as an envelope": json.dumps({"version": 1, "document_ids": ["501"]}),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One worker, which has to outlive them all."""
    folder = tmp_path_factory.mktemp("envelopes")
    database = f"sqlite:///{folder / 'timbre.db'}"
    upgrade(database)
    broker = ValkeyServer()
    broker.start()
    try:
        with a_machine(folder, redis_url=broker.url, database_url=database) as machine:
            machine.add_account("acme")
            worker = machine.start_worker()
            yield machine
            assert worker.poll() is None, machine.logs()
            with Redis.from_url(broker.url) as client:
                await_that(lambda: not client.hlen("unacked"), lambda: f"{client.hgetall('unacked')!r}")
    finally:
        broker.close()


def set_aside(machine: Machine) -> list[Any]:
    return list(machine.sql("SELECT reason, body FROM set_aside ORDER BY id"))


def accepted(machine: Machine) -> int:
    return len(machine.sql("SELECT request_id FROM requests"))


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_is_no_task_is_set_aside_and_the_next_request_accepted(name: str, machine: Machine) -> None:
    before, requests = len(set_aside(machine)), accepted(machine)
    with Redis.from_url(machine.redis_url) as client:
        client.lpush(INTAKE_QUEUE, ENVELOPES[name])
    await_that(lambda: len(set_aside(machine)) == before + 1, machine.logs)
    machine.client.emit(["501"], account="acme")
    await_that(lambda: accepted(machine) == requests + 1, machine.logs)
    (*_, kept) = set_aside(machine)
    assert kept.reason
    assert kept.body
