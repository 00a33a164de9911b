"""A request as the tables keep it: its own row, what its documents are queued with, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, cast

from sqlalchemy import Table

from timbre_producers.contracts import EmitRequest, Status
from worker.storage.models import AccountRow, Request

ACCOUNTS: Final = cast("Table", AccountRow.__table__)
REQUESTS: Final = cast("Table", Request.__table__)

FRESH: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "status": Status.QUEUED.value,
        "reads": 0,
        "unstamped_reads": 0,
        "batch_limit": 10,
        "batch_refused": False,
        "error_blames_account": False,
    }
)
"""Of a document that was just asked for, whatever it went through before."""


def row_of(request: EmitRequest, now: datetime, *, queued: int = 0) -> dict[str, Any]:
    """The request's row, with so many documents queued by it."""
    return {
        "request_id": str(request.request_id),
        "account": request.account,
        "kind": request.kind,
        "document_ids": json.dumps(request.document_ids),
        "fingerprint": request.fingerprint(),
        "requested_by": request.requested_by,
        "priority": request.priority.value,
        "not_before": request.not_before,
        "force_reason": request.force.reason if request.force else None,
        "preflight": request.preflight,
        "email": request.email,
        "callback_url": str(request.callback_url) if request.callback_url else None,
        "callback_next_at": now if request.callback_url else None,
        "callback_tries": 0,
        "received_at": now,
        "queued": queued,
        "known": 0,
    }


def account_of(request: EmitRequest, now: datetime) -> dict[str, Any]:
    """The row of an account nobody has asked for yet."""
    return {"account": request.account, "probing": False, "updated_at": now}


def first_look(request: EmitRequest, now: datetime) -> datetime:
    """When its documents are looked at."""
    return max(now, request.not_before) if request.not_before else now


def reason_of(request: EmitRequest) -> str:
    """What its documents' history says."""
    reason = f"asked for by request {request.request_id}"
    if request.force:
        reason = f"forced by request {request.request_id}: {request.force.reason}"
    if request.email:
        reason += " (--email: its client gets it once it is stamped)"
    if not request.preflight:
        reason += " (--no-validate: it goes although pre-flight would reject it)"
    return reason
