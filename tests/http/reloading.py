"""What must hold while a server is reloaded under load."""
import threading
from collections import Counter

import requests
from harness import until

SIZE = {"dataset_name": "demo"}


def assert_reloads_lose_nothing(server, reloads):
    """Several clients of the dataset demo, of 3 images, label without a pause while programs are replaced again and again."""
    seen = Counter()
    lost = []
    done = threading.Event()
    base_dir = str(server.images / "demo")

    def client(number):
        session = server.session("ann")
        while not done.is_set():
            label = {"dataset_name": "demo", "base_dir": base_dir, "filepath": f"image{number % 3}.png", "label": "cat"}
            try:
                answer = session.post("/classify", json=label) if number % 2 else session.post("/size", json=SIZE)
            except requests.RequestException as failure:
                lost.append(repr(failure))
                continue
            seen[answer.status_code] += 1
            if answer.status_code != 200:
                lost.append(answer.text)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in clients:
        thread.start()
    try:
        for _ in range(reloads):
            so_far = seen[200]
            reload = server.reload()
            assert reload.returncode == 0, reload.stderr
            until(lambda: seen[200] > so_far + 50, "requests that are answered after the reload")
    finally:
        done.set()
        for thread in clients:
            thread.join()
    assert not lost, (seen, lost[:5])
