"""Every image of some public corpora is accepted, or refused for a reason that others share; accepted images are
shown."""
import hashlib
import io
from collections import Counter

import pytest
from corpora import CORPORA, KEPT, fetch
from judges import Chromium, pillow_loads
from PIL import Image

from collecting import DEFAULT

# Formats that both judges read: of the others, TIFF, HEIC, AVIF and JPEG XL, one alone cannot say what is valid.
MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF")
LIMITED = 413  # too large for the limits that the configuration sets


@pytest.fixture(scope="module")
def chromium():
    KEPT.mkdir(parents=True, exist_ok=True)
    chromium = Chromium(KEPT)
    yield chromium
    chromium.quit()


class Table:
    def __init__(self, corpus):
        self.corpus, self.accepted, self.refused, self.faults = corpus, Counter(), Counter(), []

    def print(self):
        print(f"\n{self.corpus}: {sum(self.accepted.values())} accepted, {sum(self.refused.values())} refused")
        for media, count in sorted(self.accepted.items()):
            print(f"  accepted {count:5} {media}")
        for why, count in self.refused.most_common():
            print(f"  refused  {count:5} {why}")
        for fault in self.faults:
            print(f"  FAULT {fault}")


def check_shown(session, sample, name, table):
    """There is a thumbnail, and what image_url leads to is what it is said to be."""
    thumb = session.get(sample["thumb_url"])
    if thumb.status_code != 200:
        table.faults.append(f"{name}: accepted, and no thumbnail: {thumb.status_code} {thumb.text[:100]}")
        return
    Image.open(io.BytesIO(thumb.content)).load()
    shown = session.get(sample["image_url"])
    if shown.status_code != 200 or shown.headers["Content-Type"] in ("image/tiff", "image/heic", "image/jxl"):
        table.faults.append(f"{name}: image_url leads to {shown.status_code} {shown.headers['Content-Type']}")


def check_verdict(chromium, answer, name, path, data, table):
    """Right is what the judges agree about."""
    taken = answer.status_code in (200, 201)
    if not data.startswith(MAGICS) or answer.status_code == LIMITED:
        return
    by_pillow, by_chromium = pillow_loads(data), chromium.loads(str(path.relative_to(KEPT)))
    if by_pillow and by_chromium and not taken:
        table.faults.append(f"{name}: valid, and refused: {answer.json()['detail']}")
    if by_pillow is False and not by_chromium and taken:
        table.faults.append(f"{name}: invalid, and accepted")


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_corpus(collector, chromium, capsys, corpus):
    folder, table = fetch(corpus), Table(corpus)
    session, programs = collector.session("contributor"), collector.programs()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data, name = path.read_bytes(), str(path.relative_to(folder))
        if not data:
            continue
        filepath = f"{corpus}/{hashlib.sha256(data).hexdigest()}"
        answer = session.put(f"/v1/datasets/{DEFAULT}/images/{filepath}", data=data)
        if answer.status_code >= 500:
            table.faults.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            continue
        check_verdict(chromium, answer, name, path, data, table)
        if answer.status_code in (200, 201):
            table.accepted[answer.json()["type"]] += 1
            check_shown(session, answer.json(), name, table)
        else:
            table.refused[f"{answer.status_code} {answer.json()['detail'][:90]}"] += 1
    with capsys.disabled():
        table.print()
    assert collector.programs() == programs
    assert sum(table.accepted.values()) > 20
    assert not table.faults
