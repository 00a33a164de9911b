"""Every fault the sandbox knows, as data: validation, `--help` and the documentation derive from this list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.fault_kinds import Choice, Kind, Parameter, Seconds, Switch, Text, When, Whole
from worker.sandbox.nations import NATIONS

WHERE: Final = ("any", "stamp", "create", "email", "void", "open", "delete", "read", "list", "single", "other")
"""What a request is about; `read` is `list` and `single` together, `any` is all of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One switch: its name, what it may be, what it is at first, and a sentence."""

    name: str
    kind: Kind
    default: object
    meaning: str
    group: str

    def as_json(self) -> dict[str, Any]:
        """For people and for `--help`."""
        shown: dict[str, Any] = {
            "name": self.name,
            "type": self.kind.name,
            "default": self.default,
            "allowed": self.kind.allowed,
            "meaning": self.meaning,
            "group": self.group,
        }
        if isinstance(self.kind, When):
            shown["parameters"] = {
                name: {"type": each.kind.name, "default": each.default, "allowed": each.kind.allowed}
                for name, each in self.kind.parameters.items()
            }
        return shown


def _on(default: str) -> Parameter:
    return Parameter(Choice(WHERE), default)


def _moment(default: str) -> Parameter:
    return Parameter(Choice(("before", "after")), default)


def _when(**parameters: Parameter) -> When:
    return When(MappingProxyType(parameters))


_REFUSALS: Final = (
    Fault(
        "unauthorized", _when(on=_on("any")), "never",
        "401 for the whole request, as with an expired token; nothing is executed.", "refusal",
    ),
    Fault(
        "payment_required",
        _when(on=_on("any"), code=Parameter(Choice(("900", "907", "908")), "900")), "never",
        "402 for the whole request: plan limit (900), read-only plan (907), action not in plan (908).", "refusal",
    ),
    Fault(
        "forbidden", _when(on=_on("any")), "never",
        "403 for the whole request: the user lacks permission; nothing is executed.", "refusal",
    ),
    Fault(
        "throttled",
        _when(on=_on("any"), retry_after=Parameter(Seconds(optional=True), None)), "never",
        "429 although quota is left; with `Retry-After` when retry_after is given. Nothing is executed.", "refusal",
    ),
)  # fmt: skip

_DISTURBANCES: Final = (
    Fault(
        "late_execution",
        _when(
            on=Parameter(Choice(("stamp", "create", "email", "void", "open")), "stamp"),
            seconds=Parameter(Seconds(), 5),
            cut=Parameter(Choice(("silence", "reset")), "silence"),
        ),
        "never",
        "No answer ever comes; `seconds` after the connection is gone the request is executed. Until then reads show "
        "nothing of it (the false “not emitted”). cut=reset drops the connection at once.", "disturbance",
    ),
    Fault(
        "timeout",
        _when(on=_on("stamp"), moment=_moment("after"), seconds=Parameter(Seconds(optional=True), None)), "never",
        "The answer never comes, or comes after `seconds` (a 504 when nothing was executed). moment=after: executed; "
        "moment=before: never executed.", "disturbance",
    ),
    Fault(
        "reset",
        _when(
            on=_on("stamp"), moment=_moment("after"), place=Parameter(Choice(("headers", "body")), "headers")
        ),
        "never",
        "The connection is dropped before the headers (RST) or in the middle of the body; before or after execution.",
        "disturbance",
    ),
    Fault(
        "server_error",
        _when(
            on=_on("stamp"), moment=_moment("before"), status=Parameter(Choice(("500", "502", "503", "504")), "503")
        ),
        "never",
        "A 5xx with {message}, before or after execution. With on=list only single reads work.", "disturbance",
    ),
    Fault(
        "html_page",
        _when(
            on=_on("stamp"), moment=_moment("before"),
            status=Parameter(Choice(("200", "500", "502", "503", "504")), "502"),
        ),
        "never", "An HTML page instead of JSON, before or after execution.", "disturbance",
    ),
    Fault(
        "truncated", _when(on=_on("stamp"), moment=_moment("after")), "never",
        "A complete answer whose JSON breaks off in the middle, before or after execution.", "disturbance",
    ),
    Fault(
        "empty", _when(on=_on("stamp"), moment=_moment("after")), "never",
        "200 with an empty body, before or after execution.", "disturbance",
    ),
)  # fmt: skip

_STAMP_ANSWERS: Final = (
    Fault(
        "shape",
        _when(
            form=Parameter(
                Choice(
                    ("bare_array", "bare_object", "error_object", "error_without_ids", "error_wrapped", "message_only")
                ),
                "bare_array",
            )
        ),
        "never",
        "The stamp answer in another shape: rows in a bare array; only the first row, bare; the first error as an "
        "object; error rows without id; {error: {code, message}} and nothing else; {message} and nothing else.",
        "stamp answer",
    ),
    Fault("drop_ids", _when(), "never", "This document is missing from the stamp answer; executed.", "stamp answer"),
    Fault(
        "repeat_ids", _when(second=Parameter(Choice(("same", "opposite")), "same")), "never",
        "This document has two rows in the stamp answer, the same or a contradicting one.", "stamp answer",
    ),
    Fault(
        "extra_ids", _when(), "never",
        "The stamp answer also has a row for a document nobody asked for.", "stamp answer",
    ),
    Fault(
        "number_ids", Switch(), False, "Ids in stamp answers are JSON numbers where they can be.", "stamp answer"
    ),
    Fault(
        "error_row",
        _when(
            moment=_moment("before"),
            code=Parameter(Whole(), 3051),
            message=Parameter(Text(), "AEP6016 El correo del cliente es obligatorio"),
        ),
        "never",
        "This document gets an error row; moment=after: although it was executed.", "stamp answer",
    ),
    Fault(
        "hollow_success", _when(), "never",
        "This document gets a success row although nothing was executed.", "stamp answer",
    ),
    Fault(
        "refuse_batch",
        _when(
            code=Parameter(Whole(), 902), message=Parameter(Text(), "No fue posible procesar la solicitud")
        ),
        "never", "The whole batch is refused: 400 {code, message}, no ids; nothing is executed.", "stamp answer",
    ),
    Fault(
        "partial_failure_status", Choice(("200", "400")), "200",
        "HTTP status when some documents of a batch fail.", "stamp answer",
    ),
    Fault(
        "total_failure_status", Choice(("200", "400")), "400",
        "HTTP status when all documents of a batch fail.", "stamp answer",
    ),
    Fault(
        "in_process_again", Choice(("error_row", "data_row", "second_emission")), "error_row",
        "A stamp call for a document that is WAITING: error 3246, a data row WAITING, or a second emission.",
        "stamp answer",
    ),
    Fault(
        "accepted_again", Choice(("second_emission", "error_row", "success_row")), "second_emission",
        "A stamp call for a document already accepted: the worst case is the default.", "stamp answer",
    ),
    Fault(
        "stamp_by_edit", Choice(("stamps", "ignored", "refused", "incomplete")), "stamps",
        "What PUT with stamp.generateStamp does to a document without a stamp call of its own: stamps it; is taken and "
        "changes nothing; 405; 400, because the other fields are missing.", "stamp answer",
    ),
    Fault(
        "stamp_alone_answer", Choice(("document", "message")), "document",
        "What a stamp call for one document answers when it went well: the document, or {message}.", "stamp answer",
    ),
    Fault("stamp_max_ids", Whole(1, 1000), 10, "Above so many ids a stamp call is answered 400.", "stamp answer"),
)  # fmt: skip

_PACE: Final = (
    Fault("stamp_latency", Seconds(), 0, "How long a stamp call takes before its first document.", "pace"),
    Fault("stamp_latency_per_document", Seconds(), 0, "How long each document of a stamp call takes.", "pace"),
    Fault("read_latency", Seconds(), 0, "How long a read takes.", "pace"),
    Fault("create_latency", Seconds(), 0, "How long a creation takes.", "pace"),
    Fault("code_delay", Seconds(), 0, "From execution until reads show the fiscal code.", "pace"),
    Fault("verdict_delay", Seconds(), 0, "From execution until the authority's verdict; WAITING before.", "pace"),
    Fault("stale_reads", Seconds(), 0, "For so long after execution reads still show the document as before.", "pace"),
    Fault("quota_limit", Whole(1), 150, "Requests per window and user, unless the account has its own.", "pace"),
    Fault("quota_window", Whole(1, 86400), 60, "Length of the quota's window in seconds, likewise.", "pace"),
    Fault("retry_after_header", Switch(), False, "429 carries `Retry-After` too.", "pace"),
    Fault("throttle_body", Choice(("json", "text")), "json", "The body of a 429.", "pace"),
)

_READS: Final = (
    Fault("drop_listed", _when(), "never", "This document is missing from list answers; single reads work.", "read"),
    Fault(
        "id_lists", Choice(("everywhere", "invoices")), "everywhere",
        "Which lists know `id=`; where it is not known, it does nothing.", "read",
    ),
    Fault(
        "debit_note_stamp", Choice(("shown", "absent")), "shown",
        "Vendor debit notes show `stamp`, or only `emissionStatus`.", "read",
    ),
    Fault("list_max_ids", Whole(1, 10000), 30, "So many ids of `id=` are looked up; the rest is left out.", "read"),
    Fault(
        "stamp_before_emission", Choice(("null", "absent", "empty", "pending")), "null",
        "`stamp` of a document that was never executed.", "read",
    ),
    Fault(
        "stamp_before_code", Choice(("status", "null", "empty", "absent")), "status",
        "`stamp` of an executed document whose code is not visible yet.", "read",
    ),
    Fault(
        "code_while_waiting", Switch(), True,
        "The code is visible while the verdict is WAITING (countries with a legalStatus).", "read",
    ),
    Fault("legal_status_mexico", Switch(), False, "Mexican stamps carry `legalStatus` too.", "read"),
)  # fmt: skip

_DOCUMENTS: Final = (
    Fault(
        "verdict",
        _when(
            word=Parameter(Choice(("accepted", "observations", "rejected", "never")), "rejected"),
            seconds=Parameter(Seconds(), 0),
        ),
        "never",
        "The authority's verdict on this document, after `seconds` of WAITING; never: WAITING for ever.", "document",
    ),
    Fault("malformed_code", _when(), "never", "The fiscal code is not of its country's format.", "document"),
    Fault(
        "inconsistent_code", _when(), "never",
        "The code is well formed but minted for another date and number (CO, CR, PA).", "document",
    ),
    Fault("check_digit_panama", Choice(("luhn", "zero")), "luhn", "How Panama's last digit is made.", "document"),
    Fault(
        "expiry_key_argentina", Text(), "caeExpirationDate", "The key of `stamp` with the CAE's expiry.", "document"
    ),
    *(
        Fault(
            f"code_key_{nation.name}", Text(), nation.code_key,
            f"The key of `stamp` with the {nation.code_type} ({nation.iso}).", "document",
        )
        for nation in NATIONS.values()
        if nation.code_key
    ),
    Fault(
        "code_key_colombia_notes", Text(), "cude", "The same for notes and support documents (CO).", "document"
    ),
)  # fmt: skip

_CREATION: Final = (
    Fault(
        "create_stamp_error",
        _when(leaves=Parameter(Choice(("shown", "hidden", "nothing")), "shown")), "never",
        "A creation that stamps answers 400/3051: the document exists and is shown, exists and is hidden, or does not "
        "exist.", "creation",
    ),
    Fault(
        "create_error",
        _when(leaves=Parameter(Choice(("shown", "hidden", "nothing")), "shown")), "never",
        "The same of a creation that stamps nothing: its validation failed.", "creation",
    ),
    Fault(
        "create_duplicate", Choice(("created", "refused")), "created",
        "A creation whose observations have the reference of one before: a second document, the worst case, or 400.",
        "creation",
    ),
    Fault(
        "email_answer", Choice(("message", "document")), "message",
        "What POST …/email answers when it went well: {success, message}, or the document.", "creation",
    ),
    Fault(
        "void_stamped", Choice(("voids", "refused")), "voids",
        "What POST …/void does to a stamped document: voids it (the worst case), or 400.", "creation",
    ),
    Fault("uuid_ids", Switch(), False, "New documents get UUIDv7 ids instead of numeric ones.", "creation"),
    Fault("seed", Whole(0, 2**31), 1, "Seeds every draw: the same seed and requests give the same run.", "creation"),
)  # fmt: skip

FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        fault.name: fault
        for fault in (*_REFUSALS, *_DISTURBANCES, *_STAMP_ANSWERS, *_PACE, *_READS, *_DOCUMENTS, *_CREATION)
    }
)

REFUSALS: Final = tuple(fault.name for fault in _REFUSALS)
DISTURBANCES: Final = tuple(fault.name for fault in _DISTURBANCES)
