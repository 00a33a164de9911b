"""A campaign: documents are asked for while everything breaks, then all must come to rest, then the ledger judges."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final

from tests.chaos.campaign.plan import Options, Phase, Plan, draw
from tests.chaos.campaign.producers import Producers, Shelf
from tests.chaos.campaign.profiles import ALWAYS
from tests.chaos.campaign.showing import Showing
from tests.chaos.campaign.stage import Stage
from tests.chaos.campaign.table import WAITS, Key, StatusTable, is_over
from tests.chaos.campaign.timings import LATEST_EXECUTION, RARELY_LOOKED_AT, STAMP_TIMEOUT
from tests.chaos.campaign.verdict import Evidence, Flaw, Verdict, judge
from tests.chaos.campaign.violence import Violence
from worker.emission.kinds import KINDS

STEP: Final = 0.03
LOOK_EVERY: Final = 1.0

TOLD: Final = 10
"""Flaws whose whole history is told."""


@dataclass(slots=True)
class Told:
    """A flaw with everything that is known of its document."""

    flaw: Flaw
    history: list[str]
    calls: list[str]


@dataclass(slots=True)
class Outcome:
    """The verdict and its circumstances."""

    options: Options
    verdict: Verdict
    seconds: float
    stats: Mapping[str, Any]
    blows: Counter[str]
    restarts: int
    producers_refused: int
    forgotten: Counter[str]
    late_words: int
    alerts: int
    told: list[Told] = field(default_factory=list)

    def as_report(self) -> dict[str, Any]:
        """For people and machines."""
        options, documents = self.options, max(self.verdict.documents, 1)
        faults: Mapping[str, int] = self.stats["faults"]
        return {
            "title": f"{self.verdict.documents} documents, {options.accounts} accounts, profile {options.profile}, "
            f"seed {options.seed}, {options.database}, {options.broker}, {options.workers} workers",
            "options": asdict(options),
            "verdict": self.verdict.as_json(),
            "requests per document": round(self.stats["requests_total"] / documents, 3),
            "most ids in a call": self.stats["max_ids_per_stamp_call"],
            "429s": self.stats["throttled"],
            "violence": ", ".join(f"{times} {kind}" for kind, times in self.blows.most_common()) or "none",
            "faults": f"{sum(faults.values())} requests met one "
            f"({', '.join(f'{times} {name}' for name, times in Counter(faults).most_common())})",
            "deaths": f"{self.restarts} processes started again",
            "also": f"{self.producers_refused} requests refused at once by a broker that was away, "
            f"{self.late_words} late words kept as discrepancies, {self.alerts} alerts",
            "forgotten by redis": f"{self.forgotten['emptied']} requests when it was emptied, "
            f"{self.forgotten['missing']} not written down a minute after their receipt; "
            "their services asked again under the same request id",
            "time": f"{self.seconds:.0f} s",
            "told": [asdict(each) for each in self.told],
        }


class Campaign:
    """One run of a plan."""

    table_of: ClassVar[type[StatusTable]] = StatusTable
    producers_of: ClassVar[type[Producers]] = Producers
    violence_of: ClassVar[type[Violence]] = Violence

    def __init__(self, options: Options, showing: Showing) -> None:
        self._plan: Plan = draw(options)
        self._showing = showing
        self._started = time.monotonic()
        self._looked_at = 0.0
        self._counts: Mapping[str, int] = {}

    def run(self, stage: Stage) -> Outcome:
        """Run it on this stage."""
        table, producers = self.table_of(stage.database_url), self.producers_of(stage.broker_url)
        violence = self.violence_of(stage, table, producers)
        try:
            self._started = time.monotonic()
            ids = [self._plant(stage, phase) for phase in self._plan.phases]
            for phase, of_phase in zip(self._plan.phases, ids, strict=True):
                self._suffer(stage, phase, of_phase, table, producers, violence)
            violence.end()
            stage.sandbox.faults.set(self._faults({}, stage))
            self._drain(stage, table, producers)
            return self._judge(stage, table, producers, violence)
        finally:
            violence.end()
            producers.close()
            table.close()

    def _plant(self, stage: Stage, phase: Phase) -> Mapping[Shelf, Sequence[str]]:
        """Make the drafts of a phase, under its faults' seed; their ids by account and kind.

        What follows others refers to those of the same phase, whatever becomes of them.
        """
        stage.sandbox.faults.set(self._faults({}, stage))
        ids: dict[Shelf, Sequence[str]] = {}
        for account in self._plan.accounts:
            for kind in KINDS.values():
                if wanted := phase.wanted(account, kind.name):
                    followed = ids.get((account, kind.follows or ""), ())
                    ids[account, kind.name] = stage.sandbox.add_drafts(
                        account, wanted, mix=phase.profile.mix, kind=kind.name, refers_to=followed
                    )
        return ids

    def _faults(self, faults: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
        """Every fault of the sandbox: as named, always so, or as at first."""
        ordinary = {str(fault["name"]): None for fault in stage.sandbox.fault_list()}
        return {**ordinary, **ALWAYS, "seed": self._plan.options.seed, **faults}

    def _suffer(
        self,
        stage: Stage,
        phase: Phase,
        ids: Mapping[Shelf, Sequence[str]],
        table: StatusTable,
        producers: Producers,
        violence: Violence,
    ) -> None:
        stage.sandbox.faults.set(self._faults(phase.profile.faults, stage))
        start = time.monotonic()
        producers.take(phase, ids, start)
        violence.plan(tuple(phase.blows), start)
        while (now := time.monotonic()) < start + phase.seconds:
            violence.step(now)
            self._step(stage, phase.profile.name, table, producers)
            if not phase.blows and producers.all_taken and is_over(self._counts, producers.documents):
                return

    def _drain(self, stage: Stage, table: StatusTable, producers: Producers) -> None:
        """Until all is at rest, and whatever Alegra still executes late has been executed."""
        deadline = time.monotonic() + self._plan.drain
        still: tuple[float, Mapping[str, int]] = (0.0, {})
        while (now := time.monotonic()) < deadline:
            self._step(stage, "drain", table, producers)
            if self._counts != still[1]:
                still = (now, self._counts)
            # What waits for another is looked at now and then: it has had its chance when nothing moved for so long.
            patience = RARELY_LOOKED_AT if self._counts.get(WAITS) else 0.0
            over = producers.all_taken and is_over(self._counts, producers.documents)
            if over and now - still[0] >= patience:
                break
        last = time.monotonic() + STAMP_TIMEOUT + LATEST_EXECUTION + 1
        while time.monotonic() < last:
            self._step(stage, "last look", table, producers)

    def _step(self, stage: Stage, phase: str, table: StatusTable, producers: Producers) -> None:
        now = time.monotonic()
        stage.crew.keep()
        producers.step(now)
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._counts = table.counts() or self._counts
            if (written := table.requests()) is not None:
                producers.look(written, stage.broker_emptied_at, now)
            notes = f"{producers.documents} asked for · {stage.crew.restarts} restarts"
            self._showing.stand(phase, now - self._started, self._plan.options.documents, self._counts, notes)
        time.sleep(STEP)

    def _judge(self, stage: Stage, table: StatusTable, producers: Producers, violence: Violence) -> Outcome:
        seconds = time.monotonic() - self._started
        verdict, rows = self._verdict(stage, table, producers)
        return Outcome(
            options=self._plan.options,
            verdict=verdict,
            seconds=seconds,
            stats=stage.sandbox.stats(),
            blows=violence.fallen,
            restarts=stage.crew.restarts,
            producers_refused=producers.refused,
            forgotten=producers.forgotten,
            late_words=table.late_words(),
            alerts=table.alerts(),
            told=[_tell(flaw, rows, stage, table) for flaw in verdict.flaws[:TOLD]],
        )

    def _verdict(
        self, stage: Stage, table: StatusTable, producers: Producers
    ) -> tuple[Verdict, Mapping[Key, Mapping[str, Any]]]:
        rows = table.emissions()
        evidence = Evidence(
            asked=frozenset(
                (asking.order.account, asking.order.kind, document_id)
                for asking in producers.askings
                for document_id in asking.ids
            ),
            rows=rows,
            truths={
                (account, truth["kind"], str(truth["id"])): truth
                for account in self._plan.accounts
                for truth in stage.sandbox.documents(account)
            },
            ledger=stage.sandbox.ledger(),
            duplicates=stage.sandbox.duplicates(),
        )
        return judge(evidence), rows


def _tell(flaw: Flaw, rows: Mapping[Key, Mapping[str, Any]], stage: Stage, table: StatusTable) -> Told:
    """Everything that is known of a document whose end is not as promised."""
    row = rows.get((flaw.account, flaw.document_kind, flaw.document_id))
    ledger = stage.sandbox.ledger(flaw.account, flaw.document_id, kind=flaw.document_kind)
    executed = {entry["call"] for entry in ledger}
    calls = [
        f"{call['at']} call {call['id']} of {len(call['ids'])}, met {call['fault']}, "
        f"{'executed it' if call['id'] in executed else 'did not execute it'}"
        for call in stage.sandbox.calls()
        if (call["account"], call["kind"]) == (flaw.account, flaw.document_kind) and flaw.document_id in call["ids"]
    ]
    entries = [f"ledger: {entry}" for entry in ledger]
    return Told(flaw, list(table.history(row["id"])) if row else [], calls + entries)
