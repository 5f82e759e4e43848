"""The topic "processors": which process spends how much processor time on an image that is put, in files and SQLite, and in S3 and MongoDB."""
import contextlib
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from intake import Collector, bucket_client, service, services
from meter import processor_seconds

ROUNDS, S3_SECONDS = 5, 2
USER_US, SYSTEM_US = 600, 800  # of the program and its decoders, in files and SQLite


def spent(groups):
    """{group: (seconds in user mode, in the kernel)}, of live processes and of those that they have waited for."""
    found = {}
    for group, pids in groups().items():
        found[group] = [sum(kind) for kind in zip((0, 0), *map(processor_seconds, pids))]
    return found


def per_request(groups, put):
    """{group: (microseconds in user mode, in the kernel)} of each of the images that `put` puts."""
    put()  # the programs have their connections, their threads and their decoders now
    before = spent(groups)
    count = sum(put().requests for _ in range(ROUNDS))
    return {group: [1e6 * (now - then) / count for now, then in zip(times, before[group])] for group, times in spent(groups).items()}


def tell(table, where, times):
    for group, (user, system) in times.items():
        table.tell(f"PUT of 100 KB into {where}: {group}", user + system, "us", note=f"{user:.0f} in user mode, {system:.0f} in the kernel")
    table.tell(f"PUT of 100 KB into {where}: all", sum(map(sum, times.values())), "us")


def of_server(server):
    programs = Counter(server.executables().values())
    others = sorted(name for name in programs if name not in ("nginx", "images", "decode"))
    return {"nginx": server.processes("nginx"), "the program": server.processes("images"), "its decoders": server.processes("decode"),
            "other programs": [pid for name in others for pid in server.processes(name)]}


def files_and_sqlite(table):
    with tempfile.TemporaryDirectory() as name, Collector(Path(name)) as collector:
        times = per_request(partial(of_server, collector.server), collector.put(collector.new_dataset() + "/images/"))
    where = "files and SQLite"
    tell(table, where, times)
    user, system = (times["the program"][kind] + times["its decoders"][kind] for kind in (0, 1))
    table.below(f"PUT of 100 KB into {where}: the program and its decoders, in user mode", user, "us", USER_US)
    table.below(f"PUT of 100 KB into {where}: the program and its decoders, in the kernel", system, "us", SYSTEM_US)


def s3_and_mongodb(table):
    where = "S3 and MongoDB"
    what = f"PUT of 100 KB into {where}: all"
    with contextlib.ExitStack() as ended:
        gateway = ended.enter_context(service(table, what, services.s3))
        replica_set = gateway and ended.enter_context(service(table, what, partial(services.mongo, 1)))
        if not replica_set:
            return
        folder = ended.enter_context(tempfile.TemporaryDirectory())
        variables = {**gateway.environment, "AWS_BUCKET_NAME": "bench", "MONGODB_CONN_STRING": replica_set.uri, "DATABASE_NAME": "bench"}
        bucket_client(variables).create_bucket(Bucket="bench")
        collector = ended.enter_context(Collector(Path(folder), env=variables))
        store = lambda kind: [pid for name, pid in gateway.pids.items() if name.startswith(kind)]
        groups = lambda: {**of_server(collector.server), "mongod": list(replica_set.pids.values()), "radosgw": store("client.rgw"),
                          "Ceph behind it": store("osd") + store("mon") + store("mgr")}
        tell(table, where, per_request(groups, collector.put(collector.new_dataset() + "/images/", seconds=S3_SECONDS)))


def processors(table):
    """processor time of each image put, by who spends it: nginx, program, decoders, stores"""
    files_and_sqlite(table)
    s3_and_mongodb(table)
