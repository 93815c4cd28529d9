"""How exposed each unit is, by systemd's own measure, as installed and with each drop-in that is shipped as an example."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = sorted(p.name[:-len(".in")] for p in (ROOT / "systemd").glob("*.service.in"))
DROP_INS = sorted((p.parent.name[:-len(".d")], p.name) for p in (ROOT / "systemd").glob("*.service.d/*.conf"))
WITH_NETWORK, WITHOUT = 1.0, 0.5
# it reads kept copies for whoever may see them, and nothing else: Landlock leaves it two folders
READS_COPIES, PAST_MODES, ITS_COST = "handback-desk@.service", "CAP_DAC_READ_SEARCH", 0.1
ALIKE = 0.11  # one systemd counts a little unlike another

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def network(text):
    """Has it one, by the last that is said of it?"""
    said = re.findall(r"^PrivateNetwork=(\w+)", text, re.M)
    return not said or said[-1] in ("no", "false", "0", "off")


def exposure(folder, name, text):
    path = folder / name
    path.write_text(text)
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path], capture_output=True, text=True).stdout
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", out)[1])


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_hardly_exposed(unit, build, tmp_path):
    text = (build / "systemd" / unit).read_text()
    score = exposure(tmp_path, unit, text)
    assert score <= (WITH_NETWORK if network(text) else WITHOUT) + (ITS_COST if unit == READS_COPIES else 0) + 1e-9, score


@pytest.mark.parametrize("unit, drop_in", DROP_INS)
def test_a_drop_in_costs_what_it_says(unit, drop_in, build, tmp_path):
    """A site's own choice, told beforehand: "goes from 0.4 to about 1.1"; "rises by about 0.1"; nothing."""
    text = (ROOT / f"systemd/{unit}.d" / drop_in).read_text()
    before = (build / "systemd" / unit).read_text()
    was, now = exposure(tmp_path, unit, before), exposure(tmp_path, unit, before + "\n" + text)
    told = re.search(r"What it costs: .*?(?=\n\[)", text, re.S)[0].replace("\n# ", " ")
    goes, rises = re.search(r"goes from (\d\.\d) to about (\d\.\d)", told), re.search(r"rises by about (\d\.\d)", told)
    if goes:
        assert (was, now) == pytest.approx((float(goes[1]), float(goes[2])), abs=ALIKE), f"from {was} to {now}: {told}"
    elif rises:
        assert now - was == pytest.approx(float(rises[1]), abs=ALIKE), f"from {was} to {now}: {told}"
    else:
        assert now <= was and re.search(r"does not change|nothing", told), f"from {was} to {now}: {told}"


def test_the_measure_can_fail(build, tmp_path):
    """Without the sandbox a unit is as exposed as any."""
    text = (build / "systemd/handbackd.service").read_text()
    assert exposure(tmp_path, "handbackd.service", text.split("# --- the sandbox")[0]) > 5


def test_only_who_fetches_and_who_sends_has_a_network(build):
    assert {u for u in UNITS if network((build / "systemd" / u).read_text())} == {"handback-fetch@.service", "handback-send@.service"}


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_gives_up_privileges(unit, build):
    text = (build / "systemd" / unit).read_text()
    assert re.findall(r"^NoNewPrivileges=(\w+)", text, re.M)[-1:] == ["yes"]
    assert re.findall(r"^CapabilityBoundingSet=(.*)", text, re.M)[-1:] == [PAST_MODES if unit == READS_COPIES else ""]
