"""Stoplight's Prism as a judge of answers: does each fit what our OpenAPI file says of it?

Prism stands as a proxy in front of a server that repeats an answer which was really given; so every request reaches the gate byte
for byte, also one that Prism would not let through or would write in another way.  What it says of requests is not looked at: most tests send
wrong ones.
"""
import copy
import http.client
import http.server
import json
import re
import socket
import subprocess
import tempfile
import threading
import time

import opponents

PROBLEM = "application/problem+json"
# of one connection, not of the answer
HOP = {"connection", "content-length", "transfer-encoding", "date", "keep-alive"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Repeats(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.answers[int(self.headers["X-Exchange"])]
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET


def by_media_type(document):
    """The document with each path twice: as answered by a problem below /problem, otherwise below /plain.

    Prism takes application/problem+json and application/json for one, and would hold every answer against the first that is listed.
    """
    paths = {}
    for path, calls in document["paths"].items():
        for prefix, is_problem in ("/problem", True), ("/plain", False):
            paths[prefix + path] = made = copy.deepcopy(calls)
            for call in (c for c in made.values() if "responses" in c):
                call.pop("operationId", None)
                for status, response in call["responses"].items():
                    while "$ref" in response:
                        response = copy.deepcopy(document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]])
                    if content := response.get("content"):
                        response["content"] = {kind: of for kind, of in content.items() if (kind == PROBLEM) == is_problem} or {
                            PROBLEM if is_problem else "application/json": {"schema": {"not": {}}}}
                    call["responses"][status] = response
    return {**document, "paths": paths}


class Prism:
    def __init__(self, document):
        self.violations, self.judged, self.lock = [], 0, threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repeats)
        self.server.daemon_threads, self.server.answers = True, {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.document = tempfile.NamedTemporaryFile("w", prefix="openapi-", suffix=".json")
        json.dump(by_media_type(json.loads(document.read_text())), self.document)
        self.document.flush()
        self.start()

    def start(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            [*opponents.program("prism"), "proxy", self.document.name, f"http://127.0.0.1:{self.server.server_address[1]}", "-p", str(self.port),
             "-m", "false", "-v", "silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "prism did not start"
                time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.server.shutdown()
        self.document.close()

    def judge(self, method, path, body, headers, status, answer_headers, answer_body):
        """Adds to self.violations what the answer breaks."""
        # what is no path, of the document or otherwise; and a redirection, which Prism would follow
        if "%00" in path or 300 <= status < 400:
            return
        with self.lock:
            number = self.judged = self.judged + 1
        self.server.answers[number] = status, list(answer_headers.items()), answer_body
        asked = {name: value for name, value in headers.items() if name.lower() in ("authorization", "content-type")}
        if method != "GET":  # what was asked may be no JSON at all: Prism would answer that itself
            body = "{}" if asked.get("Content-Type") == "application/json" else "x"
        if self.process.poll() is not None:
            self.start()
        kind = "/problem" if ("content-type", PROBLEM) in ((name.lower(), value) for name, value in answer_headers.items()) else "/plain"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            # what is escaped may be no UTF-8, which ends Prism; which path of the document it is, stays
            connection.request(method, kind + re.sub("%[0-9A-Fa-f]{0,2}|[^!-~]", "x", path), body, {**asked, "X-Exchange": str(number)})
            answer = connection.getresponse()
            got = answer.read()
        except OSError as why:
            self.violations.append(f"{method} {path}: {status}: Prism does not answer: {why!r}")
            return
        finally:
            connection.close()
            del self.server.answers[number]
        found = [v for v in json.loads(answer.headers.get("sl-violations", "[]")) if v["location"][0] == "response"]
        if answer.status != status:  # it did not ask, or did not give the answer back
            found.append({"message": f"Prism answers {answer.status}: {got[:400]!r}"})
        self.violations += [f"{method} {path}: {status}: {v}" for v in found]
