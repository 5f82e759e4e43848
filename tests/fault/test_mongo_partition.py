"""The network between MongoDB's nodes is cut: the old primary with one stack on one side, the majority with another stack on the
other. What is acknowledged on either side outlives it, and no sample is held on both."""
import contextlib
import os
import signal
import subprocess
import time
from collections import Counter

import pymongo
import pytest
from collecting import services
from harness import Server, draw, kill, until
from networks import HERE, THERE, two_networks
from test_mongo_failover import COLLECTED, LABELS, Load
from toll import tried

PORT = 27017  # of each; the namespaces are ours alone
ELECTION_MS = 2000
PEOPLE = 3
PICTURES = 3_000
SOME = 60  # labels


def mongod(folder, wire, address, port, number):
    binary = subprocess.run([services.HERE / "mongo", "binary"], capture_output=True, text=True)
    if binary.returncode:
        services.unavailable("mongo", binary.stderr.strip())
    data = folder / f"n{number}"
    data.mkdir()
    words = [binary.stdout.strip(), "--replSet", "rs0", "--dbpath", data, "--port", port, "--bind_ip", address, "--nounixsocket",
             "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256", "--setParameter", "diagnosticDataCollectionEnabled=false",
             "--fork", "--logpath", folder / f"n{number}.log", "--pidfilepath", folder / f"n{number}.pid"]  # fmt: skip
    subprocess.run(wire.command(*words) if address == THERE else [*map(str, words)], check=True, stdout=subprocess.DEVNULL)
    return int((folder / f"n{number}.pid").read_text())


def states(client):
    return sorted(member["stateStr"] for member in client.admin.command("replSetGetStatus")["members"])


@pytest.fixture
def wire():
    with two_networks() as wire:
        yield wire


@pytest.fixture
def nodes(tmp_path, wire):
    """A replica set of three: the one that is here would be primary."""
    hosts = [(HERE, PORT), (THERE, PORT), (THERE, PORT + 1)]
    pids = []
    try:
        for number, (address, port) in enumerate(hosts):
            pids.append(mongod(tmp_path, wire, address, port, number))
        client = pymongo.MongoClient(HERE, PORT, directConnection=True)
        members = [{"_id": number, "host": f"{address}:{port}", "priority": 2 if address == HERE else 1}
                   for number, (address, port) in enumerate(hosts)]  # fmt: skip
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members,
                                                 "settings": {"heartbeatIntervalMillis": 250, "electionTimeoutMillis": ELECTION_MS}})
        until(lambda: states(client) == ["PRIMARY", "SECONDARY", "SECONDARY"] and client.admin.command("hello")["isWritablePrimary"], "the set")
        yield client
        client.close()
    finally:
        kill(pids)


URI = f"mongodb://{HERE}:{PORT},{THERE}:{PORT},{THERE}:{PORT + 1}/?replicaSet=rs0"


class Stack(Server):
    """One of several on the same stores; on the other side of the wire if it is given."""

    def __init__(self, folder, wire=None):
        super().__init__(folder, env={"MONGODB_CONN_STRING": URI, "DATABASE_NAME": COLLECTED})
        self.wire = wire
        for number in range(PEOPLE):
            self.add_user(f"person{number}")

    def command(self, *arguments, **options):
        return super().command(*arguments, **options, before=self.wire.command() if self.wire else ())


class Side(Load):
    """People who label at one stack."""

    def __init__(self, server):
        super().__init__(server, PEOPLE, 0)

    def run(self, *one):
        if self.server.wire:
            self.server.wire.enter()
        super().run(*one)


@pytest.fixture
def stacks(tmp_path, wire, nodes):
    both = [Stack(tmp_path / "here"), Stack(tmp_path / "there", wire)]
    names = [f"{number}.png" for number in range(PICTURES)]
    folder = both[0].add_dataset("queue", LABELS, names)
    first = draw(folder / "picture.png")
    for name in names:
        os.link(first, folder / name)
    try:
        for stack in both:
            stack.start()
        yield both
    finally:
        for stack in both:
            stack.stop()
    assert not [report for stack in both for report in stack.sanitizer_reports()]


def test_a_cut_network_loses_nothing_answered_and_gives_nothing_to_both_sides(stacks, wire, nodes):
    here, there = sides = [Side(stack) for stack in stacks]
    with contextlib.ExitStack() as ended:
        for side in sides:
            ended.enter_context(side)
        for side in sides:
            until(lambda side=side: len(side.labels) > SOME, f"labels on both sides; failed: {side.failed[:2]}")
        wire.cut()
        begun, given = time.monotonic(), len(there.labels)
        before = dict(here.labels)
        until(lambda: len(there.labels) >= given + SOME, f"the majority goes on; failed: {there.failed[-2:]}")
        until(lambda: here.failed, "the minority refuses")
        late = {sample: label for sample, label in here.labels.items() if sample not in before}
        wire.mend()
        until(lambda: states(nodes) == ["PRIMARY", "SECONDARY", "SECONDARY"], "one set again")
        counts = [len(side.labels) for side in sides]
        for side, count in zip(sides, counts):
            until(lambda side=side, count=count: len(side.labels) >= count + SOME, f"labels on both sides again; failed: {side.failed[-2:]}")
    stored = {sample["id"]: sample["Label"] for sample in pymongo.MongoClient(URI)[COLLECTED].images.find({"dataset": "queue", "state": "labelled"})}
    lost = [sample for side in sides for sample, label in side.labels.items() if stored.get(sample) != label]
    doubled = [sample for sample, times in Counter(here.given + there.given).items() if times > 1]
    print(f"{len(here.labels)} labels here, {len(there.labels)} there; {len(here.failed)} and {len(there.failed)} requests failed; cut for"
          f" {time.monotonic() - begun:.1f} s; {len(late)} were acknowledged here just after")
    tried("the network between MongoDB's primary and the majority is cut, a stack on each side", 1, len(lost) + len(doubled))
    assert not lost and not doubled, (lost, doubled)
    assert len(late) <= PEOPLE, "only what was under way may be acknowledged by the minority"
    messages = {failure for failure in here.failed if "503" not in failure and "502" not in failure and "504" not in failure}
    assert not messages
