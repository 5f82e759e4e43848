"""A bucket behind what may come before it: TLS with one's own certificate, and a login page."""
import json
import os
import subprocess

import pytest
from collecting import DEFAULT, bucket_client, picture, samples
from front import make_certificate, tls
from harness import free_port, until

pytestmark = pytest.mark.on("s3")


def test_a_certificate_of_ones_own_is_believed_when_it_is_named(behind, tmp_path):
    certificate, key = make_certificate(tmp_path)
    collector, _ = behind(tls(certificate, key))
    collector.start()
    refused = collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/1.png", data=picture())
    assert refused.status_code == 503 and "certificate" in refused.json()["message"], refused.text
    collector.stop()
    collector.env["AWS_CA_BUNDLE"] = certificate.name  # relative to where the command is given
    done = collector.command("start", cwd=certificate.parent)
    assert done.returncode == 0, done.stderr
    assert collector.session().get("/healthz").status_code == 200
    taken = collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/1.png", data=picture())
    assert taken.status_code == 201, taken.text


def test_a_bundle_that_is_not_there_keeps_the_server_from_starting(behind):
    collector, _ = behind(AWS_CA_BUNDLE="/nonexistent/ca.pem")
    collector.port = free_port()
    done = collector.command("start")
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "/nonexistent/ca.pem" in said and "AWS_CA_BUNDLE" in said, done.stderr


def test_a_login_page_takes_no_image(behind):
    collector, front = behind()
    collector.start()
    contributor, data = collector.session("contributor"), picture()
    address = f"/v1/datasets/{DEFAULT}/images/1.png"
    front.captive = True
    refused = contributor.put(address, data=data)
    assert refused.status_code == 502 and "no S3" in refused.json()["message"], refused.text
    until(lambda: "no S3" in collector.session().get("/healthz").json()["image_store"], "the health is asked for anew")
    front.captive = False
    assert list(samples(collector.session("viewer"))) == []
    taken = contributor.put(address, data=data)
    assert taken.status_code == 201 and not taken.json()["duplicate"], taken.text
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/0/image").content == data
    assert len(collector.objects()) == 1


@pytest.fixture
def limited(stores, make_collector):
    """A collector, not yet started, whose key may put, get and delete objects, and neither list them nor set their ACLs."""
    collector = make_collector()
    s3 = stores.s3()
    words = ["radosgw-admin", "-n", "client.admin", "user", "create", "--uid=limited", "--display-name=limited"]
    words += ["--access-key=AKLIMITED", "--secret-key=SKLIMITED"]
    subprocess.run(words, env={**os.environ, "CEPH_CONF": str(s3.folder / "ceph.conf")}, check=True, capture_output=True)
    bucket = collector.variables["AWS_BUCKET_NAME"]
    allowed = {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/limited"]}, "Resource": [f"arn:aws:s3:::{bucket}/*"],
               "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    bucket_client(collector.variables).put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    collector.env |= {"AWS_ACCESS_KEY_ID": "AKLIMITED", "AWS_SECRET_ACCESS_KEY": "SKLIMITED"}
    collector.config["image_store"]["public_url"] = "https://pictures.example.org"
    collector.write_config()
    return collector


def test_a_key_that_may_not_list_the_bucket_collects(limited):
    limited.start()
    admin, address = limited.session("admin"), f"/v1/datasets/{DEFAULT}"
    health = limited.session().get("/healthz")
    assert health.status_code == 200, health.text
    data = picture()
    for status in (201, 200):
        taken = admin.put(f"{address}/images/1.png", data=data)
        assert taken.status_code == status, taken.text
    assert admin.get(f"{address}/samples/0/image", allow_redirects=True).status_code == 200
    assert admin.put("/v1/datasets/secret/images/1.png", data=data).status_code == 201
    for public in (False, True):
        changed = admin.patch(address, json={"policy": {"public": public}})
        assert changed.status_code == 200, changed.text
    assert len(limited.objects()) == 2
    assert admin.delete(address).status_code == 204
    assert len(limited.objects()) == 1
