"""Timbre's application on another pool than its own, for `tests.bench.pools`."""

from __future__ import annotations

import os

from worker.app import app

# Said here, because a pool that the configuration names wins over the command line's.
app.conf.worker_pool = os.environ["BENCH_POOL"]
