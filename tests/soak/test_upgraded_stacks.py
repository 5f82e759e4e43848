"""Two stacks over one MongoDB and one bucket, behind one nginx, are upgraded one after the other: taken out, stopped, started as
another version and put back, while people label and upload; no request fails."""
import pytest
from collecting import bucket_client, services
from harness import Server, Session, free_port, until
from proxy import WHOLE, Nginx
from storm import Storm, check_finds_nothing, lost, make_server
from test_upgrade import OTHER, install_other, make, other_build, versions  # noqa: F401 (other_build is a fixture)
from toll import tried

SIZE = 3_000
SOME = 200  # requests that are acknowledged between two steps


class Front(Nginx):
    """The nginx in front of both."""

    def __init__(self, folder, stacks):
        self.stacks, self.port = stacks, free_port()
        super().__init__(folder, self.inside(stacks))

    def inside(self, serving):
        servers = " ".join(f"server 127.0.0.1:{stack.port}{'' if stack in serving else ' down'};" for stack in self.stacks)
        passed = "location / { proxy_pass http://stacks; proxy_set_header Host $http_host; }"
        return f"{WHOLE} upstream stacks {{ {servers} }} server {{ listen 127.0.0.1:{self.port}; {passed} }}"

    def workers(self):
        """Those that still finish their requests, too."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return set(children.read().split())

    def pass_to(self, serving):
        """Returns once no request is under way to another."""
        before = self.workers()
        self.write(self.inside(serving))
        self.process.send_signal(1)  # SIGHUP
        until(lambda: self.workers() and not self.workers() & before, "the workers of before to finish")


class Behind:
    """A server that is asked through the front."""

    def __init__(self, server, front):
        self.server, self.front = server, front

    def __getattr__(self, name):
        return getattr(self.server, name)

    def session(self, user):
        session = Session(f"http://127.0.0.1:{self.front.port}", (user, self.server.passwords[user]))
        session.headers["Connection"] = "close"  # the front closes idle ones when it is reloaded, as HTTP lets it
        return session


class Load(Storm):
    def ways(self):
        labelling, _ = super().ways()
        return labelling, [self.put, self.form, self.single]  # the requests of one tus upload must reach one machine

    def go_on(self):
        before = self.acknowledged()
        until(lambda: self.failures or self.unknown or self.acknowledged() >= before + SOME, "more requests that are acknowledged")


@pytest.fixture
def stores():
    with services.mongo(nodes=1) as mongo, services.s3() as s3:
        variables = {**s3.environment, "AWS_BUCKET_NAME": "stacks", "MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "stacks"}
        bucket_client(variables).create_bucket(Bucket="stacks")
        yield variables


def upgrade_each(stacks, prefixes, build, front):
    """Under a load, which is returned."""
    with Load(Behind(stacks[0], front), SIZE, 1) as load:
        load.go_on()
        for prefix, stack in zip(prefixes, stacks):
            front.pass_to([one for one in stacks if one is not stack])
            assert stack.command("stop").returncode == 0
            install_other(prefix, build, True)
            load.go_on()
            done = stack.command("start")
            assert done.returncode == 0, done.stderr
            front.pass_to(stacks)
            load.go_on()
    return load


def test_stacks_that_are_upgraded_one_after_the_other_fail_no_request(tmp_path, stores, other_build):  # noqa: F811
    prefixes = [tmp_path / "prefix0", tmp_path / "prefix1"]
    stacks = [make_server(tmp_path / f"stack{number}", stores, SIZE if number == 0 else 0) for number in range(2)]
    try:
        for prefix, stack in zip(prefixes, stacks):
            make("install", f"PREFIX={prefix}")
            del stack.env["IMAGE_LABEL_LIBEXEC"]
            stack.scripts = prefix / "bin"
        stacks[0].start()
        for seed in stacks[1].seeds.iterdir():
            seed.unlink()
        Server.start(stacks[1])
        with Front(tmp_path / "front", stacks) as front:
            load = upgrade_each(stacks, prefixes, other_build, front)
            failed = sum(load.unknown.values()) + len(load.failures)
            tried("an upgrade under load of two stacks, one after the other (requests that failed)", 1, failed)
            assert not failed, (load.unknown, load.failures)
            assert [set(versions(stack).values()) for stack in stacks] == [{OTHER}, {OTHER}]
            assert not lost(load)
            check_finds_nothing(stacks[0])
    finally:
        for stack in stacks:
            stack.stop()
