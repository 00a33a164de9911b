"""Every table there is, as migrations compare them with a database's."""

from __future__ import annotations

from typing import Final

# They register themselves where they are defined.
from worker.storage import act_models, creation_models  # noqa: F401
from worker.storage.models import Base

METADATA: Final = Base.metadata
