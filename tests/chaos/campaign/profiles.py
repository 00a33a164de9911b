"""What goes wrong in a campaign: per profile the sandbox's faults, what the documents are, and which blows fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from tests.chaos.campaign.timings import LATEST_EXECUTION, QUOTA_LIMIT, QUOTA_WINDOW, SLOWEST_VERDICT, STALEST_READ


class BlowKind(StrEnum):
    """One way to hurt what runs."""

    WORKER_KILLED = "worker killed"
    WORKER_TOLD_TO_END = "worker told to end"
    WORKER_FROZEN = "worker frozen"
    BEAT_KILLED = "beat killed"
    REDIS_FLUSHED = "redis flushed"
    REDIS_KILLED = "redis killed"
    REDIS_EMPTIED = "redis restarted empty"
    REDIS_FROZEN = "redis frozen"
    DATABASE_KILLED = "database killed"
    DATABASE_RESTARTED = "database restarted"
    MESSAGES_REPEATED = "messages repeated"
    MESSAGES_REORDERED = "messages reordered"
    REQUESTS_REPEATED = "requests repeated"


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of trouble."""

    name: str
    meaning: str
    faults: Mapping[str, Any] = field(default_factory=dict)
    mix: Mapping[str, float] = field(default_factory=dict)
    """Shares of documents that do not simply pass."""
    blows: Mapping[BlowKind, int] = field(default_factory=dict)
    """How often each falls, relative to the others."""
    pause: tuple[float, float] = (2.0, 4.0)
    """Seconds between two blows."""


ALWAYS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        # The worst case: a second call for a document that was sent makes a second legal document.
        "accepted_again": "second_emission",
        "in_process_again": "second_emission",
        "quota_limit": QUOTA_LIMIT,
        "quota_window": QUOTA_WINDOW,
    }
)
"""Holds in every profile, and after the trouble has ended."""

_LOST_ANSWERS: Final[Mapping[str, Any]] = {
    "timeout": [{"probability": 0.04, "moment": "after"}, {"probability": 0.03, "moment": "before"}],
    "reset": [
        {"probability": 0.03, "moment": "after", "place": "headers"},
        {"probability": 0.03, "moment": "after", "place": "body"},
        {"probability": 0.03, "moment": "before"},
        {"probability": 0.02, "on": "read", "place": "body"},
    ],
    "server_error": [
        {"probability": 0.04, "moment": "after", "status": "500"},
        {"probability": 0.03, "moment": "before", "status": "503"},
        {"probability": 0.03, "on": "read", "status": "502"},
    ],
    "html_page": [
        {"probability": 0.02, "moment": "after", "status": "200"},
        {"probability": 0.02, "moment": "before", "status": "502"},
        {"probability": 0.02, "on": "read", "status": "200"},
    ],
    "truncated": [{"probability": 0.03, "moment": "after"}, {"probability": 0.02, "on": "read"}],
    "empty": [{"probability": 0.02, "moment": "after"}, {"probability": 0.02, "on": "read"}],
    "throttled": [{"probability": 0.02, "retry_after": 1}],
}

_LATE: Final[Mapping[str, Any]] = {
    "late_execution": [
        {"probability": 0.08, "seconds": [0.2, LATEST_EXECUTION], "cut": "silence"},
        {"probability": 0.10, "seconds": [0.2, LATEST_EXECUTION], "cut": "reset"},
    ],
    "timeout": [{"probability": 0.05, "moment": "after", "seconds": [1.5, 2.5]}],
    "stale_reads": [0, STALEST_READ],
    "code_delay": [0, 2],
    "verdict_delay": [0, SLOWEST_VERDICT],
    "verdict": [{"probability": 0.02, "word": "rejected", "seconds": [1, SLOWEST_VERDICT]}],
    "stamp_latency": [0, 0.4],
    "stamp_latency_per_document": [0, 0.04],
}

_ODD_ANSWERS: Final[Mapping[str, Any]] = {
    "drop_ids": 0.04,
    "repeat_ids": [{"probability": 0.02, "second": "same"}, {"probability": 0.02, "second": "opposite"}],
    "extra_ids": 0.05,
    "error_row": [
        {"probability": 0.02, "moment": "before"},
        {"probability": 0.02, "moment": "after"},
        {"probability": 0.01, "moment": "after", "message": "EPR500 Error de comunicación con la entidad"},
    ],
    "hollow_success": 0.01,
    "shape": [
        {"probability": 0.03, "form": form}
        for form in ("bare_array", "bare_object", "error_object", "error_without_ids", "error_wrapped", "message_only")
    ],
    "refuse_batch": 0.03,
    "number_ids": True,
    "drop_listed": 0.05,
    "malformed_code": 0.003,
}

_UNEVEN_DOCUMENTS: Final[Mapping[str, float]] = {
    "data_error": 0.02,
    "transient": 0.02,
    "poison": 0.004,
    "observations": 0.03,
    "rejected": 0.02,
    "stamped": 0.02,
    "open": 0.02,
    "void": 0.01,
    "not_electronic": 0.01,
}

_REFUSED_ACCOUNTS: Final[Mapping[str, Any]] = {
    "unauthorized": 0.004,
    "payment_required": {"probability": 0.004, "on": "stamp"},
    "forbidden": 0.004,
}

_BROKER_BLOWS: Final[Mapping[BlowKind, int]] = {
    BlowKind.REDIS_FLUSHED: 2,
    BlowKind.REDIS_KILLED: 2,
    BlowKind.REDIS_EMPTIED: 1,
    BlowKind.REDIS_FROZEN: 2,
    BlowKind.MESSAGES_REPEATED: 4,
    BlowKind.MESSAGES_REORDERED: 2,
    BlowKind.REQUESTS_REPEATED: 2,
}

_WORKER_BLOWS: Final[Mapping[BlowKind, int]] = {
    BlowKind.WORKER_KILLED: 5,
    BlowKind.WORKER_TOLD_TO_END: 2,
    BlowKind.WORKER_FROZEN: 4,
    BlowKind.BEAT_KILLED: 1,
}

_DATABASE_BLOWS: Final[Mapping[BlowKind, int]] = {BlowKind.DATABASE_KILLED: 1, BlowKind.DATABASE_RESTARTED: 1}

CALM: Final = Profile("calm", "Nothing goes wrong: what the others are measured against.")
LOSSY: Final = Profile(
    "lossy",
    "Answers are lost in every way; the broker is flushed, killed and frozen, its messages repeated and reordered.",
    _LOST_ANSWERS,
    blows=_BROKER_BLOWS,
)
LATE: Final = Profile(
    "late",
    "Calls are executed after everybody gave up, reads lag behind, verdicts take their time; workers freeze and die.",
    _LATE,
    blows=_WORKER_BLOWS,
)
PARTIAL: Final = Profile(
    "partial",
    "Answers contradict, omit and invent documents; the documents are of every quality; workers and messages suffer.",
    {**_ODD_ANSWERS, "partial_failure_status": "400"},
    mix=_UNEVEN_DOCUMENTS,
    blows={**_WORKER_BLOWS, BlowKind.MESSAGES_REPEATED: 3},
)
BRUTAL: Final = Profile(
    "brutal",
    "All of it at once, refused accounts too, and every server is hurt.",
    {
        **_ODD_ANSWERS,
        **_LOST_ANSWERS,
        **_LATE,
        **_REFUSED_ACCOUNTS,
        "timeout": [*_LOST_ANSWERS["timeout"], *_LATE["timeout"]],
        # One read decides about an explicit refusal, so reads must not lag behind that one (FIRST_READ).
        "stale_reads": [0, 0.2],
    },
    mix=_UNEVEN_DOCUMENTS,
    blows={**_WORKER_BLOWS, **_BROKER_BLOWS, **_DATABASE_BLOWS},
    pause=(1.5, 3.0),
)

CREATE: Final = Profile(
    "create",
    "Documents that do not exist yet: their answers are lost, late, cut and wrong, lists fail and leave rows out, 3051 "
    "leaves a document or none; and every server is hurt.",
    {
        "create_latency": [0, 0.4],
        "late_execution": [
            {"on": "create", "probability": 0.05, "seconds": [0.2, LATEST_EXECUTION], "cut": "silence"},
            {"on": "create", "probability": 0.05, "seconds": [0.2, LATEST_EXECUTION], "cut": "reset"},
        ],
        "timeout": [
            {"on": "create", "probability": 0.04, "moment": "after"},
            {"on": "create", "probability": 0.03, "moment": "before"},
            {"on": "create", "probability": 0.05, "moment": "after", "seconds": [1.5, 2.5]},
        ],
        "reset": [
            {"on": "create", "probability": 0.04, "moment": "after", "place": "headers"},
            {"on": "create", "probability": 0.04, "moment": "after", "place": "body"},
            {"on": "create", "probability": 0.03, "moment": "before"},
            {"on": "list", "probability": 0.03, "place": "body"},
        ],
        "server_error": [
            {"on": "create", "probability": 0.05, "moment": "after", "status": "500"},
            {"on": "create", "probability": 0.03, "moment": "before", "status": "503"},
            {"on": "list", "probability": 0.05, "status": "502"},
        ],
        "html_page": [{"on": "create", "probability": 0.03, "moment": "after", "status": "200"}],
        "truncated": [
            {"on": "create", "probability": 0.04, "moment": "after"},
            {"on": "list", "probability": 0.03},
        ],
        "empty": [{"on": "create", "probability": 0.03, "moment": "after"}, {"on": "list", "probability": 0.03}],
        "throttled": [{"on": "create", "probability": 0.03, "retry_after": 1}],
        "create_error": [{"probability": 0.01, "leaves": leaves} for leaves in ("shown", "hidden", "nothing")],
        "create_stamp_error": [{"probability": 0.03, "leaves": leaves} for leaves in ("shown", "hidden", "nothing")],
        "drop_listed": 0.002,
    },
    blows={**_WORKER_BLOWS, **_BROKER_BLOWS, **_DATABASE_BLOWS},
    pause=(1.5, 3.0),
)

PROFILES: Final[Mapping[str, tuple[Profile, ...]]] = MappingProxyType(
    {profile.name: (profile,) for profile in (CALM, LOSSY, LATE, PARTIAL, BRUTAL, CREATE)}
    | {"everything": (CALM, LOSSY, LATE, PARTIAL, BRUTAL)}
)
"""By name; `everything` is one after the other, without a pause for breath between them.

`create` is a campaign of its own (creating.py).
"""
