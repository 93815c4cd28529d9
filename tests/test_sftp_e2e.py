"""Files from a partner's SFTP server to postings and proof, with a real database and worker; the oracle checks all."""
import signal
import time

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from case_table import case
from sftp_server import Proxy
from sshd import SSHD, Sshd
from world import World

pytestmark = pytest.mark.skipif(not SSHD, reason="openssh-server is not installed")
PARTNER = "SKYLINE"


class SftpWorld(World):
    """One partner's inbound directory is its own server's."""

    def __init__(self, cluster, build, server, port=None, after="delete", **more):
        self.server, self.port, self.after = server, port or server.port, after
        self.replies = server.root.parent / "replies"
        self.replies.mkdir()
        super().__init__(cluster, build, **more)
        self.inbound[PARTNER] = server.root

    def configure(self, **settings):
        super().configure(**settings)
        s = self.server
        sftp = (f"    settle: 0s\n    sftp:\n      host: 127.0.0.1\n      port: {self.port}\n      user: {s.user}\n"
                f"      key: {s.key}\n      host_keys: \"{s.pin}\"\n      directory: {s.root}\n      interval: 1s\n"
                f"      after: {self.after}\n      answer: \"{{name}};{{state}};{{records}}\"\n"
                f"      answer_directory: {self.replies}\n")
        text = self.config.read_text()
        lines = text.splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if line.strip() == f"profile: {PARTNER.lower()}") + 1
        lines[at] = sftp
        self.config.write_text("".join(lines))

    def answers_there(self):
        return {p.name: p.read_text() for p in self.replies.iterdir()}


@pytest.fixture
def server(tmp_path):
    with Sshd(tmp_path) as made:
        yield made


@case("end to end: three partners, one of them by SFTP")
@pytest.mark.sanitize
def test_three_partners(cluster, build, server):
    with SftpWorld(cluster, build, server) as world:
        world.start_daemon()
        files = {}
        for partner in world.inbound:
            name, data = world.file(partner)
            files[partner] = name
            world.drop(partner, name, data)
        world.wait_quiet()
        assert world.stop_daemon() == 0
        assert set(world.files().values()) == {"posted"} and len(world.files()) == 3
        world.oracle.check(world)
        assert list(world.answers_there()) == [f"{files[PARTNER]}.ack"]
        return f"posted, deleted on the server, answered: {list(world.answers_there().values())}"


@case("end to end: handbackctl run fetches, posts and tidies up")
def test_run(cluster, build, server):
    with SftpWorld(cluster, build, server) as world:
        name, data = world.file(PARTNER)
        world.drop(PARTNER, name, data)
        world.run()
        assert world.files() == {name: "posted"} and not (server.root / name).exists()
        world.oracle.check(world)
        assert world.run().returncode == 0
    return "and a second run finds nothing"


@case("end to end: delivered again under another name, and again by another way")
def test_again(cluster, build, server):
    with SftpWorld(cluster, build, server) as world:
        name, data = world.file(PARTNER)
        world.drop(PARTNER, name, data)
        world.run()
        postings = world.postings()
        world.drop(PARTNER, "again_" + name, data)
        world.run()
        assert sorted(world.files().values()) == ["duplicate", "posted"] and world.postings() == postings
        world.oracle.check(world)
    return "duplicate, no posting"


@case("end to end: everything is killed at any time")
@pytest.mark.parametrize("delay", [0.1, 0.4, 0.8, 1.3])
def test_killed(cluster, build, server, delay):
    with Proxy(server.port, bytes_per_s=200_000) as proxy, \
            SftpWorld(cluster, build, server, port=proxy.port) as world:
        name, data = world.file(PARTNER)
        world.drop(PARTNER, name, data)
        world.start_daemon()
        time.sleep(delay)
        world.stop_daemon(how=signal.SIGKILL)
        world.start_daemon()
        world.wait_quiet(40)
        world.stop_daemon()
        states = sorted(world.query("SELECT state::text FROM handback.file"))
        assert [s for s, in states if s != "duplicate"] == ["posted"]
        made = world.query("SELECT count(*) FROM ledger.entry WHERE category = 'Redemption Reversal'")[0][0]
        assert made == len({a for a in world.query(
            "SELECT answers_entry_id FROM ledger.entry WHERE category = 'Redemption Reversal'")})
        assert world.ctl("audit", "verify").returncode == 0
    return f"after {delay} s: posted once, {len(states) - 1} duplicate(s)"
