"""How many cases the fuzz suite tries: the same ones in every run, unless somebody asks for a wider search.

    FUZZ=20 ops/test tests/unit/fuzz

tries twenty times as many, each time others. What such a search finds becomes an `@example` beside its mend.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings

_Test = TypeVar("_Test", bound=Callable[..., Any])

WIDER: Final = int(os.environ.get("FUZZ", "0"))

COUNTED: Final[dict[str, int]] = {}
"""The cases of each test that was imported so far."""


def cases(count: int) -> Callable[[_Test], _Test]:
    """Try so many cases of a test. A case may be slow on a busy machine; that is no finding."""

    def counted(test: _Test) -> _Test:
        COUNTED[f"{test.__module__}.{test.__name__}"] = count
        tried = settings(
            max_examples=count * max(WIDER, 1),
            derandomize=not WIDER,
            database=None,
            deadline=None,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.function_scoped_fixture,
            ],
        )
        return tried(test)

    return counted
