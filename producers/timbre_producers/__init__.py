"""Ask Timbre to emit electronic documents: the message contract and a thin client."""

from timbre_producers.client import EmissionClient, Part, Receipt
from timbre_producers.contracts import (
    CONTRACT_VERSION,
    EMIT_TASK,
    INTAKE_QUEUE,
    MAX_IDS_PER_MESSAGE,
    EmitRequest,
    Force,
    Priority,
    Status,
    UnreadableMessage,
    read_message,
)
from timbre_producers.errors import BrokerUnreachable, EmissionError, InvalidRequest
from timbre_producers.problems import FieldProblem

__all__ = [
    "CONTRACT_VERSION",
    "EMIT_TASK",
    "INTAKE_QUEUE",
    "MAX_IDS_PER_MESSAGE",
    "BrokerUnreachable",
    "EmissionClient",
    "EmissionError",
    "EmitRequest",
    "FieldProblem",
    "Force",
    "InvalidRequest",
    "Part",
    "Priority",
    "Receipt",
    "Status",
    "UnreadableMessage",
    "read_message",
]
