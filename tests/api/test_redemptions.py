"""A short run of tests/proofs/redemptions.py: callers with and without keys, while gate, api and server are killed."""
import pathlib
import sys

from case_table import case

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "proofs"))
import redemptions  # noqa: E402


@case("API: no redemption lost and none doubled, whatever is killed")
def test_kills_against_an_oracle(build):
    kills = 2 * len(redemptions.KILLS)
    wrong, killed, requests, asked = redemptions.prove(build.resolve(), 300, seed=7, callers=8, kills=kills, pause=(0.02, 0.15))
    assert not wrong, "\n".join(wrong[:20])
    assert set(killed) == set(redemptions.KILLS) and requests > 300
    done = [a for a in asked if a.told and a.told[0][0] == "000"]
    assert len(done) > 150 and any(a.returns for a in done) and any(not a.keyed for a in done) and any(len(a.told) > 1 for a in done)


def test_the_oracle_sees_what_is_wrong(database):
    """A debit that nobody asked for, one that was asked for and does not stand, a balance, a second reversal that is told it did it."""
    redemptions.fill(database)
    with database.connect() as c:
        reference, = c.execute("SELECT upper(external_reference::text) FROM ledger.redeem_points('P', 'M30', 5, 'K1', 30)").fetchone()
        c.execute("SELECT ledger.redeem_points('P', 'M31', 5, 'U9', 30)")
    good = redemptions.Asked("K1", "M30", 5, True)
    good.told = [("000", reference)]
    other = redemptions.Asked("U9", "M31", 5, False)
    other.doubt = True
    assert list(redemptions.differences(database, [good, other])) == []
    assert len(list(redemptions.differences(database, [good]))) == 2
    other.doubt, other.told = False, [("302", None)]
    assert len(list(redemptions.differences(database, [good, other]))) == 2
    lost = redemptions.Asked("K2", "M32", 5, True)
    lost.told = [("000", "x")]
    other.doubt, other.told = True, []
    assert len(list(redemptions.differences(database, [good, other, lost]))) == 1
    good.told.append(("000", "y"))
    good.returns = [("R1", ["000"]), ("R2", ["000"])]
    assert len(list(redemptions.differences(database, [good, other]))) == 4
