"""The judge: a fast wrong result is worth nothing, so every run ends with the sandbox's own ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from worker.sandbox import SandboxControl

Asked = Mapping[str, Sequence[str]]
"""Documents by account."""


class WrongResult(Exception):
    """Something was emitted twice, not at all, or is not what the table says: the run counts for nothing."""


def judge_ledger(sandbox: SandboxControl, asked: Asked, *, whole: bool = True) -> dict[str, str]:
    """Each of these documents was executed once (or at most once, unless the `whole` was to be done); their codes.

    Raises `WrongResult`.
    """
    codes: dict[str, str] = {}
    for account, ids in asked.items():
        entries = sandbox.ledger(account)
        executed = Counter(entry["document_id"] for entry in entries)
        _must_be_none([each for each, times in executed.items() if times > 1], account, "were executed twice")
        _must_be_none(set(executed) - set(ids), account, "were executed and nobody had asked")
        if whole:
            _must_be_none(set(ids) - set(executed), account, "were never executed")
        codes |= {f"{account}/{entry['document_id']}": entry["code"] for entry in entries}
    return codes


def judge_table(rows: Sequence[tuple[str, str, str, str | None]], asked: Asked, codes: Mapping[str, str]) -> None:
    """The status table says of each document (account, id, status, code) what the ledger says. Raises `WrongResult`."""
    table = {f"{account}/{document_id}": (status, code) for account, document_id, status, code in rows}
    for account, ids in asked.items():
        mine = [f"{account}/{each}" for each in ids]
        _must_be_none([each for each in mine if each not in table], account, "are not in the table")
        _must_be_none([each for each in mine if table[each][0] != "stamped"], account, "did not end stamped")
        wrong = [each for each in mine if table[each][1] != codes.get(each)]
        _must_be_none(wrong, account, "have another code than the ledger")


def _must_be_none(documents: Collection[str], account: str, what: str) -> None:
    if documents:
        some = ", ".join(sorted(documents)[:5])
        raise WrongResult(f"{len(documents)} documents of account {account} {what}: {some}")
