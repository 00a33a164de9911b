"""`timbre demo`: 37 drafts in three countries, from request to fiscal code, on the bundled sandbox."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from timbre_producers import EmissionClient
from worker.embedded import report
from worker.embedded.flower import reach_flower
from worker.embedded.home import HomeRefused, only_machine
from worker.embedded.supervisor import StartFailed, Stopped, Supervisor
from worker.embedded.up import Machine, logs_of, start_machine
from worker.emission.lifecycle import FINISHED
from worker.sandbox import SandboxControl
from worker.settings import Settings
from worker.storage.queries import Queries
from worker.storage.session import make_engine
from worker.storage.views import EmissionView

DRAFTS: Final[Mapping[str, int]] = MappingProxyType({"colombia": 17, "mexico": 12, "costarica": 8})
"""How many documents each account has: batches of ten that fill, and some that do not."""

ALL: Final = sum(DRAFTS.values())

PATIENCE: Final = timedelta(minutes=3)
"""How long nothing may move before the demo gives up."""

_LOOK_EVERY: Final = 0.25
_ON_THE_WAY: Final = MappingProxyType(
    {"queued": 0.1, "emitting": 0.4, "uncertain": 0.5, "confirming": 0.7, "waiting": 0.8}
)
"""How far along the bar a document is that has not ended."""

_NAMESPACE: Final = uuid.UUID("0d2f5f0a-8a54-4c1e-9b0b-6f6c1c6f0c37")


class GaveUp(Exception):
    """Nothing moves any more; the text says where things stand."""


def run_demo(settings: Settings, *, leave: bool = False, console: Console | None = None) -> int:
    """Emit everything once and show the codes. Returns 0 only if all 37 are stamped.

    Otherwise 1; 2 when another machine runs in this home, 3 when something did not start. A second run goes on with
    the same data: no new drafts, nothing emitted again. On a terminal everything keeps running after the table until
    Ctrl-C, unless told to `leave`.
    """
    console = console or report.demo_console()
    stay = console.is_terminal and not leave
    report.about_credentials(settings, console)

    def say(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)

    code = 1
    try:
        with (
            only_machine(settings.home),
            Supervisor(logs_of(settings, sandbox=True), say=say) as supervisor,
        ):
            machine = start_machine(settings, supervisor, sandbox=True, say=say)
            emissions = _emit_all(machine, supervisor, console)
            code = 0 if report.all_stamped(emissions, ALL) else 1
            console.print(report.table(emissions, console.width))
            report.next_steps(machine, reach_flower(supervisor, machine.flower) if stay else None, console)
            while stay and not supervisor.stop_asked:
                supervisor.wait(60)
            say("Stopping.")
    except HomeRefused as refused:
        say(f"timbre: {refused}")
        return 2
    except StartFailed as failed:
        say(f"timbre: {failed}")
        return 3
    except GaveUp as gave_up:
        say(f"timbre: {gave_up}")
    except Stopped:
        say("Stopped before the end; the next start goes on from here.")
    return code


def _emit_all(machine: Machine, supervisor: Supervisor, console: Console) -> Sequence[EmissionView]:
    """Ask for every document and watch until nothing is left to wait for. Raises `GaveUp`, `Stopped`."""
    requests = []
    with EmissionClient(machine.broker, timeout=10) as client:
        for account, ids in _documents(machine).items():
            # The same request every time: asked again, it is the same work.
            known = uuid.uuid5(_NAMESPACE, " ".join([account, *ids]))
            receipt = client.emit(ids, account=account, request_id=known, requested_by="timbre demo")
            requests += [str(each) for each in receipt.request_ids]
    engine = make_engine(machine.database)
    try:
        with _progress(console) as tell:
            return _until_over(Queries(engine), requests, machine, supervisor, tell)
    finally:
        engine.dispose()


def _documents(machine: Machine) -> Mapping[str, Sequence[str]]:
    """The documents of each account; drafts are added only while there are too few."""
    if machine.sandbox is None:
        raise ValueError("the demo needs the sandbox")
    documents = {}
    with SandboxControl(machine.sandbox.url) as control:
        for account, wanted in DRAFTS.items():
            missing = wanted - len(control.documents(account))
            if missing > 0:
                control.add_drafts(account, missing)
            documents[account] = [str(each["id"]) for each in control.documents(account)][:wanted]
    return documents


class _Told(Protocol):
    def __call__(self, counts: Mapping[str, int], done: int) -> None: ...


def _until_over(
    queries: Queries, requests: Sequence[str], machine: Machine, supervisor: Supervisor, tell: _Told
) -> Sequence[EmissionView]:
    moved_at, before = time.monotonic(), None
    while True:
        emissions = queries.of_requests(requests)
        counts = Counter(emission.status.value for emission in emissions)
        done = sum(emission.status in FINISHED for emission in emissions)
        tell(counts, done)
        if done >= ALL:
            return emissions
        if refused := queries.refusals(requests):
            raise GaveUp(f"The worker set a request aside: {refused[0].reason}")
        if counts != before:
            moved_at, before = time.monotonic(), counts
        if time.monotonic() - moved_at > PATIENCE.total_seconds():
            standing = ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing was accepted"
            raise GaveUp(f"Nothing has moved for {PATIENCE}: {standing}. The logs are in {machine.data / 'logs'}.")
        supervisor.wait(_LOOK_EVERY)
        if supervisor.stop_asked:
            raise Stopped


@contextmanager
def _progress(console: Console) -> Iterator[_Told]:
    """A live bar on a terminal; elsewhere a line whenever more are done."""
    if not console.is_terminal:
        last = -1

        def line(counts: Mapping[str, int], done: int) -> None:
            nonlocal last
            if done != last:
                console.print(f"{done} of {ALL} done ({_words(counts)})")
                last = done

        yield line
        return

    columns = (BarColumn(bar_width=30), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=ALL)

        def live(counts: Mapping[str, int], done: int) -> None:
            way = sum(_ON_THE_WAY.get(status, 1.0) * count for status, count in counts.items())
            bar.update(task, completed=way, description=f"{done} of {ALL} done ({_words(counts)})")

        yield live


def _words(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "the worker is starting"
