"""The drafts of an account, listed page by page within the quota, for `timbre emit --all`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.cli import reach
from worker.cli.output import messages

if TYPE_CHECKING:
    from worker.emission.observation import Observation
    from worker.emission.ports import QuotaSpent


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A document that would not be sent, and why."""

    document_id: str
    reason: str


@dataclass(slots=True)
class Drafts:
    """What the listing found."""

    wanted: list[str] = field(default_factory=list)
    skipped: list[LeftOut] = field(default_factory=list)


def list_drafts(account: str, kind: str) -> Drafts:
    """Every draft; only those that can be emitted are wanted. Raises `AlegraUnavailable`, `CoordinationDown`."""
    from worker.emission.ports import QuotaSpent

    api, of_kind = reach.runtime().api, reach.known_kind(kind)
    drafts = Drafts()
    seen: set[str] = set()
    start: int | None = 0
    with progress("asking Alegra for the drafts") as tell:
        while start is not None:
            try:
                page, start = api.drafts(account, of_kind, start=start)
            except QuotaSpent as spent:
                wait_for_quota(spent, tell)
                continue
            # A page shifts when a draft before it is stamped meanwhile: each is taken once.
            for draft in [draft for draft in page if draft.document_id not in seen]:
                seen.add(draft.document_id)
                if reason := why_not(draft):
                    drafts.skipped.append(LeftOut(draft.document_id, reason))
                else:
                    drafts.wanted.append(draft.document_id)
            tell(f"{len(seen)} drafts listed")
    return drafts


def why_not(draft: Observation) -> str | None:
    """Why a listed document is no draft that can be emitted; None when it is."""
    from worker.emission.observation import Remote

    if draft.remote is Remote.NOT_ELECTRONIC:
        return "its numbering (numberTemplate) is not electronic"
    if draft.remote is not Remote.UNSTAMPED or not draft.is_draft:
        return draft.reason or f"Alegra shows it as {draft.remote.value.replace('_', ' ')}"
    return None


def take_a_read(account: str, tell: Callable[[str], None]) -> None:
    """Spend one request of the account's own budget, as a worker would; wait for it when there is none."""
    from worker.emission.ports import QuotaSpent

    quota = reach.runtime().quota
    while (grant := quota.take(account, 1, "read")).granted == 0:
        wait_for_quota(QuotaSpent(grant.retry_in), tell)


def wait_for_quota(spent: QuotaSpent, tell: Callable[[str], None]) -> None:
    """Until there is a permit again; a command has all the time its user has, a worker's slot has not."""
    tell(str(spent))
    time.sleep(max(spent.retry_in.total_seconds(), 0.05))


@contextmanager
def progress(beginning: str) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says how far we are; nothing where nobody watches."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    screen = messages()
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as line:
        task = line.add_task(beginning, total=None)
        yield lambda text: line.update(task, description=text)
