"""A service with nothing but a broker connection enqueues by the contract alone, without a line of our code."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from tests.integration.producers.intake_queue import request_in, taken_from
from timbre_producers import EMIT_TASK, INTAKE_QUEUE, EmitRequest, read_message

WITHOUT_OUR_CODE = """
import sys
sys.modules["timbre_producers"] = None  # from here on importing it fails
sys.modules["worker"] = None
"""

MESSAGE = """
message = {
    "version": 1,
    "request_id": "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a01",
    "account": "acme",
    "kind": "invoice",
    "document_ids": ["501", "502"],
    "requested_by": "a service in another language",
    "priority": "high",
    "not_before": None,
    "force": None,
    "callback_url": None,
}
"""

BARE_CELERY = """
import os
from celery import Celery

app = Celery(broker=os.environ["BROKER_URL"])
app.send_task("timbre.emit", args=[message], queue="timbre.intake", ignore_result=True)
"""

KOMBU_BY_HAND = """
import os
import uuid
from kombu import Connection, Queue

task_id = str(uuid.uuid4())
with Connection(os.environ["BROKER_URL"]) as connection:
    connection.Producer().publish(
        [[message], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
        routing_key="timbre.intake",
        declare=[Queue("timbre.intake", routing_key="timbre.intake")],
        serializer="json",
        correlation_id=task_id,
        headers={"id": task_id, "task": "timbre.emit", "lang": "any"},
    )
"""

REDIS_BY_HAND = """
import base64
import json
import os
import uuid
import redis

task_id = str(uuid.uuid4())
body = [[message], {}, {}]
envelope = {
    "body": base64.b64encode(json.dumps(body).encode()).decode(),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    "headers": {"id": task_id, "task": "timbre.emit", "lang": "any"},
    "properties": {
        "correlation_id": task_id,
        "delivery_info": {"exchange": "", "routing_key": "timbre.intake"},
        "delivery_mode": 2,
        "delivery_tag": task_id,
        "body_encoding": "base64",
    },
}
with redis.Redis.from_url(os.environ["BROKER_URL"]) as client:
    client.lpush("timbre.intake", json.dumps(envelope))
"""

PROGRAMS = {"bare celery": BARE_CELERY, "kombu by hand": KOMBU_BY_HAND, "redis by hand": REDIS_BY_HAND}


def run_elsewhere(program: str, redis_url: str, directory: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_OUR_CODE + MESSAGE + program],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "BROKER_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_foreign_service_publishes_is_a_request(program: str, redis_url: str, tmp_path: Path) -> None:
    run_elsewhere(PROGRAMS[program], redis_url, tmp_path)
    (message,) = taken_from(redis_url)
    request = request_in(message)
    assert message["headers"]["task"] == EMIT_TASK
    assert (request.account, request.document_ids, request.priority) == ("acme", ("501", "502"), "high")


def test_a_celery_worker_takes_them_all(redis_url: str, tmp_path: Path) -> None:
    arrived: queue.Queue[EmitRequest] = queue.Queue()
    app = Celery("intake", broker=redis_url, set_as_current=False)
    app.conf.update(task_default_queue=INTAKE_QUEUE, task_ignore_result=True, accept_content=["json"])

    # Registered at once: a worker.tasks that another test imported offers its own to every app that comes up.
    @app.task(name=EMIT_TASK, lazy=False)
    def accept(*args: Any, **kwargs: Any) -> None:
        arrived.put(read_message(args, kwargs))

    for program in PROGRAMS.values():
        run_elsewhere(program, redis_url, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Celery's own, while it starts a worker inside a test
        with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            requests = [arrived.get(timeout=30) for _ in PROGRAMS]
    assert {request.document_ids for request in requests} == {("501", "502")}
    assert len({request.fingerprint() for request in requests}) == 1
