"""One redemption through a shop, as a member and finance see it: in Debian's chromium, driven by Playwright."""
import json
import os
import pathlib
import subprocess
import threading
import types

import pytest

import opponents
import web
from case_table import case
from catalogue_world import RATE, SSO, open_catalogue, points, settings, tap
from redemption_api import Api
from shop import Shop
from shop_pages import ShopPages

pytestmark = pytest.mark.all_only
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def chromium():
    return opponents.chromium()


@pytest.fixture
def books(database, build, tmp_path):
    """What the pages of finance stand on: one database with a catalogue, and no partners."""
    config = tmp_path / "handback.yaml"
    (tmp_path / "spool").mkdir()
    config.write_text(f"database:\n  conninfo: \"{database.conninfo()}\"\nspool: {tmp_path}/spool\nprofiles: {tmp_path}\nreports: {tmp_path}/reports\n"
                      f"control: {tmp_path}/control\nsources: []\n")
    return types.SimpleNamespace(build=build, database=open_catalogue(database), config=config,
                                 environment=lambda: {**os.environ, "HANDBACK_CONFIG": str(config), "NO_COLOR": "1"})


def browse(chromium, told, unfulfilled):
    """redeem.mjs, to its end; unfulfilled() is what happens in the middle."""
    with subprocess.Popen(["node", HERE / "redeem.mjs"], cwd=opponents.folder(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "HOME": "/tmp"}) as node:
        deadline = threading.Timer(300, node.kill)
        deadline.start()
        try:
            node.stdin.write(json.dumps({"chromium": chromium, **told}) + "\n")
            node.stdin.flush()
            if node.stdout.readline() == "unfulfilled\n":
                unfulfilled()
                node.stdin.write("done\n")
                node.stdin.flush()
            said, complaint = node.communicate()
        finally:
            deadline.cancel()
    assert node.returncode == 0, complaint
    return json.loads(said)


@case("Catalogue: in a real browser: tap, land signed in, buy, voucher unfulfilled, points back in the report")
def test_a_member_redeems_in_a_real_browser(chromium, build, books):
    with Api(build, books.database) as api, ShopPages(Shop(api, SSO, RATE)) as shop, web.Web(books) as pages:
        settings(books.database, address=f"{shop.url}/enter")
        with books.database.connect() as c:
            c.execute("SELECT catalogue.add_delivery_key('P', %s)", (shop.shop.make_raw_key(),))
        shop.application(lambda: tap(api))
        pages.role("fin", "handback_finance")
        finance = {"base": pages.on_loopback(), "link": pages.link("fin"), "report": "/reports/transactions?merchant=Plum&columns=category,points,redemption,order"}
        seen = browse(chromium, {"app": f"{shop.url}/app", "finance": finance}, lambda: shop.unfulfilled("o2"))
        referrers = shop.server.referrers

    assert seen["landed"]["url"] == f"{shop.url}/catalogue" and seen["landed"]["passwords"] == 0
    assert seen["landed"]["balance"] == "5000" and seen["landed"]["offers"][0].startswith("Tea: 1000 points")
    assert (seen["kept"]["status"], seen["kept"]["balance"], seen["lost"]["balance"]) == ("ordered", "4000", "1500")
    assert seen["after"] == {"status": "canceled", "balance": "4000"} and points(books.database) == 4000
    assert referrers == [None, None] and seen["again"] == 403, "the code stands in no referrer, and opens nothing twice"
    back, sums = seen["report"]
    assert sums.split("\t")[1:] == ["Redemption Reversal", "1", "2,500", "2,500"]
    assert back.split("\t") == ["Redemption Reversal", "2,500", seen["lost"]["reference"], "o2"]
    with books.database.connect() as c:
        assert c.execute("SELECT category, change FROM ledger.transaction WHERE merchant = 'Plum' ORDER BY entry_id").fetchall() == [
            ("Debit By Redemption", -1000), ("Debit By Redemption", -2500), ("Redemption Reversal", 2500)]
    return f"landed with {seen['landed']['balance']} points, {seen['lost']['reference']} came back"
