"""handbackctl catalogue: rate, threshold and shop of a programme's catalogue, on which two people agree."""
import json
import re
import subprocess

import psycopg
import pytest

from c_source import ROOT
from case_table import case
from operators import Operators


@pytest.fixture
def world(database):
    with database.connect() as c:
        c.execute("INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES"
                  " (1, 'P', 'First', 1, 100, 'INR'), (2, 'Q', 'Second', 1, 1, 'JPY')")
    Operators(database).close()
    return database


@pytest.fixture
def ctl(build, world):
    def run(who, *words):
        done = subprocess.run([build / "ctl/handbackctl", "catalogue", *words, "--json", "--database", world.conninfo(who)], capture_output=True,
                              text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr
    return run


FIRST = ("--rate", "100", "--minimum-balance", "500", "--shop", "Plum", "--address", "https://shop.example/enter", "--why", "the contract")


def in_force(ctl, programme="P"):
    rows = [row for row in ctl("handback_finance", "show")[1]["settings"] if row["state"] == "in force" and row["programme"] == programme]
    assert len(rows) < 2
    return rows[0] if rows else None


@case("Catalogue: one proposes the rate, another approves it, and the database says that they are two")
def test_the_rate_is_proposed_by_one_and_approved_by_another(world, ctl):
    status, said = ctl("ann", "propose", "P", *FIRST)
    assert status == 0, said
    first = str(said["done"]["number"])
    assert in_force(ctl) is None
    status, said = ctl("ann", "approve", first)
    assert status == 2 and "you proposed this; another person must approve it" in said
    assert ctl("handback_finance", "approve", first)[0] == 6
    assert ctl("ben", "approve", first, "--why", "as agreed")[0] == 0
    now = in_force(ctl)
    assert (now["rate_points"], now["rate_minor"], now["currency"], now["minimum_balance"]) == (100, 100, "INR", 500)
    assert (now["proposed_by"], now["ended_by"], now["why"], now["answer"]) == ("ann", "ben", "the contract", "as agreed")
    # what is not named stays
    second = str(ctl("ben", "propose", "P", "--rate", "7/2", "--why", "dearer")[1]["done"]["number"])
    assert ctl("ann", "approve", second)[0] == 0
    now = in_force(ctl)
    assert (now["rate_points"], now["rate_minor"], now["minimum_balance"], now["shop"]) == (7, 200, 500, "Plum")
    with world.connect() as c:
        assert [tuple(row) for row in c.execute("SELECT what, who FROM audit.event ORDER BY event_id")] == [
            ("catalogue_proposed", "ann"), ("catalogue_approved", "ben"), ("catalogue_proposed", "ben"), ("catalogue_approved", "ann")]
        # not by a statement of the owner's, either
        third = c.execute("INSERT INTO catalogue.setting (programme_id, replaces, rate_points, rate_minor, minimum_balance, shop, address, permitted,"
                          " valid_from, why, proposed_at, event_id) SELECT programme_id, setting_id, 1, 1, 0, shop, address, permitted, now(), 'x', now(),"
                          " event_id FROM catalogue.setting WHERE setting_id = %s RETURNING setting_id, event_id", (second,)).fetchone()
        with pytest.raises(psycopg.errors.CheckViolation, match="approver_is_not_proposer"):
            c.execute("INSERT INTO catalogue.setting_end (setting_id, programme_id, replaces, proposed_by, how, ended_at, event_id)"
                      " VALUES (%s, 1, %s, session_user, 'approved', now(), %s)", (third[0], second, third[1]))
        for table in ("setting", "setting_end"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                c.execute(f"DELETE FROM catalogue.{table}")


@case("Catalogue: what was proposed before the settings changed is not approved after it")
def test_two_proposals_of_one_day(ctl):
    ctl("ben", "approve", str(ctl("ann", "propose", "P", *FIRST)[1]["done"]["number"]))
    rate = str(ctl("ann", "propose", "P", "--rate", "200", "--why", "dearer")[1]["done"]["number"])
    threshold = str(ctl("ann", "propose", "P", "--minimum-balance", "1", "--why", "for all")[1]["done"]["number"])
    assert ctl("ben", "approve", rate)[0] == 0
    # it says a rate of 100, which is no longer so
    status, said = ctl("ben", "approve", threshold)
    assert status == 2 and "propose it again" in said
    assert in_force(ctl)["rate_points"] == 200
    assert ctl("ben", "reject", threshold)[0] == 2
    assert ctl("ben", "reject", threshold, "--why", "too late")[0] == 0
    assert ctl("ben", "approve", threshold)[0] == 2


@case("Catalogue: a setting has a beginning and an end")
def test_validity(ctl):
    assert ctl("ben", "approve", str(ctl("ann", "propose", "P", *FIRST)[1]["done"]["number"]))[0] == 0
    later = str(ctl("ann", "propose", "P", "--rate", "200", "--valid-from", "2999-01-01", "--why", "in time")[1]["done"]["number"])
    assert ctl("ben", "approve", later)[0] == 0
    assert in_force(ctl)["rate_points"] == 100
    # what is approved later wins from its own beginning on, and for good
    urgent = str(ctl("ann", "propose", "P", "--rate", "300", "--valid-until", "2999-06-01", "--why", "at once")[1]["done"]["number"])
    assert ctl("ben", "approve", urgent)[0] == 0
    assert in_force(ctl)["rate_points"] == 300
    assert {row["setting"]: row["state"] for row in ctl("handback_finance", "show")[1]["settings"]} == {1: "replaced", 2: "replaced", 3: "in force"}


@case("Catalogue: a rate that is approved for later does not begin with another proposal")
def test_what_is_not_named_stays_until_its_time(ctl):
    assert ctl("ben", "approve", str(ctl("ann", "propose", "P", *FIRST)[1]["done"]["number"]))[0] == 0
    for words in (("--rate", "200", "--valid-from", "2999-01-01"), ("--minimum-balance", "400"), ("--minimum-balance", "300", "--valid-from", "2999-02-01")):
        assert ctl("ben", "approve", str(ctl("ann", "propose", "P", *words, "--why", "x")[1]["done"]["number"]))[0] == 0
        assert in_force(ctl)["rate_points"] == 100
    assert in_force(ctl)["minimum_balance"] == 400
    shown = {row["setting"]: (row["rate_points"], row["minimum_balance"]) for row in ctl("handback_finance", "show")[1]["settings"]}
    assert shown == {1: (100, 500), 2: (200, 500), 3: (100, 400), 4: (100, 300)}


def test_what_is_refused(ctl):
    assert ctl("ann", "propose", "X", *FIRST)[0] == 2
    status, said = ctl("ann", "propose", "P", "--rate", "100", "--why", "half of it")
    assert status == 2 and "the first setting of a catalogue needs" in said
    assert ctl("ann", "propose", "P", *FIRST[:-2])[0] == 2
    for option, values in {"--rate": ("0", "-1", "1.5", "1/0", "1/2/3", "100/", "1e3", "9223372036854775808"), "--minimum-balance": ("-1", "many"),
                           "--address": ("http://shop.example/", "https://shop.example/?a=b", "https://user@shop.example/", "javascript:x"),
                           "--shop": ("", "a\nb", "x" * 201), "--permit": ("mail", "member,,status"), "--valid-from": ("never",),
                           "--valid-until": ("2001-01-01",)}.items():
        for value in values:
            assert ctl("ann", "propose", "P", *FIRST, option, value)[0] == 2, (option, value)
    assert ctl("ann", "approve", "9")[0] == 2 and ctl("ann", "approve", "x")[0] == 2
    assert ctl("handback_finance", "show")[1]["settings"] == []


def test_minor_units_are_those_of_files(world):
    """A rate for a unit of currency means the same units as an amount in a partner's file."""
    listed = dict(re.findall(r'\{"([A-Z]{3})", (\d)\}', (ROOT / "lib/profile/words.c").read_text()))
    with world.connect() as c:
        ours = {code: c.execute("SELECT catalogue.minor_units(%s)", (code,)).fetchone()[0] for code in (*listed, "EUR", "INR")}
    assert {code: units for code, units in ours.items() if units != 10 ** int(listed.get(code, 2))} == {}
