"""`timbre create --preview`: Alegra draws each document; nothing is created and nothing is written down."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from worker.cli import reach
from worker.cli.drafts import progress
from worker.cli.dry_creation import left_behind, tell_left_behind
from worker.cli.failures import ExitCode, Failure, unreachable
from worker.cli.output import answers, complain, say, table, write_json

if TYPE_CHECKING:
    from worker.alegra.previews import Preview
    from worker.cli.new_documents import NewDocuments, Prepared
    from worker.cli.new_options import Wanted


def show_previews(documents: NewDocuments, wanted: Wanted, lang: str, *, as_json: bool) -> None:
    """The addresses of the drawings; a drawing that comes as itself is put into a file beside the others."""
    from worker.alegra.previews import PREVIEWED

    if wanted.kind.name not in PREVIEWED:
        has = ", ".join(sorted(PREVIEWED))
        raise Failure(
            f"Alegra describes no preview of a {wanted.kind.title}, only of: {has}. --dry-run shows the request."
        )
    drawn = [(each, _told(each, preview)) for each, preview in _drawn(documents.to_send, wanted)]
    refused = [each for each, told in drawn if "refused" in told]
    if as_json:
        shown = [{"reference": each.reference, **told} for each, told in drawn]
        write_json({"preview": True, "documents": shown, **left_behind(documents)})
    else:
        tell_left_behind(documents, wanted, lang)
        made = table("document", "", "preview")
        for each, told in drawn:
            for name, value in told.items():
                made.add_row(each.reference, name, value)
        answers().print(made)
        say("These were previews: nothing was created.")
    if refused:
        complain(
            f"Alegra would not draw {', '.join(each.reference for each in refused)}: it would not create it either."
        )
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _told(prepared: Prepared, preview: Preview) -> dict[str, str]:
    """What a preview came to, by what it is."""
    if preview.refused is not None:
        return {"refused": preview.refused}
    if preview.pdf is not None:
        place = Path(f"preview-{re.sub(r'[^A-Za-z0-9._-]', '_', prepared.reference)}.pdf")
        place.write_bytes(preview.pdf)
        return {"file": str(place)}
    if preview.addresses:
        return {"address": preview.addresses[0]}
    return {"unknown answer": preview.said or "empty"}


def _drawn(prepared: list[Prepared], wanted: Wanted) -> Iterator[tuple[Prepared, Preview]]:
    """One after the other, each paid from the account's budget."""
    from worker.accounts import load_accounts
    from worker.alegra.access import AccountAccess
    from worker.alegra.client import AlegraClient
    from worker.alegra.errors import AlegraError, Throttled
    from worker.alegra.previews import preview
    from worker.doctor.budget import spending

    settings = reach.settings()
    accounts = load_accounts(settings)
    account = accounts[wanted.account]
    access = AccountAccess(
        account.name,
        account.base_url,
        account.email,
        account.token,
        read_timeout=settings.read_timeout,
        connect_timeout=settings.connect_timeout,
    )
    with (
        progress("asking Alegra for the previews") as tell,
        spending(settings, accounts) as budget,
        AlegraClient(connections=1, budget=budget) as client,
    ):
        for place, each in enumerate(prepared, start=1):
            while not (grant := budget.permit(account.name)).granted:
                tell("waiting for the account's quota")
                time.sleep(max(grant.retry_in.total_seconds(), 0.05))
            try:
                yield each, preview(client, access, wanted.kind.name, each.body)
            except Throttled as error:
                raise unreachable(f"Alegra's quota is used up: {error}. Nothing was created; try again then.") from None
            except AlegraError as error:
                raise unreachable(
                    f"Alegra could not draw {each.reference}: {error}. Nothing was created; `timbre doctor` checks the "
                    "account."
                ) from None
            tell(f"{place} of {len(prepared)} previews")
