"""Whatever the task is called with: documents queued as asked, or the message set aside with the reason; never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from sqlalchemy import func, select

from tests.support.alegra import ScriptedAlegra
from tests.support.house import House, engine_on
from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.messages import MESSAGE, SECRET, calls
from worker import tasks
from worker.observability import SECRETS
from worker.storage.models import Emission, Request, SetAside
from worker.storage.requests import MESSAGE_LIMIT

TOKEN = "0123456789abcdefcafe"


@pytest.fixture
def house(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The verbs over SQLite, as the task finds them."""
    with engine_on(sqlite_url) as engine:
        house = House(engine, ScriptedAlegra())
        monkeypatch.setattr(tasks, "runtime", lambda: SimpleNamespace(intake=house.intake))
        yield house


@given(calls)
@example(([{**MESSAGE, "callback_url": f"https://ana:{SECRET}@example.com/"}], {}))
@example(([{**MESSAGE, "token": TOKEN}], {}))
@example(([json.dumps({**MESSAGE, "callback_url": f"https://ana:{SECRET}@example.com/"})], {}))
@cases(300)
def test_any_call_queues_documents_or_is_set_aside_with_the_reason(
    house: House, call: tuple[list[Any], dict[str, Any]]
) -> None:
    SECRETS.hide(TOKEN)
    before = counted(house)
    tasks._write_down(tuple(call[0]), call[1])
    requests, emissions, aside = (now - then for now, then in zip(counted(house), before, strict=True))
    assert requests + aside <= 1
    if aside:
        assert (requests, emissions) == (0, 0)
        look_at(newest(house))
    elif requests == 0:
        assert emissions == 0, "the same request again"


def counted(house: House) -> list[int]:
    with house.engine.begin() as connection:
        return [
            connection.execute(select(func.count()).select_from(each)).scalar_one()
            for each in (Request, Emission, SetAside)
        ]


def newest(house: House) -> Any:
    with house.engine.begin() as connection:
        return connection.execute(select(SetAside.__table__).order_by(SetAside.id.desc()).limit(1)).one()


def look_at(kept: Any) -> None:
    """What an operator sees of it: the cause, a sentence, the message without passwords."""
    assert kept.cause in {"unreadable", "refused", "conflict"}
    assert 10 < len(kept.reason) <= 2000
    assert len(kept.reason.splitlines()) == 1
    assert any(mark in kept.reason for mark in (": ", "; "))
    assert len(kept.body) <= MESSAGE_LIMIT
    assert TOKEN not in kept.reason + kept.body
    assert f":{SECRET}@" not in kept.body
