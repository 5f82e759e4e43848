"""The images and archives that schemathesis sends: real ones, some that only begin like one, and some of no kind.
Runs in its own environment."""
import io
import itertools
import json
import os
import struct
import tarfile
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis.transport.prepare import get_exclude_headers


def png(colour):
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    row = b"\0" + bytes(colour) * 4
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack("!IIBBBBB", 4, 4, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(row * 4)) + chunk(b"IEND", b"")


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


pngs = st.tuples(*[st.integers(0, 255)] * 3).map(png)
images = st.one_of(pngs, pngs.map(lambda data: data[:40]), st.binary(max_size=64))
names = st.sampled_from(["cat/1.png", "dog/2.png", "../3.png", "new/4.png", "5.png", "cat/.hidden", "notes.txt"])
archives = st.one_of(st.lists(st.tuples(names, images), max_size=3).map(tar), st.binary(max_size=64))

schemathesis.openapi.format("binary", images)
schemathesis.openapi.media_type("application/octet-stream", st.one_of(images, archives))
schemathesis.openapi.media_type("application/x-tar", archives, aliases=["application/gzip", "application/zip", "application/zstd"])
schemathesis.openapi.media_type("image/*", images)
schemathesis.openapi.media_type("application/offset+octet-stream", images)


@schemathesis.hook
def filter_case(context, case):
    """HTTP passes over headers that nobody knows, and the older systems' routes over parameters: such requests are not to be refused.
    In a form, schemathesis sends an object that is to be no text as no part at all."""
    known = {parameter.name for parameter in case.operation.query}
    unknown_parameter = not case.operation.path.startswith("/v1/") and {*(case.query or {})} - known
    no_part = case.media_type == "multipart/form-data" and isinstance(case.body, dict) and any(isinstance(part, dict) for part in case.body.values())
    return not unknown_parameter and not no_part and "x-schemathesis-unknown-property" not in {name.lower() for name in case.headers or {}}


numbers, passwords = itertools.count(), itertools.count()
leavers = json.loads(os.environ["LEAVERS"])


@schemathesis.hook
def before_call(context, case, kwargs):
    """Few keys are drawn, and a key that was another request's is only ever refused: most become one of their own. Passwords
    are changed of those who ask nothing else."""
    if case.operation.path == "/v1/me/password" and "Authorization" not in get_exclude_headers(case):
        kwargs["auth"] = tuple(leavers[next(passwords) % len(leavers)])
    key = (case.headers or {}).get("Idempotency-Key", "")
    number = next(numbers)
    if isinstance(key, str) and 0 < len(key) < 100 and number % 8:
        case.headers["Idempotency-Key"] = f"{key}{number}"
