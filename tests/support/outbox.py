"""One handback-outbox under a test's hand, and what its targets were told.

    with Outbox(database, build, folder) as outbox:
        outbox.connector("crm", batch=5)       # a connector whose sender is tests/support/fake_sender.py
        outbox.start()
        outbox.wait(lambda: outbox.kept("crm").get(reference) == "confirmed")
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

FAKE = pathlib.Path(__file__).with_name("fake_sender.py")
CONNECTOR = """\
method: POST
batch: {batch}
answer: {{rows: {{result: success, delivered: ["true"]}}}}
objects:
  redemption: {{url: "http://127.0.0.1:1/", record: {{r: "${{reference}}"}}, body: {{records: "${{records}}"}}}}
{more}# fake: {fake}
"""
BALANCE = '  balance: {url: "http://127.0.0.1:1/", record: {m: "${member}"}, body: {records: "${records}"}}\n'
LOG = '  log: {url: "http://127.0.0.1:1/", record: {i: "${id}"}, body: {records: "${records}"}}\n'


class Outbox:
    def __init__(self, database, build, folder, fake=True):
        self.database, self.build, self.folder = database, build, pathlib.Path(folder)
        self.libexec = self.folder / "libexec"
        self.libexec.mkdir(exist_ok=True)
        if fake:
            shutil.copy(FAKE, self.libexec / "handback-send")
        self.credentials = self.folder / "credentials"
        self.credentials.mkdir(exist_ok=True)
        self.log = self.folder / "log"
        self.process = None
        self.db = database.connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.db.close()

    def connector(self, name, batch=5, balance=False, log=False):
        """Names a target of programme P, whose sender is the fake."""
        text = CONNECTOR.format(batch=batch, more=BALANCE * balance + LOG * log, fake=json.dumps({"store": str(self.store(name))}))
        self.db.execute("SELECT handback.add_target(%s, 'P', %s)", (name, text))

    def store(self, name):
        return self.folder / f"{name}.store"

    def behave(self, name, **said):
        path = pathlib.Path(f"{self.store(name)}.behave")
        path.with_suffix(".new").write_text(json.dumps(said), encoding="utf-8")
        path.with_suffix(".new").rename(path)

    def start(self, *more, prefix=(), **environment):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                [*prefix, str(self.build / "outbound/handback-outbox"), "--database", self.database.conninfo("handback_outbox"), "--credentials",
                 str(self.credentials), *more], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "HANDBACK_LIBEXEC": str(self.libexec), **environment})
        return self

    def stop(self, seconds=15):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def lines(self, name):
        path = self.store(name)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def calls(self, name):
        return [line["call"] for line in self.lines(name) if "call" in line]

    def kept(self, name, kind="redemption"):
        """{key: the object} as a strict target keeps it: an older version never overwrites a newer one."""
        kept = {}
        for line in self.lines(name):
            if line.get("kind") == kind and line["version"] >= kept.get(line["key"], line)["version"]:
                kept[line["key"]] = line
        return kept

    def states(self, name):
        return {key: o["state"] for key, o in self.kept(name).items()}

    def query(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def wait(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text(errors="replace")[-2000:]
            assert self.process is None or self.process.poll() is None, f"{self.process.returncode}: " + self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.05)
