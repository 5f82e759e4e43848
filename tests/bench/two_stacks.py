"""The topic "two_stacks": what two servers over one MongoDB and one bucket do, behind one load balancer, against one of them.

On one machine the servers, the stores and the load share the processors, so each server is held to a part of one by a control
group: as if it were a small machine of its own. What a server does without that is told, too: more than two that are held, or
it would be the stores that are measured."""
import contextlib
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import requests

from balanced import Stacks, balancer
from harness import draw, sample_name
from intake import bucket_client, service, services
from meter import in_turns, wrk
from stack import add_user

SAMPLES, CONNECTIONS, SECONDS, ROUNDS = 60_000, 32, 4, 4
PART, OF_ONE = 0.15, 1.6  # of a processor for each server
GROUPS = Path("/sys/fs/cgroup")


class Held:
    """A control group for a server's processes (version 1 or 2)."""

    def __init__(self, name):
        first = GROUPS / "cpu"
        self.folder = (first if first.is_dir() else GROUPS) / f"image-label-bench-{os.getpid()}-{name}"
        self.folder.mkdir()
        self.old = first.is_dir()

    def hold(self, part):
        """To this part of a processor; None: to none."""
        period = 50_000
        quota = int(period * part) if part else None
        if self.old:
            (self.folder / "cpu.cfs_quota_us").write_text("-1")
            (self.folder / "cpu.cfs_period_us").write_text(str(period))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota or -1))
        else:
            (self.folder / "cpu.max").write_text(f"{quota or 'max'} {period}")

    def take(self, server):
        for pid in (server.supervisor(), *server.processes()):
            with contextlib.suppress(ProcessLookupError):  # a helper that ended meanwhile
                (self.folder / "cgroup.procs").write_text(str(pid))

    def remove(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # its processes end
                return self.folder.rmdir()
            time.sleep(0.1)


def leases(url, user):
    return lambda: wrk("lease.lua", url, [user, "queue"], CONNECTIONS, SECONDS, threads=1)


def images(url, user, path):
    return lambda: wrk("same.lua", url + path, [user, "*/*", ""], CONNECTIONS, SECONDS, threads=1)


def put_image(url, user, stacks):
    """Into the bucket, in a dataset of its own; the address of its bytes."""
    picture = draw(stacks.folder / "put.png", "blue", (200, 200)).read_bytes()
    with requests.Session() as session:
        session.headers["Authorization"], session.verify, session.trust_env = user, stacks.certificate, False
        answer = session.put(f"{url}/v1/datasets/queue/images/put.png", data=picture, headers={"Content-Type": "image/png"}, timeout=60)
        assert answer.status_code == 201, answer.text
        return f"/v1/datasets/queue/samples/{answer.json()['id']}/image"


def measure(table, what, one, both, unheld, hold):
    """In turns: the first server alone, and both, each held; and the first one alone, free."""
    def free():
        hold(None)
        try:
            return unheld()
        finally:
            hold(PART)

    hold(PART)
    runs = in_turns({"one": one, "both": both, "free": free}, ROUNDS)
    table.compare(f"{what}: two servers against one, each held to {PART} of a processor", runs["both"], runs["one"], OF_ONE)
    table.tell(f"{what}: one server that is not held", runs["free"].rate, "/s", against=runs["both"].rate)


def two_stacks(table):
    """two servers over one MongoDB and one bucket, behind one load balancer, against one; each held to a part of a processor"""
    what = "two servers"
    with contextlib.ExitStack() as ended:
        bucket = ended.enter_context(service(table, what, services.s3))
        replica_set = bucket and ended.enter_context(service(table, what, partial(services.mongo, 1)))
        if not replica_set:
            return
        try:
            held = [Held(name) for name in ("first", "second")]
        except OSError as why:
            table.not_measured(what, f"no control group can be made: {why}")
            return
        for group in held:
            ended.callback(group.remove)
        folder = Path(ended.enter_context(tempfile.TemporaryDirectory()))
        env = {"MONGODB_CONN_STRING": replica_set.uri, "DATABASE_NAME": "two", "AWS_BUCKET_NAME": "two", **bucket.environment}
        bucket_client(bucket.environment).create_bucket(Bucket="two")
        stacks = Stacks(folder, env)
        first = stacks.servers[0]
        user = add_user(first, "ann", "contributor")
        draw(first.add_dataset("queue", ["cat", "dog"], [sample_name(number) for number in range(SAMPLES)]) / "image.png")
        ended.enter_context(stacks)
        for group, server in zip(held, stacks):
            group.take(server)
        alone, both = (ended.enter_context(balancer(stacks, servers, name)) for name, servers in (("alone", [first]), ("both", list(stacks))))

        def hold(part):
            for group in held:
                group.hold(part)

        path = put_image(both, user, stacks)
        for kind, load in (("leases, and labels by them", leases), ("images from the bucket", partial(images, path=path))):
            measure(table, kind, load(alone, user), load(both, user), load(alone, user), hold)
