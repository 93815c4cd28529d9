"""handback-outbox with a sender that speaks its protocol: what it tells, what it does with each answer, and that it outlives everybody."""
import base64
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

from outbox import Outbox
from targets import Webhook
from worker import Desk

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


@pytest.fixture
def outbox(desk, build, tmp_path):
    with Outbox(desk.database, build, tmp_path) as made:
        yield made


def told(desk, outbox, **states):
    """Does the target have these states, by the names of the test?"""
    kept = outbox.states("crm")
    return {key: kept.get(reference) for key, reference in desk.references.items()} == states


def test_states_are_there_within_seconds_and_calls_are_full(desk, outbox):
    outbox.connector("crm", batch=5, balance=True)
    outbox.connector("book", batch=50, log=True)
    for n in range(12):
        desk.redeem(f"R{n}", member=1 + n % 4)
    outbox.start()
    outbox.wait(lambda: len(outbox.kept("crm")) == 12 and len(outbox.kept("crm", "balance")) == 4)
    assert sorted(outbox.calls("crm")) == [2, 4, 5, 5]
    desk.deliver([(f"R{n}", "KO" if n % 2 else "OK", {"Member": f"M{1 + n % 4}"}) for n in range(12)])
    began = time.monotonic()
    outbox.wait(lambda: told(desk, outbox, **{f"R{n}": "reversed" if n % 2 else "confirmed" for n in range(12)}))
    assert time.monotonic() - began < 5
    (points,), = desk.query("SELECT points FROM ledger.balance WHERE member_id = 2")
    outbox.wait(lambda: outbox.kept("crm", "balance")["M2"]["points"] == points)
    # the log has each line, and they sum to what the member lost
    lines = {f"{r}-{line}" for n, r in enumerate(desk.references.values()) for line in ("debit", "reversal" if int(n) % 2 else "confirmation")}
    outbox.wait(lambda: set(outbox.kept("book", "log")) == lines)
    assert sum(o["effect"] for o in outbox.kept("book", "log").values()) == -600
    assert outbox.stop() == 0


def test_targets_are_told_side_by_side_and_each_has_its_credentials(desk, outbox):
    for name, secret in (("crm.key", "one"), ("hr.key", "two"), ("hr.next", "three"), ("crmx.key", "four")):
        (outbox.credentials / name).write_text(secret)
        (outbox.credentials / name).chmod(0o600)
    outbox.connector("crm")
    outbox.connector("hr")
    outbox.behave("crm", start="hang")
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: outbox.states("hr") == {desk.references["A"]: "open"})
    assert outbox.lines("hr")[0]["credentials"] == {"key": "two", "next": "three"}
    outbox.wait(lambda: outbox.lines("crm") == [{"started": "crm", "credentials": {"key": "one"}}])


def test_a_credential_that_others_can_read_stops_its_target_once(desk, outbox):
    (outbox.credentials / "crm.key").write_text("secret")
    (outbox.credentials / "crm.key").chmod(0o644)
    outbox.connector("crm")
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: outbox.query("SELECT state FROM handback.target_now") == [("stopped",)])
    (why,), = outbox.query("SELECT why FROM audit.event WHERE what = 'target_stopped'")
    assert "crm.key is no file that only we can read" in why and "secret" not in outbox.log.read_text()


def test_a_fault_stops_the_target_and_is_told_once(desk, outbox):
    outbox.connector("crm")
    outbox.behave("crm", start="fault")
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: outbox.query("SELECT state, reason FROM handback.target_now") == [("stopped", "the credential is missing")])
    assert len(outbox.query("SELECT FROM audit.event WHERE what = 'target_stopped'")) == 1
    outbox.behave("crm")
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: told(desk, outbox, A="open"))


def test_a_schema_fault_stops_the_target_not_each_row(desk, outbox):
    outbox.connector("crm", batch=3)
    outbox.behave("crm", all={"result": "stop", "status": 400, "why": "INVALID_FIELD"})
    for n in range(20):
        desk.redeem(f"R{n}")
    outbox.start()
    outbox.wait(lambda: outbox.query("SELECT state, reason FROM handback.target_now") == [("stopped", "INVALID_FIELD")])
    assert len(outbox.calls("crm")) <= 4 and outbox.query("SELECT FROM handback.delivery_object") == []
    outbox.behave("crm")
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: len(outbox.kept("crm")) == 20)


def test_a_row_that_is_refused_is_held_and_one_that_is_locked_comes_again(desk, outbox):
    outbox.connector("crm", batch=10)
    for key in "ABC":
        desk.redeem(key)
    a, b = desk.references["A"], desk.references["B"]
    outbox.behave("crm", rows={a: "held", b: "retry"})
    outbox.start()
    outbox.wait(lambda: outbox.states("crm") == {desk.references["C"]: "open"}
                and outbox.query("SELECT held, later FROM handback.target_status") == [(1, 1)])
    assert outbox.query("SELECT key, http_status, why FROM handback.delivery_object_now WHERE result = 'held'") == [(a, 200, "HIS_WORD")]
    outbox.behave("crm")
    outbox.wait(lambda: outbox.states("crm").get(b) == "open")
    assert a not in outbox.states("crm")
    outbox.db.execute("SELECT handback.pause_target('crm', 'to replay')")
    outbox.wait(lambda: outbox.query("SELECT result FROM handback.target_status") != [(None,)])
    assert json.loads(desk.ctl("target", "replay", "crm", "--json").stdout)["done"]["causes"] == 1
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: told(desk, outbox, A="open", B="open", C="open"))
    outbox.wait(lambda: outbox.query("SELECT held, later, waiting_since FROM handback.target_status") == [(0, 0, None)])


def test_a_request_that_is_refused_as_a_whole_is_halved_until_the_row_is_found(desk, outbox):
    outbox.connector("crm", batch=8)
    for n in range(8):
        desk.redeem(f"R{n}")
    wrong = desk.references["R5"]
    outbox.behave("crm", refuse_request=[wrong])
    outbox.start()
    outbox.wait(lambda: len(outbox.kept("crm")) == 7 and outbox.query("SELECT held FROM handback.target_status") == [(1,)])
    assert outbox.query("SELECT key FROM handback.delivery_object_now") == [(wrong,)] and len(outbox.calls("crm")) == 7
    assert outbox.query("SELECT state FROM handback.target_now") == [("active",)]


def test_a_target_that_refuses_each_object_is_stopped(desk, outbox):
    outbox.connector("crm", batch=16)
    for n in range(40):
        desk.redeem(f"R{n}")
    outbox.behave("crm", refuse_request=list(desk.references.values()))
    outbox.start()
    outbox.wait(lambda: outbox.query("SELECT state FROM handback.target_now") == [("stopped",)])
    assert len(outbox.calls("crm")) < 50
    # those that it refused are held, and are not what stops it again; the others were not tried
    (held, later, tries), = outbox.query("SELECT count(*) FILTER (WHERE result = 'held'), count(*) FILTER (WHERE result = 'later'),"
                                         " max(tries) FILTER (WHERE result = 'later') FROM handback.delivery_object_now")
    assert 10 <= held <= 13 and held + later == 40 and tries == 0
    outbox.behave("crm")
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: len(outbox.kept("crm")) == 40 - held)


def test_an_outage_waits_as_long_as_it_is_told_and_others_go_on(desk, outbox):
    outbox.connector("crm")
    outbox.connector("hr")
    outbox.behave("crm", all={"result": "retry", "status": 503, "wait_s": 3, "why": "busy"})
    desk.redeem("A")
    outbox.start()
    outbox.wait(lambda: outbox.query("SELECT result, http_status, why FROM handback.target_status WHERE name = 'crm'") == [("again", 503, "busy")])
    outbox.behave("crm")
    assert outbox.states("crm") == {}
    outbox.wait(lambda: outbox.states("hr") and told(desk, outbox, A="open"))
    (waited,), = outbox.query("SELECT extract(epoch FROM max(d.started_at) - min(d.started_at)) FROM handback.delivery d"
                              " WHERE d.target = 'crm' AND d.objects > 0")
    assert waited >= 3


def test_the_last_fifth_of_a_limit_is_for_others(desk, outbox):
    outbox.connector("crm", batch=1)
    outbox.behave("crm", done={"used": 80, "whole": 100})
    for n in range(30):
        desk.redeem(f"R{n}")
    outbox.start()
    outbox.wait(lambda: outbox.query("SELECT retry_at - ended_at > interval '14 min', why FROM handback.target_status")
                == [(True, "over four fifths of its limit are used: 80 of 100")])
    assert len(outbox.calls("crm")) <= 4  # those that were under way
    assert outbox.query("SELECT count(*), max(tries) FROM handback.delivery_object_now WHERE result = 'later'") == [(30 - len(outbox.calls("crm")), 0)]


def test_a_sender_that_lies_is_given_up_and_nothing_is_lost(desk, outbox):
    outbox.connector("crm")
    outbox.behave("crm", lie=True)
    desk.redeem("A")
    outbox.start()
    outbox.wait(lambda: "speaks of what it was not given" in outbox.log.read_text())
    outbox.wait(lambda: outbox.query("SELECT FROM handback.delivery_end WHERE result = 'again'"))
    outbox.behave("crm")
    outbox.wait(lambda: told(desk, outbox, A="open"))


def test_a_new_connector_is_taken_and_a_paused_target_is_left_alone(desk, outbox):
    outbox.connector("crm", batch=1)
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: told(desk, outbox, A="open"))
    outbox.db.execute("SELECT handback.pause_target('crm', 'it moves')")
    time.sleep(1.5)
    for key in "BCD":
        desk.redeem(key)
    time.sleep(1.5)
    assert len(outbox.kept("crm")) == 1
    outbox.connector("crm", batch=50)
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: len(outbox.kept("crm")) == 4)
    assert outbox.calls("crm") == [1, 3]


def test_a_database_that_goes_is_waited_for(desk, outbox):
    outbox.connector("crm")
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: told(desk, outbox, A="open"))
    desk.db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-outbox'")
    desk.redeem("B")
    outbox.wait(lambda: told(desk, outbox, A="open", B="open"))


def test_what_the_database_refuses_over_one_target_holds_up_no_other(desk, outbox):
    outbox.connector("crm")
    outbox.connector("hr")
    outbox.db.execute("CREATE FUNCTION public.refuse_hr() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM handback.delivery d"
                      " WHERE d.delivery_id = NEW.delivery_id AND d.target = 'hr') AND NEW.result = 'done' THEN RAISE EXCEPTION 'not so'; END IF;"
                      " RETURN NEW; END $$")
    outbox.db.execute("CREATE TRIGGER refuse_hr BEFORE INSERT ON handback.delivery_end FOR EACH ROW EXECUTE FUNCTION public.refuse_hr()")
    desk.redeem("A")
    outbox.start()
    outbox.wait(lambda: told(desk, outbox, A="open"))
    outbox.wait(lambda: outbox.log.read_text().count("does not take what is said of a target") > 1)
    desk.redeem("B")
    outbox.wait(lambda: told(desk, outbox, A="open", B="open"))
    assert sum("started" in line for line in outbox.lines("crm")) == 1 and "begun again" not in outbox.log.read_text()
    outbox.db.execute("DROP TRIGGER refuse_hr ON handback.delivery_end")
    outbox.wait(lambda: outbox.query("SELECT count(*) FROM handback.target_status WHERE waiting_since IS NULL") == [(2,)])


def test_a_new_connector_is_taken_before_the_next_claim_of_a_backlog(desk, outbox):
    outbox.connector("crm", batch=1)
    outbox.behave("crm", delay=0.02)
    desk.redeem_all(f"R{n}" for n in range(250))
    outbox.start()
    outbox.wait(lambda: outbox.calls("crm"))
    outbox.connector("crm", batch=50)
    outbox.wait(lambda: len(outbox.kept("crm")) == 250)
    assert len(outbox.calls("crm")) < 210


def test_a_pause_is_taken_in_the_midst_of_a_delivery(desk, outbox):
    outbox.connector("crm", batch=1)
    outbox.behave("crm", delay=0.1)
    desk.redeem_all(f"R{n}" for n in range(90))
    outbox.start()
    outbox.wait(lambda: outbox.calls("crm"))
    outbox.db.execute("SELECT handback.pause_target('crm', 'it moves')")
    outbox.wait(lambda: outbox.query("SELECT result FROM handback.target_status") == [("done",)])
    assert len(outbox.calls("crm")) < 70
    outbox.behave("crm")
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: len(outbox.kept("crm")) == 90)


def test_it_waits_for_what_is_under_way_and_burns_nothing_meanwhile(desk, outbox):
    def ticks():
        return sum(int(n) for n in pathlib.Path(f"/proc/{outbox.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
    outbox.connector("crm")
    outbox.connector("hr")
    outbox.behave("crm", delay=5)
    desk.redeem("A")
    outbox.start()
    outbox.wait(lambda: outbox.states("hr") and outbox.lines("crm"))
    before = ticks()
    outbox.process.terminate()
    time.sleep(2.5)
    assert outbox.process.poll() is None and ticks() - before < 0.3 * os.sysconf("SC_CLK_TCK")
    assert outbox.process.wait(15) == 0 and told(desk, outbox, A="open")


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in out.split()]


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def test_its_senders_die_with_it(desk, outbox):
    outbox.connector("crm")
    outbox.start()
    desk.redeem("A")
    outbox.wait(lambda: told(desk, outbox, A="open"))
    senders = children(outbox.process.pid)
    assert len(senders) == 1
    outbox.kill()
    outbox.process = None
    outbox.wait(lambda: not any(is_alive(pid) for pid in senders))


def test_killed_at_random_nothing_is_lost_and_nothing_goes_back(desk, outbox):
    """The short form of tests/proofs/outbox_kills.py."""
    from outbox_kills import kill_runs

    kill_runs(desk, outbox, chance=random.Random(17), runs=10)


@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace: NOTHING IS KILLED AT SYSTEM CALLS")
def test_killed_at_system_calls_nothing_is_lost_and_nothing_goes_back(desk, database, build, tmp_path):
    """The short form of tests/proofs/outbox_calls.py: one call in fifty of each program, with the real sender."""
    from outbox_calls import kill_at_each
    from outbox_kills import strict

    with Outbox(database, build, tmp_path, fake=False) as outbox, strict() as target:
        found, _ = kill_at_each(desk, outbox, target, random.Random(17), share=0.02)
    assert set(found) == {"handback-outbox", "handback-send"} and all(points >= 8 and kills >= 0.8 * points for points, kills in found.values()), found


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")
def test_its_memory_does_not_grow_with_what_waits(desk, outbox):
    """A long outage: 2,000 redemptions wait, and all it holds is one delivery."""
    outbox.connector("crm", batch=10)
    outbox.behave("crm", all={"result": "retry", "status": 503, "wait_s": 1})
    outbox.start()

    def resident():
        return int(next(line for line in open(f"/proc/{outbox.process.pid}/status") if line.startswith("VmHWM")).split()[1])

    desk.redeem("A")
    outbox.wait(lambda: outbox.query("SELECT result FROM handback.target_status") == [("again",)])
    before = resident()
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant,"
                    " transaction_type, external_reference) SELECT 1, 1 + n % 9, 'Debit By Redemption', 1, 'AIR', 1, 'EUR', 'Air', 6,"
                    " gen_random_uuid() FROM generate_series(1, 2000) n")
    (tried,), = outbox.query("SELECT count(*) FROM handback.delivery")
    outbox.wait(lambda: outbox.query("SELECT count(*) FROM handback.delivery")[0][0] > tried + 1)
    outbox.behave("crm")
    outbox.wait(lambda: len(outbox.kept("crm")) == 2001, seconds=60)
    assert resident() - before < 2048, (before, resident())
    assert len(outbox.calls("crm")) < 260


def test_the_real_sender_tells_a_strict_webhook(desk, build, tmp_path):
    """Both programs as they are installed, to a server that believes only what is signed."""
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    with Webhook(secret) as target, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        text = (ROOT / "fixtures/connectors/webhook.yaml").read_text(encoding="utf-8").replace("https://hooks.example", target.url)
        outbox.db.execute("SELECT handback.add_target('hook', 'P', %s)", (text,))
        (outbox.credentials / "hook.webhook_secret").write_text(secret)
        (outbox.credentials / "hook.webhook_secret").chmod(0o600)
        desk.redeem("A")
        desk.redeem("B")
        outbox.start(HANDBACK_LIBEXEC="")

        def told():
            return {(v["data"]["reference"].lower(), v["data"]["state"]) for k, v in list(target.taken.items()) if k.startswith("redemption")}
        a, b = desk.references["A"], desk.references["B"]
        outbox.wait(lambda: told() == {(a, "open"), (b, "open")})
        desk.deliver([("A", "OK"), ("B", "KO")])
        outbox.wait(lambda: told() >= {(a, "confirmed"), (b, "reversed")})
        assert secret not in outbox.log.read_text()


def test_one_credential_for_another_as_connectors_md_has_it(desk, build, tmp_path):
    """A login in the role claims; a missing credential stops the target, a new one is read after pause and resume."""
    first, second = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    desk.db.execute("DROP ROLE IF EXISTS teller")
    desk.db.execute("CREATE ROLE teller LOGIN IN ROLE handback_outbox")
    with Webhook(first) as target, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        def put(secret):
            new = outbox.credentials / "new"
            new.write_text(secret + "\n")
            new.chmod(0o600)
            new.rename(outbox.credentials / "hook.webhook_secret")

        def taken():
            return {v["data"]["reference"] for k, v in list(target.taken.items()) if k.startswith("redemption")}

        text = (ROOT / "fixtures/connectors/webhook.yaml").read_text(encoding="utf-8").replace("https://hooks.example", target.url)
        outbox.db.execute("SELECT handback.add_target('hook', 'P', %s)", (text,))
        desk.redeem("A")
        outbox.start("--database", desk.database.conninfo("teller"), HANDBACK_LIBEXEC="")
        outbox.wait(lambda: outbox.query("SELECT state, reason FROM handback.target_now") == [("stopped", "the credential webhook_secret is missing")])
        put(first)
        desk.ctl("target", "resume", "hook")
        outbox.wait(lambda: taken() == {desk.references["A"]})
        target.secrets = (second,)
        put(second)
        desk.ctl("target", "pause", "hook", "--why", "a new key")
        desk.ctl("target", "resume", "hook")
        desk.redeem("B")
        outbox.wait(lambda: taken() == {desk.references["A"], desk.references["B"]})
        assert outbox.stop() == 0
    desk.db.execute("DROP ROLE teller")
