"""One address says it all: what kombu and redis-py are told of it, and what is refused."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from celery import Celery
from celery.app.utils import filter_hidden_settings

from timbre_producers import InvalidRequest
from timbre_producers.addresses import UnusableAddress, read_address
from timbre_producers.client import EmissionClient


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text("-----BEGIN CERTIFICATE-----")
    return file


def test_three_sentinels_are_one_address_with_everything_said_once() -> None:
    address = read_address("sentinel://ana:p%2Fw@one;sentinel://two:26380;sentinel://[::1]:26381/3?master_name=timbre")
    assert address.sentinels == (("one", 26379), ("two", 26380), ("::1", 26381))
    assert (address.username, address.password, address.database, address.master_name) == ("ana", "p/w", 3, "timbre")
    assert address.shown == "sentinel://one;sentinel://two:26380;sentinel://[::1]:26381/3"
    # When one is away kombu goes on with the next, and knows of it only what stands in its own address.
    who = "sentinel://ana:p%2Fw@"
    assert address.broker_url == f"{who}one:26379/3;{who}two:26380/3;{who}[::1]:26381/3"
    assert address.transport_options(1)["master_name"] == "timbre"
    assert address.use_ssl() is None


def test_sentinels_may_have_a_password_of_their_own_which_celery_does_not_show() -> None:
    address = read_address("sentinel://:one@h/0?master_name=m&sentinel_username=s&sentinel_password=hunter2%21")
    assert {"one", "hunter2!"} <= set(address.passwords)
    assert "hunter2" not in repr(address)
    told = address.for_sentinels(1.0)
    assert (told["username"], told["password"]) == ("s", "hunter2!")
    with Celery(set_as_current=False) as app:
        app.conf.update(broker_url=address.broker_url, broker_transport_options=address.transport_options(1))
        shown = str(filter_hidden_settings({key: app.conf[key] for key in ("broker_url", "broker_transport_options")}))
    assert "hunter2" not in shown
    assert ":one@" not in shown


def test_tls_checks_certificate_and_host_unless_the_address_says_otherwise(ca: Path) -> None:
    plain = read_address("rediss://:p@h:6380/0").use_ssl()
    assert plain is not None
    assert (plain["ssl_cert_reqs"], plain["ssl_check_hostname"]) == (ssl.CERT_REQUIRED, True)
    ours = read_address(f"rediss://h/0?ssl_ca_certs={ca}&ssl_check_hostname=false")
    assert ours.broker_url == "rediss://h/0"
    told = ours.use_ssl()
    assert told is not None
    assert (told["ssl_ca_certs"], told["ssl_check_hostname"]) == (str(ca), False)
    anybody = read_address("rediss://h/0?ssl_cert_reqs=none").use_ssl()
    assert anybody is not None
    assert (anybody["ssl_cert_reqs"], anybody["ssl_check_hostname"]) == (ssl.CERT_NONE, False)


def test_rabbitmq_has_the_same_options_under_the_names_it_knows(ca: Path) -> None:
    address = read_address(f"amqps://u:p@h//?ssl_ca_certs={ca}&heartbeat=30")
    assert address.broker_url == "amqps://u:p@h//?heartbeat=30"
    assert address.use_ssl() == {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(ca),
        "certfile": None,
        "keyfile": None,
        # None is filled in by kombu; left out, no name would be checked.
        "server_hostname": None,
    }
    assert read_address("amqp://u:p@h//").use_ssl() is None


def test_sentinels_and_their_servers_speak_tls_together(ca: Path) -> None:
    address = read_address(f"sentinel://h/0?master_name=m&ssl_ca_certs={ca}")
    assert address.tls is not None
    assert address.for_sentinels(1)["ssl"] is True
    assert read_address("sentinel://h/0?master_name=m&ssl=true").tls is not None


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("sentinel://h:26379/0", "names no master", "sentinel monitor"),
        ("sentinel://a;redis://b/0?master_name=m", "mixes redis and sentinel", "the same scheme"),
        ("sentinel://:one@a;sentinel://:two@b/0?master_name=m", "a different password each", "the same password"),
        ("sentinel://a/0;sentinel://b/1?master_name=m", "a different database each", "the same database"),
        ("sentinel://a?master_name=m;sentinel://b?master_name=n", "says master_name twice", "say it once"),
        ("sentinel://a?master_name=m&ssl=false&ssl_cert_reqs=none", "ssl=false beside", "take one of them away"),
        ("redis://a/0;redis://b/0", "names 2 servers", "sentinel://"),
        ("redis://h/0?ssl_ca_certs=/etc/ca.pem", "unknown option (ssl_ca_certs)", "TLS is rediss://"),
        ("amqp://h//?ssl_ca_certs=/etc/ca.pem", "unknown option (ssl_ca_certs)", "TLS is amqps://"),
        ("redis://h/0?master=timbre", "unknown option (master)", "takes no options"),
        ("rediss://h/0?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs='/nowhere/ca.pem'", "a PEM file"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "unknown ssl_cert_reqs (maybe)", "required or none"),
        ("amqp://h//?queue_type=stream", "unknown queue_type (stream)", "classic or quorum"),
        ("redis://h/timbre", "names no database (timbre)", "write /0"),
    ],
)
def test_what_leads_nowhere_is_refused_with_the_reason_and_the_remedy(url: str, what: str, remedy: str) -> None:
    with pytest.raises(UnusableAddress) as refused:
        read_address(url)
    assert what in refused.value.what
    assert remedy in refused.value.remedy
    with pytest.raises(InvalidRequest, match="broker_url"):
        EmissionClient(url)


@pytest.mark.parametrize(
    "url", ["redis://:hunter2@h/0?x=hunter2", "sentinel://:hunter2@h", "rediss://a:hunter2@h/hunter2"]
)
def test_no_refusal_repeats_a_secret(url: str) -> None:
    with pytest.raises(UnusableAddress) as refused:
        read_address(url)
    assert "hunter2" not in str(refused.value)


def test_the_type_of_queues_is_said_to_everybody_by_the_address_of_the_broker() -> None:
    address = read_address("amqp://u:p@one//;amqp://u:p@two//?queue_type=quorum&heartbeat=30")
    assert address.broker_url == "amqp://u:p@one//;amqp://u:p@two//?heartbeat=30"
    assert address.queue_arguments() == {"x-queue-type": "quorum"}
    plain = read_address("amqp://u:p@one//?queue_type=classic")
    assert (plain.broker_url, plain.queue_arguments()) == ("amqp://u:p@one//", None)
