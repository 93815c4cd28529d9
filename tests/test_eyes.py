"""What others see of a running daemon: metrics, health, and notices that come once."""
import http.client
import json
import pathlib
import re
import socket
import stat

import pytest

from world import World

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        hook = made.dir / "hook"
        hook.write_text(f"#!/bin/sh\n[ ! -e {made.dir}/refuse ] || exit 1\ncat >>{made.dir}/heard\n")
        hook.chmod(0o755)
        made.configure(metrics=str(made.dir / "metrics"), notices=f"\n  command: {hook}")
        yield made


class Socket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(str(self.path))


def get(world, path):
    asked = Socket(world.dir / "metrics")
    asked.request("GET", path)
    answer = asked.getresponse()
    return answer.status, answer.read().decode()


def samples(text):
    """{name{labels}: value}; fails on what is no line of the format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (counter|gauge))", line), line
            continue
        match = re.fullmatch(r'(\w+(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})?) (\d+(?:\.\d+)?)', line)
        assert match, line
        assert match[1] not in found, f"twice: {line}"
        found[match[1]] = float(match[2])
    return found


def heard(world):
    path = world.dir / "heard"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_metrics_tell_what_the_database_says(world):
    world.start_daemon()
    for partner in ("SKYLINE", "MERIDIAN"):
        world.drop(partner, *world.file(partner))
    world.wait_quiet()
    status, text = get(world, "/metrics")
    assert status == 200
    told = samples(text)
    for partner in ("SKYLINE", "MERIDIAN"):
        labels = f'source="{partner.lower()}",partner="{partner}"'
        assert told[f'handback_files_total{{{labels},state="posted"}}'] == 1
        (confirmed, reversed_), = world.query("SELECT confirmed, reversed FROM handback.files WHERE partner = %s", partner)
        assert told[f'handback_records_total{{{labels},outcome="confirmed"}}'] == confirmed
        assert told[f'handback_records_total{{{labels},outcome="reversed"}}'] == reversed_
        assert told[f'handback_looks_total{{{labels},result="empty"}}'] > 0
    assert told["handback_workers_ready"] >= 1
    assert "handback_loop_late_seconds" in told and told["handback_spool_free_bytes"] > 0
    assert stat.S_IMODE((world.dir / "metrics").stat().st_mode) == 0o660


def test_health_and_readiness(world):
    world.start_daemon()
    world.until(lambda: get(world, "/readyz")[0] == 200, "readiness")
    assert get(world, "/healthz") == (200, "ok\n")
    assert get(world, "/other")[0] == 404
    world.stop_daemon()
    assert not (world.dir / "metrics").exists()


def test_what_the_night_found_is_among_the_metrics(world):
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.start_daemon()
    world.wait_quiet()
    world.ctl("nightly", check=False)
    told = samples(get(world, "/metrics")[1])
    assert told['handback_holds_open{partner="MERIDIAN",reason="control_total"}'] == 1
    assert "handback_nightly_timestamp_seconds" in told


def test_an_address_that_others_could_reach_is_refused(world):
    world.configure(metrics="0.0.0.0:9187")
    daemon = world.start_daemon(wait=False)
    assert daemon.wait(10) == 6
    assert "127.0.0.1:PORT" in daemon.log.read_text()


def test_a_held_file_is_told_once(world):
    (world.dir / "refuse").touch()
    name, data = world.file("MERIDIAN", break_totals=1)
    world.drop("MERIDIAN", name, data)
    daemon = world.start_daemon()
    world.wait_quiet()
    world.until(lambda: "could not be told" in daemon.log.read_text(), "the hook to be refused")
    world.stop_daemon()
    (world.dir / "refuse").unlink()
    world.start_daemon()
    world.until(lambda: heard(world), "the notice to be told")
    # a stop between the command's last word and its end would rightly have it told again
    world.until(lambda: any((world.spool / "notices/told").glob("file_held-*")), "that to be kept")
    world.stop_daemon()
    world.start_daemon()
    world.ctl("nightly", check=False)
    world.stop_daemon()
    notice, = heard(world)
    assert notice["notice"] == "file_held" and notice["reason"] == "control_total" and notice["name"] == name
    assert notice["partner"] == "MERIDIAN"
    assert [p.parent.name for p in (world.spool / "notices").rglob("*.json")] == ["told"]


def test_a_difference_in_the_proof_is_told_once(world):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.start_daemon()
    world.wait_quiet()
    kept = next(p for p in (world.spool / "archive").rglob("*") if p.is_file())
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"x")
    for _ in range(2):
        assert world.ctl("audit", "verify", check=False).returncode == 5
    world.until(lambda: heard(world), "the notice to be told")
    world.ctl("audit", "verify", check=False)
    world.stop_daemon()
    notice, = heard(world)
    assert notice["notice"] == "audit_failure" and notice["difference"]


def test_the_alerts_and_the_dashboard_speak_of_metrics_that_are_there(world):
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.start_daemon()
    world.wait_quiet()
    world.ctl("nightly", check=False)
    there = set(re.findall(r"^# TYPE (\w+)", get(world, "/metrics")[1], re.M))
    for document in ("docs/alerts.yml", "docs/dashboard.json"):
        named = set(re.findall(r"\bhandback_\w+", (ROOT / document).read_text()))
        assert named and named <= there, f"{document}: {named - there}"
    json.loads((ROOT / "docs/dashboard.json").read_text())
