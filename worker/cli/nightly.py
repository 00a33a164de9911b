"""`timbre nightly`: each account's schedule, what a night would emit, and a night run now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli import reach
from worker.cli.drafts import progress, wait_for_quota
from worker.cli.options import ANY_ACCOUNT, JSON
from worker.cli.output import answers, local, plural, say, table, write_json

if TYPE_CHECKING:
    from worker.emission.nightly import NightlyPolicy, NightReport, Skipped, Wanted
    from worker.storage.views import NightView


@dataclass(frozen=True, slots=True)
class Schedule:
    """One account's nights, as people and programs ask about them."""

    account: str
    enabled: bool
    hour: str
    time_zone: str
    minimum_age: timedelta
    numberings: Sequence[str]
    kinds: Sequence[str]
    next_run_at: datetime | None
    last_run: NightView | None


def nightly(
    *,
    run_now: Annotated[bool, typer.Option("--run-now", help="Enqueue now what the night would.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be enqueued and what is left out; send nothing.")
    ] = False,
    account: ANY_ACCOUNT = None,
    as_json: JSON = False,
) -> None:
    """Show when each account's drafts are emitted; with --dry-run what that would be, with --run-now do it.

    --run-now takes the accounts whose night is on; with --account it takes that one, on or off.
    """
    running = reach.runtime()
    policies = _policies(account)
    if not (run_now or dry_run):
        _show_schedules(policies, as_json=as_json)
        return
    if run_now and account is None:
        policies = _switched_on(policies)
    reports: dict[str, NightReport] = {}
    for name in policies:
        with progress(f"asking Alegra for the drafts of {name}") as tell:
            report = _plan(name, tell)
        if run_now and not dry_run:
            queued = running.nightly.enqueue_all(name, report.wanted, _local_date(policies[name]))
            report = replace(report, enqueued=queued)
        reports[name] = report
    if as_json:
        write_json({"dry_run": dry_run, "accounts": [{"account": name, **_facts(reports[name])} for name in reports]})
        return
    for name, report in reports.items():
        _show_report(name, report, dry_run=dry_run)
    if dry_run:
        say("This was a dry run: nothing was enqueued.")


def _plan(name: str, tell: Callable[[str], None]) -> NightReport:
    return reach.runtime().nightly.plan(
        name,
        on_page=lambda found: tell(f"{found} drafts listed"),
        on_spent=lambda spent: wait_for_quota(spent, tell),
    )


def next_run(policy: NightlyPolicy, now: datetime, last: date | None) -> datetime | None:
    """When this account's next night starts, in UTC: now for one that is to be caught up, None when switched off."""
    from worker.emission.nightly import due_night, is_first_and_late

    if not policy.enabled:
        return None
    today = now.astimezone(policy.zone).date()
    due = due_night(policy, now)
    if due is not None and last != due and not is_first_and_late(policy, now, last):
        return now
    day = today if due is None and last != today else today + timedelta(days=1)
    return datetime.combine(day, policy.hour, policy.zone).astimezone(UTC)


def _policies(account: str | None) -> Mapping[str, NightlyPolicy]:
    running = reach.runtime()
    names = [reach.known_account(account)] if account is not None else list(running.directory)
    policies = running.facts.night_policies()
    return {name: policies[name] for name in names}


def _switched_on(policies: Mapping[str, NightlyPolicy]) -> Mapping[str, NightlyPolicy]:
    """Emitting cannot be undone: an account whose night is off is run only by its name."""
    for name in (name for name, policy in policies.items() if not policy.enabled):
        say(f"{name} is left out: its night is off. `timbre nightly --run-now --account {name}` runs it all the same.")
    return {name: policy for name, policy in policies.items() if policy.enabled}


def _show_schedules(policies: Mapping[str, NightlyPolicy], *, as_json: bool) -> None:
    now = datetime.now(UTC)
    nights = reach.queries().last_nights(list(policies))
    schedules = [_schedule(name, policy, nights.get(name), now) for name, policy in policies.items()]
    if as_json:
        write_json({"accounts": schedules})
        return
    if not schedules:
        print("No account is configured: set TIMBRE_ALEGRA_EMAIL and TIMBRE_ALEGRA_TOKEN, or TIMBRE_ACCOUNTS_FILE.")
        return
    made = table("account", "nightly", "hour", "time zone", "next run", "last run")
    # A zone's name broken in two is none; the offset beside it is that of the night that comes.
    made.columns[3].no_wrap = True
    for each in schedules:
        policy = policies[each.account]
        following = each.next_run_at
        made.add_row(
            each.account,
            "on" if each.enabled else "off",
            each.hour,
            f"{each.time_zone}\n{_offset(following or now, policy)}",
            f"{following.astimezone(policy.zone):%a %d %b %H:%M}\n{following:%a %H:%M} UTC" if following else "",
            _last(each.last_run),
        )
    answers().print(made)
    say("`timbre nightly --dry-run` shows what would be emitted. TIMBRE_NIGHTLY and TIMBRE_NIGHTLY_HOUR set it.")


def _schedule(name: str, policy: NightlyPolicy, last: NightView | None, now: datetime) -> Schedule:
    return Schedule(
        account=name,
        enabled=policy.enabled,
        hour=f"{policy.hour:%H:%M}",
        time_zone=policy.zone.key,
        minimum_age=policy.minimum_age,
        numberings=sorted(policy.numberings),
        kinds=policy.kinds_from(None),
        next_run_at=next_run(policy, now, last.local_date if last else None),
        last_run=last,
    )


def _offset(moment: datetime, policy: NightlyPolicy) -> str:
    """How far the account's clock is from UTC at that moment: `UTC-05:00`."""
    return f"UTC{moment.astimezone(policy.zone).isoformat()[-6:]}"


def _last(night: NightView | None) -> str:
    if night is None:
        return "never"
    if night.finished_at is None:
        return f"{night.local_date}: still listing, since {local(night.started_at)}"
    return f"{night.local_date}: {night.found or 0} found, {night.enqueued or 0} enqueued"


def _named(draft: Wanted | Skipped) -> str:
    """The id, and what it is an id of when it is no invoice's."""
    return draft.document_id if draft.kind == "invoice" else f"{draft.kind} {draft.document_id}"


def _local_date(policy: NightlyPolicy) -> date:
    return datetime.now(policy.zone).date()


def _facts(report: NightReport) -> dict[str, object]:
    return {
        "found": report.found,
        "wanted": report.wanted,
        "skipped": report.skipped,
        "enqueued": report.enqueued,
    }


def _show_report(name: str, report: NightReport, *, dry_run: bool) -> None:
    if dry_run:
        wanted = ", ".join(_named(each) for each in report.wanted[:50]) + (" …" if len(report.wanted) > 50 else "")
        print(f"{name}: {plural(len(report.wanted), 'draft')} would be enqueued{': ' + wanted if wanted else ''}")
    else:
        known = len(report.wanted) - report.enqueued
        already = f", {known} known already" if known else ""
        print(f"{name}: {plural(report.found, 'draft')} found, {report.enqueued} enqueued{already}")
    if report.skipped:
        made = table("left out", "why")
        for each in report.skipped:
            made.add_row(_named(each), each.reason)
        answers().print(made)
