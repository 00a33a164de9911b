"""`timbre email`, `void`, `open`: what a person may have Alegra do to a document besides stamping it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from worker.cli import reach
from worker.cli.options import ACCOUNT, JSON, KIND, REASON
from worker.cli.output import say
from worker.cli.verdicts import show_verdicts

IDS = Annotated[list[str], typer.Argument(metavar="ID…", help="Alegra's ids of the documents.", show_default=False)]


def email(ids: IDS, *, account: ACCOUNT = "default", kind: KIND = "invoice", as_json: JSON = False) -> None:
    """Have Alegra send stamped documents to their clients, once more if they were sent before.

    It is your will that sends it: Timbre itself sends an e-mail at most once, and never again on doubt.
    `timbre status ID` shows what became of it.
    """
    of_kind = reach.kind_of_account(kind, account).name
    verdicts = reach.runtime().mailing.ask(
        reach.known_account(account), of_kind, reach.known_ids(ids), actor=reach.operator()
    )
    show_verdicts(verdicts, "will be sent", as_json=as_json)


def void(
    ids: IDS, *, reason: REASON = None, account: ACCOUNT = "default", kind: KIND = "invoice", as_json: JSON = False
) -> None:
    """Void documents that were not stamped. What is stamped is immutable: `timbre correct` prepares a credit note.

    Each is read before and after; `timbre open` takes it back.
    """
    _act("void", ids, reason, account, kind, as_json=as_json)


def open_again(
    ids: IDS, *, reason: REASON = None, account: ACCOUNT = "default", kind: KIND = "invoice", as_json: JSON = False
) -> None:
    """Open void documents again, which makes them ones that can be emitted.

    Each is read before and after.
    """
    if _act("open", ids, reason, account, kind, as_json=as_json):
        say("They are not queued by this: `timbre emit ID` asks for them.")


def _act(what: str, ids: Sequence[str], reason: str | None, account: str, kind: str, *, as_json: bool) -> bool:
    """Whether anything was done."""
    from worker.emission.acts import What

    why = reach.given_reason(reason, what)
    verdicts = reach.runtime().voiding.run(
        What(what),
        reach.known_account(account),
        reach.kind_of_account(kind, account).name,
        reach.known_ids(list(ids)),
        actor=reach.operator(),
        reason=why,
    )
    show_verdicts(verdicts, "", as_json=as_json)
    return any(each.done for each in verdicts)
