"""`timbre requests`: what producers asked for lately, and the messages that could not be accepted."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import reach
from worker.cli.lists import requests_table, set_aside_table
from worker.cli.options import ANY_ACCOUNT, JSON, LIMIT
from worker.cli.output import answers, say, write_json


def requests(
    *,
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="The messages set aside: unreadable, conflicting or refused.")
    ] = False,
    account: ANY_ACCOUNT = None,
    limit: LIMIT = 20,
    as_json: JSON = False,
) -> None:
    """Show the newest requests with where their documents stand, or the messages set aside with the reason."""
    account = reach.possible_account(account)
    queries = reach.queries()
    if unreadable:
        aside = queries.set_aside(limit=limit)
        if as_json:
            write_json({"set_aside": aside})
        elif aside:
            answers().print(set_aside_table(aside))
            say("Correct the producer and send again; --json shows the messages themselves.")
        else:
            print("No message was set aside.")
        return
    found = queries.requests(account=account, limit=limit)
    if as_json:
        write_json({"requests": found})
    elif found:
        answers().print(requests_table(found))
    else:
        print("Nobody has asked for anything yet.")
