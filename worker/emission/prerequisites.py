"""Prerequisites: a note waits until its invoice is stamped, a payment receipt until the invoices it pays are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from timbre_producers.contracts import Status
from worker.emission.dispatch import READ_SIZE
from worker.emission.kinds import KINDS, Kind
from worker.emission.lifecycle import IN_FLIGHT
from worker.emission.observation import Observation, Remote
from worker.emission.ports import InvoicingApi, Ledger
from worker.emission.work import Work

_WHY = {
    Remote.UNSTAMPED: "is not stamped",
    Remote.IN_PROCESS: "has no answer of the tax authority yet",
    Remote.REJECTED: "was rejected by the tax authority",
    Remote.VOID: "was voided before it was stamped",
    Remote.MISSING: "does not exist in Alegra",
    Remote.DUBIOUS: "is in doubt",
}


class Prerequisites:
    """What must be stamped before a document, as far as Timbre and Alegra know."""

    def __init__(self, ledger: Ledger, api: InvoicingApi, permit: Callable[[str], bool]) -> None:
        """`permit` is asked, with the account's name, before every read that is needed."""
        self._ledger = ledger
        self._api = api
        self._permit = permit

    def unmet(self, account: str, kind: Kind, looked_at: Sequence[Observation]) -> Mapping[str, str]:
        """Why documents must wait, by their id; the others may go. What is not known is a reason to wait."""
        if kind.follows is None:
            return {}
        first = KINDS[kind.follows]
        ids = list(dict.fromkeys(each for seen in looked_at for each in seen.follows))
        if not ids:
            return {}
        known = {work.document.document_id: work for work in self._ledger.works(account, first.name, ids)}
        reasons = {each: _by_table(known.get(each)) for each in ids}
        # What the table does not know, and what it gave up, may have been stamped by somebody else.
        shown = self._shown(account, first, [each for each in ids if reasons[each] is None])
        for each in ids:
            if reasons[each] is None:
                reasons[each] = _by_alegra(shown.get(each), known.get(each))
        waits = {}
        for seen in looked_at:
            for each in seen.follows:
                if reason := reasons[each]:
                    waits[seen.document_id] = f"waits for {first.title} {each}, which {reason}"
                    break
        return waits

    def _shown(self, account: str, kind: Kind, ids: Sequence[str]) -> Mapping[str, Observation]:
        shown: dict[str, Observation] = {}
        for start in range(0, len(ids), READ_SIZE):
            if not self._permit(account):
                break
            shown |= self._api.read(account, kind, ids[start : start + READ_SIZE]).observations
        return shown


def _by_table(work: Work | None) -> str | None:
    """Why the table says it is not stamped; empty when it is, None when the table cannot tell."""
    if work is None:
        return None
    if work.status is Status.STAMPED:
        return ""
    if work.status is Status.QUEUED or work.status in IN_FLIGHT:
        return f"is {work.status}"
    return None


def _by_alegra(seen: Observation | None, work: Work | None) -> str:
    """Why Alegra shows it as not stamped; empty when nothing need be waited for."""
    given_up = f" ({work.status} by Timbre)" if work is not None else ""
    if seen is None:
        return f"could not be looked at in Alegra yet{given_up}"
    # A document on paper has no stamp to wait for, and one voided after its stamp was stamped.
    stamped_and_void = seen.remote is Remote.VOID and seen.fiscal_code is not None
    if stamped_and_void or seen.remote in {Remote.ACCEPTED, Remote.NOT_ELECTRONIC, Remote.FOREIGN}:
        return ""
    return f"{_WHY[seen.remote]}{given_up}"
