"""While another program keeps a dataset's lock, as a backup does, labelling in other datasets does not wait."""
import fcntl
from concurrent.futures import ThreadPoolExecutor

from harness import Server

CROWD = 100  # more than a program has threads


def test_a_crowd_at_a_locked_dataset_leaves_threads_for_others(tmp_path):
    with Server(tmp_path) as server:
        server.add_user("ann")
        for name in ("locked", "free"):
            server.add_dataset(name, samples=1)
        server.start()

        def classify(name):
            body = {"dataset_name": name, "base_dir": str(server.images / name), "filepath": "image0.png", "label": "cat"}
            return server.session("ann").post("/classify", json=body).status_code

        with (server.databases / "locked.db-lock").open("r+") as lock, ThreadPoolExecutor(CROWD + 1) as pool:
            fcntl.flock(lock, fcntl.LOCK_EX)
            crowd = [pool.submit(classify, "locked") for _ in range(CROWD)]
            assert pool.submit(classify, "free").result() == 200  # if not at once, when those before it have given up
            told = sorted(answer.result() for answer in crowd[1:] if answer.done())
            assert set(told) <= {503}
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert {answer.result() for answer in crowd} <= {200, 503}
