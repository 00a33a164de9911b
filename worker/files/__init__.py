"""Files with documents to create, as people keep them: JSON, JSON lines and CSV, read without trust and all at once."""

from worker.files.problems import BrokenFile, Problem
from worker.files.reading import Found, Reading, Way, read
from worker.files.tables import Columns
from worker.files.targets import Mapped, NoTarget, Target, columns_of, constant_of

__all__ = [
    "BrokenFile",
    "Columns",
    "Found",
    "Mapped",
    "NoTarget",
    "Problem",
    "Reading",
    "Target",
    "Way",
    "columns_of",
    "constant_of",
    "read",
]
