"""What others see of a running daemon: metrics, health, and notifications that come once."""
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import time

import pytest

from crash_runs import descendants
from metrics_client import get
from world import World

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        hook = made.dir / "hook"
        hook.write_text(f"#!/bin/sh\n[ ! -e {made.dir}/refuse ] || exit 1\ncat >>{made.dir}/heard\n")
        hook.chmod(0o755)
        made.configure(metrics=f"\n  listen: {made.dir}/metrics\n  interval: 200ms", notifications=f"\n  command: {hook}")
        yield made


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
        seen = f'handback_source_scans_total{{{labels},transport="directory",result="empty"}}'
        world.until(lambda: samples(get(world, "/metrics")[1])[seen] > 0, "a scan after the file was taken")
        rows = dict(world.query("SELECT n.name, sum(t.records)::bigint FROM handback.tie_out t JOIN handback.file f USING (file_id)"
                                " JOIN handback.partner p USING (partner_id) JOIN handback.outcome_name n USING (outcome)"
                                " WHERE p.code = %s GROUP BY n.name", partner))
        for outcome in ("confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held"):
            assert told[f'handback_records_total{{{labels},outcome="{outcome}"}}'] == rows.get(outcome, 0), outcome
        (points,), = world.query("SELECT coalesce(sum(v.points), 0)::bigint FROM ledger.reversal v"
                                 " JOIN ledger.redemption r USING (redemption_id) WHERE r.partner = %s", partner)
        assert points > 0 and told[f'handback_points_total{{{labels},outcome="reversed"}}'] == points
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


def hold_sample(world):
    return samples(get(world, "/metrics")[1]).get('handback_holds_open{partner="MERIDIAN",reason="control_total",age="day"}')


def test_what_waits_is_told_as_of_now(world):
    world.start_daemon()
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.until(lambda: hold_sample(world) == 1, "the hold to be among the metrics, without a night")
    (opened,), = world.query("SELECT extract(epoch FROM opened_at)::bigint FROM handback.open_holds")
    told = samples(get(world, "/metrics")[1])
    assert told['handback_hold_oldest_timestamp_seconds{partner="MERIDIAN",reason="control_total",age="day"}'] == opened
    world.query("INSERT INTO handback.hold_end (hold_id, how) SELECT hold_id, 'closed' FROM handback.hold RETURNING 1")
    world.until(lambda: hold_sample(world) is None, "the end of the hold to be seen")
    assert "handback_nightly_timestamp_seconds" not in told
    world.ctl("nightly", check=False)
    assert samples(get(world, "/metrics")[1])["handback_nightly_timestamp_seconds"] > 0


def overdue_sample(world):
    return samples(get(world, "/metrics")[1]).get(
        'handback_expected_file_due_timestamp_seconds{source="skyline",kind="daily"}')


def test_an_overdue_file_is_told_until_it_comes(world):
    world.query("INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files) VALUES"
                " ('skyline', 'daily', current_date, 'UTC', now() - interval '2 hours', to_timestamp(1000000000),"
                " now() - interval '1 second', 1) RETURNING expected_delivery_id")
    world.start_daemon()
    world.until(lambda: overdue_sample(world) == 1000000000, "the file to be overdue, without a night")
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.until(lambda: overdue_sample(world) is None, "the file that came to be seen")
    assert world.query("SELECT how FROM handback.expected_delivery_file") == [("late",)]


def lies_in(folder):
    found = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
    return len(found), sum(found)


def test_the_spool_is_counted(world):
    world.start_daemon()
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.wait_quiet()

    def agrees():
        told = samples(get(world, "/metrics")[1])
        return all((told.get(f'handback_spool_files{{part="{part}"}}'), told.get(f'handback_spool_bytes{{part="{part}"}}'))
                   == lies_in(world.spool / part) for part in ("archive", "quarantine", "work", "incoming"))
    world.until(agrees, "the spool to be counted")
    assert lies_in(world.spool / "archive")[0] == 1
    # a day that was walked before is walked again when something goes from it
    kept, = [p for p in (world.spool / "archive").rglob("*") if p.is_file()]
    day = kept.parent
    world.until(lambda: time.time() - day.stat().st_mtime > 3, "the day to be known by heart")
    world.until(agrees, "the spool to be counted")
    kept.unlink()
    world.until(agrees, "the removal to be seen")


def test_what_the_database_made_begin_again_is_counted(world):
    world.start_daemon()
    world.until(lambda: get(world, "/readyz")[0] == 200, "readiness")
    assert samples(get(world, "/metrics")[1])["handback_database_retries_total"] == 0
    world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-reconcile'")
    for partner in ("SKYLINE", "MERIDIAN"):
        world.drop(partner, *world.file(partner))
    world.wait_quiet()
    assert set(world.files().values()) == {"posted"}
    assert samples(get(world, "/metrics")[1])["handback_database_retries_total"] >= 1


def workers_started(world):
    return samples(get(world, "/metrics")[1])["handback_worker_starts_total"]


def ready_workers(world):
    return samples(get(world, "/metrics")[1])["handback_workers_ready"]


def test_starts_of_workers_that_left_stay_counted(world):
    metrics = f"\n  listen: {world.dir}/metrics"
    world.configure(metrics=metrics, workers=3)
    daemon = world.start_daemon()
    world.until(lambda: ready_workers(world) == 3, "three workers")
    assert workers_started(world) == 3
    for workers, starts in ((1, 4), (2, 6)):  # those that stay are restarted with the new configuration
        world.configure(metrics=metrics, workers=workers)
        daemon.send_signal(signal.SIGHUP)
        world.until(lambda: (ready_workers(world), workers_started(world)) == (workers, starts), f"{starts} starts")


def test_a_collector_that_dies_is_replaced(world):
    daemon = world.start_daemon()

    def looked():
        return samples(get(world, "/metrics")[1]).get("handback_collector_timestamp_seconds", 0)
    world.until(looked, "the first figures")
    collector, = [p for p in descendants(daemon.pid)
                 if pathlib.Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")[0] == b"handback-collect"]
    os.kill(collector, signal.SIGKILL)
    (world.spool / "collector.prom").unlink(missing_ok=True)
    world.until(looked, "figures of another one")
    world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-collect'")
    before = looked()
    world.until(lambda: looked() > before, "figures over another connection")
    assert world.stop_daemon() == 0


def test_an_address_that_others_could_reach_is_refused(world):
    world.configure(metrics="\n  listen: 0.0.0.0:9187")
    daemon = world.start_daemon(wait=False)
    assert daemon.wait(10) == 6
    assert "127.0.0.1:PORT" in daemon.log.read_text()


def test_a_held_file_is_told_once(world):
    (world.dir / "refuse").touch()
    name, data = world.file("MERIDIAN", break_totals=1)
    world.drop("MERIDIAN", name, data)
    daemon = world.start_daemon()
    world.wait_quiet()
    world.until(lambda: "cannot send a notification" in daemon.log.read_text(), "the hook to be refused")
    world.stop_daemon()
    (world.dir / "refuse").unlink()
    world.start_daemon()
    world.until(lambda: heard(world), "the notification to be sent")
    # a stop between the command's last word and its end would rightly have it told again
    world.until(lambda: any((world.spool / "notifications/sent").glob("file_held-*")), "that to be kept")
    world.stop_daemon()
    world.start_daemon()
    world.ctl("nightly", check=False)
    world.stop_daemon()
    notification, = heard(world)
    assert notification["notification"] == "file_held" and notification["reason"] == "control_total" and notification["name"] == name
    assert notification["partner"] == "MERIDIAN"
    assert [p.parent.name for p in (world.spool / "notifications").rglob("*.json")] == ["sent"]


def test_a_held_file_is_told_also_where_its_worker_died_before_it_could(world):
    world.configure()  # nobody is told yet
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.run()
    # what a kill between the COMMIT and the notification leaves behind
    shutil.rmtree(world.spool / "notifications")
    world.configure(notifications=f"\n  command: {world.dir}/hook")
    for _ in range(2):
        world.start_daemon()
        world.until(lambda: any((world.spool / "notifications/sent").glob("file_held-*")), "the notification to be sent")
        world.stop_daemon()
    notification, = heard(world)
    assert notification["notification"] == "file_held" and notification["reason"] == "control_total"


def test_another_machines_held_file_is_not_told_here(world):
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.run()
    shutil.rmtree(world.spool)
    world.start_daemon()
    world.drop("MERIDIAN", *world.file("MERIDIAN", sequence=2, break_totals=1))
    world.until(lambda: any((world.spool / "notifications/sent").glob("file_held-*")), "the notification to be sent")
    assert [n["file"] for n in heard(world)] == [str(world.query("SELECT max(file_id) FROM handback.file")[0][0])]


def verified_at(world):
    return samples(get(world, "/metrics")[1]).get("handback_verify_timestamp_seconds", 0)


def test_a_difference_in_the_proof_is_told_once(world):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.start_daemon()
    world.wait_quiet()
    assert verified_at(world) == 0
    world.ctl("audit", "verify")
    whole = verified_at(world)
    assert 0 <= time.time() - whole < 60
    time.sleep(1.1)  # the metric is of whole seconds
    kept = next(p for p in (world.spool / "archive").rglob("*") if p.is_file())
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"x")
    for _ in range(2):
        assert world.ctl("audit", "verify", check=False).returncode == 5
    world.until(lambda: heard(world), "the notification to be sent")
    world.ctl("audit", "verify", check=False)
    assert verified_at(world) == whole
    world.stop_daemon()
    notification, = heard(world)
    assert notification["notification"] == "audit_failure" and notification["difference"]


def test_what_is_served_is_documented_and_watched(world):
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.start_daemon()
    world.wait_quiet()
    world.ctl("nightly", check=False)
    world.ctl("audit", "verify")
    world.until(lambda: hold_sample(world) == 1, "the collector")
    text = get(world, "/metrics")[1]
    there = dict(re.findall(r"^# TYPE (\w+) (\w+)", text, re.M))
    named = {}
    for document in ("docs/alerts.yml", "docs/dashboard.json"):
        # those of the gate: tests/api/test_metrics.py
        named[document] = set(re.findall(r"\bhandback_(?!api_)\w+", (ROOT / document).read_text()))
        assert named[document] and named[document] <= there.keys(), f"{document}: {named[document] - there.keys()}"
    json.loads((ROOT / "docs/dashboard.json").read_text())
    assert there.keys() <= set.union(*named.values()), "a metric that nobody looks at"
    rows = ["| metric | type | meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | {there[name]} | {meaning} |" for name, meaning in re.findall(r"^# HELP (\w+) (.+)", text, re.M)]
    said = re.search(r"<!-- metrics: [^\n]*-->\n(.*?)<!-- end -->", (ROOT / "docs/operator.md").read_text(), re.S).group(1)
    assert said.splitlines() == rows, "docs/operator.md, metrics:\n" + "\n".join(rows)
