"""Start child processes, keep them running, keep their logs, and stop all of them and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Self

from worker.embedded import leash

FIRST_PAUSE: Final = 0.5
"""Seconds before a child that ended is started again; doubled each time, up to the longest."""
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 30.0
"""Seconds after which a child counts as having come up well."""
LARGEST_LOG: Final = 20_000_000
"""Bytes of one log before it becomes `*.log.1`."""
_LOOK_EVERY: Final = 0.05
_ASKING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartFailed(Exception):
    """A child did not come up; the text says which, and ends with what it said last."""


class Stopped(Exception):
    """Somebody asked to stop while something was awaited."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    folder: Path
    """Its working directory."""
    environ: Mapping[str, str]
    others_need_it: bool = False
    """Stopped last, when those who use it have ended."""
    stop_within: timedelta = timedelta(seconds=15)
    """How long it may take to end by itself when asked to."""


@dataclass(slots=True)
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    pause: float = FIRST_PAUSE
    read_to: int = 0
    unfinished: bytes = b""

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Looks after children while the main thread lets it: `tick`, or any of the waits, which tick.

    One thread only: the kernel ties a child's life to the thread that started it (`leash`). Used as a context: signals
    that ask to stop are noted inside, and everything has ended when the block has.
    """

    logs: Path
    say: Callable[[str], None]
    """Hears of children that end and are started again."""
    echo: Callable[[str, str], None] = lambda _name, _line: None
    """Hears every line of every log: the child's name, the line."""
    stop_asked: bool = False
    _hurry: bool = False
    _stopping: bool = False
    _children: list[_Child] = field(default_factory=list)
    _handlers: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in _ASKING:
            self._handlers[number] = signal.signal(number, self._asked)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry = self._stopping
        self.stop_asked = True

    def start(self, program: Program) -> None:
        """Start a child and keep it running from now on."""
        child = _Child(program, self.logs / f"{program.name}.log")
        if child.log.exists():
            child.read_to = child.log.stat().st_size
        self._children.append(child)
        self._spawn(child)

    def drop(self, name: str) -> None:
        """End one child for good."""
        dropped = [child for child in self._children if child.program.name == name]
        self._children = [child for child in self._children if child.program.name != name]
        self._stop(dropped)

    def tick(self) -> None:
        """One round: pass on what the children logged, and start again whoever ended."""
        for child in self._children:
            self._follow(child)
            if child.process is not None and (code := child.process.poll()) is not None:
                self._ended(child, code)
            elif child.restart_at is not None and time.monotonic() >= child.restart_at and not self._stopping:
                self._spawn(child)

    def wait(self, seconds: float) -> None:
        """Look after the children for a while; returns early when asked to stop."""
        until = time.monotonic() + seconds
        while not self.stop_asked and time.monotonic() < until:
            self.tick()
            time.sleep(min(_LOOK_EVERY, seconds))

    def wait_until(self, ready: Callable[[], bool], name: str, *, within: timedelta) -> None:
        """Wait for a child to be of use. Raises `StartFailed` when it ends or takes too long, `Stopped` when asked."""
        (child,) = (child for child in self._children if child.program.name == name)
        until = time.monotonic() + within.total_seconds()
        while not ready():
            if self.stop_asked:
                raise Stopped
            if not child.runs or time.monotonic() > until:
                why = "did not start" if child.runs else "ended at once"
                raise StartFailed(f"{name} {why}. Its log, {child.log}, ends with:\n{_tail(child.log)}")
            self.tick()
            time.sleep(_LOOK_EVERY)

    def pids(self) -> dict[str, int]:
        """The processes that run now, by name."""
        return {
            child.program.name: child.process.pid
            for child in self._children
            if child.process is not None and child.runs
        }

    def stop(self) -> None:
        """End every child, those who use the others first: asked, and killed after its time or at a second signal."""
        self._stopping = True
        users = [child for child in self._children if not child.program.others_need_it]
        servers = [child for child in self._children if child.program.others_need_it]
        for together in (users, servers):
            self._stop(together)
        for child in self._children:
            self._follow(child)
        self._children.clear()

    def _stop(self, children: Sequence[_Child]) -> None:
        running = [child for child in children if child.runs]
        for child in running:
            _send(child, signal.SIGTERM)
        asked_at = time.monotonic()
        told = False
        while running := [child for child in running if child.runs]:
            waited = time.monotonic() - asked_at
            for child in running:
                self._follow(child)
                if self._hurry or waited > child.program.stop_within.total_seconds():
                    _kill_group(child)
            if waited > 2 and not told:
                told = True
                names = ", ".join(child.program.name for child in running)
                self._tell(
                    self.say, f"Waiting for {names} to finish what is on the wire; Ctrl-C again ends it at once."
                )
            time.sleep(_LOOK_EVERY)

    def _spawn(self, child: _Child) -> None:
        program = child.program
        child.restart_at = None
        child.started_at = time.monotonic()
        # A file, not a pipe: a child never waits for us to read, and what it said last survives us both.
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603  # commands of ours
                [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *program.command],
                cwd=program.folder,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own session: a Ctrl-C in our terminal is ours to pass on, in the right order.
                start_new_session=True,
            )

    def _ended(self, child: _Child, code: int) -> None:
        child.process = None
        if self._stopping:
            return
        if time.monotonic() - child.started_at >= STEADY:
            child.pause = FIRST_PAUSE
        child.restart_at = time.monotonic() + child.pause
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        restart = f"starting it again in {child.pause:g} s. Its log: {child.log}"
        self._tell(self.say, f"{child.program.name} ended {how}; {restart}")
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _tell(self, hear: Callable[..., None], *words: str) -> None:
        """Say something to whoever started us; nobody reading any more (`timbre up | head`) is a wish to stop."""
        try:
            hear(*words)
        except (OSError, SystemExit):
            # SystemExit: what rich makes of a broken pipe. It must not keep us from stopping the children.
            self.stop_asked = True
            self.say = lambda _sentence: None
            self.echo = lambda _name, _line: None

    def _follow(self, child: _Child) -> None:
        """Pass on the whole lines that are new in a log."""
        with contextlib.suppress(OSError), child.log.open("rb") as log:
            log.seek(child.read_to)
            *lines, child.unfinished = (child.unfinished + log.read()).split(b"\n")
            child.read_to = log.tell()
            for line in lines:
                self._tell(self.echo, child.program.name, line.decode("utf-8", "replace"))
            if child.read_to > LARGEST_LOG:
                # The child appends: emptied under its hands, the file begins anew.
                shutil.copyfile(child.log, child.log.with_suffix(".log.1"))
                os.truncate(child.log, 0)
                child.read_to = 0


def _send(child: _Child, number: signal.Signals) -> None:
    if child.process is not None:
        child.process.send_signal(number)


def _kill_group(child: _Child) -> None:
    """The child and whatever it started. It has not been reaped yet, so the group's number is still its own."""
    if child.process is not None and child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)


def _tail(log: Path, lines: int = 8) -> str:
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        return "(no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
