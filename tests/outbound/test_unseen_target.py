"""A target that nobody has seen: a made-up API, told, refused, locked, and read back by a connector that is written here, and no code.

Its description, as a vendor would write it:

    POST /v3/tenants/acme/points-events:import   {"source": "...", "events": [{"eventKey": …, "kind": …, "person": …, "delta": …}, …]}
        at most 20 events; header X-Tenant-Key.  207 {"outcome": {"stored": [{"eventKey"}], "rejected": [{"eventKey", "fault": {"name"}}]}}
        faults: PERSON_UNKNOWN (final), BUSY (later).  429 with Retry-After.
    POST /v3/tenants/acme/points-events:search   {"keys": [{"eventKey": …}, …]}   ->  {"page": {"items": [{"event": {…}}], "cursor": null}}
        delta is a decimal text ("-100.00" never comes: whole points).
"""
import json

import pytest

import targets
from outbox import Outbox
from worker import Desk

CONNECTOR = """
method: POST
batch: 20
headers: {X-Client: handback}
login: {kind: header, name: X-Tenant-Key, secret: tenant_key}
answer:
  status: {delivered: [207]}
  code: fault.name
  rows: {list: outcome.stored, failed: outcome.rejected, key: eventKey, code: fault.name}
  codes: {retry: [BUSY], held: [PERSON_UNKNOWN], stop: [TENANT_CLOSED]}
objects:
  log:
    url: "URL/v3/tenants/acme/points-events:import"
    record: {eventKey: "${id}", kind: "${line}", person: "${member}", delta: "${effect|text}", at: "${logged_at|ms}", note: "of ${partner}"}
    body: {source: handback, events: "${records}"}
    read:
      url: "URL/v3/tenants/acme/points-events:search"
      body: {keys: "${records}"}
      each: "${id}"
      batch: 20
      list: page.items
      more: page.cursor
      key: event.eventKey
      compare: {event.kind: "${line}", event.delta: "${effect}"}
"""


class Unseen(targets.Target):
    def __init__(self):
        self.events, self.busy, self.unknown, self.page = {}, set(), set(), 20
        super().__init__()

    def answer(self, method, path, headers, body):
        if headers.get("X-Tenant-Key") != "k3y" or headers.get("X-Client") != "handback":
            raise targets.Refused(401, {"fault": {"name": "NO_KEY"}}, {})
        said = json.loads(body)
        if (method, path) == ("POST", "/v3/tenants/acme/points-events:import"):
            assert set(said) == {"source", "events"} and 1 <= len(said["events"]) <= 20
            return 207, {"outcome": self.take(said["events"])}, {}
        assert (method, path) == ("POST", "/v3/tenants/acme/points-events:search") and set(said) == {"keys"}
        found = [{"event": self.events[key]} for key in said["keys"] if key in self.events]
        return 200, {"page": {"items": found[:self.page], "cursor": "next" if len(found) > self.page else None}}, {}

    def take(self, events):
        stored, rejected = [], []
        for e in events:
            assert set(e) == {"eventKey", "kind", "person", "delta", "at", "note"} and isinstance(e["delta"], str) and isinstance(e["at"], int)
            fault = "PERSON_UNKNOWN" if e["kind"] in self.unknown else "BUSY" if e["eventKey"] in self.busy else None
            self.busy.discard(e["eventKey"])
            if fault:
                rejected.append({"eventKey": e["eventKey"], "fault": {"name": fault}})
            else:
                self.events[e["eventKey"]] = e
                stored.append({"eventKey": e["eventKey"]})
        return {"stored": stored, "rejected": rejected}


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


def test_a_target_that_nobody_has_seen_needs_yaml_alone(desk, build, tmp_path):
    with Unseen() as target, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        (outbox.credentials / "hr.tenant_key").write_text("k3y")
        (outbox.credentials / "hr.tenant_key").chmod(0o600)
        path = tmp_path / "unseen.yaml"
        path.write_text(CONNECTOR.replace("URL", target.url))
        desk.ctl("target", "lint", path)
        desk.ctl("target", "add", "hr", "P", path)
        for n in range(24):
            desk.redeem(f"R{n}")
        keys = {n: f"{desk.references[f'R{n}']}-debit" for n in range(24)}
        target.busy = {keys[3]}
        outbox.start(HANDBACK_LIBEXEC="")
        outbox.wait(lambda: set(target.events) == set(keys.values()))  # one was busy, and came again
        target.unknown = {"confirmation"}
        desk.deliver([(f"R{n}", "OK" if n == 5 else "KO") for n in range(4, 8)])
        outbox.wait(lambda: len(target.events) == 27 and outbox.query("SELECT later, held FROM handback.target_status") == [(0, 1)])
        assert outbox.query("SELECT key, why FROM handback.delivery_object_now WHERE result = 'held'") == [
            (f"{desk.references['R5']}-confirmation", "PERSON_UNKNOWN")]
        assert sum(int(e["delta"]) for e in target.events.values()) == -24 * 100 + 3 * 100

        # the night: it lost one, has another otherwise, and gives pages of four
        with target.lock:
            del target.events[keys[0]]
            target.events[keys[1]] = {**target.events[keys[1]], "delta": "-1"}
            target.page = 4
        desk.nightly()

        def run():
            return json.loads(desk.ctl("target", "parity", "hr", "--json").stdout)["parity"][0]
        outbox.wait(lambda: run()["result"] == "done", 60)
        assert {name: run()[name] for name in ("objects", "missing", "differing", "resent", "open")} == {
            "objects": 27, "missing": 1, "differing": 1, "resent": 2, "open": 0}
        outbox.wait(lambda: keys[0] in target.events and target.events[keys[1]]["delta"] == "-100")
