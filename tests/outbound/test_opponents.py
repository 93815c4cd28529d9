"""The targets that we test against, and what we send them, judged by clients that nobody here wrote (tests/opponents)."""
import json
import os
import re

import pytest

import opponents
import targets
from c_source import ROOT
from sender import Sender
from targets import redemption

pytestmark = pytest.mark.all_only
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def node():
    """node(script, *arguments, said=None): what it printed, as JSON."""
    opponents.folder()

    def run(script, *arguments, said=None):
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        done = opponents.node((ROOT / "tests/opponents" / script).read_text(), *arguments, input=said, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def connector(url):
    """The shipped one, with a fixed token."""
    text = (ROOT / "fixtures/connectors/salesforce.yaml").read_text().replace("https://your-domain.my.salesforce.com", url)
    login = text[text.index("login:"):text.index("answer:")]
    return text.replace(login, 'login: {kind: header, name: Authorization, begins: "Bearer ", secret: token}\n')


def test_a_client_of_collections_takes_our_simulator_for_one(node):
    """jsforce sends what we send, and reads our simulator's answers as those of the real one."""
    with targets.Salesforce() as target:
        target.tokens.add("token")
        records = [{"External_Reference__c": redemption(n)["reference"], "Points__c": n} for n in (1, 2, 3)]
        target.faults[records[1]["External_Reference__c"]] = "UNABLE_TO_LOCK_ROW"
        said = node("jsforce_upsert.mjs", target.url, "token", json.dumps(records))
        assert [r["success"] for r in said["results"]] == [True, False, True]
        assert said["results"][1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW" and said["results"][0]["created"] is True
        assert said["limit"]["apiUsage"] == {"used": target.calls, "limit": 5000}
        method, path, headers, body = target.requests[-1]
        assert (method, path) == ("PATCH", target.PATH) and headers["Authorization" if "Authorization" in headers else "authorization"] == "Bearer token"
        theirs = json.loads(body)
        assert theirs["allOrNone"] is False and theirs["records"][0]["attributes"] == {"type": "Redemption__c"}
        assert node("jsforce_upsert.mjs", target.url, "of-nobody", json.dumps(records))["error"] == "INVALID_SESSION_ID"

        # and ours has the same shape
        with Sender(connector(target.url), {"token": "token"}) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"
        method, path, _, body = target.requests[-1]
        ours = json.loads(body)
        assert (method, path, set(ours)) == ("PATCH", target.PATH, set(theirs)) and ours["records"][0]["attributes"] == theirs["records"][0]["attributes"]


def test_a_client_of_bulk_takes_our_simulator_for_one(node):
    """The whole dance of a job, by jsforce and by our sender: the same steps, and each row's result."""
    with targets.BulkSalesforce() as target:
        target.tokens.add("token")
        objects = [redemption(n) for n in (1, 2, 3)]
        target.faults[objects[1]["reference"]] = "DUPLICATE_VALUE"
        said = node("jsforce_bulk.mjs", target.url, "token", json.dumps(
            [{"External_Reference__c": o["reference"], "Points__c": o["points"], "Handback_Version__c": 1} for o in objects]))
        assert [r["External_Reference__c"] for r in said["successfulResults"]] == [objects[0]["reference"], objects[2]["reference"]]
        assert [r["sf__Error"].split(":")[0] for r in said["failedResults"]] == ["DUPLICATE_VALUE"] and said["unprocessedRecords"] == []
        theirs, target.requests = target.requests, []

        with Sender(connector(target.url), {"token": "token"}) as sender:
            job = sender.end(sender.start(objects[0], step="create"))[0]["job"]
            for step, of in (("upload", objects), ("close", objects[:1]), ("poll", objects[:1]), ("poll", objects[:1])):
                assert sender.end(sender.start(*of, step=step, job=job))[0]["result"] == "delivered"
            done, rows = sender.end(sender.start(*objects, step="results", job=job))
            assert done["result"] == "delivered" and {n: r["code"] for n, r in rows.items()} == {1: "DUPLICATE_VALUE"}

    def shape(requests):
        """Each step as it is asked for, once: whatever the job is called. A client asks for the kinds of results all at once: they have no order."""
        steps = [(method, re.sub("/750R[0-9]+", "/JOB", path).rstrip("/"), {k.lower(): v for k, v in headers.items()}.get("content-type", "").split(";")[0],
                  {"contentType": "CSV", **json.loads(body)} if method == "POST" else json.loads(body) if method == "PATCH" else None)
                 for method, path, headers, body in requests]
        once = [step for n, step in enumerate(steps) if step not in steps[:n]]
        results = [step for step in once if step[0] == "GET" and not step[1].endswith("/JOB")]
        return [step for step in once if step not in results], sorted(results)
    assert shape(target.requests) == shape(theirs)


def test_the_library_of_standard_webhooks_believes_us(node):
    with targets.Webhook(SECRET) as target:
        text = (ROOT / "fixtures/connectors/webhook.yaml").read_text().replace("https://hooks.example", target.url)
        with Sender(text, {"webhook_secret": SECRET}) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"
        _, _, headers, body = target.requests[0]

        def verify(body):
            return node("verify_webhook.mjs", said=json.dumps({"secret": SECRET, "body": body.decode(),
                                                               "headers": {k: v for k, v in headers.items() if k.startswith("webhook-")}}))
        assert verify(body)["verified"] == json.loads(body)
        assert "error" in verify(body.replace(b"confirmed", b"reversed "))
