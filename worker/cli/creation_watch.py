"""`timbre create --wait`: watch documents until they are created, and emitted if asked for, and show the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.cli import reach
from worker.cli.creation_lists import Created, creations_table, with_emissions
from worker.cli.failures import ExitCode
from worker.cli.output import answers, complain, messages, plural, say, write_json
from worker.cli.watch import LOOK_EVERY, PATIENCE

if TYPE_CHECKING:
    from timbre_producers import Receipt
    from worker.storage.creation_queries import CreationQueries
    from worker.storage.views import SetAsideView


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the documents of a request stand."""

    asked: int
    creations: Sequence[Created] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """Documents whose reference is another body's, and why they were not taken."""
    set_aside: Sequence[SetAsideView] = ()
    """Parts of the request that the worker set aside as a whole."""
    taken: bool = False
    """Every part was written down or set aside."""
    paused: str | None = None
    """Why the account is paused, if it is."""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Documents that nothing moves any more."""
        return sum(each.over for each in self.creations) + len(self.refused)

    @property
    def over(self) -> bool:
        """Nothing is left to wait for."""
        return self.taken and all(each.over for each in self.creations)

    @property
    def code(self) -> ExitCode:
        """How the command ends when it stops watching now."""
        if not self.over:
            return ExitCode.STILL_SETTLING
        well = all(each.stands == "stamped" or each.is_draft for each in self.creations)
        return ExitCode.DONE if well and not self.refused and not self.set_aside else ExitCode.SOME_REFUSED


def watch(receipt: Receipt, seconds: float, left_behind: Mapping[str, Any], *, as_json: bool) -> ExitCode:
    """Until all have ended, or the time is over; how the command ends."""
    queries = reach.creation_queries()
    try:
        with _progress(len(receipt.references)) as tell:
            standing = _until_over(queries, receipt, seconds, tell)
    except KeyboardInterrupt:
        standing = look(queries, receipt)
        complain("Stopped watching; the documents go on by themselves.")
    _show(receipt, standing, left_behind, as_json=as_json)
    return standing.code


def look(queries: CreationQueries, receipt: Receipt) -> Standing:
    """Where the documents stand now."""
    parts = {str(part.request_id): part.references for part in receipt.parts}
    # In this order: a request some of whose documents were refused is written down before that is told.
    told = reach.queries().refusals(list(parts))
    taken = {each.request_id: each for each in queries.requests(list(parts))}
    aside = [each for each in told if each.request_id not in taken]
    refused = {name: why for each in taken.values() for name, why in each.refused.items()}
    named = [each for each in queries.of_requests(list(taken)) if each.reference not in refused]
    in_the_file = {reference: place for place, reference in enumerate(receipt.references)}
    creations = with_emissions(sorted(named, key=lambda each: in_the_file[each.reference]))
    account = next(iter(reach.queries().accounts(receipt.account)), None)
    return Standing(
        asked=len(receipt.references),
        creations=creations,
        refused=refused,
        set_aside=aside,
        taken=taken.keys() | {each.request_id for each in aside} >= set(parts),
        paused=account.pause_reason if account and account.paused_at else None,
        counts=Counter(each.stands for each in creations),
    )


def _until_over(
    queries: CreationQueries, receipt: Receipt, seconds: float, tell: Callable[[Standing], None]
) -> Standing:
    began = time.monotonic()
    while True:
        asked_at = time.monotonic()
        standing = look(queries, receipt)
        tell(standing)
        if standing.over or time.monotonic() - began >= seconds:
            return standing
        # A look at twenty thousand documents takes its time: whoever watches leaves the database as much for others.
        time.sleep(max(LOOK_EVERY, time.monotonic() - asked_at))


@contextmanager
def _progress(asked: int) -> Iterator[Callable[[Standing], None]]:
    """A live bar on stderr."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    began = time.monotonic()
    screen = messages()
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task("handed to the broker", total=asked)

        def tell(standing: Standing) -> None:
            words = _words(standing, time.monotonic() - began)
            bar.update(task, completed=standing.finished, description=words)

        yield tell


def _words(standing: Standing, waited: float) -> str:
    if standing.paused:
        return f"the account is paused: {standing.paused}"
    if not standing.taken:
        if waited > PATIENCE:
            return "no worker has taken the request yet; is one running? `timbre doctor` tells"
        return "handed to the broker"
    return " · ".join(f"{count} {stands}" for stands, count in standing.counts.items()) or "taken"


def _show(receipt: Receipt, standing: Standing, left_behind: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "request_id": receipt.request_id,
                "request_ids": receipt.request_ids,
                "counts": standing.counts,
                "creations": [each.described() for each in standing.creations],
                "refused": standing.refused,
                "set_aside": standing.set_aside,
                **left_behind,
            }
        )
    elif standing.creations:
        answers().print(creations_table(standing.creations))
    for reference, why in standing.refused.items():
        complain(f"{reference} was refused: {why}")
    for each in standing.set_aside:
        complain(f"The worker set the request aside ({each.cause}): {each.reason}")
    if standing.code is ExitCode.STILL_SETTLING:
        left = plural(standing.asked - standing.finished, "document")
        because = f"; the account is paused: {standing.paused} (`timbre resume`)" if standing.paused else ""
        which = f"--request {receipt.request_id}" if len(receipt.parts) == 1 else f"--account {receipt.account}"
        say(f"{left} still on the way{because}. Follow: timbre creations {which}")
    elif standing.code is ExitCode.SOME_REFUSED and standing.creations:
        say("Why, and what to do next: timbre creations REFERENCE")
