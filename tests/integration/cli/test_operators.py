"""What an operator sees and does from the shell, on real servers."""

from __future__ import annotations

import re
import time
from contextlib import closing

from celery import Celery

from tests.integration.cli.conftest import ON_POSTGRESQL, Office
from timbre_producers import EMIT_TASK, INTAKE_QUEUE

OURS = ["--account", "acme"]


def eventually(office: Office, document_id: str, status: str) -> None:
    """Wait until a document is in a status; a worker is bringing it there."""
    deadline = time.monotonic() + 30
    while True:
        found = office.json("status", document_id, "--account", "acme", code=0)["emission"]["status"]
        if found == status:
            return
        assert time.monotonic() < deadline, f"{document_id} is {found}, not {status}"
        time.sleep(0.1)


def uncertain(office: Office, *, moment: str = "after") -> str:
    """A document whose answer was lost, before or after Alegra executed the call."""
    (document_id,) = office.drafts(1)
    office.sandbox.faults.set(timeout={"next": 1, "on": "stamp", "moment": moment})
    assert office.timbre("emit", document_id, "--account", "acme", "--wait=0").exit_code == 4
    eventually_known(office, document_id)
    eventually(office, document_id, "uncertain")
    return document_id


def unreadable(office: Office) -> list[dict[str, str]]:
    aside: list[dict[str, str]] = office.json("requests", "--unreadable")["set_aside"]
    return aside


def eventually_known(office: Office, document_id: str) -> None:
    deadline = time.monotonic() + 30
    while office.timbre("status", document_id, "--account", "acme").exit_code:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_lost_answer_is_listed_settled_on_demand_and_never_sent_again(office: Office) -> None:
    document_id = uncertain(office)
    listed = office.timbre("status", "--state", "uncertain")
    assert re.search(rf"{document_id}\s+uncertain", listed.stdout)
    history = office.timbre("status", document_id).stdout
    assert "the answer was lost" in history
    assert "Timbre finds out by reading" in history
    result = office.timbre("settle", "--all-uncertain")
    assert result.exit_code == 0, result.output
    assert re.search(rf"acme +invoice +{document_id} .*will be read now", result.stdout)
    eventually(office, document_id, "stamped")
    assert office.sandbox.duplicates() == []


def test_what_is_settling_cannot_be_cancelled_and_the_exit_code_says_so(office: Office) -> None:
    document_id = uncertain(office)
    result = office.timbre("cancel", document_id, *OURS)
    assert result.exit_code == 1
    assert "it may have been sent" in result.stdout
    office.timbre("settle", document_id, *OURS)
    eventually(office, document_id, "stamped")


def test_a_paused_accounts_queue_can_be_cancelled_and_is_never_sent(office: Office) -> None:
    (document_id,) = office.drafts(1)
    assert "is paused" in office.timbre("pause", "acme", "--reason", "closing the month").stdout
    try:
        office.timbre("emit", document_id, *OURS, "--wait=0")
        eventually_known(office, document_id)
        overview = office.timbre("status")
        assert "acme: PAUSED since" in overview.stdout
        assert "closing the month" in overview.stdout
        assert "the oldest queued document has waited" in overview.stdout
        assert "was paused already" in office.timbre("pause", "acme").stdout
        cancelled = office.json("cancel", document_id, *OURS, "--reason", "wrong client")
        assert cancelled["documents"][0]["status"] == "cancelled"
    finally:
        assert "closing the month" in office.timbre("resume", "acme").stdout
    assert office.timbre("resume", "acme").stdout == "Account acme was not paused.\n"
    assert office.sandbox.ledger("acme", document_id) == []
    assert "wrong client" in office.timbre("status", document_id).stdout


def test_a_held_document_is_an_alert_and_is_released_with_a_reason_only(office: Office) -> None:
    document_id = uncertain(office, moment="before")
    office.sandbox.plant("acme", document_id, total=1)
    office.timbre("settle", document_id, *OURS)
    eventually(office, document_id, "held")
    overview = office.timbre("status")
    assert "open alert" in overview.stdout
    assert f"acme/{document_id}" in overview.stdout
    assert "Timbre will not decide this alone" in office.timbre("status", document_id).stdout
    assert office.timbre("release", document_id, *OURS).exit_code == 2
    result = office.timbre("release", document_id, *OURS, "--reason", "the total was corrected")
    assert result.exit_code == 0, result.output
    # It goes when its quiet window is over, a minute here: the call whose answer was lost may still be executed.
    assert office.json("status", document_id, "--account", "acme")["emission"]["status"] == "queued"
    assert "released: the total was corrected" in office.timbre("status", document_id).stdout
    assert office.sandbox.duplicates() == []


def test_a_message_nobody_can_read_is_shown_with_its_reason(office: Office) -> None:
    with closing(Celery(broker=office.environ["TIMBRE_REDIS_URL"], set_as_current=False)) as service:
        service.send_task(EMIT_TASK, args=[{"version": 1, "account": "acme"}], queue=INTAKE_QUEUE, ignore_result=True)
    deadline = time.monotonic() + 30
    while not (aside := [each for each in unreadable(office) if "document_ids is missing" in each["reason"]]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert aside[0]["cause"] == "unreadable"
    assert '"acme"' in aside[0]["body"]
    assert "unreadable" in office.timbre("requests", "--unreadable").stdout


def test_requests_show_where_their_documents_stand(office: Office) -> None:
    ids = office.drafts(2)
    answer = office.json("emit", *ids, *OURS, "--wait=60")
    newest = office.json("requests", "--limit", "1")["requests"][0]
    assert newest["request_id"] == answer["request_id"]
    assert newest["states"] == {"stamped": 2}
    shown = office.timbre("status", "--request", answer["request_id"])
    assert all(each in shown.stdout for each in ids)
    assert "2 stamped" in office.timbre("requests").stdout


@ON_POSTGRESQL
def test_an_unknown_document_or_request_is_exit_code_one(office: Office) -> None:
    unknown = office.timbre("status", "987654")
    assert (unknown.exit_code, "Timbre does not know document 987654" in unknown.stderr) == (1, True)
    request = office.timbre("status", "--request", "6f9619ff-8b86-d011-b42d-00c04fc964ff")
    assert (request.exit_code, "No request" in request.stderr) == (1, True)


@ON_POSTGRESQL
def test_a_night_is_shown_tried_and_run(office: Office) -> None:
    ids = office.drafts(3)
    shown = office.timbre("nightly", TIMBRE_NIGHTLY="on", TIMBRE_NIGHTLY_HOUR="02:30")
    assert re.search(r"acme +on +02:30 +America/Bogota", shown.stdout)
    assert office.json("nightly")["accounts"][0]["enabled"] is False
    tried = office.json("nightly", "--dry-run", TIMBRE_NIGHTLY_NUMBERINGS="OTHER")["accounts"][0]
    left_out = {each["document_id"]: each["reason"] for each in tried["skipped"]}
    assert all("is not among those of the night" in left_out[each] for each in ids)
    off = office.timbre("nightly", "--run-now")
    assert "its night is off" in off.stderr
    ran = office.json("nightly", "--run-now", "--account", "acme")["accounts"][0]
    assert set(ids) <= {each["document_id"] for each in ran["wanted"]}
    assert ran["enqueued"] >= 3
    for each in ids:
        eventually(office, each, "stamped")
    assert office.sandbox.duplicates() == []


@ON_POSTGRESQL
def test_the_sandbox_is_changed_while_it_runs(office: Office) -> None:
    url = office.sandbox.url
    more = ["--account", "nueva:PE", "--drafts", "nueva=2", "--fault", "reset=0.5"]
    told = office.timbre("sandbox", "--url", url, *more)
    assert told.exit_code == 0, told.output
    assert re.search(r"nueva +peru +2", told.stdout)
    assert "reset=" in told.stdout
    cleared = office.timbre("sandbox", "--url", url, "--clear")
    assert "Faults: none" in cleared.stdout
    refused = office.timbre("sandbox", "--url", url, "--drafts", "nobody=1")
    assert (refused.exit_code, "refused" in refused.stderr) == (2, True)
