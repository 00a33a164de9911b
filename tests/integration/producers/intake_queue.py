"""What stands on the intake queue, read the way the broker keeps it."""

from __future__ import annotations

import base64
import json
from typing import Any

from redis import Redis

from timbre_producers import INTAKE_QUEUE, CreateRequest, EmitRequest, read_creation, read_message


def taken_from(url: str) -> list[dict[str, Any]]:
    """The messages on the intake queue, oldest first, taken off it."""
    with Redis.from_url(url) as client:
        raw = client.lpop(INTAKE_QUEUE, 1000) or []
    return [json.loads(text) for text in reversed(list(raw))]


def request_in(message: dict[str, Any]) -> EmitRequest:
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    return read_message(args, kwargs)


def creation_in(message: dict[str, Any]) -> CreateRequest:
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    return read_creation(args, kwargs)
