"""The judge of a campaign of creations can tell: what is twice, lost, wrong, false, or held without a reason."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.chaos.campaign.creating import body_of, judge
from tests.chaos.campaign.verdict import Verdict
from worker.alegra.kinds import SHAPES
from worker.emission.kinds import KINDS
from worker.sandbox import SandboxServer

KEY = ("acme", "invoice", "INV-1")


def judged(row: dict[str, Any] | None, *documents: str) -> Verdict:
    entries = [{"account": "acme", "kind": "invoice", "reference": "INV-1", "document_id": each} for each in documents]
    rows = {} if row is None else {KEY: {"held_reason": None, "document_id": None, **row}}
    return judge(frozenset({KEY}), rows, entries, [])


@pytest.mark.parametrize(
    ("row", "documents", "flaw"),
    [
        ({"status": "created", "document_id": "501"}, ["501"], None),
        ({"status": "rejected"}, [], None),
        ({"status": "held", "held_reason": "no news until its schedule ended; last: 503"}, ["501"], None),
        ({"status": "created", "document_id": "501"}, ["501", "502"], "duplicate"),
        (None, [], "lost"),
        ({"status": "uncertain"}, ["501"], "lost"),
        ({"status": "created", "document_id": "501"}, ["502"], "wrong"),
        ({"status": "created", "document_id": "501"}, [], "wrong"),
        ({"status": "rejected"}, ["501"], "false"),
        ({"status": "held", "held_reason": "the moon"}, [], "unexplained"),
    ],
)
def test_the_judge_can_tell(row: dict[str, Any] | None, documents: list[str], flaw: str | None) -> None:
    verdict = judged(row, *documents)
    assert [each.kind for each in verdict.flaws] == ([flaw] if flaw else [])
    assert verdict.kept is (flaw is None)


def test_the_sandbox_takes_the_body_of_every_kind() -> None:
    with SandboxServer() as sandbox:
        credentials = {name: sandbox.add_account(name, country=name) for name in ("CO", "MX", "CR")}
        statuses = {}
        for kind in KINDS.values():
            country = next(each for each in credentials if kind.exists_in(each))
            statuses[kind.name] = posted(sandbox, credentials[country], kind.name)
    assert statuses == dict.fromkeys(KINDS, 201)


def posted(sandbox: SandboxServer, credentials: Any, kind: str) -> int:
    answer = httpx.post(
        f"{sandbox.base_url}/{SHAPES[kind].resource}",
        json=SHAPES[kind].new(body_of(kind), "INV-1", stamp=False),
        auth=(credentials.email, credentials.token),
        trust_env=False,
    )
    return answer.status_code
