"""The pages: handback-web and handback-desk over a world, and browsers of people, without a script.

    with web.Web(world) as pages:
        ann = pages.person("ann")                  # logged in by a link of `handbackctl web login`
        page = ann.get("/holds/1")                 # page.status, page.headers, page.text
        ann.send(page, "/holds/propose", decision="reverse", why="...")     # a form of that page
"""
import contextlib
import html
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import urllib.parse

import redemption_api
from redemption_api import until


class Page:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def location(self):
        return self.headers.get("Location")

    def forms(self):
        """{action: {name: value}} of the hidden fields of each form that is sent."""
        return {html.unescape(action): {html.unescape(name): html.unescape(value) for name, value in
                                        re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', inside)}
                for action, inside in re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', self.text, re.S)}


class Browser:
    def __init__(self, web):
        self.web, self.cookie, self.where = web, None, web.socket

    def request(self, method, path, fields=None, **headers):
        connection = redemption_api.Unix(self.where)
        sent = {"Sec-Fetch-Site": "same-origin", **({"Cookie": self.cookie} if self.cookie else {})}
        body = None
        if fields is not None:
            body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        try:
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            answer = connection.getresponse()
            page = Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        if "Set-Cookie" in page.headers:
            self.cookie = page.headers["Set-Cookie"].split(";")[0]
        return page

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, fields, **headers):
        return self.request("POST", path, fields, **headers)

    def upload(self, page, name, content, **fields):
        """A file by the form of the dry run."""
        boundary = "----handback" + "7" * 16
        parts = [f'form-data; name="{field}"\r\n\r\n{value}'.encode() for field, value in {**page.forms()["/try"], **fields}.items()]
        parts.append(f'form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'.encode() + content)
        body = b"".join(f"--{boundary}\r\nContent-Disposition: ".encode() + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
        return self.request("POST", "/try", body, Content_Type=f"multipart/form-data; boundary={boundary}")

    def send(self, page, action, **fields):
        """A form of a page, filled in."""
        return self.post(action, {**page.forms()[action], **fields})


class Web:
    def __init__(self, world, plain=True, options=()):
        self.world, self.options = world, [*(["--plain"] if plain else []), *options]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="handback-web-", dir="/tmp"))
        self.socket = self.folder / "http"
        self.started = []

    def start(self, name, *arguments, ready):
        where = {"handback-web": "web", "handback-desk": "web/desk", "handback-try": "try", "handback-login": "login"}[name]
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([self.world.build / where / name, *arguments], stderr=log,
                                       env={**self.world.environment(), "HANDBACK_TRY_SOCKET": str(self.folder / "try")})
        self.started.append(process)
        until(lambda: ready.exists() or process.poll() is not None)
        return process

    def __enter__(self):
        desk, trying = self.folder / "desk", self.folder / "try"
        self.start("handback-try", "--config", self.world.config, "--listen", trying, ready=trying)
        self.desk = self.start("handback-desk", "--config", self.world.config, "--listen", desk, ready=desk)
        self.web = self.start("handback-web", "--desk", desk, "--listen", self.socket, *self.options, ready=self.socket)
        until(self.is_well)
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()

    def vouch(self, *lines, name="login"):
        """A handback-login, where lines of the configuration say who vouches: a browser of its socket, that may be gone again."""
        config, where = self.world.dir / f"{name}.yaml", self.folder / name
        config.write_text(self.world.config.read_text() + "\n".join(("login:", *("  " + line for line in lines))) + "\n")
        process = self.start("handback-login", "--config", config, "--listen", where, ready=where)
        until(lambda: b"msg=ready" in (self.folder / "handback-login.log").read_bytes() or process.poll() is not None)
        browser = Browser(self)
        browser.where, browser.process = where, process
        return browser

    def on_loopback(self):
        """The same for a real browser: where."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        where = f"127.0.0.1:{port}"
        self.start("handback-web", "--desk", self.folder / "desk", "--listen", where, *self.options, ready=self.socket)

        def answers():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return True
            return False
        until(answers)
        return f"http://{where}"

    def is_well(self):
        try:
            return Browser(self).get("/healthz").status == 200
        except (OSError, socket.timeout):
            return False

    def log(self, name="handback-web"):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def role(self, name, role="handback_operator"):
        with self.world.database.connect() as c:
            if not c.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall():
                c.execute(f'CREATE ROLE "{name}" LOGIN IN ROLE {role}')

    def link(self, name):
        """What `handbackctl web login` prints to that person: the path."""
        done = subprocess.run([self.world.build / "ctl/handbackctl", "web", "login", "--json", "--database", self.world.database.conninfo(name)],
                              capture_output=True, text=True, env=self.world.environment())
        assert done.returncode == 0, done.stderr
        return re.search(r"http://127\.0\.0\.1:8425(/login\?code=[0-9a-f.]+)", done.stdout).group(1)

    def person(self, name, role="handback_operator"):
        self.role(name, role)
        browser = Browser(self)
        page = browser.get(self.link(name))
        assert page.status == 200, page.text
        entered = browser.send(page, "/login")
        assert (entered.status, entered.location) == (303, "/"), (entered.status, entered.text, self.log("handback-desk"))
        return browser
