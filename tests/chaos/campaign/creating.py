"""A campaign of creations: bodies are sent instead of ids, and the sandbox says how many documents each became."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from sqlalchemy import select

from tests.chaos.campaign.campaign import Campaign
from tests.chaos.campaign.plan import Order, Phase
from tests.chaos.campaign.producers import Producers, Shelf
from tests.chaos.campaign.stage import Stage
from tests.chaos.campaign.table import Key, StatusTable
from tests.chaos.campaign.verdict import Flaw, Verdict, alike
from tests.chaos.campaign.violence import REPEATED, Violence
from timbre_producers import NewDocument
from timbre_producers.creations import CreationStatus
from worker.broker import CREATE_ONE_TASK, CREATIONS_TASK, LOOK_FOR_TASK, STAMP_QUEUE, WORK_QUEUE
from worker.creation.lifecycle import FINISHED
from worker.storage.creation_models import CreationEvent, CreationRow

EXPLAINED: Final[Mapping[str, str]] = {
    r"after which the document may be there all the same": "Alegra answered 3051 and left nothing that can be seen",
    r"its creation emits it, so that a second one": "a global invoice whose answer was lost and that left nothing",
    r"^no news until its schedule ended": "sweeps failed for longer than their scaled schedule",
    r"and it was already sent \d+ times": "every one of its calls was lost",
}
"""Why a creation may be held, by its reason; one that is not here is a hole."""

ITEMS: Final = [{"id": "1", "price": 100000, "quantity": 2, "tax": [{"id": "3"}]}]


class CreationProducers(Producers):
    """The same services; what they name are references, and they bring the bodies."""

    def _hand_over(self, order: Order, references: Sequence[str]) -> None:
        body = body_of(order.kind)
        self._client.create(
            [NewDocument(reference=each, body=body) for each in references],
            account=order.account,
            kind=order.kind,
            request_id=order.request_id,
            # A global invoice has no draft; of the others some go all the way.
            emit=order.urgent or order.kind == "global_invoice",
            priority="high" if order.urgent else "normal",
            requested_by="campaign",
            # What this campaign is about comes after it.
            validate=False,
        )


def body_of(kind: str) -> dict[str, Any]:
    """What the sandbox takes of each kind."""
    today = datetime.now(UTC).date().isoformat()
    body: dict[str, Any] = {"date": today, "dueDate": today, "observations": "Campaña"}
    match kind:
        case "debit_note" | "support_document":
            return {**body, "provider": {"id": "71"}, "purchases": {"items": ITEMS}}
        case "payment":
            return {**body, "client": {"id": "71"}, "amount": 5000, "type": "in"}
        case _:
            return {**body, "client": {"id": "71"}, "items": ITEMS}


class CreationTable(StatusTable):
    """What is in the table `creations`."""

    def counts(self) -> Mapping[str, int] | None:
        query = (
            "SELECT CASE WHEN c.status = 'created' AND e.status IN ('queued', 'emitting', 'confirming', 'waiting', "
            "'uncertain') THEN 'being emitted' ELSE c.status END AS standing, count(*) AS times FROM creations c "
            "LEFT JOIN emissions e ON e.account = c.account AND e.kind = c.kind AND e.document_id = c.document_id "
            "GROUP BY 1"
        )
        found = self._ask(query)
        return None if found is None else {row["standing"]: row["times"] for row in found}

    def requests(self) -> frozenset[str] | None:
        found = self._ask("SELECT request_id FROM creation_requests")
        return None if found is None else frozenset(row["request_id"] for row in found)

    def ids(self) -> Sequence[tuple[str, int]]:
        """Account and row of every creation."""
        return [(row["account"], row["id"]) for row in self._ask("SELECT account, id FROM creations ORDER BY id") or ()]

    def creations(self) -> Mapping[Key, Mapping[str, Any]]:
        """Every row, by account, kind and reference."""
        with self._engine.connect() as connection:
            found = connection.execute(select(CreationRow.__table__)).mappings()
            return {(row["account"], row["kind"], row["reference"]): dict(row) for row in found}

    def history(self, emission_id: int) -> Sequence[str]:
        """One creation's events, a line each."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(CreationEvent.__table__)
                .where(CreationEvent.creation_id == emission_id)
                .order_by(CreationEvent.id)
            )
            return [
                f"{row.at:%H:%M:%S.%f} {row.from_status} → {row.to_status} attempt {row.attempt} by {row.actor}: "
                f"{row.reason}"
                for row in found
            ]

    def alerts(self) -> int:
        found = self._ask("SELECT count(*) AS times FROM creation_events WHERE alert") or [{"times": 0}]
        return int(found[0]["times"])

    def late_words(self) -> int:
        query = "SELECT count(*) AS times FROM creation_events WHERE reason LIKE 'discrepancy%'"
        return int((self._ask(query) or [{"times": 0}])[0]["times"])


class CreationViolence(Violence):
    """The same blows; the messages that are repeated are creation's."""

    def _repeat_messages(self, chance: Random) -> None:
        rows = self._table.ids() if isinstance(self._table, CreationTable) else []
        for account, row_id in chance.sample(rows, min(REPEATED, len(rows))):
            self._app.send_task(CREATE_ONE_TASK, kwargs={"creation_id": row_id}, queue=STAMP_QUEUE, retry=False)
            arguments = {"account": account, "creation_ids": [row_id]}
            self._app.send_task(LOOK_FOR_TASK, kwargs=arguments, queue=WORK_QUEUE, retry=False)
        for account in self._stage.plan.accounts:
            self._app.send_task(CREATIONS_TASK, kwargs={"account": account}, queue=WORK_QUEUE, retry=False)


class CreationCampaign(Campaign):
    """One run of a plan, of documents that do not exist yet."""

    table_of = CreationTable
    producers_of = CreationProducers
    violence_of = CreationViolence

    def _plant(self, stage: Stage, phase: Phase) -> Mapping[Shelf, Sequence[str]]:
        """Nothing is there; the references, by account and kind."""
        stage.sandbox.faults.set(self._faults({}, stage))
        wanted = Counter[Shelf]()
        for order in phase.orders:
            wanted[order.account, order.kind] += order.count
        return {
            shelf: [f"{phase.profile.name}/{shelf[1]}-{number}" for number in range(count)]
            for shelf, count in wanted.items()
        }

    def _verdict(self, stage: Stage, table: StatusTable, producers: Producers) -> tuple[Verdict, Mapping[Key, Any]]:
        rows = table.creations() if isinstance(table, CreationTable) else {}
        asked = frozenset(
            (asking.order.account, asking.order.kind, reference)
            for asking in producers.askings
            for reference in asking.ids
        )
        return judge(asked, rows, stage.sandbox.creations(), stage.sandbox.duplicates()), rows


def judge(
    asked: frozenset[Key],
    rows: Mapping[Key, Mapping[str, Any]],
    entries: Sequence[Mapping[str, Any]],
    stamped_twice: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Compare every creation's end with the documents that carry its reference."""
    documents: dict[Key, list[str]] = {}
    for entry in entries:
        documents.setdefault((entry["account"], entry["kind"], entry["reference"]), []).append(entry["document_id"])
    flaws = [
        Flaw(
            "duplicate", each["account"], each["kind"], each["document_id"], f"stamped {len(each['executions'])} times"
        )
        for each in stamped_twice
    ]
    held: Counter[str] = Counter()
    there_and_held = 0
    for key in sorted(asked):
        row, made = rows.get(key), documents.get(key, [])
        flaws += [Flaw(kind, *key, what) for kind, what in _flaws_of(row, made)]
        if row is not None and row["status"] == CreationStatus.HELD:
            reason = str(row["held_reason"])
            held[alike(reason)] += 1
            there_and_held += bool(made)
            if not any(re.search(known, reason) for known in EXPLAINED):
                flaws.append(Flaw("unexplained", *key, f"held: {reason}"))
    kinds = Counter(flaw.kind for flaw in flaws)
    return Verdict(
        documents=len(asked),
        duplicates=kinds["duplicate"],
        lost=kinds["lost"],
        wrong=kinds["wrong"],
        false=kinds["false"],
        early=0,
        waiting=0,
        held=dict(held.most_common()),
        held_unexplained=kinds["unexplained"],
        held_although_accepted=there_and_held,
        by_status=dict(Counter(str(row["status"]) for row in rows.values()).most_common()),
        executions=len(entries),
        flaws=flaws,
    )


def _flaws_of(row: Mapping[str, Any] | None, made: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(made) > 1:
        yield "duplicate", f"created {len(made)} times: {', '.join(made)}"
    if row is None:
        yield "lost", "a producer has a receipt, and the table knows nothing of it"
        return
    status = CreationStatus(row["status"])
    if status not in FINISHED:
        yield "lost", f"still {status} when everything had come to rest"
    if status is CreationStatus.CREATED and row["document_id"] not in made:
        yield "wrong", f"the table has document {row['document_id']}, the sandbox {made}"
    if status in {CreationStatus.REJECTED, CreationStatus.CANCELLED} and made:
        yield "false", f"{status}, but the sandbox has {made}"
