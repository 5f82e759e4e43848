"""A bucket behind what stands before buckets: TLS with a certificate of one's own, and a login page."""
import pytest
from collecting import DEFAULT, picture, samples
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
