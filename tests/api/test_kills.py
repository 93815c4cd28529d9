"""Callers that never give up, while gate, api processes and the server's sessions are killed: each key has one effect."""
import http.client
import itertools
import random
import threading
import time

import pytest

from case_table import case
from redemption_api import Api, credential, redemption

KEYS, CALLERS, MEMBERS, KILLS = 600, 6, 25, 25


@pytest.fixture
def world(database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) SELECT 1, 'M' || n FROM generate_series(1, 25) n;
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT 1, member_id, 'Credit By Accrual', 100000 FROM ledger.member""")
        credential(c)
    return database


def caller(api, first, token, answers, kills):
    """Asks on until there was enough of both, so that a fast machine has as many kills as a slow one."""
    for n in itertools.count(first, CALLERS):
        if n >= KEYS and len(kills) >= KILLS:
            return
        body = redemption(RelationReference=f"M{n % MEMBERS + 1}", Points=n % 7 + 1, Amount=n % 7 + 1)
        while True:
            try:
                answer = api.post("RedeemPoints", body, token, {"Idempotency-Key": f"k{n}"})
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if answer.status == 200:
                answers.setdefault(n, []).append(answer.value)
                # asked once more, now and then: a caller that lost the answer
                if n % 5 or len(answers[n]) > 1:
                    break
            else:
                assert answer.status == 503, answer.body
                time.sleep(0.02)


@case("API: kills of each program and of the server's sessions under load")
def test_kills(build, world):
    dice = random.Random(17)
    answers, kills = {}, []
    with Api(build, world, apis=2) as api, world.connect() as c:
        token = api.token()
        threads = [threading.Thread(target=caller, args=(api, n, token, answers, kills)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(dice.uniform(0.02, 0.15))
            what = dice.choice(["gate", "api", "api", "session", "session"])
            if what == "gate":
                api.gate.kill()
                api.gate.wait()
                api.start_gate()
            elif what == "api":
                n = dice.randrange(2)
                api.apis[n].kill()
                api.apis[n].wait()
                api.apis[n] = api.start_api(n)
            else:
                c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-api' AND random() < 0.7")
            kills.append(what)
        for thread in threads:
            thread.join()
        done = {int(key[1:]): (str(reference).upper(), points, member) for key, reference, points, member in c.execute("""
            SELECT q.idempotency_key, d.external_reference, d.points, d.member FROM api.request q
            JOIN ledger.redemption d ON d.redemption_id = q.entry_id""")}
        total = c.execute("SELECT count(*), sum(points) FROM ledger.redemption").fetchone()
        left = c.execute("SELECT sum(points) FROM ledger.balance").fetchone()[0]
    print(f"{len(answers)} redemptions, {len(kills)} kills")
    assert len(kills) >= KILLS and set(answers) == set(done) and set(range(KEYS)) <= set(answers) and total[0] == len(answers)
    for n, said in answers.items():
        assert set(said) == {done[n][0]} and done[n][1:] == (n % 7 + 1, f"M{n % MEMBERS + 1}"), n
    assert left == MEMBERS * 100000 - total[1]
