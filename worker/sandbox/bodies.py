"""Request bodies as Alegra takes them: a JSON object, or a refusal with its code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from worker.sandbox.answers import Reply, refused


class Unreadable(Exception):
    """The request is not what this endpoint needs; carries the answer."""

    def __init__(self, answer: Reply) -> None:
        super().__init__("unreadable request")
        self.answer = answer


async def object_of(request: web.Request) -> Mapping[str, Any]:
    """The body as a JSON object. Raises `Unreadable`, with Alegra's codes for it."""
    raw = await request.read()
    if not raw.strip():
        raise Unreadable(refused(400, 905, "El cuerpo de la solicitud está vacío"))
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Unreadable(refused(400, 902, "El JSON de la solicitud no es válido"))
    return body


def ids_of(raw: object) -> list[str]:
    """Ids as texts; Alegra takes numbers too. Empty when they are not what they should be."""
    if not isinstance(raw, list) or not all(isinstance(each, str | int) and str(each) for each in raw):
        return []
    return [str(each) for each in raw]
