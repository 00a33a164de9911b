"""What a producer is told when the documents it wanted created have ended: created, and emitted where it said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from timbre_producers.creations import CreationStatus
from worker.creation.lifecycle import FINISHED
from worker.creation.work import Creation
from worker.emission import lifecycle as emissions
from worker.emission.callbacks import emitted, envelope
from worker.emission.work import Document, Work


@dataclass(frozen=True, slots=True)
class CreationCallback:
    """Implements `worker.emission.callbacks.Pending`."""

    request_id: str
    account: str
    kind: str
    url: str
    tries: int
    creations: Sequence[Creation]
    """Its documents, in the order in which they were queued."""
    works: Mapping[Document, Work]
    """The emissions of those that are created and to be emitted."""
    refused: Mapping[str, str]
    """References that another body has, and why that document was refused."""

    @property
    def ended(self) -> bool:
        return all(self._ended(each) for each in self.creations)

    def body(self, now: datetime) -> dict[str, Any]:
        """One entry for each document: `status` is the creation's, `emission` how it went on."""
        documents = [self._told(each) for each in self.creations]
        documents += [
            {"reference": reference, "status": "refused", "document_id": None, "error_message": why, "emission": None}
            for reference, why in self.refused.items()
        ]
        return envelope(self.request_id, self.account, self.kind, now) | {"documents": documents}

    def _ended(self, creation: Creation) -> bool:
        if creation.status not in FINISHED:
            return False
        work = self._work(creation)
        return work is None or work.status in emissions.FINISHED

    def _work(self, creation: Creation) -> Work | None:
        if creation.status is not CreationStatus.CREATED or not creation.emits:
            return None
        return self.works.get(Document(creation.account, creation.kind, creation.document_id or ""))

    def _told(self, creation: Creation) -> dict[str, Any]:
        problem = creation.problem
        work = self._work(creation)
        return {
            "reference": creation.reference,
            "status": creation.status.value,
            "document_id": creation.document_id,
            "error_class": problem.error_class.value if problem else None,
            "error_code": problem.code if problem else None,
            "error_message": creation.held_reason or (problem.message if problem else None),
            "emission": emitted(work) if work else None,
        }
