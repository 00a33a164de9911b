"""The README is true: what it tells a user to type is typed here, beside a running demo, and what it draws is so."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

import pytest
from dotenv import dotenv_values
from typer.core import TyperGroup
from typer.main import get_command

from tests.e2e.test_run import clean_environment, leaving_nothing
from timbre_producers.contracts import Status
from worker.accounts import load_accounts
from worker.cli import app
from worker.emission.lifecycle import NEXT
from worker.environment import load_settings
from worker.settings_table import settings_table

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS: Final = [
    (language, text) for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ops/run --exit\n": "tests/e2e/test_run.py runs it, twice on the same data",
        "ops/test\n": "this test is a part of it",
        "ops/bench --quick\n": "minutes of load: tests/bench asks each of its questions in miniature",
        "export TIMBRE_ALEGRA_EMAIL=you@example.com TIMBRE_ALEGRA_TOKEN=… TIMBRE_ALEGRA_COUNTRY=CO\n"
        "timbre up\n": "nobody's real account is tried: tests/e2e/test_up.py runs the command without one",
        "docker compose up -d\n": "no docker engine is at hand: tests/integration/ops checks file and image",
    }
)
"""Blocks that are not run here, and why not; what checks them instead."""

MAPPED: Final = (
    'M="reference=order,client.id=customer,date=day,dueDate=day,items[].id=sku,items[].price=price,'
    'items[].quantity=quantity"'
)
SALES: Final = '-f sales.csv --map "$M" --set "items[].tax[].id=3" --set numberTemplate.id=1'

TOUR: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "source .venv/bin/activate": (0, r""),
        "timbre status": (0, r"colombia +0 +17"),
        "timbre emit 501 502 --account colombia --wait": (0, r"501 +SETP\d+ +stamped +[0-9a-f]{6,}"),
        "timbre emit --all --account mexico --dry-run": (0, r"This was a dry run: nothing was sent"),
        "timbre emit 503 --account colombia --email --wait": (0, r"503 +SETP\d+ +stamped"),
        "timbre status 503 --account colombia": (0, r"invoice 503 of account colombia: stamped"),
        "timbre email 502 --account colombia": (0, r"502 +stamped +will be sent"),
        "timbre correct 503 --account colombia --line 1 --reason-code PRICE_ADJUSTMENT": (
            0,
            r'"reference": "correction:invoice:503"',
        ),
        "timbre emit --all --kind credit_note --account colombia --dry-run": (0, r"0 documents of account colombia"),
        "timbre nightly": (0, r"colombia +off +02:00 +America/Bogota"),
        "timbre nightly --dry-run --account colombia": (0, r"This was a dry run: nothing was enqueued"),
        "TIMBRE_NIGHTLY=on TIMBRE_NIGHTLY_HOUR=03:30 timbre nightly": (0, r"colombia +on +03:30 +America/Bogota"),
        "timbre status --state stamped --limit 3": (0, r"\d{3} +\S+ +stamped"),
        "timbre status 501 --account colombia": (0, r"queued → emitting\n(.*\n)+.*confirming → stamped"),
        "timbre requests": (0, r"timbre demo"),
        "timbre sandbox --running --drafts colombia=1,data_error=1": (0, r"colombia +colombia +18"),
        "timbre emit --all --account colombia --wait": (1, r"518 +rejected +\S+ AEP6016"),
        "timbre status --state rejected": (0, r"518 +rejected"),
        "timbre status 518 --account colombia --lang es": (0, r"AEP6016(.*\n)*qué hacer +\S+"),
        "timbre sandbox --faults": (0, r"^timeout "),
        "timbre sandbox --running --drafts colombia=1,flawed=1": (0, r"colombia +colombia +19"),
        "timbre emit 519 --account colombia --dry-run --lang es": (0, r"519 +bloquea"),
        MAPPED: (0, r""),
        f"timbre create {SALES} --account colombia --dry-run": (
            0,
            r'"observations": "\[ref S-1001\]"(.*\n)*.*nothing was sent',
        ),
        f"timbre create {SALES} --account colombia --preview": (0, r"S-1002 +address +https://"),
        # Both are created at the same time: which of them comes first has the smaller id.
        f"timbre create {SALES} --account colombia --emit --wait": (0, r"S-1001 +52[01] +stamped +[0-9a-f]{6,}"),
        "timbre creations --account colombia": (0, r"S-1002 +52[01] +stamped"),
        "timbre creations S-1001 --account colombia": (0, r"creating → created"),
        "timbre sandbox --running --fault timeout=0.2": (0, r"Faults: timeout="),
        "timbre sandbox --running --clear": (0, r"Faults: none"),
        "timbre doctor": (0, r"✓ beat"),
        'timbre pause mexico --reason "month end"': (0, r"Account mexico is paused"),
        "timbre resume mexico": (0, r"Account mexico goes on"),
        "timbre settle --all-uncertain --account mexico": (0, r"No document of account mexico is uncertain"),
        "timbre requests --unreadable": (0, r"No message was set aside"),
        "timbre metrics": (0, r"timbre_reachable\{service=\"database\"\} 1\.0"),
    }
)
"""Every command of the tour: how it ends, and what it must say. A command of the README that is not here fails."""

COMMANDS: Final = cast("TyperGroup", get_command(app)).commands

SHELL_ENDS: Final = "\x1e"


class Shell:
    """One bash session, as a user's second terminal."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[int, str]:
        """The exit code of a command, and what it printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command} </dev/null\nprintf '{SHELL_ENDS}%s\\n' $?\n")
        self._bash.stdin.flush()
        said: list[str] = []
        for line in self._bash.stdout:
            before, end, code = line.partition(SHELL_ENDS)
            said.append(before)
            if end:
                return int(code), "".join(said)
        raise AssertionError(f"the shell ended at {command}: {''.join(said)}")

    def close(self) -> None:
        self._bash.communicate("exit\n")


class Terminal:
    """A program that believes a person is looking at it, and what it showed so far."""

    def __init__(self, command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]) -> None:
        self._screen, inside = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            command, cwd=folder, env=dict(environ), stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def await_text(self, wanted: str, within: float) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: wanted in self.shown or self._ended(), within), self.shown
        assert wanted in self.shown, self.shown

    def interrupt(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        self._reader.join()
        os.close(self._screen)
        return code

    def _ended(self) -> bool:
        return not self._reader.is_alive()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._screen, 65536)
            except OSError:  # the other end is closed
                part = b""
            with self._changed:
                self.shown += part.decode(errors="replace")
                self._changed.notify_all()
            if not part:
                return


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """What `ops/run` leaves on a terminal, in a fresh directory."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    timbre = tmp_path / ".venv" / "bin" / "timbre"
    with leaving_nothing(tmp_path / ".timbre"):
        terminal = Terminal([timbre, "demo"], tmp_path, user_environment(tmp_path))
        try:
            terminal.await_text("Everything keeps running", within=120)
            yield terminal
        finally:
            code = terminal.interrupt()
    assert code == 0, terminal.shown


def user_environment(home: Path) -> dict[str, str]:
    """A user with nothing of ours, and a terminal of 120 columns."""
    theirs = {name: value for name, value in clean_environment(home).items() if name not in {"TIMBRE_HOME", "PATH"}}
    path = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if part != str(Path(sys.prefix, "bin"))
    )
    return {**theirs, "PATH": path, "HOME": str(home), "COLUMNS": "120"}


@pytest.mark.timeout(600)
def test_every_command_and_program_does_what_the_readme_says(demo: Terminal, tmp_path: Path) -> None:
    shell = Shell(tmp_path, user_environment(tmp_path))
    typed = set()
    try:
        for language, text in BLOCKS:
            if text in ELSEWHERE:
                continue
            if language == "python":
                run_as_a_service(text, shell, tmp_path)
            elif language == "csv":
                (tmp_path / "sales.csv").write_text(text, encoding="utf-8")
            elif language == "sh":
                for command in text.splitlines():
                    assert command in TOUR, f"no test knows what becomes of {command!r}"
                    code, says = TOUR[command]
                    ended, said = shell.type(command)
                    assert ended == code, f"{command}\n{said}"
                    assert re.search(says, said, re.MULTILINE), f"{command}\n{said}"
                    typed.add(command)
            else:
                assert language in {"toml", "text"}, f"no test knows {language or 'bare'} blocks: {text}"
        ended, said = shell.type("timbre sandbox --running")
        assert (ended, "Documents stamped twice: 0" in said) == (0, True), said
    finally:
        shell.close()
    assert typed == set(TOUR)
    for promised in re.findall(r"^(?:The whole|One document|New drafts) +(timbre .*?)\r?$", demo.shown, re.MULTILINE):
        assert promised in {*TOUR, "timbre sandbox --running --drafts colombia=3,data_error=1"}


def run_as_a_service(program: str, shell: Shell, folder: Path) -> None:
    """Another team's process: it is given the broker's address and nothing else; then the request is there."""
    broker_url = dotenv_values(folder / ".timbre" / "running.env", interpolate=False)["TIMBRE_REDIS_URL"]
    finished = subprocess.run(
        [sys.executable, "-I", "-c", f"broker_url = {broker_url!r}\n{program}"],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (request_id,) = re.findall(r'"(\w{8}-\w{4}-\w{4}-\w{4}-\w{12})"', program)
    code, said = shell.type(
        f"for n in $(seq 60); do timbre status --request {request_id} 2>/dev/null && break; sleep 0.5; done"
    )
    assert code == 0
    assert f"Request {request_id}, 2 documents of account colombia" in said


def test_what_is_not_run_here_stands_in_the_readme() -> None:
    assert set(ELSEWHERE) <= {text for _, text in BLOCKS}


def test_the_accounts_of_the_readme_are_accounts(tmp_path: Path) -> None:
    text = "\n".join(text for language, text in BLOCKS if language == "toml")
    (tmp_path / "accounts.toml").write_text(text, encoding="utf-8")
    environ = {"TIMBRE_ACCOUNTS_FILE": str(tmp_path / "accounts.toml"), "ACME_ALEGRA_TOKEN": "their-token"}
    (account,) = load_accounts(load_settings(environ), environ).values()
    assert (account.name, account.country, account.overrides) == ("acme", "CO", {"max_in_flight": 4})
    night = account.nightly
    assert (night.enabled, night.hour, night.zone.key) == (True, time(3, 30), "America/Bogota")
    assert (night.minimum_age, set(night.numberings)) == (timedelta(hours=1), {"FE", "9"})
    assert account.documents_per_month == 3000
    written = {"nightly", "email", "token_env", "country", "documents_per_month", "max_in_flight"}
    assert set(tomllib.loads(text)["acme"]) == written


def test_the_table_of_settings_is_what_the_command_prints() -> None:
    (table,) = re.findall(r"^<!-- settings.*? -->\n(.*?)^<!-- /settings -->$", README, re.MULTILINE | re.DOTALL)
    assert table == settings_table()


def test_the_table_of_statuses_has_each_of_them() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", README, re.MULTILINE)
    assert sorted(rows) == sorted(Status)


def test_the_drawing_of_the_lifecycle_shows_the_moves_the_code_allows() -> None:
    (drawing,) = (text for _, text in BLOCKS if "queued ──▶ emitting" in text)
    moves = {(before.value, after.value) for before, allowed in NEXT.items() for after in allowed}
    assert sorted(arrows(drawing)) == sorted(moves)


def arrows(drawing: str) -> list[tuple[str, str]]:
    """Every move an arrow draws: from the words where its line begins to the words at its tip."""
    lines = drawing.splitlines()
    drawn = []
    for row, line in enumerate(lines):
        groups = [(each.start(), each.end(), each[0].split(" | ")) for each in re.finditer(r"\w+(?: \| \w+)*", line)]
        for tip in (each.start() for each in re.finditer("▶", line)):
            (targets,) = (names for start, _, names in groups if start == tip + 2)
            tail = tip - 1
            while line[tail] == "─":
                tail -= 1
            if line[tail] == " ":
                (sources,) = (names for _, end, names in groups if end == tail)
            else:
                assert line[tail] == "└"
                sources = [word_above(lines, row, tail)]
            drawn += [(source, target) for source in sources for target in targets]
    return drawn


def word_above(lines: Sequence[str], row: int, column: int) -> str:
    while not lines[row - 1][column].isalpha():
        assert lines[row - 1][column] in "│└"
        row -= 1
    (word,) = (each[0] for each in re.finditer(r"\w+", lines[row - 1]) if each.start() <= column < each.end())
    return word


def test_the_table_of_places_names_the_tree() -> None:
    table = README.partition("| where | what |")[2].partition("\n\n")[0]
    named = {place for row in table.splitlines() for place in re.findall(r"`([\w/.]+)`", row.split(" | ")[0])}
    places = {place if "/" in place else f"worker/{place}" for place in named}
    assert [place for place in places if not (ROOT / place).exists()] == []
    packages = {f"worker/{each.parent.name}/" for each in (ROOT / "worker").glob("*/__init__.py")}
    assert packages <= places
    (verbs,) = (row for row in table.splitlines() if "`worker/emission/`" in row)
    for name in re.findall(r"`(\w+)(?:\.py)?`", verbs):
        assert (ROOT / "worker" / "emission" / f"{name}.py").is_file(), name


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("sentence", sorted(set(re.findall(r"`timbre ([^`\n]+)`", README))))
def test_a_command_named_in_a_sentence_exists(sentence: str) -> None:
    name, *words = sentence.split()
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
