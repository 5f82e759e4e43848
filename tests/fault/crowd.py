"""Several clients that work on a server at once, without a pause."""
import threading


class Crowd:
    """Each of `work` (arguments of run, which a kind of crowd defines) on a thread of its own, from `with` on to its end; run
    goes on until `ended` is set."""

    def __init__(self, work):
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.work = work
        self.threads = [threading.Thread(target=self.run, args=one) for one in work]

    def run(self, *one):
        raise NotImplementedError

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.join()

    def join(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
