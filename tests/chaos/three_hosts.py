"""What `test_three_hosts.py` runs inside a network of its own: workers on two hosts, everything else on a third."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hosts import Host, Network
from tests.support.machine import FINAL, Machine, a_machine, await_that
from tests.support.servers import PostgresServer, ValkeyServer
from worker.storage.migrate import upgrade

WIRES = ("redis", "database", "alegra")

STAMP_TIMEOUT = 2.0
LATENCY = 1.0
"""Seconds a stamp call takes: long enough to lose a host in the middle, short enough to be answered in time."""


class Hosts:
    """The machine of the tests, its database's and broker's host being ours, and the two hosts of its workers."""

    def __init__(self, machine: Machine, network: Network, north: Host, south: Host) -> None:
        self.machine = machine
        self.network = network
        self.north = north
        self.south = south

    def ask(self, account: str, count: int) -> list[str]:
        """A producer asks for so many drafts of this account."""
        ids = self.machine.sandbox.add_drafts(account, count)
        self.machine.client.emit(ids, account=account)
        return ids

    def lost(self, account: str) -> int:
        """Documents whose answer never came, by their history."""
        return len(
            self.machine.sql(
                "SELECT DISTINCT emission_id FROM emission_events JOIN emissions ON emissions.id = emission_id "
                "WHERE account = :account AND to_status = 'uncertain'",
                account=account,
            )
        )

    def late(self, account: str) -> int:
        """Alerts for a person: somebody came back with an answer that was no longer waited for."""
        return len(
            self.machine.sql(
                "SELECT emission_events.id FROM emission_events JOIN emissions ON emissions.id = emission_id "
                "WHERE account = :account AND alert AND reason LIKE 'discrepancy%'",
                account=account,
            )
        )

    def on_the_wire(self, account: str, host: Host) -> int:
        """Calls of a host's workers whose end the table does not know."""
        return len(
            self.machine.sql(
                "SELECT id FROM batches WHERE account = :account AND worker LIKE :worker AND closed_at IS NULL",
                account=account,
                worker=f"{host.name}:%",
            )
        )


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with Network(WIRES) as network:
        redis, database = ValkeyServer(network.address("redis")), PostgresServer(network.address("database"))
        try:
            redis.start()
            database.start()
            url = database.new_database()
            upgrade(url)
            folder = tmp_path_factory.mktemp("hosts")
            alegra = network.address("alegra")
            with a_machine(folder, redis_url=redis.url, database_url=url, host=alegra) as machine:
                machine.environ |= {"TIMBRE_STAMP_TIMEOUT": str(STAMP_TIMEOUT), "TIMBRE_CONNECT_TIMEOUT": "1"}
                for each in ("whole", *WIRES):
                    machine.add_account(each)
                hosts = Hosts(machine, network, network.add_host("north"), network.add_host("south"))
                machine.start_beat()
                machine.start_worker(on=hosts.north)
                machine.start_worker(on=hosts.south)
                yield hosts
        finally:
            database.close()
            redis.close()


@pytest.fixture(autouse=True)
def _calls_take_a_moment(hosts: Hosts) -> None:
    hosts.machine.sandbox.faults.set(stamp_latency=LATENCY)


def calls_of(hosts: Hosts, account: str, host: Host) -> list[str]:
    """Documents asked for, of which some are on the wire from this host at this moment; who takes them is chance."""
    ids: list[str] = []

    def on_the_wire() -> bool:
        found = hosts.machine.statuses()
        if all(found.get((account, each)) in FINAL for each in ids):
            ids.extend(hosts.ask(account, 40))
        return hosts.on_the_wire(account, host) > 0

    await_that(on_the_wire, hosts.machine.logs)
    return ids


def test_a_host_that_is_cut_off_in_the_middle_of_its_calls_costs_no_document(hosts: Hosts) -> None:
    machine = hosts.machine
    ids = calls_of(hosts, "whole", hosts.north)
    hosts.network.pull_out(hosts.north, WIRES)
    # The other host finishes it all while this one is away: what was on the wire by reading, the rest by sending.
    machine.await_end("whole", ids)
    machine.judge("whole", ids)
    assert hosts.lost("whole")
    hosts.network.plug_in(hosts.north, WIRES)
    # What it comes back with is written down for a person, and changes nothing.
    await_that(lambda: hosts.late("whole") > 0, machine.logs)
    machine.await_end("whole", ids)
    # And it works again.
    more = calls_of(hosts, "whole", hosts.north)
    machine.await_end("whole", more)
    machine.judge("whole", ids + more)


def test_a_host_that_loses_redis_costs_no_document(hosts: Hosts) -> None:
    machine = hosts.machine
    ids = calls_of(hosts, "redis", hosts.north)
    hosts.network.pull_out(hosts.north, ["redis"])
    machine.await_end("redis", ids)
    hosts.network.plug_in(hosts.north, ["redis"])
    machine.judge("redis", ids)


def test_a_host_that_loses_the_database_costs_no_document(hosts: Hosts) -> None:
    machine = hosts.machine
    ids = calls_of(hosts, "database", hosts.north)
    hosts.network.pull_out(hosts.north, ["database"])
    # It has Alegra's answers and cannot write them down; the other takes it for dead.
    await_that(lambda: not hosts.on_the_wire("database", hosts.north), machine.logs)
    hosts.network.plug_in(hosts.north, ["database"])
    await_that(lambda: hosts.late("database") > 0, machine.logs)
    machine.await_end("database", ids)
    machine.judge("database", ids)


def test_alegra_out_of_reach_of_everybody_makes_calls_uncertain_and_reads_settle_them(hosts: Hosts) -> None:
    machine = hosts.machine
    both = (hosts.north, hosts.south)
    ids = calls_of(hosts, "alegra", hosts.north)
    for host in both:
        hosts.network.pull_out(host, ["alegra"])
    await_that(lambda: not any(hosts.on_the_wire("alegra", host) for host in both), machine.logs)
    assert hosts.lost("alegra")
    for host in both:
        hosts.network.plug_in(host, ["alegra"])
    machine.await_end("alegra", ids)
    machine.judge("alegra", ids)
