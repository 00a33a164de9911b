"""The command, run in this process as a shell would run it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from worker.cli import app

Timbre = Callable[..., Result]


@pytest.fixture
def timbre() -> Timbre:
    """Run `timbre` with these arguments."""
    runner = CliRunner()

    def run(*arguments: str) -> Result:
        return runner.invoke(app, list(arguments))

    return run
