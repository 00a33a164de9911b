"""`timbre emit`: ask for documents to be emitted, as any producer does; or show what would be, and send nothing."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.core import TyperCommand
from typer.models import Context

from worker.cli import reach
from worker.cli.failures import Failure, unreachable
from worker.cli.options import ACCOUNT, JSON, KIND, LANG, REASON, known_language
from worker.cli.output import plural, say, write_json

if TYPE_CHECKING:
    from timbre_producers import Receipt

WAIT_SECONDS: Final = 600
"""How long a bare `--wait` waits: time for an uncertain document to be settled in an ordinary quiet window."""

LONGEST_WAIT: Final = 7 * 24 * 3600


class EmitCommand(TyperCommand):
    """Understands `--wait` and `--wait=SECONDS`; refuses what could be either a number of seconds or a document."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer vendors click's
        return super().parse_args(ctx, _with_plain_wait(args))


def emit(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Alegra's ids of the documents.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every electronic draft of the account.")] = False,
    account: ACCOUNT = "default",
    kind: KIND = "invoice",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, show what would be stamped in which batches, send nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Try held documents again. They are read first; what is stamped stays as it is."),
    ] = False,
    reason: REASON = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help=f"Watch until all have ended; --wait=SECONDS for how long (else {WAIT_SECONDS})."),
    ] = False,
    wait_seconds: Annotated[str, typer.Option("--wait-seconds", hidden=True)] = str(WAIT_SECONDS),
    priority: Annotated[
        str, typer.Option("--priority", metavar="normal|high", help="high passes everything normal of the account.")
    ] = "normal",
    not_before: Annotated[
        str | None,
        typer.Option("--not-before", metavar="TIME", help="Send nothing earlier: ISO time with zone."),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option("--request-id", metavar="UUID", help="Idempotency key: repeating the command adds nothing."),
    ] = None,
    no_validate: Annotated[
        bool,
        typer.Option(
            "--no-validate", help="Send what pre-flight would reject, too; the history keeps that you said so."
        ),
    ] = False,
    email: Annotated[
        bool, typer.Option("--email", help="Have Alegra send each to its client once it is stamped, at most once.")
    ] = False,
    lang: LANG = "en",
    as_json: JSON = False,
) -> None:
    """Ask for documents to be emitted, ten to a stamp call, each exactly once.

    Returns when the broker has the request; --wait watches it to the end.

    Exit code with --wait: 0 all stamped, 1 some rejected or held, 4 still settling.
    """
    if bool(ids) == everything:
        raise Failure("Name the documents to emit (`timbre emit 501 502`), or say --all for every draft; not both.")
    _refuse_contradictions(everything=everything, force=force, reason=reason, dry_run=dry_run, wait=wait)
    patience, priority = seconds(wait_seconds), known_priority(priority)
    force_reason = reach.given_reason(reason, "--force") if force else None
    wanted = _Wanted(
        reach.known_account(account), reach.kind_of_account(kind, account).name, reach.known_ids(ids or []), everything
    )
    if email:
        _refuse_without_mail(wanted.kind)
    when = instant(not_before)
    key = _uuid(request_id)
    if dry_run:
        _show_plan(wanted, known_language(lang), validate=not no_validate, as_json=as_json)
        return
    chosen = wanted.resolved(quiet=as_json)
    if not chosen:
        if as_json:
            write_json({"request_id": None, "request_ids": [], "documents": 0})
        say(f"Nothing to emit: account {wanted.account} has no electronic drafts.")
        return
    if wait:
        # Before anything is sent: whoever wants to watch must be able to see the table.
        reach.queries().asked_for([])
    receipt = _send(wanted, chosen, force_reason, priority, when, key, validate=not no_validate, email=email)
    if wait:
        from worker.cli.watch import watch

        watch(receipt, patience, as_json=as_json)
    else:
        _show_receipt(receipt, as_json=as_json)


def _show_receipt(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "request_id": receipt.request_id,
                "request_ids": receipt.request_ids,
                "account": receipt.account,
                "kind": receipt.kind,
                "documents": len(receipt.document_ids),
            }
        )
        return
    print(f"{plural(len(receipt.document_ids), 'document')} asked for, request {receipt.request_id}")
    for part in receipt.request_ids:
        say(f"Follow it: timbre status --request {part}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asked for; `--all` is resolved by listing the drafts."""

    account: str
    kind: str
    ids: list[str]
    everything: bool

    def resolved(self, *, quiet: bool) -> list[str]:
        """The ids, listed from Alegra when all were asked for."""
        if not self.everything:
            return self.ids
        from worker.cli.drafts import list_drafts

        drafts = list_drafts(self.account, self.kind)
        if not quiet:
            for skipped in drafts.skipped:
                say(f"{skipped.document_id} is left out: {skipped.reason}")
        return list(drafts.wanted)


def _refuse_contradictions(*, everything: bool, force: bool, reason: str | None, dry_run: bool, wait: bool) -> None:
    if force and everything:
        raise Failure("--force names its documents: write their ids instead of --all.")
    if reason is not None and not force:
        raise Failure("--reason goes with --force; without it nothing is forced.")
    if dry_run and (wait or force):
        raise Failure("--dry-run sends nothing, so there is nothing to wait for or to force: leave one of them out.")


def _refuse_without_mail(kind: str) -> None:
    from worker.emission.acts import KINDS_OF, What
    from worker.emission.mail import no_path

    if kind not in KINDS_OF[What.EMAIL]:
        raise Failure(f"--email cannot be: {no_path(What.EMAIL, kind)}.")


def _show_plan(wanted: _Wanted, lang: str, *, validate: bool, as_json: bool) -> None:
    from worker.cli.plan import make_plan, show_plan

    plan = make_plan(wanted.account, wanted.kind, wanted.resolved(quiet=as_json), validate=validate)
    show_plan(plan, lang, as_json=as_json)


def _send(
    wanted: _Wanted,
    ids: list[str],
    force_reason: str | None,
    priority: str,
    not_before: datetime | None,
    request_id: uuid.UUID | None,
    *,
    validate: bool,
    email: bool,
) -> Receipt:
    from timbre_producers import BrokerUnreachable, EmissionClient, Priority

    with EmissionClient(reach.settings().broker, timeout=2.0) as client:
        try:
            return client.emit(
                ids,
                account=wanted.account,
                kind=wanted.kind,
                request_id=request_id,
                priority=Priority(priority),
                not_before=not_before,
                force_reason=force_reason,
                validate=validate,
                email=email,
                requested_by=f"{reach.operator()}/timbre emit"[:120],
            )
        except BrokerUnreachable as error:
            what = str(error).partition(" Repeat the call")[0]
            raise unreachable(
                f"{what} Start the broker (`timbre doctor` checks it) and repeat the command with "
                f"--request-id {error.request_id}: nothing will be done twice."
            ) from error


def _with_plain_wait(args: list[str]) -> list[str]:
    plain: list[str] = []
    for place, argument in enumerate(args):
        if argument == "--":
            return [*plain, *args[place:]]
        if argument == "--wait" and args[place + 1 :][:1] and re.fullmatch(r"[0-9.]+", args[place + 1]):
            raise Failure(
                f"--wait {args[place + 1]} could mean seconds or a document: write --wait={args[place + 1]} for "
                "seconds, or put --wait behind the documents."
            )
        if argument.startswith("--wait="):
            plain += ["--wait", f"--wait-seconds={argument.removeprefix('--wait=')}"]
        else:
            plain.append(argument)
    return plain


def seconds(written: str) -> float:
    """How long `--wait` waits. Raises `Failure`."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", written) or float(written) > LONGEST_WAIT:
        raise Failure(f"--wait cannot be {written[:40]!r}: write seconds from 0 to {LONGEST_WAIT}.")
    return float(written)


def known_priority(written: str) -> str:
    """`normal` or `high`. Raises `Failure`."""
    if written not in {"normal", "high"}:
        raise Failure(f"--priority cannot be {written[:40]!r}: write normal or high.")
    return written


def instant(written: str | None) -> datetime | None:
    """When `--not-before` allows it, in UTC. Raises `Failure`."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
        return moment.astimezone(UTC) if moment.tzinfo is not None else _wrong_instant(written)
    except (ValueError, OverflowError):
        return _wrong_instant(written)


def _wrong_instant(written: str) -> datetime:
    raise Failure(
        f"--not-before cannot be {written[:40]!r}: write a date and time with its zone, such as "
        "2026-03-02T09:00:00-05:00."
    )


def _uuid(written: str | None) -> uuid.UUID | None:
    if written is None:
        return None
    try:
        return uuid.UUID(written)
    except ValueError:
        raise Failure(f"--request-id cannot be {written[:60]!r}: write a UUID, such as {uuid.uuid4()}.") from None
