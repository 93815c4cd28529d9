"""A database as text that can be compared."""
import re
import subprocess

import pg


def dump(database):
    """What pg_dump says of a database, object by object and row by row, whatever their order and the server's version."""
    def of(*what):
        return subprocess.run([pg.bin_dir() / "pg_dump", *what, "--dbname", database.conninfo()],
                              check=True, capture_output=True, text=True).stdout

    objects = re.split(r"^--\n-- Name: .*\n--\n", of("--schema-only"), flags=re.M)[1:]
    objects[-1] = objects[-1].split("--\n-- PostgreSQL database dump complete")[0]
    # when, and by whom, migrations were applied is no part of the schema
    rows = re.findall(r"^INSERT INTO .*?;$", of("--data-only", "--inserts", "--exclude-table=handback_schema.migration"), re.M | re.S)
    assert len(objects) > 300 and len(rows) > 100
    return sorted(o.strip() for o in objects), sorted(rows)
