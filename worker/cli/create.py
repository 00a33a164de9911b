"""`timbre create`: ask for the documents of a file to be created, each once, and emitted if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli import reach
from worker.cli.emit import WAIT_SECONDS, EmitCommand, instant, known_priority, seconds
from worker.cli.failures import ExitCode, Failure, unreachable
from worker.cli.options import ACCOUNT, JSON, KIND, LANG, known_language
from worker.cli.output import plural, say, write_json

if TYPE_CHECKING:
    from datetime import datetime

    from timbre_producers import Receipt
    from worker.cli.new_documents import NewDocuments
    from worker.cli.new_options import Wanted, Written


THE_FILE, COLUMNS = "The file", "The columns of a table (CSV)"


class CreateCommand(EmitCommand):
    """`--wait` means here what it means there."""


def create(
    file: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--file",
            metavar="FILE",
            help="JSON, JSON lines or CSV; - reads standard input.",
            rich_help_panel=THE_FILE,
        ),
    ] = None,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            "-d", "--data", metavar="JSON", help="A document, or an array of them, here.", rich_help_panel=THE_FILE
        ),
    ] = None,
    account: ACCOUNT = "default",
    kind: KIND = "invoice",
    draft: Annotated[bool, typer.Option("--draft", help="Leave them as drafts. This is the default.")] = False,
    emit: Annotated[bool, typer.Option("--emit", help="Emit each once it is created, by the guarded path.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the requests that would be sent; needs no credentials.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Have Alegra draw them, and create nothing (invoices only).")
    ] = False,
    no_validate: Annotated[
        bool, typer.Option("--no-validate", help="Send what pre-flight would keep back; the history says so.")
    ] = False,
    country: Annotated[
        str | None, typer.Option("--country", metavar="CODE", help="Whose rules to ask, if not the account's.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="The same in every document. Repeatable.", rich_help_panel=THE_FILE
        ),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="client.id=customer, items[].price=price … Repeatable.",
            rich_help_panel=COLUMNS,
        ),
    ] = None,
    reference_field: Annotated[
        str | None,
        typer.Option(
            "--reference-field",
            metavar="NAME",
            help="Column or path of your own name of each document.",
            rich_help_panel=THE_FILE,
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="json|jsonl|csv", help="If the file's name does not say it.", rich_help_panel=THE_FILE
        ),
    ] = None,
    encoding: Annotated[
        str,
        typer.Option(
            "--encoding", metavar="NAME", help="utf-8, utf-8-sig, latin-1 or windows-1252.", rich_help_panel=THE_FILE
        ),
    ] = "utf-8",
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter", metavar="CHAR", help="Of the cells, if the first line misleads.", rich_help_panel=COLUMNS
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar="point|comma",
            help="How numbers are written: 1,234.5 or 1.234,5.",
            rich_help_panel=COLUMNS,
        ),
    ] = None,
    dates: Annotated[
        str,
        typer.Option(
            "--dates", metavar="ymd|dmy|mdy", help="The order in which dates are written.", rich_help_panel=COLUMNS
        ),
    ] = "ymd",
    wait: Annotated[
        bool,
        typer.Option("--wait", help=f"Watch until all have ended; --wait=SECONDS for how long (else {WAIT_SECONDS})."),
    ] = False,
    wait_seconds: Annotated[str, typer.Option("--wait-seconds", hidden=True)] = str(WAIT_SECONDS),
    priority: Annotated[
        str, typer.Option("--priority", metavar="normal|high", help="high passes everything normal of the account.")
    ] = "normal",
    not_before: Annotated[
        str | None, typer.Option("--not-before", metavar="TIME", help="Send nothing earlier: ISO time with zone.")
    ] = None,
    lang: LANG = "en",
    as_json: JSON = False,
) -> None:
    """Create the documents of a file in Alegra, each exactly once; --emit has them emitted, too.

    A document's `reference` is your own name of it: however often you run this, it is created once.
    Without one, its content is its name.

    Exit code: 0 done, 1 some kept back or refused, 2 the file cannot be used; with --wait 4 still settling.
    """
    from worker.cli.new_documents import read_documents
    from worker.cli.new_options import Written

    if (file is None) == (data is None):
        raise Failure("Name the file with the documents (`timbre create -f sales.csv`), or write one behind --data.")
    _refuse_contradictions(draft=draft, emit=emit, dry_run=dry_run, preview=preview, wait=wait)
    patience, high, when = seconds(wait_seconds), known_priority(priority), instant(not_before)
    known_language(lang)
    written = Written(maps or (), sets or (), reference_field, format_, encoding, delimiter, decimal, dates)
    wanted = _wanted(file, data, written, account, kind, country, emit=emit, validate=not no_validate, offline=dry_run)
    documents = read_documents(wanted)
    if dry_run:
        from worker.cli.dry_creation import show_requests

        show_requests(documents, wanted, lang, as_json=as_json)
    elif preview:
        from worker.cli.preview import show_previews

        show_previews(documents, wanted, lang, as_json=as_json)
    else:
        _ask(documents, wanted, lang, high, when, patience if wait else None, as_json=as_json)
    if not documents.all_go:
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _refuse_contradictions(*, draft: bool, emit: bool, dry_run: bool, preview: bool, wait: bool) -> None:
    if draft and emit:
        raise Failure("--draft leaves drafts and --emit emits them: leave one of them out.")
    if (dry_run or preview) and wait:
        raise Failure("--dry-run and --preview create nothing, so there is nothing to wait for: leave --wait out.")
    if dry_run and preview:
        raise Failure("--dry-run asks nobody, and --preview asks Alegra: leave one of them out.")


def _wanted(
    file: str | None,
    data: str | None,
    written: Written,
    account: str,
    kind: str,
    country: str | None,
    *,
    emit: bool,
    validate: bool,
    offline: bool,
) -> Wanted:
    from worker.cli.new_options import Wanted, country_of, way_of
    from worker.emission.kinds import foreign

    way = way_of(written)
    name = reach.known_account(account)
    of_kind = reach.kind_of_account(kind, name)
    rules = country_of(country, name, offline=offline)
    if rules is not None and not of_kind.exists_in(rules):
        raise Failure(f"--kind cannot be {of_kind.name} for --country {rules}: {foreign(of_kind, rules)}.")
    if of_kind.emitted_by_creation and not emit:
        raise Failure(f"A {of_kind.title} is emitted by its creation, so that there is no draft of it: say --emit.")
    return Wanted(file or "", data, way, name, of_kind, rules, emit, validate)


def _ask(
    documents: NewDocuments,
    wanted: Wanted,
    lang: str,
    priority: str,
    not_before: datetime | None,
    patience: float | None,
    *,
    as_json: bool,
) -> None:
    from worker.cli.dry_creation import left_behind, tell_left_behind
    from worker.cli.new_documents import asks_to_be_stamped

    if not as_json:
        tell_left_behind(documents, wanted, lang)
    going = documents.to_send
    if not going:
        if as_json:
            write_json({"request_id": None, "request_ids": [], "documents": 0, **left_behind(documents)})
        say("Nothing was sent.")
        return
    if not wanted.emit and (stamped := sum(asks_to_be_stamped(each.found) for each in going)):
        say(f"{plural(stamped, 'document')} asked to be stamped or opened: they become drafts; --emit emits them.")
    if patience is not None:
        # Before anything is sent: whoever wants to watch must be able to see the table.
        reach.creation_queries().requests([])
    receipt = _send(documents, wanted, priority, not_before)
    if patience is None:
        _show_receipt(receipt, documents, wanted, as_json=as_json)
        return
    from worker.cli.creation_watch import watch

    code = watch(receipt, patience, left_behind(documents), as_json=as_json)
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


def _show_receipt(receipt: Receipt, documents: NewDocuments, wanted: Wanted, *, as_json: bool) -> None:
    from worker.cli.dry_creation import left_behind

    if as_json:
        write_json(
            {
                "request_id": receipt.request_id,
                "request_ids": receipt.request_ids,
                "account": receipt.account,
                "kind": receipt.kind,
                "emit": wanted.emit,
                "documents": len(receipt.references),
                "references": receipt.references,
                **left_behind(documents),
            }
        )
        return
    print(f"{plural(len(receipt.references), 'document')} to be created, request {receipt.request_id}")
    which = f"--request {receipt.request_id}" if len(receipt.parts) == 1 else f"--account {receipt.account}"
    say(f"Follow: timbre creations {which}")
    if made := sum(each.found.made for each in documents.to_send):
        say(
            f"{plural(made, 'reference')} made from the content: the same content again creates nothing, and so does "
            "a second sale that is equal in everything. `reference` tells such apart."
        )


def _send(documents: NewDocuments, wanted: Wanted, priority: str, not_before: datetime | None) -> Receipt:
    from timbre_producers import BrokerUnreachable, EmissionClient, NewDocument, Priority

    with EmissionClient(reach.settings().broker, timeout=2.0) as client:
        try:
            return client.create(
                [NewDocument(reference=each.reference, body=each.asked) for each in documents.to_send],
                account=wanted.account,
                kind=wanted.kind.name,
                emit=wanted.emit,
                priority=Priority(priority),
                not_before=not_before,
                validate=wanted.validate,
                requested_by=f"{reach.operator()}/timbre create"[:120],
            )
        except BrokerUnreachable as error:
            what = str(error).partition(" Repeat the call")[0]
            raise unreachable(
                f"{what} Start the broker (`timbre doctor` checks it) and repeat the command: nothing will be created "
                "twice."
            ) from error
