"""The file of checkpoints as the package makes it: whoever is the service appends to it, and does nothing else to it."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = "/var/lib/handback-checkpoints"
GROUP, USER = "daemon", "65534"  # nobody, in the group that the service has

pytestmark = pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None or os.geteuid() != 0, reason="systemd-tmpfiles, by root")


@pytest.fixture
def made(request):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="handback-checkpoints-", dir="/var/tmp"))
    folder.chmod(0o755)
    lines = re.findall(rf"^\w {PLACE}.*$", (ROOT / "systemd/handback.tmpfiles").read_text(), re.M)
    assert [line[0] for line in lines] == ["d", "f", "h"]
    (folder / "lines").write_text("\n".join(lines).replace(PLACE, f"{folder}/place").replace(" handback ", f" {GROUP} ") + "\n")
    for _ in range(2):  # an upgrade makes it again
        subprocess.run(["systemd-tmpfiles", "--create", folder / "lines"], check=True)
    yield folder / "place/checkpoints"
    subprocess.run(["chattr", "-a", folder / "place/checkpoints"], check=False)
    shutil.rmtree(folder)


def as_the_service(script, path):
    done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "sh", "-c", script, "sh", path],
                          capture_output=True, text=True)
    return done.returncode


def test_nobody_of_ours_takes_one_back(made):
    assert as_the_service('echo one >>"$1" && echo two >>"$1"', made) == 0
    for attempt in ('rm -f "$1"', 'mv "$1" "$1.away"', 'touch "$(dirname "$1")/other"', 'ln -f /etc/hostname "$1"', 'chmod 600 "$1"',
                    'cp /etc/hostname "$(dirname "$1")/x" && mv "$(dirname "$1")/x" "$1"', 'chattr -a "$1"'):
        assert as_the_service(attempt, made) != 0, attempt
    assert made.read_text() == "one\ntwo\n"


def test_where_the_file_system_knows_the_attribute_nothing_is_shortened(made):
    if "a" not in subprocess.run(["lsattr", made], capture_output=True, text=True).stdout.split(" ")[0]:
        pytest.skip("this file system has no append-only attribute")
    assert as_the_service('echo one >>"$1"', made) == 0
    for attempt in (': >"$1"', 'truncate -s 2 "$1"', 'printf x | dd of="$1" conv=notrunc status=none', 'sed -i s/one/two/ "$1"'):
        assert as_the_service(attempt, made) != 0, attempt
    assert made.read_text() == "one\n"
