"""The Celery application: `celery -A worker.app worker|beat|flower`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import Celery
from celery.signals import setup_logging as on_setup_logging
from celery.signals import worker_init, worker_shutdown

from timbre_producers.contracts import EmitRequest
from worker import crowd, observability, pulse, standby
from worker.broker import configure
from worker.environment import start_settings
from worker.observability import SECRETS

settings = start_settings()
SECRETS.hide_url(settings.broker)

app = Celery("timbre", include=["worker.tasks"])
configure(app, settings)
app.set_default()


def _servers_answer() -> bool:
    from worker.runtime import runtime  # noqa: PLC0415  # beat and flower never build one

    return runtime().servers_answer()


def _accept_new(requests: Sequence[EmitRequest]) -> bool:
    from worker.runtime import runtime  # noqa: PLC0415  # beat and flower never build one

    return runtime().intake.accept_new(requests)


_pulse = pulse.install(app, settings.home)
crowd.install(app, _accept_new)
standby.install(app, _servers_answer, _pulse.takes_work)


@on_setup_logging.connect
def _log_our_way(**_: Any) -> None:
    observability.setup_logging(settings.log_level, settings.log_format)


@worker_init.connect
def _live(**_: Any) -> None:
    pulse.keep_beating(_pulse)


@worker_init.connect
def _die_where_told(**_: Any) -> None:
    if settings.crash_at is not None:
        from worker import crash  # noqa: PLC0415  # only the crash matrix needs it

        crash.die_at(settings.crash_at)


@worker_shutdown.connect
def _close(**_: Any) -> None:
    from worker.runtime import close_runtime  # noqa: PLC0415  # beat and flower never build one

    close_runtime()
