"""`timbre up`: the database, a private Valkey, worker, beat and Flower on one machine, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from celery import Celery
from pydantic import SecretStr
from rich.console import Console

from worker.accounts import load_accounts
from worker.embedded.flower import Flower, reach_flower, shown, start_flower
from worker.embedded.home import HomeRefused, only_machine, prepare
from worker.embedded.sandbox import ACCOUNTS, SandboxMachine, start_sandbox
from worker.embedded.supervisor import Program, StartFailed, Stopped, Supervisor
from worker.embedded.valkey import start_valkey
from worker.environment import environment
from worker.running import Running, write_running
from worker.settings import Settings
from worker.storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs, and where."""

    data: Path
    """Directory of everything it keeps."""
    database: str
    broker: str
    flower: Flower
    sandbox: SandboxMachine | None


def run_up(settings: Settings, *, sandbox: bool = False) -> int:
    """Run everything until Ctrl-C or SIGTERM. Returns the exit code: 0 stopped, 2 already running, 3 did not start.

    With `sandbox`, the bundled stand-in for Alegra runs too, and its accounts take the place of the configured ones.
    Raises `WrongAccounts`.
    """
    console = Console(highlight=False, soft_wrap=True)
    if not sandbox:
        warn_without_accounts(settings, console)
    try:
        with (
            only_machine(settings.home),
            Supervisor(
                logs_of(settings, sandbox=sandbox),
                say=lambda sentence: console.print(sentence, style="yellow", markup=False),
                echo=lambda name, line: console.print(f"{name:<8} │ {line}", markup=False, highlight=False),
            ) as supervisor,
        ):
            machine = start_machine(settings, supervisor, sandbox=sandbox, say=console.print)
            wait_for_worker(machine, supervisor)
            tell_where(machine, reach_flower(supervisor, machine.flower), console)
            while not supervisor.stop_asked:
                supervisor.wait(60)
            console.print("Stopping.")
    except HomeRefused as refused:
        console.print(f"timbre: {refused}", markup=False)
        return 2
    except StartFailed as failed:
        console.print(f"timbre: {failed}", markup=False)
        return 3
    except Stopped:
        pass
    return 0


def logs_of(settings: Settings, *, sandbox: bool) -> Path:
    """Where the children's logs go."""
    return data_of(settings, sandbox=sandbox) / "logs"


def data_of(settings: Settings, *, sandbox: bool) -> Path:
    """Where a machine keeps its data. What the sandbox stamped is never kept beside real documents."""
    return settings.home / "demo" if sandbox else settings.home


def start_machine(settings: Settings, supervisor: Supervisor, *, sandbox: bool, say: Callable[[str], None]) -> Machine:
    """Start everything, in the order in which it needs each other. Raises `StartFailed`, `Stopped`."""
    data = data_of(settings, sandbox=sandbox)
    prepare(data)
    if sandbox:
        # Nothing of the real world: its database and its broker may hold real work.
        settings = settings.model_copy(update={"database_url": None, "redis_url": None, "broker_url": None})
    settings = settings.model_copy(update={"home": data, "running": None})
    if settings.redis_url is None:
        say("Starting Valkey.")
        redis = start_valkey(supervisor, data / "valkey")
    else:
        redis = settings.redis
    say("Bringing the database up to date.")
    upgrade(settings.database)
    alegra = start_sandbox(supervisor, data) if sandbox else None
    accounts_file = alegra.accounts_file if alegra else settings.accounts_file
    environ = _environ(settings, redis, accounts_file, sandbox=sandbox)
    say("Starting worker, beat and Flower.")
    supervisor.start(_celery("worker", settings, data, environ))
    supervisor.start(_celery("beat", settings, data, environ))
    flower = start_flower(supervisor, settings, data, environ)
    home = data.parent if sandbox else data
    sandbox_url = alegra.url if alegra else None
    write_running(home, Running(SecretStr(settings.database), SecretStr(redis), accounts_file, sandbox_url))
    broker = settings.broker_url.get_secret_value() if settings.broker_url else redis
    return Machine(data, settings.database, broker, flower, alegra)


def wait_for_worker(machine: Machine, supervisor: Supervisor) -> None:
    """Until the worker takes work. Raises `StartFailed`, `Stopped`."""
    with Celery(broker=machine.broker, set_as_current=False) as app:
        supervisor.wait_until(
            lambda: bool(app.control.ping(timeout=0.5, limit=1)), "worker", within=timedelta(seconds=120)
        )


def _environ(settings: Settings, redis: str, accounts_file: Path | None, *, sandbox: bool) -> Mapping[str, str]:
    """What the Celery processes are told: every address in full, for they work in another directory."""
    changes: dict[str, str | None] = {
        "TIMBRE_HOME": str(settings.home),
        "TIMBRE_DATABASE_URL": settings.database,
        "TIMBRE_REDIS_URL": redis,
        "TIMBRE_ACCOUNTS_FILE": str(accounts_file) if accounts_file else None,
        # Flower would take it for an option of its own.
        **{name: None for name in environment() if name.startswith("FLOWER_")},
    }
    if sandbox:
        real = ("EMAIL", "TOKEN", "COUNTRY", "BASE_URL")
        changes |= {"TIMBRE_BROKER_URL": None} | {f"TIMBRE_ALEGRA_{name}": None for name in real}
    return environment(changes)


def _celery(role: str, settings: Settings, data: Path, environ: Mapping[str, str]) -> Program:
    options = {
        # One worker knows no others to gossip with.
        "worker": [
            "--pool=threads",
            f"--concurrency={settings.worker_threads}",
            "--without-gossip",
            "--without-mingle",
        ],
        "beat": [f"--schedule={data / 'beat-schedule'}"],
    }[role]
    return Program(
        role,
        [
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "-A",
            "worker.app",
            role,
            f"--loglevel={settings.log_level}",
            *options,
        ],
        folder=data,
        environ=environ,
        # A stamp call that is on the wire is worth waiting for: its answer spares everybody the question.
        stop_within=settings.stamp_timeout + timedelta(seconds=10),
    )


def warn_without_accounts(settings: Settings, console: Console) -> None:
    """Say how to name an account when none is. Raises `WrongAccounts`."""
    if not load_accounts(settings.model_copy(update={"running": None})):
        console.print(
            "No account is configured, so there is nothing to emit for: set TIMBRE_ALEGRA_EMAIL and "
            "TIMBRE_ALEGRA_TOKEN, or TIMBRE_ACCOUNTS_FILE. `timbre demo` needs none.",
            style="yellow",
        )


def tell_where(machine: Machine, flower: Flower, console: Console) -> None:
    """Where to look, for whoever started it."""
    console.print(
        f"Timbre is up. Flower: {flower.address} (user {flower.user}, password in {flower.where_the_password_is})",
        markup=False,
    )
    if machine.sandbox is not None:
        console.print(f"Sandbox: {machine.sandbox.url}, accounts {', '.join(ACCOUNTS)}", markup=False)
    console.print(f"Logs: {shown(machine.data / 'logs')}. Ctrl-C stops everything.", markup=False)
