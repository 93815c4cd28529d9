"""The package: built from the tree, installed in a booted system with its own PostgreSQL, upgraded, purged."""
import datetime
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import booted
import checkout
import newcomer
import pytest
from booted import wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

UNIT = "handbackd.service"
DEMO_PARTNERS = ("skyline", "meridian", "aurora", "polaris")
INBOUND = "/srv/handback/skyline"
INCOMING = "/var/lib/handback/spool/incoming"

def why_not():
    for tool, package in (("dpkg-buildpackage", "dpkg-dev"), ("dh", "debhelper"), ("lintian", "lintian"),
                          ("pg_createcluster", "postgresql-common"), ("mandoc", "mandoc"), ("lowdown", "lowdown"), ("sudo", "sudo")):
        if shutil.which(tool) is None:
            return f"{package} is not installed"
    return booted.why_not()


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]


def build_package(folder, version=None):
    """Builds what git has (or, without git, what is here), and gives the .changes file."""
    tree = folder / "handback"
    tree.mkdir(parents=True)
    for name in checkout.files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
    if version:
        changelog = tree / "debian/changelog"
        text = changelog.read_text()
        changelog.write_text(f"handback ({version}) unstable; urgency=medium\n\n  * Another one.\n\n -- "
                             + text.split("\n -- ", 1)[1].split("\n", 1)[0] + "\n\n" + text)
    # without the optimiser it is the same package, in half the time
    done = subprocess.run(["dpkg-buildpackage", "-b", "-us", "-uc"], cwd=tree, capture_output=True, text=True,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "parallel=2 noopt nostrip noautodbgsym"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(folder.glob("*.changes"))


def next_version(folder, changes):
    """The same programs as a later version: what an upgrade does is in the package's scripts."""
    deb = next(changes.parent.glob("handback_*.deb"))
    tree = folder / "next"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0", "Version: 0.1.1"))
    made = folder / "handback_0.1.1.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def package():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="handback-package-", dir="/var/tmp"))
    try:
        yield build_package(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def system(package):
    machine = booted.Booted(unmasked=("postgresql.service",))
    debs = machine.up / "var/cache/handback-test"
    debs.mkdir(parents=True)
    shutil.copy(next(package.parent.glob("handback_*.deb")), debs / "handback.deb")
    shutil.copy(next_version(package.parent, package), debs / "next.deb")
    shutil.copytree(ROOT / "fixtures/demo", debs / "demo")
    with open(debs / "ledger.sql", "wb") as sql:
        subprocess.run(["/usr/bin/python3", "-B", ROOT / "fixtures/generate.py", "ledger"], stdout=sql, check=True)
    # in containers it forbids packages to start services; this is a system of its own
    policy = machine.up / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o755)
    try:
        machine.boot()
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def ledger():
    """That of README's first partner, whose first file answers forty of SKYLINE's redemptions."""
    return Ledger(generate.SEED, 60, 240)


def as_user(system, user, *command, **more):
    return system.run("runuser", "-u", user, "--", *command, **more)


def psql(system, *arguments, **more):
    return as_user(system, "postgres", "psql", "-XAtqv", "ON_ERROR_STOP=1", "-d", "handback", *arguments, **more)


def posted(system, name):
    said = psql(system, "-c", f"SELECT state, confirmed + reversed > 0 FROM handback.files WHERE name = '{name}'", check=False)
    return said.stdout.strip() == "posted|t"


def drop(system, ledger, sequence):
    first = 40 + 10 * (sequence - 42)
    answers = list(generate.usual(random.Random(sequence), "SKYLINE", ledger.of("SKYLINE")[first:first + 10]))
    name, data = layouts.WRITERS["SKYLINE"](answers, datetime.date(2026, 11, 18), sequence, 0)
    system.run("sh", "-c", f"cat >{INBOUND}/.part && chown handback: {INBOUND}/.part && mv {INBOUND}/.part {INBOUND}/{name}",
               stdin=data.decode())
    return name


def test_lintian_finds_nothing(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
                           "unstripped-binary-or-object", package], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def types_readme(system, first, last):
    """README's steps, typed as they stand."""
    def say(command):
        done = system.run("sh", "-c", 'cd /root && exec bash -c "$1" 2>&1 </dev/null', "sh", command, check=False)
        return done.returncode, done.stdout
    there = newcomer.Newcomer(say, lambda path: system.run("cat", path).stdout, lambda path, text: system.run("tee", path, stdin=text))
    for _ in there.type(newcomer.part(first, last)):
        pass
    newcomer.check(there)
    return there.said


def test_readmes_first_partner_by_the_systems_own_postgresql(system):
    system.run("dpkg", "-i", "/var/cache/handback-test/handback.deb", timeout=120)
    assert system.run("stat", "-c", "%U %a", "/var/lib/handback/spool").stdout.split() == ["handback", "700"]
    assert "handback-fetch" in system.run("id", "-Gn", "handback").stdout.split(), "it reads what is fetched"
    assert system.run("id", "-Gn", "handback-fetch").stdout.split() == ["handback-fetch"]
    assert system.run("id", "-Gn", "handback-decrypt").stdout.split() == ["handback-decrypt"], "it is in nobody's group"
    assert system.run("stat", "-c", "%U %G %a", INCOMING).stdout.split() == ["handback", "handback-fetch", "2700"]
    system.run("sh", "-c", "pg_lsclusters -h | grep -q . || pg_createcluster --start $(ls /usr/lib/postgresql | sort -n | tail -1) main", timeout=120)
    system.run("sh", "-c", "pg_lsclusters -h | while read -r version name rest; do pg_ctlcluster $version $name start; done; true")
    assert "setup" in as_user(system, "handback", "handbackctl", "files", check=False).stderr, "it says what makes the database"
    said = types_readme(system, "Set up", "The report and the proof")
    assert INBOUND in said["handbackctl setup"] and "CREATE" not in said["handbackctl setup"], "what is there is left as it is"
    assert system.run("stat", "-c", "%U %G %a", INBOUND).stdout.split() == ["root", "handback", "2770"]
    assert "error" not in said["handbackctl check"], said
    system.run("handbackctl", "status")
    as_user(system, "handback", "handbackctl", "audit", "verify")
    system.run("systemctl", "start", "handback-verify.service")  # and by its unit, in its sandbox
    for page in ("handbackctl.1", "handbackd.8", "handback.conf.5", "handback-profile.5"):
        lint = system.run("sh", "-c", f"zcat /usr/share/man/man{page[-1]}/{page}.gz | mandoc -Tlint -Wwarning", check=False)
        assert lint.returncode == 0, lint.stdout


def test_the_demos_files_by_the_systems_own_postgresql(system):
    """What README says of the demo is so with the package, too."""
    home, config = "/var/lib/handback/demo", "/etc/handback/demo.yaml"
    sources = "".join(f"  - {{name: {p}, partner: {p.upper()}, profile: {p}, directory: {home}/{p}, settle: 0ms}}\n"
                      for p in DEMO_PARTNERS)
    system.run("tee", config, stdin=f"database:\n  conninfo: dbname=demo user=handback\nspool: {home}/spool\n"
                                    f"control: {home}/control\nprofiles: /etc/handback/profiles\nsources:\n{sources}")
    for partner in DEMO_PARTNERS:
        system.run("install", "-d", "-o", "handback", "-g", "handback", "-m", "0700", home, f"{home}/spool", f"{home}/{partner}")
        system.run("tee", f"/etc/handback/profiles/{partner}.yaml", stdin=(ROOT / f"fixtures/profiles/{partner}.yaml").read_text())
    as_user(system, "postgres", "createdb", "demo")
    as_user(system, "postgres", "handbackctl", "migrate", "--database", "dbname=demo")
    system.run("sh", "-c", "runuser -u postgres -- psql -XAtqv ON_ERROR_STOP=1 -d demo >/dev/null </var/cache/handback-test/ledger.sql")
    for day in (1, 2):
        system.run("sh", "-c", f"cp -r /var/cache/handback-test/demo/{day}/. {home} && chown -R handback: {home}")
        done = as_user(system, "handback", "handbackctl", "--config", config, "run", check=False, timeout=120)
        assert done.returncode == 3, done.stderr  # some wait for a person
    got = as_user(system, "postgres", "psql", "-XAtd", "demo", "-c", "SELECT name, state, confirmed, reversed FROM handback.files "
                  "WHERE name !~ 'polaris' ORDER BY name, state DESC, file_id").stdout.split()
    for expected in ("aurora-2026-11-18-17.xml|posted|262|25", "MERIDIAN.000107.dat|posted|257|30",
                     "SKYLINE_20261118_000041.csv|posted|251|31", "aurora-2026-11-18-17.xml|duplicate|0|0",
                     "MERIDIAN.000108.dat|held|0|0"):
        assert expected in got, got
    polaris = as_user(system, "postgres", "psql", "-XAtd", "demo", "-c",
                      "SELECT DISTINCT state FROM handback.files WHERE name ~ 'polaris'").stdout.split()
    assert "posted" in polaris
    as_user(system, "handback", "handbackctl", "--config", config, "audit", "verify")


def test_an_upgrade_with_work_open(system, ledger):
    before = system.show(UNIT, "MainPID")
    names = [drop(system, ledger, n) for n in (42, 43, 44)]
    # as the fetcher left it when it was no user of its own, and what lies outside and is none of its business
    system.run("sh", "-c", f"chgrp handback {INCOMING} && chmod 700 {INCOMING}")
    as_user(system, "handback", "sh", "-c", f"umask 077; mkdir -p {INCOMING}/old/.fetch; cd {INCOMING}/old; echo x >.fetch/state;"
            "echo x >left.csv; ln -s /var/lib/handback/spool/archive .fetch/link")
    system.run("dpkg", "-i", "/var/cache/handback-test/next.deb", timeout=120)
    assert system.show(UNIT, "ActiveState") == "active"
    assert system.show(UNIT, "MainPID") != before
    wait(lambda: all(posted(system, n) for n in names), f"{names} to be posted", system)
    assert system.show("handback-fetch.socket", "ActiveState") == "active"
    assert system.show("handback-decrypt.socket", "ActiveState") == "active"
    modes = system.run("find", INCOMING, "!", "-type", "l", "-printf", "%m %u %g %P\n").stdout.splitlines()
    assert sorted(modes) == ["2700 handback handback-fetch ", "2770 handback handback-fetch old", "2770 handback handback-fetch old/.fetch",
                             "660 handback handback-fetch old/.fetch/state", "660 handback handback-fetch old/left.csv"]
    assert system.run("stat", "-c", "%a %G", "/var/lib/handback/spool/archive").stdout == "700 handback\n"
    config = system.run("cat", "/etc/handback/handback.yaml").stdout
    assert INBOUND in config, "an upgrade keeps the configuration"
    as_user(system, "handback", "handbackctl", "audit", "verify")


def test_a_purge_leaves_the_proof(system):
    system.run("dpkg", "--purge", "handback", timeout=120)
    assert system.run("systemctl", "is-active", UNIT, check=False).returncode != 0
    assert system.run("test", "-e", "/etc/handback/handback.yaml", check=False).returncode != 0
    kept = system.run("find", "/var/lib/handback/spool/archive", "-type", "f").stdout.split()
    assert len(kept) == 4
