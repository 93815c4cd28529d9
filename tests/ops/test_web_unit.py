"""The pages by their units, in the booted system and by its own PostgreSQL: started by a connection, and logged in by the map as docs/pages.md has it."""
import json
import shutil

import booted
import pytest
from booted import wait


def why_not():
    return booted.why_not() if shutil.which("pg_createcluster") else "postgresql-common is not installed"


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]
TOOLS = "/usr/lib/handback-test"
# A browser behind the proxy: opens a link, sends its form, and gets the pages that it is told; one line of JSON for each answer.
BROWSER = """import http.client, json, re, socket, sys
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect("/run/handback-web.sock")
cookie = None
def ask(method, path, body=None, kind="application/x-www-form-urlencoded"):
    global cookie
    c = Unix("handback.example")
    headers = {"Sec-Fetch-Site": "same-origin", **({"Cookie": cookie} if cookie else {})}
    if body is not None:
        headers["Content-Type"] = kind
    c.request(method, path, body, headers)
    answer = c.getresponse()
    if answer.headers.get("Set-Cookie"):
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    text = answer.read().decode()
    print(json.dumps([answer.status, answer.headers.get("Set-Cookie", ""), text]), flush=True)
    return text
link, paths = json.load(sys.stdin)
if link:
    code = re.search('name="code" value="([0-9a-f.]+)"', ask("GET", link)).group(1)
    ask("POST", "/login", "code=" + code)
for path in paths:
    page = ask("GET", path)
    if path == "/try":
        form = re.search('action="/try"[^>]*><input type="hidden" name="form" value="([0-9a-f]+)"', page).group(1)
        part = "--b\\r\\nContent-Disposition: form-data; name="
        ask("POST", path, part + '"form"\\r\\n\\r\\n' + form + "\\r\\n" + part + '"file"; filename="a.csv"\\r\\n\\r\\nreference,points\\r\\nR1,100\\r\\nR2,200\\r\\n\\r\\n--b--\\r\\n',
            "multipart/form-data; boundary=b")
"""
# Runs in a desk's place, with its unit's walls and without those that the program puts up itself.
TRIES = """import errno, json, os, socket
connection = socket.socket(fileno=3)
known = json.loads(connection.recv(100000))

def local(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.connect(path)

def some(what):
    # it reads past modes, so that what is closed to it is there and empty
    if not what:
        raise FileNotFoundError(errno.ENOENT, "nothing")

tries = {
    "may: reach the database": lambda: local("/var/run/postgresql/.s.PGSQL.5432"),
    "may: read what was archived": lambda: some(open("/var/lib/handback/spool/archive/kept").read()),
    "may: read the configuration": lambda: open(known["etc"] + "/handback.yaml").read(),
    "list what comes in": lambda: some(os.listdir("/var/lib/handback/spool/incoming")),
    "write into the archive": lambda: open("/var/lib/handback/spool/archive/new", "w"),
    "read reports": lambda: some(os.listdir("/var/lib/handback/reports")),
    "read a partner's directory": lambda: some(os.listdir("/srv/handback")),
    "read the machine's passwords": lambda: some(open("/etc/shadow").read()),
    "reach handbackd": lambda: local("/run/handback/control"),
    "have another desk": lambda: local("/run/handback-desk.sock", socket.SOCK_SEQPACKET),
    "have a network": lambda: socket.socket(socket.AF_INET),
    "read another's descriptors": lambda: os.listdir(f"/proc/{known['pid']}/fd"),
    "write into the system": lambda: open("/etc/new", "w"),
    "become root": lambda: os.setuid(0),
}
for name, attempt in tries.items():
    try:
        attempt()
        what = "worked"
    except OSError as e:
        what = errno.errorcode.get(e.errno, str(e))
    connection.send(json.dumps([name, what]).encode())
"""
ASKS = """import socket, sys
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect("/run/handback-desk.sock")
c.send(sys.argv[1].encode())
while said := c.recv(100000):
    print(said.decode(), flush=True)
"""


@pytest.fixture(scope="module")
def system(build):
    machine = booted.Booted()
    machine.patience, machine.watched = 30, ("handback-web.service", "handback-desk@*", "handback-desk.socket")
    try:
        folder = machine.install(build)
        machine.etc_folder = folder
        (folder / "handback.yaml").write_text("database:\n  conninfo: dbname=handback\nspool: /var/lib/handback/spool\n"
                                              f"profiles: {machine.etc}/profiles\nweb: https://handback.example\nsources: []\n")
        tools = machine.up / TOOLS.lstrip("/")
        tools.mkdir(parents=True)
        for name, text in (("browser.py", BROWSER), ("tries.py", TRIES), ("asks.py", ASKS)):
            (tools / name).write_text(text)
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("sh", "-c", """set -e; useradd alice; useradd bob; echo bytes >/run/bytes
            for file in srv/handback/there var/lib/handback/spool/archive/kept var/lib/handback/spool/incoming/there var/lib/handback/reports/there; do
                install -d -o handback -g handback -m 0700 /$(dirname $file); install -o handback -g handback -m 0400 /run/bytes /$file; done""")
        machine.run("sh", "-c", "pg_lsclusters -h | grep -q . || pg_createcluster $(ls /usr/lib/postgresql | sort -n | tail -1) main", timeout=120)
        # the map and the line of docs/pages.md, above the others
        machine.run("sh", "-c", """cd $(ls -d /etc/postgresql/*/main | tail -1) &&
            printf 'handback-pages handback-desk alice\\nhandback-pages handback-desk bob\\nhandback-pages alice alice\\nhandback-pages bob bob\\n' >>pg_ident.conf &&
            sed -i '1i local handback alice,bob peer map=handback-pages' pg_hba.conf""")
        machine.run("sh", "-c", "pg_lsclusters -h | while read -r version name rest; do pg_ctlcluster $version $name start; done; true")
        as_user(machine, "postgres", "createdb", "handback")
        as_user(machine, "postgres", machine.ctl, "migrate", "--database", "dbname=handback")
        as_user(machine, "postgres", "psql", "-Xq", "handback", "-c",
                "CREATE ROLE alice LOGIN IN ROLE handback_operator; CREATE ROLE bob LOGIN IN ROLE handback_finance; CREATE ROLE carol LOGIN IN ROLE handback_operator")
        machine.run("systemctl", "start", "handback-desk.socket", "handback-web.socket")
        yield machine
    finally:
        machine.close()


def as_user(system, user, *command, **more):
    return system.run("runuser", "-u", user, "--", *command, **more)


def link_of(system, person):
    said = json.loads(as_user(system, person, system.ctl, "web", "login", "--database", "dbname=handback", "--json").stdout)
    return said["done"]["link"].partition("8425")[2]


def browse(system, link, *paths):
    out = as_user(system, "nobody", "/usr/bin/python3", f"{TOOLS}/browser.py", stdin=json.dumps([link, paths])).stdout
    return [json.loads(line) for line in out.splitlines()]


def test_a_link_opens_the_pages_as_its_person(system):
    assert system.show("handback-web.service", "ActiveState") == "inactive"
    for person, decides in (("alice", True), ("bob", False)):
        _, entered, today, shops = browse(system, link_of(system, person), "/", "/marketplace")
        assert entered[0] == 303 and "__Host-handback=" in entered[1] and "Secure" in entered[1], entered
        assert today[0] == 200 and f"<span>{person}</span>" in today[2]
        assert ("Propose a change" in shops[2]) is decides
    assert as_user(system, "postgres", "psql", "-XAtq", "handback", "-c", "SELECT person FROM handback.web_login ORDER BY at").stdout.split() == ["alice", "bob"]


def test_a_file_is_tried_by_a_unit_of_its_own(system):
    """The sandbox of what reads it stands within the unit's: a profile is inferred."""
    *_, tried = browse(system, link_of(system, "bob"), "/try")
    assert tried[0] == 200 and "nothing was changed" in tried[2] and "partner: PARTNER" in tried[2], tried[2] + system.journal("handback-try@*")
    assert system.show("handback-try.socket", "ActiveState") == "active"
    done = as_user(system, "handback-web", "/usr/bin/python3", "-c", "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('/run/handback-try.sock')", check=False)
    assert "PermissionError" in done.stderr, "a desk asks, and nobody else"


def test_who_is_not_in_the_map_is_not_let_in(system):
    """A desk logs in as those whom the map names, and as nobody else that the database knows."""
    code = "6361726f6c." + "0" * 64  # carol
    assert [answer[0] for answer in browse(system, f"/login?code={code}", "/")] == [200, 403, 303]
    assert "carol" in system.journal("handback-desk@*")


def test_nobody_else_has_a_desk(system):
    done = as_user(system, "nobody", "/usr/bin/python3", f"{TOOLS}/asks.py", "{}", check=False)
    assert "PermissionError" in done.stderr
    done = as_user(system, "handback-web", "psql", "-XAtq", "-U", "alice", "handback", "-c", "SELECT 1", check=False)
    assert done.returncode != 0 and "authentication failed" in done.stderr, "the pages' face is in no map"


def test_a_desk_sees_the_database_and_kept_copies_alone(system):
    system.run("sh", "-c", f"mkdir -p /run/systemd/system/handback-desk@.service.d && printf '[Service]\\nExecStart=\\nExecStart="
               f"/usr/bin/python3 {TOOLS}/tries.py\\n' >/run/systemd/system/handback-desk@.service.d/tries.conf && systemctl daemon-reload")
    try:
        done = as_user(system, "handback-web", "/usr/bin/python3", f"{TOOLS}/asks.py", json.dumps({"etc": system.etc, "pid": 1}))
    finally:
        system.run("sh", "-c", "rm -r /run/systemd/system/handback-desk@.service.d && systemctl daemon-reload")
    what = dict(json.loads(line) for line in done.stdout.splitlines())
    assert len(what) == TRIES.count(": lambda: ") and all((said == "worked") == name.startswith("may: ") for name, said in what.items()), json.dumps(what)


def test_it_stops_in_good_time(system):
    wait(lambda: browse(system, None, "/healthz")[0][0] == 200, "the pages to answer", system)
    system.run("systemctl", "stop", "handback-web.socket", "handback-web.service", "handback-desk.socket", timeout=40)
    assert system.show("handback-web.service", "Result") == "success"
