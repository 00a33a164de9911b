"""Our part of kombu's Redis transport: one client for a pool of connections, instead of one for each command."""

from __future__ import annotations

from typing import Any

from celery import Celery

from tests.support.together import together
from worker.broker import configure
from worker.environment import load_settings


def test_a_channel_keeps_its_client_until_its_connections_are_let_go(redis_url: str) -> None:
    app = Celery("transport", set_as_current=False)
    configure(app, load_settings({"TIMBRE_REDIS_URL": redis_url}))
    with app.connection_for_write() as connection, connection.channel() as opened:
        channel: Any = opened
        first = channel._create_client()  # what kombu calls for each command
        assert {id(each) for each in together([channel._create_client] * 8)} == {id(first)}
        assert channel._create_client(asynchronous=True) is not first  # which waits on its connection
        channel._disconnect_pools()  # as kombu does when it loses the broker
        second = channel._create_client()
        assert second is not first
        assert second.ping()
