"""HTTPS: one's own certificate or a self-signed one, modern protocols, and HSTS only there."""
import datetime
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import requests
from cryptography import x509
from harness import free_port, send_raw, until


@pytest.fixture(scope="module")
def secure(make_shared_server):
    server = make_shared_server(tls=True)
    server.add_user("ann")
    server.add_dataset()
    return server.start()


def make_certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        + ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
        check=True, capture_output=True,
    )
    return {"certificate": str(folder / f"{name}.pem"), "certificate_key": str(folder / f"{name}.key")}


def served_certificate(server):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.tls_port)) as plain, context.wrap_socket(plain) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


def test_self_signed_certificate_is_made_at_first_start(secure):
    answer = secure.session("ann").post(secure.tls_url + "/size", json={"dataset_name": "demo"}, verify=secure.certificate)
    assert (answer.status_code, answer.json()["size"]) == (200, 3)
    assert (secure.state / "tls" / "key.pem").stat().st_mode & 0o077 == 0


def test_self_signed_certificate_is_kept_over_a_restart(secure):
    before = served_certificate(secure)
    secure.restart()
    assert served_certificate(secure) == before


def test_hsts_is_told_on_https_alone(secure):
    session = secure.session("ann")
    assert session.get(secure.tls_url + "/ui/", verify=secure.certificate).headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in session.get("/ui/").headers


def test_a_cookie_that_came_by_https_goes_nowhere_else(secure):
    session, leave = secure.session("ann"), "/ui/leave?once=1"
    by_https = session.get(secure.tls_url + leave, verify=secure.certificate).headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= {*by_https.split("; ")}
    assert "Secure" not in session.get(leave).headers["Set-Cookie"]


@pytest.mark.parametrize("version, taken", [("TLSv1.1", False), ("TLSv1.2", True), ("TLSv1.3", True)])
def test_protocols_older_than_tls_1_2_are_refused(secure, version, taken):
    name = version.replace("v", "").replace(".", "_").lower().replace("tls", "-tls")
    done = subprocess.run(
        ["openssl", "s_client", name, "-cipher", "DEFAULT@SECLEVEL=0", "-connect", f"127.0.0.1:{secure.tls_port}"],
        input=b"", capture_output=True, check=False,
    )
    assert (done.returncode == 0) == taken, done.stderr.decode()


def test_http_2_is_spoken(secure):
    done = subprocess.run(
        ["curl", "-s", "--http2", "--cacert", secure.certificate, "-u", "ann:secret", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
         f"{secure.tls_url}/images/demo/image0.png"],
        capture_output=True, text=True, check=True,
    )
    assert done.stdout == "2 200"


def test_plain_http_to_the_tls_port_is_a_400_in_json(secure):
    status, headers, body = send_raw(secure.tls_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["content-type"], body) == (400, "application/json", b'{"message": "Bad request"}')


def test_plain_http_listens_on_loopback_only(secure):
    addresses = set()
    for family, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        lines = Path("/proc/net", family).read_text().splitlines()[1:] if Path("/proc/net", family).exists() else []
        for address, port in (line.split()[1].split(":") for line in lines if line.split()[3] == "0A"):
            if int(port, 16) == secure.port:
                addresses.add(address == loopback)
    assert addresses == {True}


def test_configured_certificate_is_served_and_a_renewed_one_after_reload(make_server, tmp_path):
    server = make_server(tls=True, config={"listen": make_certificate(tmp_path, "first")})
    server.add_user("ann")
    server.add_dataset()
    server.start()
    assert served_certificate(server) == (tmp_path / "first.pem").read_text()
    make_certificate(tmp_path, "second")
    (tmp_path / "second.pem").replace(tmp_path / "first.pem")
    (tmp_path / "second.key").replace(tmp_path / "first.key")
    assert server.reload().returncode == 0
    assert served_certificate(server) == (tmp_path / "first.pem").read_text()


def test_certificate_that_does_not_fit_its_key_is_named(make_server, tmp_path):
    first, second = make_certificate(tmp_path, "first"), make_certificate(tmp_path, "second")
    server = make_server(config={"listen": {**first, "certificate_key": second["certificate_key"]}})
    server.add_user("ann")
    server.add_dataset()
    server.port, server.tls_port = free_port(), free_port()
    done = server.command("start")
    assert done.returncode == 1
    assert "second.key" in done.stderr
    assert not server.processes()


def test_https_alone(make_server):
    server = make_server(tls=True)
    server.add_user("ann")
    server.add_dataset()
    server.port, server.tls_port = 0, free_port()
    done = server.command("start")
    assert done.returncode == 0, done.stderr
    assert f"https://localhost:{server.tls_port}/ui/" in done.stdout
    answer = requests.get(server.tls_url + "/healthz", verify=server.certificate)
    assert answer.status_code == 200


def test_start_and_status_tell_the_https_address(secure):
    address = f"https://localhost:{secure.tls_port}/ui/"
    assert address in secure.command("status").stdout
    assert secure.command("stop").returncode == 0
    done = secure.command("start")
    assert done.returncode == 0, done.stderr
    assert address in done.stdout and f"{secure.url}/ui/" in done.stdout


# --- the self-signed certificate


def machine_of(folder, make_server):
    """A server on a machine whose names and addresses the test says."""
    folder.mkdir()
    names = folder / "addresses"
    names.write_text("192.0.2.7 2001:db8::7")
    (folder / "hostname").write_text(f'#!/bin/sh\ncase "$1" in -I) cat {names} ;; *) echo bench-7 ;; esac\n')
    (folder / "hostname").chmod(0o755)
    interfaces = folder / "if_inet6"  # as Linux tells: of the machine, of loopback, an interface's own, and one of today alone
    interfaces.write_text("20010db8000000000000000000000007 02 40 00 80 eth0\n00000000000000000000000000000001 01 80 10 80 lo\n"
                          "fe800000000000000000000000000007 02 40 20 80 eth0\n20010db8000000000000000000000bad 02 40 00 01 eth0\n")
    (folder / "cat").write_text(f'#!/bin/sh\n[ "$1" != /proc/net/if_inet6 ] || exec {shutil.which("cat")} {interfaces}\nexec {shutil.which("cat")} "$@"\n')
    (folder / "cat").chmod(0o755)
    server = make_server(tls=True, env={"PATH": f"{folder}:{os.environ['PATH']}"}, config={"listen": {"server_name": "labels.example.org"}})
    server.addresses = names
    server.add_user("ann")
    server.add_dataset()
    return server


@pytest.fixture
def machine(make_server, tmp_path):
    return machine_of(tmp_path / "bin", make_server)


def described(server):
    """What the served certificate says: its extensions, and for how many days it was made and still holds."""
    pem = served_certificate(server)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    extensions = {extension.value.oid._name: extension.value for extension in certificate.extensions}
    names = extensions["subjectAltName"]
    told = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    now = datetime.datetime.utcnow()
    return extensions, told, (certificate.not_valid_after - certificate.not_valid_before).days, (certificate.not_valid_after - now).days


def test_the_certificate_is_a_servers_with_all_of_its_names(machine):
    extensions, names, days, _ = described(machine.start())
    assert extensions["basicConstraints"].ca is False
    usage = extensions["keyUsage"]
    assert usage.digital_signature and not (usage.key_cert_sign or usage.crl_sign or usage.key_encipherment)
    assert [usage.dotted_string for usage in extensions["extendedKeyUsage"]] == ["1.3.6.1.5.5.7.3.1"]
    assert days <= 397
    assert {"localhost", "127.0.0.1", "::1", "bench-7", "192.0.2.7", "2001:db8::7", "labels.example.org"} <= names
    assert not {"fe80::7", "2001:db8::bad"} & names  # nobody asks for them, or nobody tomorrow
    for host in ("localhost", "127.0.0.1", "labels.example.org"):
        done = subprocess.run(
            ["curl", "-sf", "--noproxy", "*", "--cacert", machine.certificate, "--resolve", f"labels.example.org:{machine.tls_port}:127.0.0.1",
             f"https://{host}:{machine.tls_port}/healthz"], capture_output=True, check=False)
        assert done.returncode == 0, host


def test_the_certificate_is_made_anew_by_itself(machine, make_server, tmp_path):
    """While serving: when the machine gets an address, and when the certificate ends. On a machine each, since both take a few seconds."""
    moved, old = machine.start(), machine_of(tmp_path / "old", make_server).start()
    first, tls = served_certificate(moved), old.state / "tls"
    moved.addresses.write_text("192.0.2.7 192.0.2.8")
    subprocess.run(["openssl", "req", "-x509", "-key", tls / "key.pem", "-days", "1", "-subj", "/CN=localhost", "-out", tls / "new"],
                   check=True, capture_output=True)
    before = served_certificate(old)
    (tls / "new").rename(tls / "certificate.pem")
    for server in (moved, old):
        until(lambda: "certificate renewed" in [event["message"] for event in server.program_log("supervisor")], "another certificate")
    assert "192.0.2.8" in described(moved)[1] and served_certificate(moved) != first
    assert described(old)[3] > 300 and served_certificate(old) != before
    for server in (moved, old):
        assert server.session("ann").post("/size", json={"dataset_name": "demo"}).status_code == 200


def test_a_certificate_of_an_earlier_version_is_replaced(machine):
    """It was a CA, which people were told to trust."""
    tls = machine.state / "tls"
    tls.mkdir(parents=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "825", "-subj", "/CN=x",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", tls / "key.pem", "-out", tls / "certificate.pem"], check=True, capture_output=True)
    assert described(machine.start())[0]["basicConstraints"].ca is False


# --- where it listens


def answers_at(server, host):
    address = f"[{host}]" if ":" in host else host
    done = subprocess.run(["curl", "-sk", "--noproxy", "*", f"https://{address}:{server.tls_port}/healthz"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("address, at, not_at", [
    ("::", ["127.0.0.1", "::1"], []),
    ("0.0.0.0", ["127.0.0.1"], ["::1"]),
    ("::1", ["::1"], ["127.0.0.1"]),
    (["127.0.0.1", "::1", "127.0.0.1"], ["127.0.0.1", "::1"], ["127.0.0.2"]),
    (["0.0.0.0", "::"], ["127.0.0.1", "::1", "127.0.0.2"], []),
])
def test_https_listens_where_it_is_told(make_server, address, at, not_at):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    server = make_server(tls=True, config={"listen": {"address": address}})
    server.add_user("ann")
    server.add_dataset()
    server.start()
    assert {host: answers_at(server, host) for host in at + not_at} == {**dict.fromkeys(at, True), **dict.fromkeys(not_at, False)}


def test_https_listens_everywhere_unless_told_otherwise(secure):
    at = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    assert {host: answers_at(secure, host) for host in at} == dict.fromkeys(at, True)


def has_ipv6():
    return Path("/proc/net/if_inet6").exists() and " lo" in Path("/proc/net/if_inet6").read_text()
