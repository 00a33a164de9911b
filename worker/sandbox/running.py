"""Running the sandbox as a process of its own: `python -m worker.sandbox`, and `timbre sandbox` through `run`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.sandbox.faults import read_settings
from worker.sandbox.journal import JournalUnreadable
from worker.sandbox.kinds import INVOICE
from worker.sandbox.server import serve
from worker.sandbox.stamping import Stamping
from worker.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Options:
    """How to start; texts are as a command line gives them."""

    host: str = "127.0.0.1"
    port: int = 8765
    data: Path | None = None
    """Where the journal is kept; without it everything is forgotten at the end."""
    accounts: Sequence[str] = ()
    """`name:country` or `name:country:token`; the e-mail is `name@sandbox.example`, the token `sandbox-name`."""
    drafts: Sequence[str] = ()
    """`account=37` or `account=37,data_error=2,…`; for accounts that have no documents yet."""
    faults: Sequence[str] = ()
    """`name=value`; see `faults.read_settings`."""
    json: bool = False
    """Tell the address as JSON."""


def run(options: Options) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns 0; 2 for a wrong option; 3 when the port is not to be had."""
    try:
        world = World(options.data, faults=read_settings(options.faults))
        _furnish(world, options)
    except (ValueError, JournalUnreadable) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    try:
        asyncio.run(_until_told(world, options))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        sys.stderr.write(f"sandbox: cannot listen on {where}: {error.strerror or error}; choose another --port\n")
        return 3
    return 0


def _furnish(world: World, options: Options) -> None:
    for text in options.accounts:
        name, _, rest = text.partition(":")
        country, _, token = rest.partition(":")
        if not country:
            raise ValueError(f"account: {name!r} has no country; write name:country or name:country:token")
        world.add_account(name, country=country, token=token or None)
    stamping = Stamping(world)
    for text in options.drafts:
        name, count, mix = _read_drafts(text)
        account = world.account(name)
        if not account.shelf(INVOICE).documents:
            for document in world.add_drafts(name, count, mix=mix):
                stamping.set_stage(account, document)


def _read_drafts(text: str) -> tuple[str, int, dict[str, object]]:
    first, *rest = text.split(",")
    name, _, count = first.partition("=")
    if not count.isdigit():
        raise ValueError(f"drafts: {text!r} is not account=count or account=count,outcome=count")
    mix: dict[str, object] = {}
    for part in rest:
        outcome, _, amount = part.partition("=")
        try:
            mix[outcome] = float(amount) if "." in amount else int(amount)
        except ValueError:
            raise ValueError(f"drafts: {part!r} is not outcome=count or outcome=share") from None
    return name, int(count), mix


async def _until_told(world: World, options: Options) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await serve(world, options.host, options.port, ready=lambda url: _tell(url, options), until=told)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _tell(url: str, options: Options) -> None:
    """One line, so that whoever started it knows where and when."""
    if options.json:
        line = json.dumps({"url": url, "base_url": f"{url}/api/v1", "pid": os.getpid()})
    else:
        line = f"Sandbox ready: TIMBRE_ALEGRA_BASE_URL={url}/api/v1 (control: {url}/_sandbox)"
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
