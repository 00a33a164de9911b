"""What the demo tells: whose credentials it leaves alone, the table of fiscal codes, and where to go from here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timbre_producers.contracts import Status
from worker.embedded.flower import Flower, shown
from worker.embedded.sandbox import ACCOUNTS
from worker.embedded.up import Machine
from worker.settings import Settings
from worker.storage.views import EmissionView

WIDTH_IN_A_PIPE: Final = 200
"""Nobody looks at a pipe's width: wide enough that no code is cut for a program that reads it."""

_SHORTEST_CODE: Final = 17


def demo_console() -> Console:
    """Where the demo writes."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH_IN_A_PIPE
    return console


def about_credentials(settings: Settings, console: Console) -> None:
    """Say that real credentials were seen and are not used."""
    found = [
        name
        for name, value in (
            ("TIMBRE_ALEGRA_TOKEN", settings.alegra_token),
            ("TIMBRE_ACCOUNTS_FILE", settings.accounts_file),
        )
        if value is not None
    ]
    if found:
        console.print(
            f"{' and '.join(found)} found: there are Alegra credentials here. The demo talks to its own sandbox "
            f"only and emits nothing with them. To emit for real: `{command()} up`, then `{command()} emit ID…`.",
            style="yellow",
            soft_wrap=True,
        )


def all_stamped(emissions: Sequence[EmissionView], wanted: int) -> bool:
    """Whether each of them is stamped and shows its code."""
    stamped = [each for each in emissions if each.status is Status.STAMPED and each.fiscal_code]
    return len(stamped) == len(emissions) == wanted


def table(emissions: Sequence[EmissionView], width: int) -> Table:
    """The documents with their fiscal codes; where there is no room for a whole code, its ends."""
    order = list(ACCOUNTS)
    emissions = sorted(emissions, key=lambda each: (order.index(each.account), each.id))
    shown_rows = [
        (each.document_id, f"{each.account} {ACCOUNTS[each.account]}", each.document_number or "", each.status.value)
        for each in emissions
    ]
    headings = ("ID", "Account", "Number", "Status")
    # Three columns between two cells, and one at either end.
    taken = sum(max(map(len, cells)) + 3 for cells in zip(headings, *shown_rows, strict=True)) + 2
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (*headings, "Fiscal code"):
        made.add_column(heading, no_wrap=True)
    for each, (document, account, number, status) in zip(emissions, shown_rows, strict=True):
        style = "green" if each.status is Status.STAMPED else "red"
        kind = f"{each.fiscal_code_type} " if each.fiscal_code_type else ""
        told = each.fiscal_code or each.held_reason or each.error_message or ""
        code = kind + _fitting(told, max(width - taken - len(kind), _SHORTEST_CODE))
        made.add_row(document, account, number, Text(status, style=style), code)
    return made


def _fitting(code: str, width: int) -> str:
    half = (width - 1) // 2
    return code if len(code) <= width else f"{code[:half]}…{code[-half:]}"


def command() -> str:
    """How this user types `timbre`: its name where that is found, else where it lies."""
    beside = Path(sys.executable).with_name("timbre")
    found = shutil.which("timbre")
    return "timbre" if found and Path(found).resolve() == beside.resolve() else shown(beside)


def next_steps(machine: Machine, flower: Flower | None, console: Console) -> None:
    """Where to look, what to try, and how to work for real; what needs a running machine only where there is one."""
    timbre = command()
    first = next(iter(ACCOUNTS))
    steps = [("The whole", f"{timbre} status"), ("One document", f"{timbre} status 501 --account {first}")]
    if flower is not None:
        steps += [
            ("New drafts", f"{timbre} sandbox --running --drafts {first}=3,data_error=1"),
            ("Emit them", f"{timbre} emit --all --account {first} --wait"),
            ("Flower", flower.address),
            ("", f"user {flower.user}, password in {flower.where_the_password_is}"),
        ]
    steps += [
        ("Logs", shown(machine.data / "logs")),
        ("For real", "export TIMBRE_ALEGRA_EMAIL=you@example.com TIMBRE_ALEGRA_TOKEN=…"),
        ("", f"{timbre} up"),
        ("", f"{timbre} doctor; {timbre} emit --all --dry-run   (in another terminal)"),
    ]
    for what, how in steps:
        console.print(f"{what:<15}{how}", soft_wrap=True)
    if flower is not None:
        console.print("\nEverything keeps running; Ctrl-C stops it.")
