"""The environment, read once and here only: the settings it makes, or a sentence for each thing that is wrong in it."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from worker.addresses import WrongAddress
from worker.observability import SECRETS
from worker.running import Running, read_running
from worker.settings import PREFIX, Settings, WrongSettings, allowed_for, variables
from worker.values import may_be_secret, never_proven


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings an environment makes; an empty variable counts as unset. Raises `WrongSettings`, complete."""
    written = {name: value for name in variables() if (value := environ.get(name, "").strip())}
    home = Path(written.get("TIMBRE_HOME", ".timbre")).absolute()
    derived = {"home": home, "warnings": tuple(_unknown(environ))}
    try:
        if not written.keys() & {"TIMBRE_DATABASE_URL", "TIMBRE_REDIS_URL", "TIMBRE_BROKER_URL"}:
            derived["running"] = _ours(read_running(home), written)
        given = {name.removeprefix(PREFIX).lower(): value for name, value in written.items()}
        if "accounts_file" in given:
            given["accounts_file"] = str(Path(given["accounts_file"]).absolute())
        settings = Settings.model_validate(given | derived)
    except ValidationError as error:
        problems = [_sentence(str(problem["loc"][0]), written, problem) for problem in error.errors()]
        raise WrongSettings(problems) from None
    if problem := never_proven(settings.uncertain_schedule, settings.quiet_window):
        raise WrongSettings([f"TIMBRE_UNCERTAIN_SCHEDULE and TIMBRE_QUIET_WINDOW contradict each other: {problem}."])
    return settings


def _ours(running: Running | None, written: Mapping[str, str]) -> Running | None:
    """A demo's machine is none of a real account's: its table is full of the sandbox's codes."""
    real = written.keys() & {"TIMBRE_ALEGRA_TOKEN", "TIMBRE_ACCOUNTS_FILE"}
    return None if running is not None and running.sandbox_url is not None and real else running


def start_settings() -> Settings:
    """The settings of this process, its warnings said; ends the process with a sentence per problem, exit code 2."""
    try:
        settings = load_settings(environment())
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for url in (settings.database, settings.redis, settings.broker):
            SECRETS.hide_url(url)
    except WrongSettings as wrong:
        sys.exit(_said(wrong.problems))
    except OSError as error:
        sys.exit(_said([f"TIMBRE_HOME cannot be used: {error.strerror} ({error.filename})."]))
    _said(list(settings.warnings))
    return settings


def _said(sentences: list[str]) -> int:
    for sentence in sentences:
        sys.stderr.write(f"timbre: {sentence}\n")
    return 2


def environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """This process's environment, for a child: with some variables set, and those that are None taken out."""
    changed: dict[str, str | None] = {**os.environ, **(changes or {})}
    return {name: value for name, value in changed.items() if value is not None}


def _sentence(name: str, written: Mapping[str, str], problem: ErrorDetails) -> str:
    variable = PREFIX + name.upper()
    wrong = problem.get("ctx", {}).get("error")
    if isinstance(wrong, WrongAddress):
        return f"{variable} {wrong}."
    field = variables()[variable]
    secret = "SecretStr" in str(field.annotation) or may_be_secret(written[variable])
    shown = "has a value that cannot be used" if secret else f"is {written[variable][:60]!r}"
    return f"{variable} {shown}; allowed is {allowed_for(name)}."


def _unknown(environ: Mapping[str, str]) -> list[str]:
    """Sentences about `TIMBRE_` variables nobody reads. Accounts may keep tokens in variables of any name."""
    known = list(variables())
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        nearest = difflib.get_close_matches(name, known, 1, cutoff=0.9 if name.endswith("_TOKEN") else 0)
        sentences += [f"{name} is not a setting and is ignored; the nearest is {near}." for near in nearest]
    return sentences
