"""A stamped document goes to its client once at most, and whatever becomes of that never touches the emission."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from tests.support.acts import DONE, LOST, REFUSED, THROTTLED, Killed, ScriptedActs
from tests.support.builders import ACCOUNT, a_request
from tests.support.fakes import FakeClock
from tests.support.house import House
from timbre_producers.contracts import Status, read_message
from worker.emission.acts import ActState, What
from worker.emission.mail import MOST_IN_A_ROUND, Mailing
from worker.emission.observation import Remote
from worker.emission.work import Document
from worker.storage.act_models import ActRow
from worker.storage.acts import SqlActs
from worker.storage.models import Emission

THE_DOCUMENT = Document(ACCOUNT, "invoice", "501")


class PostOffice:
    """A house with a mail verb."""

    def __init__(self, engine: Engine, house: House) -> None:
        self.house = house
        self.alegra = ScriptedActs()
        self.acts = SqlActs(engine)
        self.mailing = Mailing(
            self.acts,
            self.alegra,
            house.ledger,
            house.quota,
            house.announcer,
            house.clock,
            lambda: (ACCOUNT,),
            lambda _account: house.policy,
            "worker-1",
        )

    def stamp(self, *ids: str, email: bool = True) -> None:
        self.house.run_to_the_end(*ids, email=email)
        assert set(self.house.statuses().values()) == {Status.STAMPED}

    def round(self) -> None:
        """The sweep's step, and the task it nudges."""
        for account in self.mailing.round():
            self.mailing.run(account)

    def states(self, document_id: str = "501") -> list[ActState]:
        return [act.state for act in self.acts.of(Document(ACCOUNT, "invoice", document_id))]

    @property
    def sent(self) -> list[str]:
        return [document_id for document_id, what in self.alegra.calls if what is What.EMAIL]

    def told(self) -> list[str]:
        """What the document's history says of mail."""
        return [event.reason for event in self.house.events("501") if event.reason.startswith("email")]


@pytest.fixture
def office(engine: Engine, house: House) -> PostOffice:
    return PostOffice(engine, house)


def test_a_document_asked_for_with_email_is_sent_once_it_is_stamped(office: PostOffice) -> None:
    office.house.ask("501", email=True)
    office.round()
    assert office.sent == []
    office.house.run(rounds=200)
    for _ in range(3):
        office.round()
    assert office.sent == ["501"]
    assert office.states() == [ActState.DONE]
    assert office.told() == [
        "email: intent committed before the call: to ana@cliente.example",
        "email done: El correo fue enviado",
    ]


def test_nothing_is_sent_that_nobody_asked_for(office: PostOffice) -> None:
    office.stamp("501", email=False)
    office.round()
    assert (office.sent, office.states()) == ([], [])


def test_the_same_wish_from_many_requests_is_one_email(office: PostOffice) -> None:
    office.stamp("501")
    office.round()
    for _ in range(2):
        office.house.ask("501", email=True)
        office.round()
    assert office.sent == ["501"]


def test_a_later_request_may_add_the_wish_to_a_document_on_its_way_or_stamped(office: PostOffice) -> None:
    office.house.ask("501")
    office.house.ask("501", email=True)
    office.stamp("502", email=False)
    office.house.ask("502", email=True)
    office.round()
    assert sorted(office.sent) == ["501", "502"]


def test_a_document_rejected_first_keeps_its_wish(office: PostOffice, engine: Engine) -> None:
    office.house.ask("501", email=True)
    with engine.begin() as connection:
        connection.execute(update(Emission).values(status="rejected", next_read_at=None))
    office.house.ask("501")
    office.house.run(rounds=200)
    office.round()
    assert office.sent == ["501"]


@pytest.mark.parametrize("dies_at", ["on the wire", "with the answer in hand"])
def test_a_worker_that_dies_at_the_call_is_never_followed_by_another_call(
    office: PostOffice, clock: FakeClock, dies_at: str
) -> None:
    office.stamp("501")
    office.alegra.answers = [Killed() if dies_at == "on the wire" else DONE]
    if dies_at == "with the answer in hand":

        def die() -> None:
            raise Killed

        office.alegra.while_sending = die
    with pytest.raises(Killed):
        office.round()
    office.alegra.while_sending = lambda: None
    assert office.states() == [ActState.SENDING]
    office.round()
    assert office.states() == [ActState.SENDING], "its answer may still come"
    clock.advance(seconds=3600)
    for _ in range(3):
        office.round()
        clock.advance(days=1)
    assert office.states() == [ActState.UNKNOWN]
    assert office.sent == ["501"]
    assert "may have been done, and is not repeated" in office.told()[-1]


def test_a_worker_that_dies_before_the_intent_has_sent_nothing_and_another_sends(office: PostOffice) -> None:
    office.stamp("501")
    office.mailing.round()
    assert office.states() == [ActState.WANTED]
    office.round()
    assert office.sent == ["501"]


def test_a_lost_answer_is_shown_as_unknown_and_never_repeated(office: PostOffice, clock: FakeClock) -> None:
    office.stamp("501")
    office.alegra.answers = [LOST]
    for _ in range(5):
        office.round()
        clock.advance(hours=6)
    assert office.states() == [ActState.UNKNOWN]
    assert office.sent == ["501"]
    assert office.house.events("501")[-1].alert


def test_an_answer_that_comes_after_its_act_was_given_up_changes_nothing(office: PostOffice, clock: FakeClock) -> None:
    office.stamp("501")

    def the_sweep_gives_up() -> None:
        clock.advance(hours=1)
        office.mailing.round()

    office.alegra.while_sending = the_sweep_gives_up
    office.round()
    assert office.states() == [ActState.UNKNOWN]


def test_what_was_not_executed_is_tried_again_later_and_given_up_in_the_end(
    office: PostOffice, clock: FakeClock
) -> None:
    office.stamp("501")
    office.alegra.answers = [THROTTLED] * 3
    office.round()
    office.round()
    assert office.sent == ["501"], "not before its time"
    for _ in range(8):
        clock.advance(days=1)
        office.round()
    assert office.states() == [ActState.DONE]
    assert office.sent == ["501"] * 4
    office.house.run_to_the_end("502", email=True)
    office.alegra.answers = [THROTTLED] * 20
    for _ in range(20):
        office.round()
        clock.advance(days=1)
    assert office.states("502") == [ActState.REFUSED]


@pytest.mark.parametrize(
    ("remote", "emails", "because"),
    [
        (Remote.ACCEPTED, (), "no e-mail of the client"),
        (Remote.VOID, ("ana@cliente.example",), "void"),
        (Remote.MISSING, ("ana@cliente.example",), "missing"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_said_and_the_emission_stays_stamped(
    office: PostOffice, remote: Remote, emails: tuple[str, ...], because: str
) -> None:
    office.stamp("501")
    before = office.house.work("501")
    office.alegra.emails = emails
    office.alegra.show_as("501", remote)
    office.round()
    assert office.states() == [ActState.REFUSED]
    assert because in office.told()[-1]
    assert office.sent == []
    assert office.house.work("501") == before


def test_alegras_refusal_is_told_in_its_words_and_touches_nothing(office: PostOffice) -> None:
    office.stamp("501")
    before = office.house.work("501")
    office.alegra.answers = [REFUSED]
    office.round()
    assert "emails es obligatorio" in office.told()[-1]
    assert office.house.work("501") == before


def test_a_kind_alegra_has_no_email_for_is_stamped_all_the_same(office: PostOffice, engine: Engine) -> None:
    office.stamp("501")
    with engine.begin() as connection:
        connection.execute(update(Emission).values(kind="payment"))
    office.round()
    (act,) = office.acts.of(Document(ACCOUNT, "payment", "501"))
    assert act.state is ActState.REFUSED
    assert office.sent == []


def test_a_read_that_fails_is_no_news_and_is_repeated(office: PostOffice, clock: FakeClock) -> None:
    office.stamp("501")
    office.alegra.away = True
    office.round()
    assert office.states() == [ActState.WANTED]
    office.alegra.away = False
    clock.advance(hours=1)
    office.round()
    assert office.sent == ["501"]


def test_mail_yields_to_what_waits_to_be_stamped_and_never_stands_still(office: PostOffice) -> None:
    ids = tuple(str(number) for number in range(501, 531))
    office.stamp(*ids)
    office.house.ask("900")
    office.round()
    assert len(office.sent) == 1
    office.house.run(rounds=200)
    office.round()
    assert len(office.sent) == 1 + MOST_IN_A_ROUND


def test_each_email_is_paid_from_the_budget_and_none_goes_when_it_is_spent(office: PostOffice) -> None:
    office.stamp("501", "502", "503")
    office.house.quota.left[ACCOUNT, "stamp"] = 1
    office.round()
    assert len(office.sent) == 1
    office.round()
    assert len(office.sent) == 1
    del office.house.quota.left[ACCOUNT, "stamp"]
    office.round()
    assert sorted(office.sent) == ["501", "502", "503"]


def test_a_round_ends_where_the_quota_allows_no_more_looks(office: PostOffice) -> None:
    office.stamp("501", "502", "503")
    office.alegra.looks = 1
    office.house.quota.left[ACCOUNT, "stamp"] = 3
    office.round()
    assert len(office.sent) == 1
    assert office.house.quota.left[ACCOUNT, "stamp"] == 2
    office.alegra.looks = None
    office.round()
    assert sorted(office.sent) == ["501", "502", "503"]


def test_a_paused_account_sends_no_mail_until_it_is_resumed(office: PostOffice) -> None:
    office.stamp("501", "502")
    operations = office.house.operations
    operations.pause(ACCOUNT, actor="ana", reason="month end")
    office.round()
    assert office.states() == [ActState.WANTED]
    assert office.mailing.run(ACCOUNT) == 0
    operations.resume(ACCOUNT, actor="ana")
    office.round()
    assert sorted(office.sent) == ["501", "502"]


def test_a_permit_that_no_call_used_is_given_back(office: PostOffice) -> None:
    office.stamp("501")
    office.house.quota.left[ACCOUNT, "stamp"] = 1
    office.alegra.away = True
    office.round()
    assert office.house.quota.left[ACCOUNT, "stamp"] == 1


def test_two_workers_on_one_act_make_one_call(office: PostOffice, engine: Engine) -> None:
    office.stamp("501")
    office.mailing.round()
    (act,) = office.acts.of(THE_DOCUMENT)
    now = office.house.clock.now()
    first = SqlActs(engine).begin(act, "to ana", now, actor="worker-1")
    second = SqlActs(engine).begin(act, "to ana", now, actor="worker-2")
    assert first is not None
    assert second is None


def test_a_person_sends_again_as_often_as_they_want_but_not_while_one_is_on_its_way(office: PostOffice) -> None:
    office.stamp("501")
    office.alegra.answers = [LOST]
    office.round()
    for sent in (2, 3):
        (verdict,) = office.mailing.ask(ACCOUNT, "invoice", ["501"], actor="ana@office")
        assert verdict.done, verdict.sentence
        (again,) = office.mailing.ask(ACCOUNT, "invoice", ["501"], actor="ana@office")
        assert not again.done
        assert "on its way" in again.sentence
        office.round()
        assert len(office.sent) == sent
    assert office.states() == [ActState.UNKNOWN, ActState.DONE, ActState.DONE]


@pytest.mark.parametrize(
    ("kind", "document_id", "because"),
    [("invoice", "999", "does not know it"), ("invoice", "501", "it is queued"), ("payment", "501", "no email")],
)
def test_what_a_person_cannot_send_is_refused_with_the_reason(
    office: PostOffice, kind: str, document_id: str, because: str
) -> None:
    office.house.ask("501")
    (verdict,) = office.mailing.ask(ACCOUNT, kind, [document_id], actor="ana@office")
    assert not verdict.done
    assert because in verdict.sentence


def test_an_account_taken_out_of_the_file_keeps_its_mail_until_it_is_back(office: PostOffice, engine: Engine) -> None:
    office.stamp("501")
    with engine.begin() as connection:
        connection.execute(update(Emission).values(account="gone"))
    assert office.mailing.round() == []
    with engine.begin() as connection:
        assert connection.execute(select(ActRow.account, ActRow.state)).all() == [("gone", "wanted")]


def test_many_on_the_wire_hold_the_next_ones_back(office: PostOffice, clock: FakeClock) -> None:
    office.stamp(*(str(number) for number in range(501, 511)))
    office.mailing.round()
    for act in office.acts.due(ACCOUNT, What.EMAIL, clock.now(), 4):
        office.acts.begin(act, "to ana", clock.now(), actor="worker-2")
    assert office.mailing.round() == []
    clock.advance(seconds=timedelta(hours=1).total_seconds())
    assert office.mailing.round() == [ACCOUNT]


def test_the_wish_is_in_the_message_only_when_it_is_made() -> None:
    plain, wished = a_request("501"), a_request("501", email=True)
    assert "email" not in json.loads(plain.model_dump_json())
    assert json.loads(wished.model_dump_json())["email"] is True
    assert read_message(json.loads(wished.model_dump_json())) == wished
    one = uuid.uuid4()
    assert a_request(request_id=one).fingerprint() != a_request(request_id=one, email=True).fingerprint()
