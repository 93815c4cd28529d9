"""Keys for checkpoints, and a chain that somebody who owns the database has cut or rewritten."""
import hashlib
import json

NAME = "test.example/handback"


def make_key(world, name=NAME, file="checkpoint.key"):
    """A key as `handbackctl audit key` makes it, in a folder as systemd makes one for credentials; its verifier."""
    folder = world.dir / f"credentials-{file}"
    folder.mkdir()
    done = world.ctl("audit", "key", name, folder / "checkpoint.key", "--json")
    assert (folder / "checkpoint.key").stat().st_mode & 0o777 == 0o600
    return json.loads(done.stdout)["key"]["verifier"], folder


def cut_the_tail(world):
    """The last file with all that it did, as if it had never come: sound by itself."""
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        last, = c.execute("SELECT max(file_id) FROM audit.head").fetchone()
        entries = [e for e, in c.execute("SELECT reversal_id FROM handback.outcome WHERE file_id = %s AND reversal_id IS NOT NULL",
                                         (last,))]
        c.execute("UPDATE ledger.balance b SET points = b.points - e.points FROM (SELECT member_id, sum(points) AS points"
                  " FROM ledger.entry WHERE entry_id = ANY (%s) GROUP BY 1) e WHERE e.member_id = b.member_id", (entries,))
        c.execute("DELETE FROM ledger.entry WHERE entry_id = ANY (%s)", (entries,))
        kept, = c.execute("SELECT archived_as FROM handback.file WHERE file_id = %s", (last,)).fetchone()
        (world.spool / kept).unlink()
        for table in ("handback.hold", "handback.outcome", "handback.tie_out", "handback.control", "handback.refusal",
                      "audit.head", "handback.file"):
            c.execute(f"DELETE FROM {table} WHERE file_id = %s", (last,))


def rewrite_the_chain(world):
    """Another name for the first file, in its row and in its head, and every head after it made again."""
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        name, = c.execute("SELECT encode(name, 'hex') FROM handback.file WHERE file_id = 1").fetchone()
        other = name[:-2] + "7a"
        c.execute("UPDATE handback.file SET name = decode(%s, 'hex') WHERE file_id = 1", (other,))
        previous = None
        for number, text in c.execute("SELECT head_no, head_text FROM audit.head ORDER BY head_no").fetchall():
            text = text.replace(f"\nname\t{name}\n", f"\nname\t{other}\n")
            if previous:
                lines = text.split("\n")
                lines[1] = f"previous\t{previous.hex()}"
                text = "\n".join(lines)
            digest = hashlib.sha256(text.encode()).digest()
            c.execute("UPDATE audit.head SET head_text = %s, head_hash = %s, previous = coalesce(%s, previous) WHERE head_no = %s",
                      (text, digest, previous, number))
            previous = digest
