"""An upgrade of a site with work in it: what earlier programs left is migrated, is sound, and goes on.

tests/golden/schema-NNNN.tar.xz is what the demo left when the schema was at that number, with a small ledger: pg_dump's text, and the
spool's copies. Files that were posted, refused, held and delivered twice; in the later one also what the redemption API posted and a target was told.
"""
import datetime
import pathlib
import random
import subprocess
import sys
import tarfile

import pytest

import pg
from dumped import dump

sys.path.insert(0, str(pg.ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

KEPT = sorted((pg.ROOT / "tests/golden").glob("schema-*.tar.xz"))
MEMBERS, REDEMPTIONS = 60, 240  # of the ledger that was kept


def ctl(build, config, *command):
    done = subprocess.run([build / "ctl/handbackctl", *command, "--config", config], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def site(cluster, kept, tmp_path):
    """(database, configuration) as the earlier programs left them, and a database as it is today."""
    today = cluster.database()  # the server's roles come with it
    with tarfile.open(kept) as archive:
        archive.extractall(tmp_path)
    database = cluster.database(migrated=False)
    with open(tmp_path / "dump.sql", encoding="utf-8") as text:
        subprocess.run([pg.bin_dir() / "psql", "-XAtqv", "ON_ERROR_STOP=1", "-d", database.conninfo()], stdin=text, check=True,
                       stdout=subprocess.DEVNULL)
    with database.connect() as c:  # as pg_dump --create has it
        c.execute(f"GRANT CREATE ON DATABASE {database.name} TO handback_owner")
    (tmp_path / "inbound").mkdir()
    config = tmp_path / "handback.yaml"
    config.write_text(f"""database:
  conninfo: {database.conninfo()}
spool: spool
control: control
profiles: {pg.ROOT / "fixtures/profiles"}
sources:
""" + "".join(f"  - {{name: {p}, partner: {p.upper()}, profile: {p}, directory: inbound, files: '{p.upper()}*', settle: 0ms}}\n"
              for p in ("skyline", "meridian")))
    yield database, config, today
    database.drop()
    today.drop()


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name[7:11])
def test_what_earlier_programs_left_goes_on(build, site, kept):
    database, config, today = site
    version = int(kept.name[7:11])
    with database.connect() as c:
        before = c.execute("SELECT count(*), count(*) FILTER (WHERE state = 'posted') FROM handback.file").fetchone()
        assert c.execute("SELECT max(version) FROM handback_schema.migration").fetchone() == (version,) and before[1] >= 6
    status, said = ctl(build, config, "audit", "verify")
    assert status == 6 and "migrate" in said, "no program touches another schema"
    status, said = ctl(build, config, "migrate")
    assert status == 0, said
    status, said = ctl(build, config, "audit", "verify")
    assert status == 0, said
    (objects, rows), (wanted, seeds) = dump(database), dump(today)
    assert objects == wanted and not set(seeds) - set(rows)

    mine = Ledger(generate.SEED, MEMBERS, REDEMPTIONS).of("SKYLINE")[70:]
    answers = list(generate.usual(random.Random(1), "SKYLINE", mine))
    name, data = layouts.WRITERS["SKYLINE"](answers, datetime.date(2026, 11, 22), 45, 0)
    (pathlib.Path(config).parent / "inbound" / name).write_bytes(data)
    status, said = ctl(build, config, "run")
    assert status == 0, said
    with database.connect() as c:
        assert c.execute("SELECT state, confirmed + reversed > 0 FROM handback.files WHERE name = %s", [name]).fetchall() == [("posted", True)]
    status, said = ctl(build, config, "audit", "verify")
    assert status == 0, said
