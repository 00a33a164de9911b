"""The usual Celery worker: one task per invoice, one stamp call, one read, no table, no locks, Celery's defaults."""

from __future__ import annotations

import os
import time
from functools import cache

import httpx
from celery import Celery
from redis import Redis

from tests.bench.baselines.walk import SETTLED

app = Celery("usual", broker=os.environ["BENCH_BROKER"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task
def emit(document_id: str) -> None:
    """Stamp one invoice and read its code."""
    _until_allowed("POST", "/invoices/stamp", json={"ids": [document_id]})
    document = _until_allowed("GET", f"/invoices/{document_id}").json()
    if document["stamp"]["cufe"]:
        _redis().rpush(SETTLED, repr(time.time()))


def _until_allowed(method: str, path: str, json: object = None) -> httpx.Response:
    while True:
        response = _http().request(method, path, json=json)
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return response.raise_for_status()
        time.sleep(float(os.environ["BENCH_PATIENCE"]))


@cache
def _http() -> httpx.Client:
    """One per process, so that connections are kept."""
    headers = {"Authorization": os.environ["BENCH_AUTHORIZATION"]}
    return httpx.Client(base_url=os.environ["BENCH_BASE_URL"], headers=headers, timeout=60, trust_env=False)


@cache
def _redis() -> Redis:
    return Redis.from_url(os.environ["BENCH_BROKER"])
