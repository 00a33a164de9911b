"""The verdict: the sandbox's own ledger, which saw every execution, against the status table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tests.chaos.campaign.table import Key
from timbre_producers.contracts import Status
from worker.emission.lifecycle import FINISHED

EXPLAINED: Final[Mapping[str, str]] = {
    r"^accepted, but ": "the sandbox minted a code that is not of its country's format",
    r"^no verdict until its reading schedule ended; last: answered, but not shown yet": (
        "Alegra said it was emitted and never showed it: a success row without an execution, or a contradiction"
    ),
    r"^no verdict until its reading schedule ended": "the trouble lasted longer than the scaled schedule of reads",
    r"^no news until its reading schedule ended": "reads failed for longer than the scaled schedule of reads",
    r"and it was already sent \d+ times": "every one of its calls was lost",
    r"^two reads show it unstamped but with different contents": (
        "sent again after a rejection, it has a new number; in Mexico, without a legalStatus, no read shows a rejection"
    ),
    r"^it was in process, and now reads show it was never emitted": (
        "Alegra said it was in process, then showed nothing of it: in Mexico so looks a rejection, too"
    ),
}
"""Why a document may be held, by its reason; one that is not here is a hole."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One document whose end is not as promised."""

    kind: str
    account: str
    document_kind: str
    document_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was asked for, what the table says and what really happened."""

    asked: frozenset[Key]
    """Documents a producer got a receipt for."""
    rows: Mapping[Key, Mapping[str, Any]]
    truths: Mapping[Key, Mapping[str, Any]]
    """The sandbox's own knowledge of each document."""
    ledger: Sequence[Mapping[str, Any]]
    duplicates: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Verdict:
    """What a campaign came to. Everything promised holds when `kept` is true."""

    documents: int
    duplicates: int
    lost: int
    wrong: int
    false: int
    early: int
    """Executed before what they follow was."""
    waiting: int
    """Still queued, rightly: what they follow was never stamped."""
    held: dict[str, int]
    """By reason."""
    held_unexplained: int
    held_although_accepted: int
    """A person will find these emitted: held in doubt, as promised, and not lost."""
    by_status: dict[str, int]
    executions: int
    flaws: list[Flaw] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing is twice, lost, wrong, false, too early, or held without an explanation."""
        return not (self.duplicates or self.lost or self.wrong or self.false or self.early or self.held_unexplained)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"kept": self.kept}


def judge(evidence: Evidence) -> Verdict:
    """Compare every document's end with what really happened to it."""
    codes: dict[Key, list[str]] = {}
    for entry in evidence.ledger:
        codes.setdefault(_key(entry), []).append(entry["code"])
    flaws = [
        Flaw("duplicate", *_key(each), f"executed {len(each['executions'])} times") for each in evidence.duplicates
    ]
    flaws += _too_early(evidence)
    waiting = 0
    held: Counter[str] = Counter()
    accepted_and_held = 0
    for key in sorted(evidence.asked):
        row, truth = evidence.rows.get(key), evidence.truths[key]
        if row is not None and row["status"] == Status.QUEUED and _must_wait(key, truth, evidence):
            waiting += 1
            continue
        flaws += [Flaw(kind, *key, what) for kind, what in _flaws_of(row, truth, codes.get(key, []))]
        if row is not None and row["status"] == Status.HELD:
            reason = str(row["held_reason"])
            held[alike(reason)] += 1
            accepted_and_held += _accepted(truth)
            if not any(re.search(known, reason) for known in EXPLAINED):
                flaws.append(Flaw("unexplained", *key, f"held: {reason}"))
    kinds = Counter(flaw.kind for flaw in flaws)
    return Verdict(
        documents=len(evidence.asked),
        duplicates=kinds["duplicate"],
        lost=kinds["lost"],
        wrong=kinds["wrong"],
        false=kinds["false"],
        early=kinds["early"],
        waiting=waiting,
        held=dict(held.most_common()),
        held_unexplained=kinds["unexplained"],
        held_although_accepted=accepted_and_held,
        by_status=dict(Counter(str(row["status"]) for row in evidence.rows.values()).most_common()),
        executions=len(evidence.ledger),
        flaws=flaws,
    )


def _flaws_of(
    row: Mapping[str, Any] | None, truth: Mapping[str, Any], codes: Sequence[str]
) -> Iterator[tuple[str, str]]:
    if row is None:
        yield "lost", "a producer has a receipt, and the table knows nothing of it"
        return
    status, code = Status(row["status"]), row["fiscal_code"]
    if status not in FINISHED:
        yield "lost", f"still {status} when everything had come to rest"
    if code is not None and code not in codes:
        yield "wrong", f"the table has code {code}, the ledger {codes}"
    if status is Status.STAMPED:
        if code is None:
            yield "wrong", "stamped without its code"
        if not _accepted(truth):
            yield "false", f"stamped, but the ledger has {len(codes)} executions and the verdict {_verdict(truth)}"
        elif row["document_number"] not in (None, truth["number"]):
            yield "wrong", f"the table has number {row['document_number']}, the ledger {truth['number']}"
    if status in (Status.REJECTED, Status.CANCELLED) and codes and "REJECTED" not in _verdict(truth):
        yield "false", f"{status}, but the ledger has it executed with the verdict {_verdict(truth)}"


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["account"], entry["kind"], entry["document_id"]


def _followed(key: Key, truth: Mapping[str, Any]) -> Iterator[Key]:
    """What this document refers to."""
    for name, kind in (("invoices", "invoice"), ("bills", "support_document")):
        for each in truth["shown"].get(name) or ():
            yield key[0], kind, str(each["id"])


def _must_wait(key: Key, truth: Mapping[str, Any], evidence: Evidence) -> bool:
    """Whether something it follows was not stamped, as Timbre may know it."""
    firsts = list(_followed(key, truth))
    return any(
        not _accepted(evidence.truths[each]) or evidence.rows.get(each, {}).get("status") == Status.HELD
        for each in firsts
    )


def _too_early(evidence: Evidence) -> Iterator[Flaw]:
    """Documents that were executed although what they follow had not been."""
    done: set[Key] = set()
    for entry in evidence.ledger:
        key = _key(entry)
        done.add(key)
        if entry["call"] == "seed":
            continue
        for first in _followed(key, evidence.truths[key]):
            if first not in done and evidence.truths[first]["outcome"]["name"] != "not_electronic":
                yield Flaw("early", *key, f"executed before {first[1]} {first[2]}")


def _accepted(truth: Mapping[str, Any]) -> bool:
    return truth["executions"] > 0 and "_ACCEPTED" in _verdict(truth)


def _verdict(truth: Mapping[str, Any]) -> str:
    return str(truth["legal_status"])


def alike(reason: str) -> str:
    """The reason without what is peculiar to one document."""
    return re.sub(r"\d+(?:[.:]\d+)*", "N", re.sub(r"'[^']*'|[0-9a-f]{8,}", "…", reason))[:110]
