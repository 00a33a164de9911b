"""The questions, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from tests.bench.answers import Answer
from tests.bench.questions import intake, latency, share, throughput
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Stage


class Name(StrEnum):
    """What a question is called on the command line."""

    SHARE = "share"
    THROUGHPUT = "throughput"
    LATENCY = "latency"
    INTAKE = "intake"


QUESTIONS: Final[Mapping[Name, Callable[[Stage, Size, Say], Answer]]] = {
    Name.SHARE: share.answer,
    Name.THROUGHPUT: throughput.answer,
    Name.LATENCY: latency.answer,
    Name.INTAKE: intake.answer,
}
