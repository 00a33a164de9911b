"""The program around the commands: whatever a command raises becomes a sentence and an exit code, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from worker.cli import reach
from worker.cli.failures import ExitCode, Failure, surprise, told
from worker.cli.output import complain

INTERRUPTED = 130
"""What shells expect after Ctrl-C."""


class Program(TyperGroup):
    """The group of all commands; ends every one of them with an exit code of the contract."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]  # called by name
        raise SystemExit(self._run(args, **(extra | {"standalone_mode": False})))

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _without_types_of_flags(command.get_params(ctx))
        return command

    def _run(self, args: Sequence[str] | None, **extra: Any) -> int:
        # What libraries log is for the worker's log; here the sentence at the end says it.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            code = super().main(args, **extra)
        except TyperException as wrong:
            return _wrong_usage(wrong)
        except typer.Abort:
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001  # the last line of defence: a sentence instead of a traceback
            return _ended_by(error)
        finally:
            reach.close()
        return code if isinstance(code, int) else int(ExitCode.DONE)


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """Typer's help writes `<bool>` beside a flag, as if a value went there."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters


def _wrong_usage(wrong: TyperException) -> int:
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context is not None else "timbre"
    complain(f"{wrong.format_message().rstrip('.')}. `{path} --help` shows how it is used.")
    return int(ExitCode.WRONG_USAGE)


def _ended_by(error: Exception) -> int:
    failure = _foreseen(error)
    if failure is None:
        failure, details = surprise(error, _home())
        if _debugging():
            complain(details)
    complain(failure.sentence)
    return int(failure.code)


def _foreseen(error: Exception) -> Failure | None:
    if isinstance(error, Failure):
        return error
    return told(error)


def _debugging() -> bool:
    from worker.environment import environment

    return environment().get("TIMBRE_DEBUG", "").strip().lower() in {"1", "on", "true", "yes"}


def _home() -> Any:
    from worker.environment import environment, load_settings
    from worker.settings import WrongSettings

    try:
        return load_settings(environment()).home
    except WrongSettings:
        return None
