"""The Celery application: `celery -A worker.app worker|beat|flower`."""

from __future__ import annotations

from celery import Celery

from worker.broker import configure
from worker.settings import start_settings

app = Celery("timbre", include=["worker.tasks"])
configure(app, start_settings())
