"""handback-login: who comes to the pages by another system's word."""
import getpass
import http.client
import re
import socket

import pytest
import redemption_api
import web
import world as worlds

ME = getpass.getuser()
NOT_ME = "nobody" if ME != "nobody" else "root"


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build, members=5, redemptions=5) as made:
        yield made


@pytest.fixture(scope="module")
def pages(world):
    with web.Web(world) as made:
        made.role("ann")
        made.role("fay", "handback_finance")
        with world.database.connect() as c:
            for role, how in (("rob", "LOGIN"), ("gone", "NOLOGIN IN ROLE handback_operator"), ("boss", "LOGIN SUPERUSER")):
                c.execute(f"DO $$ BEGIN CREATE ROLE {role} {how}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        yield made


@pytest.fixture(scope="module")
def proxy(pages):
    return pages.vouch("proxy:", f"  user: {ME}", "  header: X-Remote-User", "people: [ann.lee@example.com = ann, Fay  Ö = fay, rob = rob, gone = gone, boss = boss, a=b = ann]")


def links(world):
    return world.query("SELECT person, way, identity, authenticated_at FROM handback.web_link ORDER BY made_at")


def enters(pages, location):
    """The browser of whoever goes on from there."""
    browser = web.Browser(pages)
    entered = browser.send(browser.get(location), "/login")
    assert (entered.status, entered.location) == (303, "/"), entered.text + pages.log("handback-desk")
    return browser


# ---------------------------------------------------------------- a proxy's header

@pytest.mark.parametrize("name, person, role", [("ann.lee@example.com", "ann", "handback_operator"), ("Fay  Ö".encode(), "fay", "handback_finance"), ("a=b", "ann", None)])
def test_whom_the_proxy_names_opens_their_own_pages(name, person, role, world, pages, proxy):
    given = proxy.get("/login/proxy", X_Remote_User=name)
    assert given.status == 303 and re.fullmatch(rf"/login\?code={person.encode().hex()}\.[0-9a-f]{{64}}", given.location), given.text
    assert given.headers["Cache-Control"] == "no-store" and given.headers["Referrer-Policy"] == "same-origin"
    assert links(world)[-1] == (person, "proxy", name.decode() if isinstance(name, bytes) else name, None)
    ann = enters(pages, given.location)
    assert person in ann.get("/").text
    again = web.Browser(pages)
    assert again.send(again.get(given.location), "/login").status == 403, "a link is good once"
    assert given.location.partition(".")[2] not in pages.log("handback-login")


@pytest.mark.parametrize("name", ["ann", "ANN.LEE@example.com", "ann.lee@example.com ann", "nobody", "rob", "gone", "boss", "", "x" * 256, b"\xff", b"\xe2\x80\xaeann", "ann.lee@example.com, ben"])
def test_whom_nobody_knows_gets_no_link(name, world, proxy):
    """Not listed, no person of the pages, may not log in, a superuser, no name at all: and all hear the same."""
    before = links(world)
    page = proxy.get("/login/proxy", X_Remote_User=name)
    assert page.status == 403 and ("not one of the people" in page.text or name == ""), page.text
    assert links(world) == before


def raw(where, *lines):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(where))
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = http.client.HTTPResponse(s)
        answer.begin()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("lines, status", [
    (("X-Remote-User: ann.lee@example.com", "X-Remote-User: ann.lee@example.com"), 400),
    (("X-Remote-User: ann.lee@example.com", "x-remote-user: fay"), 400),
    (("X-Remote-User:", "X-Remote-User: ann.lee@example.com"), 400),
    (("X_Remote_User: ann.lee@example.com",), 403),
    (("X-Remote-User : ann.lee@example.com",), 400),
    (("X-Remote-User: ann.lee@example.com", "Sec-Fetch-Mode: no-cors"), 403),
    (("Cookie: X-Remote-User=ann.lee@example.com",), 403),
    ((), 403)])
def test_a_header_that_is_not_the_proxys_one(lines, status, world, proxy):
    before = links(world)
    assert raw(proxy.where, "GET /login/proxy HTTP/1.1", "Host: handback.example", *lines)[0] == status
    assert links(world) == before


@pytest.mark.parametrize("line", ["POST /login/proxy HTTP/1.1", "GET http://other.example/login/proxy HTTP/1.1", "GET /login/proxy/ HTTP/1.1", "GET /LOGIN/PROXY HTTP/1.1"])
def test_a_request_that_is_none_of_ours(line, world, proxy):
    before = links(world)
    assert raw(proxy.where, line, "Host: handback.example", "X-Remote-User: ann.lee@example.com")[0] in (400, 404, 405, 501)
    assert links(world) == before


def test_who_is_not_the_proxy_is_not_heard(world, pages):
    """The kernel says whose connection it is: the socket's mode is not all that keeps others away."""
    stranger = pages.vouch("proxy:", f"  user: {NOT_ME}", "  header: X-Remote-User", name="stranger")
    before = links(world)
    page = stranger.get("/login/proxy", X_Remote_User="ann")
    assert (page.status, links(world)) == (403, before) and "not the proxy" in page.text
    stranger.process.terminate()
    assert stranger.process.wait(10) == 0


def test_without_a_list_a_name_is_the_login(world, pages):
    plain = pages.vouch("proxy:", f"  user: {ME}", "  header: X-Remote-User", name="plain")
    assert plain.get("/login/proxy", X_Remote_User="ann").status == 303
    assert plain.get("/login/proxy", X_Remote_User="postgres").status == 403
    # the server goes on without it: it ends, for its unit to begin another
    with world.database.connect() as c:
        c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-login' ORDER BY backend_start DESC LIMIT 1")
    assert plain.get("/login/proxy", X_Remote_User="ann").status == 503
    assert plain.process.wait(10) == 6


def test_its_role_makes_links_and_does_nothing_else(world):
    with world.database.connect() as c:
        c.execute("SET ROLE handback_login")
        rights = c.execute("""SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname !~ '^(pg_|information)' AND has_function_privilege(p.oid, 'EXECUTE')""").fetchall()
        tables = c.execute("""SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname !~ '^(pg_|information)' AND c.relkind IN ('r', 'v', 'p', 'm') AND has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')""").fetchall()
    assert [r[0].partition("(")[0] for r in rights] == ["handback.make_web_link_for"] and tables == [("handback_schema.migration",)]


@pytest.mark.parametrize("lines, said", [
    (("proxy:", "  header: X-Remote-User"), "say whose proxy it is"),
    (("proxy:", f"  user: {ME}", "  header: Cookie"), "a name of its own"),
    (("proxy:", f"  user: {ME}", "  header: X-Remote-User", "people: [ann]"), "'=' and a login"),
    (("proxy:", f"  user: {ME}", "  header: X-Remote-User", "people: [a = ann, 'a=ben']"), "stands here twice"),
    (("proxy:", "  user: nobody-of-this-name", "  header: X-Remote-User"), "no user of this machine"),
    (("people: [a = ann]",), "nobody vouches"),
    (("proxi:", f"  user: {ME}"), "proxi")])
def test_what_cannot_be_meant_does_not_start(lines, said, pages):
    before = len(pages.log("handback-login")) if (pages.folder / "handback-login.log").exists() else 0
    wrong = pages.vouch(*lines, name="wrong")
    assert wrong.process.wait(10) not in (0, None) and said in pages.log("handback-login")[before:]
