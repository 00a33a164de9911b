"""Ask Timbre to create and emit electronic documents: the message contract and a thin client."""

from timbre_producers.calls import Part, Receipt
from timbre_producers.client import EmissionClient
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
from timbre_producers.creations import (
    CREATE_TASK,
    MAX_DOCUMENTS_PER_MESSAGE,
    CreateRequest,
    CreationStatus,
    NewDocument,
    read_creation,
)
from timbre_producers.errors import BrokerUnreachable, EmissionError, InvalidRequest
from timbre_producers.problems import FieldProblem

__all__ = [
    "CONTRACT_VERSION",
    "CREATE_TASK",
    "EMIT_TASK",
    "INTAKE_QUEUE",
    "MAX_DOCUMENTS_PER_MESSAGE",
    "MAX_IDS_PER_MESSAGE",
    "BrokerUnreachable",
    "CreateRequest",
    "CreationStatus",
    "EmissionClient",
    "EmissionError",
    "EmitRequest",
    "FieldProblem",
    "Force",
    "InvalidRequest",
    "NewDocument",
    "Part",
    "Priority",
    "Receipt",
    "Status",
    "UnreadableMessage",
    "read_creation",
    "read_message",
]
