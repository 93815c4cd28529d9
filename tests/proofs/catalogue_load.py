#!/usr/bin/python3
"""The catalogue under load: tokens rotated among 500 calls a second, and how long a hand-over takes; prints a line for each.

    tests/proofs/catalogue_load.py [--calls 5000] [--rate 500] [--build build]

A call that is answered by anything but 200 has failed. A hand-over is the application's one call, from its request to the redirect.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests")]

import pg  # noqa: E402
from catalogue_world import RATE, SSO, open_catalogue, rotate  # noqa: E402
from redemption_api import Api  # noqa: E402
from shop import Shop  # noqa: E402

CALLERS = 8


def rotation(api, world, calls, rate):
    shop, answers, began, lock, made = Shop(api, SSO, RATE), [], time.monotonic(), threading.Lock(), iter(range(calls))

    def caller():
        while True:
            with lock:
                n = next(made, None)
            if n is None:
                return
            time.sleep(max(0, began + n / rate - time.monotonic()))
            answers.append(shop.rate().status)
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(caller) for _ in range(CALLERS)]
        rotations = 0
        while not all(c.done() for c in callers):
            token = hashlib.sha256(f"r{rotations}".encode()).hexdigest()
            with world.connect() as c:
                rotate(c, "rate", token)
            rotations += 1
            time.sleep(0.25)  # the shop has both by now, and uses the old one until here
            shop.rate_token = token
            time.sleep(0.25)
        for one in callers:
            one.result()
    seconds = time.monotonic() - began
    print(f"{calls} calls, {calls / seconds:.0f} a second, {rotations} rotations: {sum(s != 200 for s in answers)} failed", flush=True)


def hand_over(api, times):
    took = []
    members = [f"M{n}" for n in range(1, 10)]
    tokens = {m: api.ask_token("app", scope=json.dumps(["LOGIN", m])).json["results"]["token"] for m in members}
    for n in range(times):
        member = members[n % len(members)]
        began = time.monotonic()
        answer = api.request("POST", f"/v1/members/{member}/catalogue", "{}",
                             {"Content-Type": "application/json", "Authorization": f"Bearer {tokens[member]}"})
        took.append(time.monotonic() - began)
        assert answer.status == 303, answer.body
    took.sort()
    print(f"{times} hand-overs: median {took[times // 2] * 1000:.1f} ms, p99 {took[times * 99 // 100] * 1000:.1f} ms", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--calls", type=int, default=5000)
    options.add_argument("--rate", type=int, default=500)
    options.add_argument("--hand-overs", type=int, default=500)
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    asked = options.parse_args()
    cluster = pg.Cluster()
    try:
        world = open_catalogue(cluster.database())
        with Api(asked.build, world, apis=2) as api:
            hand_over(api, asked.hand_overs)
            rotation(api, world, asked.calls, asked.rate)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
