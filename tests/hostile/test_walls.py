"""README's table of trust, tried: each program does what its column "never" says, and the kernel does not let it."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
SERVICE = 65534  # a user without rights, as the service's is

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give anything away")


# ---------------------------------------------------------------- root beside a service's user

@pytest.fixture
def state():
    """STATE, the service's own, beside a directory of root's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hb-walls-"))
    folder.chmod(0o755)
    (folder / "roots").mkdir(mode=0o711)
    (folder / "profiles").mkdir()
    own = folder / "state"
    own.mkdir(mode=0o750)
    os.chown(own, SERVICE, SERVICE)
    (folder / "handback.yaml").write_text(f"database:\n  embedded: {own}/postgres\nspool: {own}/spool\n"
                                          f"profiles: {folder}/profiles\nreports: {own}/reports\ncontrol: {own}/control\n")
    yield folder
    shutil.rmtree(folder)


def ctl(folder, *arguments):
    done = subprocess.run([BUILD / "ctl/handbackctl", "--config", folder / "handback.yaml", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "runtime error" not in done.stderr, done
    return done.stderr


def is_untouched(folder):
    found = os.stat(folder / "roots")
    return (found.st_uid, found.st_gid, found.st_mode & 0o7777, os.listdir(folder / "roots")) == (0, 0, 0o711, [])


@as_root
@pytest.mark.parametrize("command", [("holds",), ("migrate",), ("nightly",)], ids=" ".join)
@pytest.mark.parametrize("link", ["postgres", "spool"])
def test_root_gives_nothing_to_the_service_that_planted_a_link(state, link, command):
    (state / "state" / link).symlink_to(state / "roots")
    os.chown(state / "state" / link, SERVICE, SERVICE, follow_symlinks=False)
    said = ctl(state, *command)
    if link == "spool":
        assert "root does not follow a link that another user can put there" in said, said
    else:  # it is the service's user by then, whose own links are its own affair
        assert f"{state}/state/postgres: Permission denied" in said, said
    assert is_untouched(state)


@as_root
def test_root_is_the_services_user_before_it_touches_the_spool(state, need):
    need("strace")
    config = state / "handback.yaml"
    config.write_text(config.read_text().replace(f"embedded: {state}/state/postgres", "conninfo: host=/nonexistent"))
    trace = state / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", "trace=setresuid,setgroups,mkdirat,openat",
                    BUILD / "ctl/handbackctl", "--config", config, "nightly"], capture_output=True, timeout=120)
    calls = trace.read_text(errors="replace").splitlines()
    change = next(i for i, call in enumerate(calls) if re.search(rf"setresuid\({SERVICE}, {SERVICE}, {SERVICE}\) += 0", call))
    assert any(re.search(r"setgroups\(.* += 0$", call) for call in calls[:change])
    assert not [call for call in calls[:change] if "O_CREAT" in call or "mkdirat" in call]
    made = list((state / "state").rglob("*"))
    assert made and {p.lstat().st_uid for p in made} == {SERVICE}
