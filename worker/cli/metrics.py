"""`timbre metrics`: how much waits and since when, for Prometheus and for autoscalers."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from worker.cli import reach
from worker.cli.failures import Failure
from worker.cli.output import say


def metrics(
    *,
    serve: Annotated[
        int | None, typer.Option(metavar="PORT", min=1, max=65535, help="Answer scrapes on this port until ended.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to answer at, with --serve.")] = "127.0.0.1",
) -> None:
    """Print how much waits and since when, in Prometheus' text format.

    With --serve, answer scrapes at /metrics instead. A service that cannot be reached is a metric too.
    """
    from worker.metrics import Exposition

    with closing(Exposition(reach.settings())) as exposition:
        if serve is None:
            print(exposition.text(), end="")
            return
        say(f"Metrics at http://{host}:{serve}/metrics")
        try:
            exposition.serve(host, serve)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Failure(f"{host}:{serve} cannot be listened on: {reason}. Choose another --serve.") from error
