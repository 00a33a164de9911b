"""`timbre sandbox`: run the bundled stand-in for Alegra, or change one that is running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.padding import Padding
from rich.text import Text

from worker.cli import reach
from worker.cli.failures import Failure, unreachable
from worker.cli.options import JSON
from worker.cli.output import answers, plural, table, write_json

if TYPE_CHECKING:
    from worker.sandbox import SandboxControl

PORT: Final = 8765


def sandbox(
    *,
    port: Annotated[int, typer.Option("--port", metavar="PORT", help="Where to listen; 0 takes a free port.")] = PORT,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Remember everything here; otherwise it is forgotten.")
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="NAME:COUNTRY[:TOKEN]", help="An account; may be given again."),
    ] = None,
    drafts: Annotated[
        list[str] | None,
        typer.Option("--drafts", metavar="NAME=N[,OUTCOME=N]", help="So many drafts, some ending otherwise."),
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME=VALUE", help="A fault; --faults lists them.")
    ] = None,
    faults: Annotated[bool, typer.Option("--faults", help="List every fault, its values and its meaning.")] = False,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Change, or just look at, the sandbox running there.")
    ] = None,
    running: Annotated[
        bool, typer.Option("--running", help="As --url, for the sandbox of this directory's `timbre demo`.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="With --url or --running: all faults as at first.")] = False,
    as_json: JSON = False,
) -> None:
    """Run a stand-in for Alegra that stamps, throttles and fails as told. Nothing it stamps is real.

    With --running or --url the same options change one that runs: accounts and drafts are added, faults switched.
    """
    if faults:
        _list_faults(as_json=as_json)
        return
    if running:
        if url is not None:
            raise Failure("--running and --url name the sandbox twice: give one of them.")
        url = _of_this_directory()
    if url is not None:
        with _control(url) as control:
            _change(control, account or [], drafts or [], fault or [], clear=clear)
            _show(control, as_json=as_json)
        return
    if clear:
        raise Failure("--clear goes with --url or --running: a sandbox that starts has no faults but those named.")
    if not 0 <= port <= 65535:
        raise Failure(f"--port cannot be {port}: write a number from 0 to 65535.")
    from worker.sandbox import Options, run

    raise typer.Exit(run(Options(host, port, data, account or [], drafts or [], fault or [], as_json)))


def _change(
    control: SandboxControl, accounts: Sequence[str], drafts: Sequence[str], faults: Sequence[str], *, clear: bool
) -> None:
    from worker.sandbox import WrongFault, read_settings

    for text in accounts:
        name, _, rest = text.partition(":")
        country, _, token = rest.partition(":")
        if not country:
            raise Failure(f"--account cannot be {text[:60]!r}: write NAME:COUNTRY or NAME:COUNTRY:TOKEN.")
        control.add_account(name, country=country, **({"token": token} if token else {}))
    for text in drafts:
        name, count, mix = _drafts(text)
        control.add_drafts(name, count, mix)
    if clear:
        control.faults.clear()
    if faults:
        try:
            control.faults.set(read_settings(faults))
        except WrongFault as wrong:
            raise Failure(f"--fault: {wrong}") from None


def _drafts(text: str) -> tuple[str, int, Mapping[str, object]]:
    """`acme=37,data_error=2` as account, count and the outcomes that some of them have."""
    first, *rest = text.split(",")
    name, _, count = first.partition("=")
    amounts = {outcome: amount for outcome, _, amount in (part.partition("=") for part in rest)}
    if not name or not all(each.isdecimal() and len(each) <= 6 for each in (count, *amounts.values())):
        raise Failure(f"--drafts cannot be {text[:60]!r}: write NAME=COUNT or NAME=COUNT,OUTCOME=COUNT.")
    return name, int(count), {outcome: int(amount) for outcome, amount in amounts.items()}


def _show(control: SandboxControl, *, as_json: bool) -> None:
    accounts, in_force, stats = control.accounts(), control.faults.get(), control.stats()
    if as_json:
        write_json({"url": control.url, "accounts": accounts, "faults": in_force, "stats": stats})
        return
    # A trigger that never fires is shown as an empty list, and as "never" in the list of faults.
    first = {each["name"]: each["default"] for each in control.fault_list()}
    changed = {name: value for name, value in in_force.items() if value not in ([], first.get(name))}
    print(f"Sandbox at {control.url} with {plural(len(accounts), 'account')}:")
    made = table("account", "country", "documents")
    for each in accounts:
        made.add_row(str(each.get("name")), str(each.get("country")), str(each.get("documents", "")))
    answers().print(made)
    print("Faults: " + (", ".join(f"{name}={value}" for name, value in changed.items()) or "none"))
    twice = control.duplicates()
    print(f"Documents stamped twice: {len(twice)}")


def _list_faults(*, as_json: bool) -> None:
    from worker.sandbox import FAULTS

    listed = [fault.as_json() for fault in FAULTS.values()]
    if as_json:
        write_json({"faults": listed})
        return
    screen = answers()
    for each in listed:
        screen.print(Text.assemble((str(each["name"]), "bold"), (f"  {_values(each)}", "dim")))
        screen.print(Padding(Text(str(each["meaning"])), (0, 0, 0, 4), expand=False))
        for name, detail in each.get("parameters", {}).items():
            screen.print(Padding(Text(f"{name}: {detail['allowed']}", "dim"), (0, 0, 0, 4), expand=False))
    screen.print()
    screen.print("A trigger says when: always, never, 0.1 (one in ten), 3 (the next three); details follow a comma.")
    screen.print("For example: --fault timeout=1,on=stamp,moment=after", soft_wrap=True)


def _values(fault: Mapping[str, Any]) -> str:
    allowed = "a trigger" if "parameters" in fault else fault["allowed"]
    return f"{allowed}; at first {fault['default']}"


def _of_this_directory() -> str:
    """The address of the sandbox that `timbre demo` or `timbre up --sandbox` runs in this home."""
    settings = reach.settings()
    if settings.running is None or settings.running.sandbox_url is None:
        raise unreachable(
            f"No sandbox runs in {settings.home}: start `timbre demo` or `timbre up --sandbox`, "
            "or name one that runs elsewhere with --url."
        )
    return settings.running.sandbox_url


@contextmanager
def _control(url: str) -> Iterator[SandboxControl]:
    from worker.sandbox import SandboxControl, SandboxRefused, SandboxUnreachable

    if not url.startswith(("http://", "https://")):
        raise Failure(f"--url cannot be {url[:60]!r}: write the sandbox's address, such as http://127.0.0.1:{PORT}.")
    try:
        with SandboxControl(url) as control:
            yield control
    except SandboxRefused as refused:
        raise Failure(f"The sandbox refused: {refused}") from None
    except SandboxUnreachable as away:
        raise unreachable(f"{away}: start it with `timbre demo` or `timbre sandbox`, or correct --url.") from None
