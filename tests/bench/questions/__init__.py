"""The questions, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from tests.bench.answers import Answer
from tests.bench.questions import ceiling, fairness, growth, intake, latency, memory, share, throughput
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Stage


class Name(StrEnum):
    """What a question is called on the command line."""

    SANDBOX = "sandbox"
    SHARE = "share"
    FAIRNESS = "fairness"
    THROUGHPUT = "throughput"
    LATENCY = "latency"
    GROWTH = "growth"
    INTAKE = "intake"
    MEMORY = "memory"


QUESTIONS: Final[Mapping[Name, Callable[[Stage, Size, Say], Answer]]] = {
    Name.SANDBOX: ceiling.answer,
    Name.SHARE: share.answer,
    Name.FAIRNESS: fairness.answer,
    Name.THROUGHPUT: throughput.answer,
    Name.LATENCY: latency.answer,
    Name.GROWTH: growth.answer,
    Name.INTAKE: intake.answer,
    Name.MEMORY: memory.answer,
}
