"""Installed and run as a service by a real systemd, booted from this machine's root file system."""
import datetime
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import booted
import pytest
from booted import psql, wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

pytestmark = [pytest.mark.all_only, pytest.mark.skipif(booted.why_not() is not None, reason=str(booted.why_not()))]
UNIT = "handbackd.service"
INBOUND = "/srv/handback/skyline"


def configuration(etc):
    return f"""database:
  embedded: /var/lib/handback/postgres
spool: /var/lib/handback/spool
profiles: {etc}/profiles
reports: /var/lib/handback/reports
control: /run/handback/control
metrics:
  listen: /run/handback/metrics
settle: 50ms
rescan: 1s
sources:
  - name: skyline
    partner: SKYLINE
    profile: skyline
    directory: {INBOUND}
"""


@pytest.fixture(scope="module")
def system(build):
    machine = booted.Booted()
    try:
        folder = machine.install(build)
    except subprocess.CalledProcessError:
        machine.close()
        raise
    (folder / "profiles/skyline.yaml").write_text((ROOT / "fixtures/profiles/skyline.yaml").read_text())
    machine.config = folder / "handback.yaml"
    machine.config.write_text(configuration(machine.etc))
    drop_in = machine.up / f"etc/systemd/system/{UNIT}.d"
    drop_in.mkdir(parents=True)
    (drop_in / "test.conf").write_text("[Service]\nWatchdogSec=3\nRestartSec=200ms\n")
    try:
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("install", "-d", "-o", "handback", "-g", "handback", INBOUND)
        yield machine
    finally:
        machine.close()


def ctl(system, *arguments, check=True):
    return system.run("setpriv", "--reuid", "handback", "--regid", "handback", "--init-groups", system.ctl, "--config",
                      f"{system.etc}/handback.yaml", *arguments, check=check)


def files(system):
    """{name: (state, records confirmed or reversed)}; nothing where the database does not answer."""
    out = psql(system, "-c", "SELECT name, state, confirmed + reversed FROM handback.files ORDER BY file_id", check=False)
    return {name: (state, int(done)) for name, state, done in (line.split("|") for line in out.stdout.splitlines())}


def wait_posted(system, name):
    wait(lambda: name in files(system), f"{name} to be decided", system)
    state, done = files(system)[name]
    assert state == "posted" and done > 0, files(system)


@pytest.fixture(scope="module")
def ledger():
    return Ledger(1, 60, 240)


def drop(system, ledger, sequence):
    day = datetime.date(2026, 11, 18)
    answers = list(generate.usual(random.Random(sequence), "SKYLINE", ledger.of("SKYLINE")[sequence * 10:sequence * 10 + 10]))
    name, data = layouts.WRITERS["SKYLINE"](answers, day, sequence, 0)
    system.run("sh", "-c", f"cat >{INBOUND}/.part && chown handback: {INBOUND}/.part && mv {INBOUND}/.part {INBOUND}/{name}",
               stdin=data.decode())
    return name


def test_starts_and_is_ready_only_when_it_is(system, ledger):
    ctl(system, "migrate")
    system.run("systemctl", "start", UNIT)
    assert system.show(UNIT, "ActiveState") == "active"
    assert "sources" in system.show(UNIT, "StatusText")
    assert system.run("stat", "-c", "%F %a %G", "/run/handback/metrics").stdout == "socket 660 handback\n"
    # while the daemon has the database open
    psql(system, stdin="\n".join(ledger.sql()))


def test_its_control_groups_are_its_own(system):
    """Another booted system's unit of the same name would close this one's to the network."""
    groups = pathlib.Path(f"/proc/{system.pid}/cgroup").read_text()
    assert re.search(rf"^0::/.*{system.dir.name}\b", groups, re.M), groups


def test_takes_a_file_that_is_dropped(system, ledger):
    name = drop(system, ledger, 1)
    wait_posted(system, name)
    said = system.run("journalctl", "-u", UNIT, "-o", "json", "--no-pager").stdout
    assert name in said


def test_reload_keeps_the_old_configuration_when_the_new_one_is_bad(system, ledger):
    good = system.config.read_text()
    inside = f"{system.etc}/handback.yaml"
    system.run("tee", inside, stdin=good + "nonsense: [\n")
    system.run("systemctl", "reload", UNIT)
    assert system.show(UNIT, "ActiveState") == "active"
    name = drop(system, ledger, 2)
    wait_posted(system, name)
    system.run("tee", inside, stdin=good)
    system.run("systemctl", "reload", UNIT)
    wait(lambda: "reload" in system.journal().lower(), "the reload to be told", system)


def test_the_watchdog_ends_a_daemon_that_hangs(system, ledger):
    before = int(system.show(UNIT, "NRestarts"))
    system.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", UNIT)
    wait(lambda: int(system.show(UNIT, "NRestarts")) > before, "the watchdog", system, 30)
    wait(lambda: system.show(UNIT, "ActiveState") == "active", "the restart", system, 30)
    name = drop(system, ledger, 3)
    wait_posted(system, name)


def run_now(system, timer):
    """In a moment, and not in the night."""
    system.run("mkdir", "-p", f"/etc/systemd/system/{timer}.d")
    system.run("tee", f"/etc/systemd/system/{timer}.d/now.conf",
               stdin="[Timer]\nOnCalendar=\nOnCalendar=*-*-* *:*:*\nRandomizedDelaySec=0\nAccuracySec=100ms\n")
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "start", timer)


def told_failures(system, unit):
    """What its failure unit says of it at crit; that one has ended well, and the failure is forgotten."""
    failure = f"handback-failure@{unit}"

    def told():
        return system.run("journalctl", "-u", failure, "-p", "crit..crit", "-o", "cat", "--no-pager").stdout.splitlines()

    wait(told, f"the failure to be told: {system.journal(failure)}", system)
    wait(lambda: system.show(failure, "ActiveState") == "inactive", "it to end", system)
    assert system.show(failure, "Result") == "success"
    system.run("systemctl", "reset-failed", unit)
    return told()


def notifications(system):
    """Those of the spool, told or not."""
    found = system.run("find", "/var/lib/handback/spool/notifications", "-name", "*.json", "-exec", "cat", "{}", "+", check=False)
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_the_timer_runs_the_night(system, ledger):
    name = drop(system, ledger, 4)
    run_now(system, "handback-nightly.timer")
    wait(lambda: system.run("sh", "-c", "ls /var/lib/handback/reports/report-of-*.sha256", check=False).returncode == 0,
         "the night's report", system, 30)
    system.run("systemctl", "stop", "handback-nightly.timer")
    wait(lambda: system.show("handback-nightly.service", "ActiveState") == "inactive", "the night to end", system, 30)
    assert system.show("handback-nightly.service", "Result") == "success", system.journal("handback-nightly.service")
    assert "Plan" in system.journal("handback-nightly.service")
    assert files(system)[name][0] == "posted"


def test_a_night_that_fails_says_why_at_crit(system):
    inside, night = f"{system.etc}/handback.yaml", "handback-nightly.service"
    good = system.run("cat", inside).stdout
    system.run("tee", inside, stdin=good + "nonsense: [\n")
    try:
        assert system.run("systemctl", "start", night, check=False).returncode != 0
    finally:
        system.run("tee", inside, stdin=good)

    assert told_failures(system, night) == \
        [f"{night} failed: exit-code, exited with status 2: the configuration or a profile is wrong"]


def test_the_timer_runs_the_verification(system):
    unit = "handback-verify.service"
    run_now(system, "handback-verify.timer")
    wait(lambda: "equal to the sums of the entries" in system.journal(unit), "the verification", system, 30)
    system.run("systemctl", "stop", "handback-verify.timer")
    wait(lambda: system.show(unit, "ActiveState") == "inactive", "it to end", system, 30)
    assert system.show(unit, "Result") == "success", system.journal(unit)
    assert notifications(system) == []
    assert system.run("stat", "-c", "%a", "/var/lib/handback").stdout == "750\n"


def test_a_verification_that_finds_a_difference_says_so_at_crit_and_leaves_a_notification(system):
    unit = "handback-verify.service"
    change = ("SET session_replication_role = replica; UPDATE handback.outcome SET points = points {} 1"
              " WHERE (file_id, record_no) = (SELECT min(file_id), 1 FROM handback.outcome)")
    psql(system, "-c", change.format("+"))
    try:
        assert system.run("systemctl", "start", unit, check=False).returncode != 0
    finally:
        psql(system, "-c", change.format("-"))
    assert told_failures(system, unit) == [f"{unit} failed: exit-code, exited with status 5: the proof has a difference"]
    notification, = notifications(system)
    assert notification["notification"] == "audit_failure" and notification["difference"] in system.journal(unit)
    system.run("systemctl", "start", unit)
    assert system.show(unit, "Result") == "success"


def test_the_proof_is_signed_by_its_unit_alone(system):
    """The key comes as a credential, the checkpoint goes where the service can only append."""
    unit, key, file = "handback-verify.service", "/etc/handback/secrets/checkpoint.key", "/var/lib/handback-checkpoints/checkpoints"
    inside = f"{system.etc}/handback.yaml"
    good = system.run("cat", inside).stdout
    made = system.run(system.ctl, "audit", "key", "test.example/handback", key, "--json")
    verifier = json.loads(made.stdout)["key"]["verifier"]
    system.run("tee", inside, stdin=f"checkpoints: {{file: {file}, verifiers: [\"{verifier}\"]}}\n" + good)
    try:
        system.run("systemctl", "start", unit)
        assert system.run("cat", file).stdout.startswith("test.example/handback\n"), system.journal(unit)
        for attempt in (f": >{file}", f"rm -f {file}", f"cat {key}"):
            assert system.run("setpriv", "--reuid=handback", "--regid=handback", "--clear-groups", "sh", "-c", attempt,
                              check=False).returncode != 0, attempt
        assert "Checkpoints that fit" in ctl(system, "audit", "verify").stdout
    finally:
        system.run("tee", inside, stdin=good)


def test_stops_within_five_seconds(system):
    since = time.monotonic()
    system.run("systemctl", "stop", UNIT)
    assert time.monotonic() - since < 5.5
    assert system.show(UNIT, "Result") == "success", system.journal()


def test_audit_verifies_after_all_that(system):
    done = ctl(system, "audit", "verify", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- the sandbox, without booting

def installed_unit(system, name):
    return os.fspath(next(system.up.glob(f"usr/**/{name}")))


@pytest.mark.parametrize("unit,most", [("handbackd.service", 0.5), ("handback-nightly.service", 0.5),
                                       ("handback-verify.service", 0.5), ("handback-failure@.service", 0.5),
                                       ("handback-fetch@.service", 1.0), ("handback-decrypt@.service", 0.5),
                                       ("handback-gate.service", 0.5), ("handback-api@.service", 0.5),
                                       ("handback-outbox.service", 0.5), ("handback-send@.service", 1.0),
                                       ("handback-web.service", 0.5), ("handback-desk@.service", 1.0),
                                       ("handback-try@.service", 0.5), ("handback-login.service", 0.5)])
def test_exposure(system, unit, most):
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", installed_unit(system, unit)],
                         capture_output=True, text=True).stdout
    score = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", out).group(1))
    print(f"{unit}: exposure {score}")
    assert score <= most, out


def test_units_verify(system):
    units = [p.name for p in system.up.glob("usr/**/systemd/system/handback*") if p.is_file() and "@" not in p.name]
    assert units
    done = system.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", *units, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "handback" in line]
    assert not ours, "\n".join(ours)


def test_every_directive_of_the_sandbox_has_a_reason():
    title, *lines = (ROOT / "systemd/sandbox.conf").read_text().splitlines()
    assert title.startswith("# --- the sandbox")
    reasoned = False
    for line in lines:
        if line.startswith("#"):
            reasoned = True
        elif not line:
            reasoned = False
        else:
            assert reasoned, f"{line} has no reason above it"


@pytest.mark.parametrize("unit", ("handbackd", "handback-nightly", "handback-verify", "handback-failure@", "handback-fetch@", "handback-decrypt@",
                                  "handback-gate", "handback-api@", "handback-outbox", "handback-send@", "handback-web",
                                  "handback-desk@", "handback-try@", "handback-login"))
def test_every_unit_is_in_the_sandbox(unit):
    assert "\n\n@sandbox@\n" in (ROOT / f"systemd/{unit}.service.in").read_text()
