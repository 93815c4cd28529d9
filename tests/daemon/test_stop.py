"""The daemon is told to stop, or to read a broken configuration, while true workers are at true files."""
import random
import signal
import subprocess
import time

import pytest

from case_table import case
from world import World

SEED = 20261121
STOPS = 14
PATIENCE = 5  # seconds until it must be gone; longer, and it is killed here


@pytest.fixture
def world(cluster, build):
    with World(cluster, build, settings={"settle": "1ms", "workers": "2"}) as made:
        yield made


def processes(world):
    """Command lines of what still works with this configuration."""
    said = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if str(world.config) in line and " Z" not in line]


@case("SIGTERM at moments by seed while files are in work")
def test_stopped_at_any_moment_a_file_is_done_or_as_it_came(world):
    dice, undone, usual = random.Random(SEED), 0, None
    for n in range(1, STOPS + 1):
        daemon, began = world.start_daemon(), time.monotonic()
        delivered = [(p, *world.file(p, world.answers(p, count=3, start=3 * n), sequence=n)) for p in ("SKYLINE", "MERIDIAN")]
        for partner, name, data in delivered:
            world.drop(partner, name, data)
        if n == 1:  # what this machine takes; the other moments are spread over that
            world.until(lambda: len(world.files()) == 2, "the first files")
            usual = time.monotonic() - began
        elif n > 2:  # the second is at once
            time.sleep(dice.uniform(0, usual))
        daemon.send_signal(signal.SIGTERM)
        try:
            assert daemon.wait(PATIENCE) == 0, daemon.log.read_text(errors="replace")
        except subprocess.TimeoutExpired:
            daemon.kill()
            pytest.fail(f"stop {n}: not gone after {PATIENCE} s:\n{daemon.log.read_text(errors='replace')[-2000:]}")
        assert not processes(world), f"stop {n}"
        known = world.files()
        for partner, name, _ in delivered:  # never neither: what is not decided is where it came
            there = (world.inbound[partner] / name).exists()
            assert there or known.get(name) == "posted", f"stop {n}: {name} is {known.get(name)}"
            undone += name not in known
    assert 0 < undone < 2 * STOPS  # some moments were before the end of a file's work, some after it
    world.run()
    world.oracle.check(world)
    assert set(world.files().values()) == {"posted"} and len(world.files()) == 2 * STOPS
    return f"{STOPS} stops of seed {SEED}: {undone} files not decided then, {2 * STOPS - undone} decided"


@case("SIGHUP with a broken configuration while files are in work: the old one stays")
def test_a_broken_configuration_costs_no_file(world):
    daemon, good = world.start_daemon(), world.config.read_text(encoding="utf-8")
    for n, broken in enumerate(("{", "", good + "no_such_option: 1\n", good[:len(good) // 2] + "\t"), 1):
        world.drop("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", count=3, start=3 * n), sequence=n))
        world.config.write_text(broken, encoding="utf-8")
        daemon.send_signal(signal.SIGHUP)
        world.until(lambda n=n: daemon.log.read_text(errors="replace").count("not reloaded: the old configuration stays") == n,
                    f"refusal {n}")
        world.config.write_text(good, encoding="utf-8")  # for handbackctl, which asks
        world.until(lambda n=n: len(world.files()) == n, f"file {n}")
    world.wait_quiet()
    assert world.stop_daemon(daemon) == 0
    assert set(world.files().values()) == {"posted"}
    world.oracle.check(world)
