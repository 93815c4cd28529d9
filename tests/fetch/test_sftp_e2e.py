"""Files from a partner's SFTP server to postings and proof, with a real database and worker; the oracle checks all."""
import csv
import io
import shutil
import signal
import time

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from case_table import case
from sftp_server import Proxy
from sftp_world import PARTNER, SftpWorld
from sshd import SSHD, Sshd
from world import World

pytestmark = pytest.mark.skipif(not SSHD, reason="openssh-server is not installed")


def check_rejects(world, data, text):
    """Each line is one held record, and has nothing that the partner did not write itself but the reason's word."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    held = world.query("SELECT record_no, hold_reason, byte_offset, byte_length FROM handback.outcome o"
                       " JOIN handback.outcome_name n USING (outcome) WHERE n.name = 'held' ORDER BY record_no")
    assert [(int(r["record"]), r["reason"]) for r in rows] == [h[:2] for h in held] and len(rows) > 3
    for row, (_, _, offset, length) in zip(rows, held):
        record = data[offset:offset + length].decode().lower()
        assert int(row["offset"]) == offset and row["reference"] and row["reference"].lower() in record, row
        assert not row["points"] or row["points"] in record, row
    return rows


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
        # it goes to the server in a run of its own, after the file
        world.until(lambda: list(world.answers_there()) == [f"{files[PARTNER]}.ack"], "the answer to be there")
        assert world.stop_daemon() == 0
        assert set(world.files().values()) == {"posted"} and len(world.files()) == 3
        world.oracle.check(world)
        return f"posted, deleted on the server, answered: {list(world.answers_there().values())}"


@case("end to end: handbackctl run fetches, posts and tidies up")
def test_run(cluster, build, server):
    with SftpWorld(cluster, build, server) as world:
        name, data = world.file(PARTNER)
        world.drop(PARTNER, name, data)
        world.run()
        assert world.files() == {name: "posted"} and not (world.inbound[PARTNER] / name).exists()
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
        assert sorted(world.files().values()) == ["held", "posted"] and world.postings() == postings
        world.oracle.check(world)
    return "held: the name fits no pattern; no posting"


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


COLUMNS = "{columns: [record, reference, reason, points, offset]}"


@case("end to end: the partner gets a file of what was not accepted")
def test_rejects(cluster, build, server):
    with SftpWorld(cluster, build, server, rejects=COLUMNS) as world:
        name, data = world.file(PARTNER, world.unusual())
        world.drop(PARTNER, name, data)
        world.start_daemon()
        there = world.replies / f"{name}.rejects.csv"
        world.until(there.exists, "the rejects")
        world.wait_quiet()
        rows = check_rejects(world, data, there.read_bytes().decode())
        world.oracle.check(world)
        assert there.read_bytes().decode().startswith("record,reference,reason,points,offset\r\n")
        # what the partner took away does not come again, nor with the file itself
        there.unlink()
        (world.replies / f"{name}.ack").unlink()
        world.drop(PARTNER, name, data)
        with world.database.connect() as c:
            world.until(lambda: c.execute("SELECT count(*) FROM handback.file WHERE state = 'duplicate'").fetchone() == (1,), "the second delivery")
        world.wait_quiet()
        assert world.stop_daemon() == 0
        world.run()
        assert sorted(world.answers_there()) == [f"{name}.ack"]
        assert not list((world.spool / "incoming" / PARTNER.lower() / ".fetch").glob("*.answer"))
    return f"{len(rows)} lines, once; each reference is in the partner's own record"


@case("end to end: the rejects of a file on hold")
def test_rejects_of_a_held_file(cluster, build, server):
    with SftpWorld(cluster, build, server, rejects="{columns: [reason, message], header: no, delimiter: ';'}") as world:
        held, data = world.file(PARTNER, break_totals=1)
        world.drop(PARTNER, held, data)
        world.run()
        assert set(world.files().values()) == {"held"}
        assert world.answers_there()[f"{held}.rejects.csv"].splitlines()[0] == "control_total;"
    return "its reason on one line"


@case("end to end: no rejects, no file, unless always")
@pytest.mark.parametrize("always", ["no", "yes"])
def test_no_rejects(cluster, build, server, always):
    with SftpWorld(cluster, build, server, rejects=f"{{always: {always}, titles: [No, '=Ref', Why]}}") as world:
        name, data = world.file(PARTNER)
        world.drop(PARTNER, name, data)
        world.run()
        assert world.files() == {name: "posted"}
        expected = {"yes": "No,=Ref,Why\r\n", "no": None}[always]
        there = world.replies / f"{name}.rejects.csv"
        assert (there.read_bytes().decode() if there.exists() else None) == expected


@case("end to end: the name of the rejects is taken on the server")
def test_rejects_taken(cluster, build, server):
    with SftpWorld(cluster, build, server, rejects=COLUMNS) as world:
        name, data = world.file(PARTNER, world.unusual())
        taken = world.replies / f"{name}.rejects.csv"
        taken.write_text("the partner's own\n")
        world.drop(PARTNER, name, data)
        daemon = world.start_daemon()
        world.until(lambda: "the name is taken" in daemon.log.read_text(), "the complaint")
        assert taken.read_text() == "the partner's own\n"
        taken.unlink()
        world.until(taken.exists, "the rejects")
        world.wait_quiet()
        check_rejects(world, data, taken.read_bytes().decode())
        assert world.stop_daemon() == 0
    return "not overwritten, reported, uploaded when it is free"


@case("end to end: everything is killed while rejects are made and sent")
@pytest.mark.parametrize("delay", [0.3, 0.6, 0.9])
def test_rejects_killed(cluster, build, server, delay):
    with Proxy(server.port, bytes_per_s=200_000) as proxy, \
            SftpWorld(cluster, build, server, port=proxy.port, rejects=COLUMNS) as world:
        name, data = world.file(PARTNER, world.unusual())
        world.drop(PARTNER, name, data)
        world.start_daemon()
        time.sleep(delay)
        world.stop_daemon(how=signal.SIGKILL)
        world.start_daemon()
        there = world.replies / f"{name}.rejects.csv"
        world.until(there.exists, "the rejects", 40)
        world.wait_quiet(40)
        world.stop_daemon()
        rows = check_rejects(world, data, there.read_bytes().decode())
    return f"after {delay} s: {len(rows)} lines, whole"


@case("end to end: rejects of a local source go into a directory")
def test_rejects_in_a_directory(cluster, build):
    with World(cluster, build) as world:
        answers = world.dir / "answers"
        answers.mkdir()
        text = world.config.read_text()
        inbound = f"    directory: {world.inbound[PARTNER]}\n"
        world.config.write_text(text.replace(inbound, f"{inbound}    answers: {answers}\n"))
        world.want_rejects(PARTNER, COLUMNS)
        name, data = world.file(PARTNER, world.unusual())
        (answers / f"{name}.rejects.csv").write_text("of another file\n")
        world.drop(PARTNER, name, data)
        world.run()
        assert (answers / f"{name}.rejects.csv").read_text() == "of another file\n"
        made, = answers.glob(f"{name}.rejects.csv.*")
        check_rejects(world, data, made.read_bytes().decode())
        shutil.rmtree(answers)
        other, data = world.file(PARTNER, sequence=2)
        world.drop(PARTNER, other, data)
        done = world.run(allowed=(0, 3, 4))
        assert other not in world.files() and "rejects cannot be opened" in done.stdout + done.stderr
        answers.mkdir()
        world.run()
        assert world.files()[other] == "posted"
    return "nothing is replaced; without the directory the file waits"
