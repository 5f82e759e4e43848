"""Slow thumbnails delay nobody else."""
from concurrent.futures import ThreadPoolExecutor

from collecting import DEFAULT, Collector, picture
from harness import until

HEAVY = 24  # images that take some tenths of a second each: more than there were threads to answer with


def test_a_viewer_who_asks_for_many_keeps_nobody_waiting(tmp_path):
    with Collector(tmp_path / "server", {}) as collector:
        heavy = picture("JPEG", (2500, 2500), progressive=True)
        base = collector.add_dataset("heavy", samples=[f"{number}.jpg" for number in range(HEAVY)])
        for number in range(HEAVY):
            (base / f"{number}.jpg").write_bytes(heavy)
        collector.start()
        contributor = collector.session("contributor")
        quick = contributor.put(f"/v1/datasets/{DEFAULT}/images/quick.png", data=picture()).json()
        assert contributor.get(quick["thumb_url"]).status_code == 200
        with ThreadPoolExecutor(HEAVY) as pool:
            ask = lambda number: collector.session("viewer").get(f"/v1/datasets/heavy/samples/{number}/thumb?size=2048").status_code
            under_way = [pool.submit(ask, number) for number in range(HEAVY)]
            until(lambda: any(one.done() for one in under_way), "the first of them")
            assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{quick['id']}").status_code == 200
            assert contributor.get(quick["thumb_url"]).status_code == 200
            assert not all(one.done() for one in under_way)
            assert {one.result() for one in under_way} == {200}
