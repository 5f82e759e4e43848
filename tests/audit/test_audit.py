"""What others' scanners find: nothing, but what is explained here."""
import json
import subprocess
from pathlib import Path

import pytest
import services
from harness import LIBEXEC, TOP

# of testssl
OF_TLS = {
    "cert_chain_of_trust": "the test's certificate is the self-signed one of a first start",
    "cert_revocation": "the same",
    "DNS_CAArecord": "127.0.0.1 has no name",
    "cipher_order": "every cipher that is offered has forward secrecy and authenticates: clients choose the one that is fast for them (RFC 9325)",
    "sessionresumption_ticket": "tickets are off",
    "engine_problem": "about this machine's openssl, with which testssl cannot try GOST's ciphers; the server offers none",
}
# of gixy: (plugin, what stands in its finding)
OF_NGINX = [
    ("filesystem_root_exposure", "location /.file/", "internal: a program has decided that this path may be read, and disable_symlinks says from where"),
    ("http_splitting", "rewrite ^ $own_uri", "a rewrite within the server: the address becomes no header"),
    ("try_files_is_evil_too", "", "about speed: the pages are few, and are measured"),
]


def test_tls(server, tmp_path):
    report = tmp_path / "testssl.json"
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", report, f"127.0.0.1:{server.tls_port}"], capture_output=True, timeout=900)
    found = json.loads(report.read_text())
    assert len(found) > 100, found
    assert not [one for one in found if one["severity"] not in ("OK", "INFO", "DEBUG") and one["id"].split(" ")[0] not in OF_TLS]


def test_nginx_conf(server, tmp_path):
    """gixy does not know PCRE's possessive quantifiers, which keep a match from going back: they are taken for plain ones."""
    conf = tmp_path / "nginx.conf"
    conf.write_text((server.state / "nginx.conf").read_text().replace("*+", "*"))
    gixy = Path(services.venv("audit")).parent / "gixy"
    done = subprocess.run([gixy, "-f", "json", "--disable-includes", conf], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found, done.stderr
    assert not [one for one in found if not any(one["plugin"] == plugin and part in one["config"] for plugin, part, _ in OF_NGINX)]


def binaries():
    return sorted([*(path for path in LIBEXEC.iterdir() if path.is_file()), *(LIBEXEC.parent / "lib").glob("*.so")])


@pytest.mark.parametrize("path", binaries(), ids=lambda path: path.name)
def test_binaries(path):
    done = subprocess.run(["checksec", "--format=json", f"--file={path}"], capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout).values()
    wanted = {"relro": "full", "canary": "yes", "nx": "yes", "rpath": "no", "runpath": "no", "fortify_source": "yes"}
    assert {name: found[name] for name in wanted} == wanted
    assert found["pie"] == ("dso" if path.suffix == ".so" else "yes")


def test_service():
    unit = TOP / "scripts" / "debian" / "image-label-server.service"
    told = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", unit], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-300:]
    assert "ignoring" not in told.stderr, told.stderr
