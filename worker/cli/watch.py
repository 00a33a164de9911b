"""`timbre emit --wait`: watch a request until all its documents have ended, and show what became of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import typer

from worker.cli import reach
from worker.cli.failures import ExitCode
from worker.cli.lists import emissions_table
from worker.cli.output import answers, complain, messages, plural, say, write_json

if TYPE_CHECKING:
    from timbre_producers import Receipt
    from worker.storage.queries import Queries
    from worker.storage.views import EmissionView, SetAsideView

LOOK_EVERY: Final = 0.3
"""Seconds between looks at the table: soon enough for a person, nothing to a database."""

PATIENCE: Final = 10.0
"""Seconds after which a request that nobody took is worth a word."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request's documents stand."""

    asked: int
    emissions: Sequence[EmissionView] = ()
    refused: Sequence[SetAsideView] = ()
    """Parts of the request that the worker set aside."""
    taken: bool = False
    """Every part was written down or set aside."""
    paused: str | None = None
    """Why the account is paused, if it is."""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Documents that nothing moves any more."""
        from worker.emission.lifecycle import FINISHED

        return sum(1 for each in self.emissions if each.status in FINISHED)

    @property
    def over(self) -> bool:
        """Nothing is left to wait for."""
        return self.taken and self.finished == len(self.emissions)

    @property
    def code(self) -> ExitCode:
        """How the command ends when it stops watching now."""
        if not self.over:
            return ExitCode.STILL_SETTLING
        stamped = self.counts.get("stamped", 0)
        return ExitCode.DONE if stamped == len(self.emissions) and not self.refused else ExitCode.SOME_REFUSED


class Watched(Protocol):
    """Somebody who is told how things stand."""

    def __call__(self, standing: Standing) -> None: ...


def watch(receipt: Receipt, seconds: float, *, as_json: bool) -> None:
    """Ends the command with the contract's exit code."""
    queries = reach.queries()
    try:
        with _progress(len(receipt.document_ids)) as tell:
            standing = _until_over(queries, receipt, seconds, tell)
    except KeyboardInterrupt:
        standing = look(queries, receipt)
        complain("Stopped watching; the documents go on by themselves.")
    _show(receipt, standing, as_json=as_json)
    raise typer.Exit(standing.code)


def look(queries: Queries, receipt: Receipt) -> Standing:
    """Where the documents stand now."""
    parts = {str(part.request_id): part.document_ids for part in receipt.parts}
    # A request id that was used before with other documents is known, but not for ours: those will be set aside.
    taken = {each for each, ids in queries.asked_for(list(parts)).items() if ids == parts[each]}
    refused = [each for each in queries.refusals(list(parts)) if each.request_id not in taken]
    emissions = queries.of_requests(sorted(taken))
    paused = next((account.pause_reason for account in queries.accounts(receipt.account) if account.paused_at), None)
    return Standing(
        asked=len(receipt.document_ids),
        emissions=emissions,
        refused=refused,
        taken=taken | {each.request_id for each in refused} >= set(parts),
        paused=paused,
        counts=Counter(each.status.value for each in emissions),
    )


def _until_over(queries: Queries, receipt: Receipt, seconds: float, tell: Watched) -> Standing:
    began = time.monotonic()
    while True:
        standing = look(queries, receipt)
        tell(standing)
        if standing.over or time.monotonic() - began >= seconds:
            return standing
        time.sleep(LOOK_EVERY)


@contextmanager
def _progress(asked: int) -> Iterator[Watched]:
    """A live bar on stderr."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    began = time.monotonic()
    screen = messages()
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task("handed to the broker", total=asked)

        def tell(standing: Standing) -> None:
            waited = time.monotonic() - began
            bar.update(task, completed=standing.finished, description=_words(standing, waited))

        yield tell


def _words(standing: Standing, waited: float) -> str:
    if standing.paused:
        return f"the account is paused: {standing.paused}"
    if not standing.taken:
        if waited > PATIENCE:
            return "no worker has taken the request yet; is one running? `timbre doctor` tells"
        return "handed to the broker"
    return " · ".join(f"{count} {status}" for status, count in standing.counts.items()) or "taken"


def _show(receipt: Receipt, standing: Standing, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "request_id": str(receipt.request_id),
                "request_ids": [str(each) for each in receipt.request_ids],
                "counts": standing.counts,
                "emissions": standing.emissions,
                "refused": standing.refused,
            }
        )
    elif standing.emissions:
        answers().print(emissions_table(standing.emissions))
    for each in standing.refused:
        complain(f"The worker set the request aside ({each.cause}): {each.reason}")
    if standing.code is ExitCode.STILL_SETTLING:
        left = standing.asked - standing.finished
        say(
            f"{plural(left, 'document')} still on the way{_because(standing)}. "
            f"Follow: timbre status --request {receipt.request_ids[0]}"
        )
    elif standing.code is ExitCode.SOME_REFUSED and not standing.refused:
        say("Why, and what to do next: timbre status ID")


def _because(standing: Standing) -> str:
    return f"; the account is paused: {standing.paused} (`timbre resume`)" if standing.paused else ""
