"""Every way the answer to a stamp call can be lost or wrong, as data: what strikes whom, and how it must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from timbre_producers.contracts import Status

Fault = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Three documents of an account of its own, sent in one call that meets these faults."""

    name: str
    faults: Mapping[str, Fault]
    first_only: bool = False
    """Faults of single documents strike the first of them only."""
    end: Status = Status.STAMPED
    """How the struck documents end; the others are stamped."""
    executed: bool = True
    """Whether the struck documents are executed in the end: once, or not at all."""
    reason: str = ""
    """What the last word on the struck documents says."""
    attempts: int | None = None
    """How often the struck documents go on the wire, where only one number is right."""
    country: str = "colombia"
    worlds: tuple[str, ...] = ("plain",)


WORLDS: Final[Mapping[str, Mapping[str, object]]] = {
    "plain": {},
    "slow authority": {
        "code_delay": 0.5,
        "verdict_delay": 0.9,
        "stamp_before_code": "null",
        "stamp_before_emission": "pending",
    },
    "lagging reads": {"stale_reads": 0.8, "stamp_before_emission": "absent"},
    "other habits": {
        "partial_failure_status": "400",
        "total_failure_status": "200",
        "number_ids": True,
        "list_max_ids": 1,
        "throttle_body": "text",
        "stamp_before_emission": "empty",
    },
}
"""What holds for every request while a world's cases run; lags are shorter than the quiet window, as they must be."""

EVERYWHERE: Final = tuple(WORLDS)

ONCE: Final[Fault] = {"next": 1}


def _losing(name: str, words: str, fault: Fault, worlds: tuple[str, ...] = ("plain",)) -> tuple[Case, Case]:
    """The same loss before execution, which takes a second attempt, and after it, which must not."""
    return (
        Case(f"{words} before execution", {name: ONCE | fault | {"moment": "before"}}, worlds=worlds, attempts=2),
        Case(f"{words} after execution", {name: ONCE | fault | {"moment": "after"}}, worlds=worlds, attempts=1),
    )


def _error(code: int = 3051, message: str = "AEP6016 El correo del cliente es obligatorio", **more: Any) -> Fault:
    return {"code": code, "message": message, **more}


_LOST: Final = (
    *_losing("timeout", "silence", {}, EVERYWHERE),
    *_losing("reset", "a reset", {"place": "headers"}, EVERYWHERE),
    *_losing("reset", "a reset within the body", {"place": "body"}),
    *_losing("truncated", "half a body", {}, EVERYWHERE),
    *_losing("empty", "an empty body", {}),
    *(
        case
        for status in ("200", "500", "502", "503", "504")
        for case in _losing("html_page", f"an HTML page with {status}", {"status": status})
    ),
    *(
        case
        for status in ("500", "502", "503", "504")
        for case in _losing("server_error", f"a {status}", {"status": status})
    ),
    *(
        # How often it is sent depends on which comes first, the first read or the execution: both are right.
        Case(f"late execution after {cut}", {"late_execution": ONCE | {"seconds": 0.9, "cut": cut}}, worlds=EVERYWHERE)
        for cut in ("silence", "reset")
    ),
    Case("an answer that comes too late", {"timeout": ONCE | {"moment": "after", "seconds": 2.5}}, attempts=1),
    Case("a 504 that comes in time", {"timeout": ONCE | {"moment": "before", "seconds": 0.4}}, attempts=2),
    Case(
        "a 429",
        {"throttled": {"next": 2, "on": "stamp", "retry_after": 1}},
        attempts=1,
        worlds=("plain", "other habits"),
    ),
)

_SHAPES: Final = ("bare_array", "bare_object", "error_object", "error_without_ids", "error_wrapped", "message_only")

_SHAPED: Final = (
    *(
        Case(f"{form} with successes", {"shape": ONCE | {"form": form}}, attempts=1, worlds=("plain", "other habits"))
        for form in _SHAPES
    ),
    *(
        Case(
            f"{form} with an error among successes",
            {"shape": ONCE | {"form": form}, "error_row": _error()},
            first_only=True,
            end=Status.REJECTED,
            executed=False,
            reason="AEP6016",
            worlds=("plain", "other habits"),
        )
        for form in _SHAPES
    ),
    Case("ids left out", {"drop_ids": {"next": 3}}, attempts=1, worlds=EVERYWHERE),
    Case("an id left out", {"drop_ids": ONCE}, first_only=True, attempts=1),
    Case(
        "the id of an error left out",
        {"drop_ids": ONCE, "error_row": _error()},
        first_only=True,
        end=Status.REJECTED,
        executed=False,
        reason="AEP6016",
        attempts=2,
    ),
    Case("an id too many", {"extra_ids": {}}, attempts=1),
    *(
        Case(f"ids repeated, the second {second}", {"repeat_ids": {"second": second}}, attempts=1)
        for second in ("same", "opposite")
    ),
    Case(
        "an error repeated as a success",
        {"repeat_ids": ONCE | {"second": "opposite"}, "error_row": _error()},
        first_only=True,
        end=Status.REJECTED,
        executed=False,
        reason="AEP6016",
        attempts=2,
    ),
)

_SAID: Final = (
    Case(
        "an error among successes",
        {"error_row": _error(moment="before")},
        first_only=True,
        end=Status.REJECTED,
        executed=False,
        reason="AEP6016",
        attempts=1,
        worlds=EVERYWHERE,
    ),
    Case(
        "nothing but errors",
        {"error_row": _error(moment="before")},
        end=Status.REJECTED,
        executed=False,
        reason="AEP6016",
        attempts=1,
        worlds=EVERYWHERE,
    ),
    *(
        Case(
            f"{words} although it was executed", {"error_row": _error(moment="after", **row)}, attempts=1, worlds=worlds
        )
        for words, row, worlds in (
            ("a data error", {}, ("plain",)),
            ("an unheard-of error", {"code": 77777, "message": "Algo inesperado"}, ("plain",)),
            ("a passing error", {"message": "EPR503 La entidad no responde"}, ("plain", "slow authority")),
            ("3246", {"code": 3246, "message": "En proceso de certificación"}, ("plain", "slow authority")),
            ("AEP2011", {"message": "AEP2011 Documento procesado anteriormente"}, ("plain", "slow authority")),
        )
    ),
    Case(
        "a passing error",
        {"error_row": ONCE | _error(moment="before", message="EPR503 La entidad no responde")},
        first_only=True,
        attempts=2,
    ),
    Case(
        "3246 for what was never executed",
        {"error_row": _error(3246, "La factura ya está en proceso de certificación", moment="before")},
        first_only=True,
        end=Status.HELD,
        executed=False,
        reason="it was in process, and now reads show it was never emitted",
        attempts=1,
    ),
    Case(
        "AEP2011 for what was never executed",
        {"error_row": _error(message="AEP2011 Documento procesado anteriormente", moment="before")},
        first_only=True,
        end=Status.HELD,
        executed=False,
        attempts=1,
    ),
    Case(
        "a success for what was never executed",
        {"hollow_success": {}},
        first_only=True,
        end=Status.HELD,
        executed=False,
        reason="no verdict until its reading schedule ended",
        attempts=1,
    ),
    Case("a batch refused whole", {"refuse_batch": ONCE}, attempts=2, worlds=EVERYWHERE),
    Case("in process, as data", {"verdict": {"word": "accepted", "seconds": 1}}, attempts=1),
    Case("a rejection by the authority", {"verdict": {"word": "rejected"}}, end=Status.REJECTED, attempts=1),
    Case(
        "a late rejection by the authority",
        {"verdict": {"word": "rejected", "seconds": 1}},
        first_only=True,
        end=Status.REJECTED,
        attempts=1,
    ),
    Case(
        "an authority that never answers",
        {"verdict": {"word": "never"}},
        first_only=True,
        end=Status.HELD,
        reason="the authority has not answered",
        attempts=1,
    ),
    *(
        Case(
            f"a malformed code in {country}",
            {"malformed_code": {}},
            first_only=True,
            end=Status.HELD,
            attempts=1,
            country=country,
        )
        for country in ("colombia", "mexico")
    ),
)


def _while_reading(words: str, faults: dict[str, Fault]) -> tuple[Case, Case]:
    """Reads that fail for a while, after an answer that was lost: no news is no proof."""
    return (
        Case(f"{words}, after a loss before execution", {"reset": ONCE | {"moment": "before"}, **faults}, attempts=2),
        Case(f"{words}, after a loss after execution", {"reset": ONCE | {"moment": "after"}, **faults}, attempts=1),
    )


_UNREADABLE: Final[dict[str, dict[str, Fault]]] = {
    **{
        f"{name} instead of reads": {name: {"next": 4, "on": "read"}}
        for name in ("server_error", "html_page", "truncated", "empty", "throttled")
    },
    "silence instead of reads": {"timeout": {"next": 2, "on": "read"}},
    "lists that leave out": {"drop_listed": {}},
    "lists that leave out at times": {"drop_listed": {"probability": 0.5}},
}

_READS: Final = tuple(case for words, faults in _UNREADABLE.items() for case in _while_reading(words, faults))

CASES: Final = (*_LOST, *_SHAPED, *_SAID, *_READS)

EVERY: Final = [(world, case) for world, case in product(WORLDS, CASES) if world in case.worlds]


@dataclass(slots=True)
class Played:
    """A case in its world: the account that played it and its documents."""

    world: str
    case: Case
    account: str
    ids: list[str] = field(default_factory=list)

    @property
    def struck(self) -> list[str]:
        """The documents the faults are meant for."""
        return self.ids[:1] if self.case.first_only else self.ids
