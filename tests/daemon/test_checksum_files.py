"""Checksum files beside local ones: no file without, none taken that is not what its sidecar file states."""
import hashlib
import os
import shutil
import subprocess

import pytest

from operators import Operators
from world import DAEMON, PARTNERS, World


@pytest.fixture
def world(cluster, build):
    with World(cluster, build, settings={"rescan": "200ms"}) as made:
        add_to_source(made, "checksum: .sha256")
        yield made


def add_to_source(world, line, partner="skyline"):
    text = world.config.read_text(encoding="utf-8")
    world.config.write_text(text.replace(f"  - name: {partner}\n", f"  - name: {partner}\n    {line}\n"), encoding="utf-8")


def sidecar(world, name, text):
    part = world.inbound["SKYLINE"] / ".sidecar.part"
    part.write_text(text, encoding="ascii")
    part.rename(world.inbound["SKYLINE"] / f"{name}.sha256")


def left(world):
    return sorted(os.listdir(world.inbound["SKYLINE"]))


def refusals(world):
    return world.query("SELECT rule, message FROM handback.refusal ORDER BY file_id, n")


def test_a_file_waits_for_its_sidecar(world):
    name, data = world.file("SKYLINE")
    world.start_daemon()
    world.drop("SKYLINE", name, data)
    other, more = world.file("SKYLINE", world.answers("SKYLINE", start=40), sequence=2)
    world.drop("SKYLINE", other, more)
    sidecar(world, other, f"SHA256 ({other}) = {hashlib.sha256(more).hexdigest()}\n")
    world.until(lambda: world.files() == {other: "posted"} and left(world) == [name], "the file that has one")
    sidecar(world, name, f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    world.until(lambda: world.files() == {other: "posted", name: "posted"} and left(world) == [], "the other one")
    assert world.stop_daemon() == 0


@pytest.mark.sanitize
def test_another_digest_holds_the_file(world):
    name, data = world.file("SKYLINE")
    ours, stated = hashlib.sha256(data).hexdigest(), hashlib.sha256(data + b"x").hexdigest()
    (world.inbound["SKYLINE"] / name).write_bytes(data)
    sidecar(world, name, stated)
    world.run()
    assert world.files() == {name: "held"} and left(world) == [] and world.postings() == 0
    (rule, message), = refusals(world)
    assert rule == "checksum" and ours in message and stated in message
    assert world.query("SELECT hold_reason FROM handback.file") == [("refused",)]
    reason, = world.reasons().values()
    assert ours in reason and stated in reason
    # the same bytes with the right sidecar file are known already: they can only be let go, by two people who asked
    with Operators(world.database) as people:
        (hold,), = world.query("SELECT hold_id FROM handback.hold")
        people.decide([hold], "release")
    world.run()
    assert world.query("SELECT state::text FROM handback.file ORDER BY file_id") == [("held",), ("posted",)]
    assert world.postings() > 0
    assert world.ctl("audit", "verify").returncode == 0


def test_one_that_states_nothing_lets_nothing_in(world):
    name, data = world.file("SKYLINE")
    (world.inbound["SKYLINE"] / name).write_bytes(data)
    for text in ("", "soon", "d41d8cd98f00b204e9800998ecf8427e", hashlib.sha256(data).hexdigest()[:-1], "x" * 5000):
        sidecar(world, name, text)
        done = world.run(allowed=(0, 3, 4, 5))
        assert "states no SHA-256" in done.stdout + done.stderr, done
        assert world.files() == {} and left(world) == [name, f"{name}.sha256"]
    os.unlink(world.inbound["SKYLINE"] / f"{name}.sha256")
    os.symlink(name, world.inbound["SKYLINE"] / f"{name}.sha256")
    world.run(allowed=(0, 3, 4, 5))
    assert world.files() == {} and len(left(world)) == 2
    os.unlink(world.inbound["SKYLINE"] / f"{name}.sha256")
    sidecar(world, name, hashlib.sha256(data).hexdigest().upper())
    world.run()
    assert world.files() == {name: "posted"} and left(world) == []


def test_the_same_bytes_again_are_a_duplicate(world):
    name, data = world.file("SKYLINE")
    for _ in range(2):
        world.drop("SKYLINE", name, data)
        sidecar(world, name, hashlib.sha256(data).hexdigest())
        world.run()
    assert left(world) == []
    world.oracle.check(world)


@pytest.mark.parametrize("line, message", [
    ("checksum: .sha256\n    marker: .done", "exclude each other"), ("checksum: ''", "must not be empty"),
    ("checksum: a/b", "a suffix of a file's name"), ("marker: a/b", "a suffix of a file's name")])
def test_mistakes_of_the_configuration_are_told(world, line, message):
    world.configure()
    add_to_source(world, line)
    done = subprocess.run([world.build / DAEMON, "--config", world.config, "--check"], capture_output=True, text=True,
                          timeout=10)
    assert done.returncode == 2 and message in done.stderr, done


@pytest.mark.sanitize
def test_a_file_over_the_profiles_limit_stays(cluster, build):
    """limits: file_bytes holds before a byte is copied: at N it is taken, at N + 1 it is not."""
    with World(cluster, build) as world:
        name, data = world.file("SKYLINE")
        profiles = world.dir / "profiles"
        profiles.mkdir()
        text = world.config.read_text(encoding="utf-8")
        before = next(line for line in text.splitlines() if line.startswith("profiles: "))
        world.config.write_text(text.replace(before, f"profiles: {profiles}"), encoding="utf-8")
        for partner in PARTNERS:
            shutil.copy(f"{before.split(': ', 1)[1]}/{partner.lower()}.yaml", profiles)
        own = (profiles / "skyline.yaml").read_text(encoding="utf-8")
        assert "\nlimits:" not in own
        (profiles / "skyline.yaml").write_text(f"{own}\nlimits: {{file_bytes: {len(data) - 1}}}\n", encoding="utf-8")
        (world.inbound["SKYLINE"] / name).write_bytes(data)
        done = world.run(allowed=(0, 3, 4, 5))
        said = done.stdout + done.stderr
        assert f"it has {len(data)} bytes, and the limit is {len(data) - 1}" in said and "file_bytes" in said
        assert world.files() == {} and left(world) == [name]
        assert not list((world.spool / "work").iterdir())
        (profiles / "skyline.yaml").write_text(f"{own}\nlimits: {{file_bytes: {len(data)}}}\n", encoding="utf-8")
        world.oracle.delivered("SKYLINE", name, data)
        world.run()
        assert world.files() == {name: "posted"}
        world.oracle.check(world)
