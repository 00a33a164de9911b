"""The stamp answer: `{data, error}` as observed, and every other shape a client has met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from worker.sandbox.documents import WAITING
from worker.sandbox.faults import Faults, Strike
from worker.sandbox.stamping import STAMP_FAILED, Row
from worker.sandbox.view import to_bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it goes on the wire."""

    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: float | None = None


def reply(status: int, value: object) -> Reply:
    """An answer in JSON."""
    return Reply(status, to_bytes(value))


def refused(status: int, code: int | None, message: str) -> Reply:
    """`{code, message}`, or `{message}` where Alegra gives no code."""
    return reply(status, {"message": message} if code is None else {"code": code, "message": message})


def stamp_answer(rows: Sequence[Row], account: str, ids: Sequence[str], faults: Faults) -> Reply:
    """What POST /invoices/stamp answers, after the faults have had their way with it."""
    failed = sum(not row.success for row in rows)
    status = 200
    if failed:
        name = "total_failure_status" if failed == len(rows) else "partial_failure_status"
        status = int(faults.choice(name))
    told = _told(rows, account, faults)
    if faults.of_call("extra_ids", account, ids) is not None:
        told.append(Row(_stranger(ids), True, "Factura emitida", "STAMPED_AND_ACCEPTED"))
    data = [_numbered(row.as_json(), faults) for row in told if row.success]
    errors = [_numbered(row.as_json(), faults) for row in told if not row.success]
    shape = faults.of_call("shape", account, ids)
    body: Any = {"data": data, "error": errors} if shape is None else _shaped(shape, data, errors)
    return reply(status, body)


def _told(rows: Sequence[Row], account: str, faults: Faults) -> list[Row]:
    told: list[Row] = []
    for row in rows:
        if faults.strikes("drop_ids", account, row.id) is not None:
            continue
        told.append(row)
        repeated = faults.strikes("repeat_ids", account, row.id)
        if repeated is not None:
            told.append(row if repeated.word("second") == "same" else _opposite(row))
    return told


def _opposite(row: Row) -> Row:
    if row.success:
        return Row(row.id, False, "No fue posible emitir la factura", code=STAMP_FAILED)
    return Row(row.id, True, "En proceso", WAITING)


def _stranger(ids: Sequence[str]) -> str:
    """An id nobody asked for, and which no account has."""
    return f"9{''.join(each for each in ids[0] if each.isdigit())[:6]}77"


def _numbered(row: dict[str, Any], faults: Faults) -> dict[str, Any]:
    if faults.switch("number_ids") and row["id"].isdigit():
        return {**row, "id": int(row["id"])}
    return row


def _shaped(shape: Strike, data: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Any:
    plain = [
        {key: value for key, value in row.items() if key in ("id", "code", "message", "emissionStatus")}
        for row in (*data, *errors)
    ]
    nameless = [{"message": row["message"], "code": row["code"]} for row in errors]
    match shape.word("form"):
        case "bare_array":
            return plain
        case "bare_object":
            return plain[0] if plain else {}
        case "error_object":
            return {"data": data, "error": nameless[0]} if nameless else {"data": data}
        case "error_without_ids":
            return {"data": data, "error": nameless}
        case "error_wrapped":
            return {"error": nameless[0] if nameless else {"code": STAMP_FAILED, "message": "Error al emitir"}}
        case _:
            return {"message": "Service Unavailable"}
