"""Completion by the real shells: each asks the program, which knows the site's partners, files, sources and profiles."""
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from world import CTL, ROOT, World

PLACE = ROOT / "ctl/completion"


@pytest.fixture(scope="module")
def world(cluster, build):
    with World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.run()
        yield made


@pytest.fixture(scope="module")
def environment(build):
    return {"PATH": f"{(build / CTL).parent}:{os.environ['PATH']}", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def offered(world, *words):
    done = subprocess.run([world.build / CTL, "complete", "--", *map(str, words)], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def bash(line, environment, cwd):
    script = f'. {PLACE}/handbackctl; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _handbackctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", script, "bash", *line], env=environment, cwd=cwd, text=True, capture_output=True, timeout=60, check=True).stdout.split("\n")[:-1]


def fish(line, environment, cwd):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    typed = " ".join(word.replace(" ", "\\ ") for word in line)
    done = subprocess.run(["fish", "--no-config", "-c", f"source {PLACE}/handbackctl.fish; complete -C '{typed}'"], env={**environment, "HOME": str(cwd)}, cwd=cwd,
                          text=True, capture_output=True, timeout=60, check=True)
    return [row.split("\t")[0] for row in done.stdout.splitlines()]


def zsh(line, environment, cwd):
    """Typed on a terminal, with a TAB: the words of the line as that left it."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    typed = " ".join(word.replace(" ", "\\ ") for word in line)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    setup = f"PS1=; unsetopt zle_bracketed_paste list_ambiguous; fpath=({PLACE} $fpath); autoload -Uz compinit; compinit -u -D; bindkey -e; print rea''dy\n"
    seen = b""

    def until(what):
        nonlocal seen
        deadline = time.monotonic() + 30
        while what not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536)
    try:
        os.write(terminal, setup.encode())
        until(b"ready")
        seen = b""
        os.write(terminal, f"{typed}\t\x01print -r -- @@ \x05 @@\n".encode())  # the line as TAB left it, printed
        until(b"\n@@ ")
        until(b" @@\r\n")
        return seen[seen.rindex(b"\n@@ ") + 4:seen.rindex(b" @@\r\n")].decode().split()
    finally:
        os.close(terminal)
        os.waitpid(child, 0)


def test_what_the_program_offers(world):
    site = ("--config", world.config)
    assert {"files", "hold", "holds", "report", "audit"} <= set(offered(world, ""))
    assert offered(world, "hold", "app") == ["approve"] and "--partner" in offered(world, "files", "--pa")
    assert offered(world, *site, "files", "--partner", "SKY") == ["SKYLINE"]
    assert "1" in offered(world, *site, "show", "") and [n for n in offered(world, *site, "show", "SKY") if n.startswith("SKYLINE_")]
    assert "skyline" in offered(world, *site, "source", "probe", "") and "skyline" in offered(world, *site, "profile", "show", "sky")
    assert "sequence_gap" in offered(world, *site, "holds", "--reason", "seq")
    assert offered(world, *site, "hold", "show", "") == [str(n) for n, in world.query("SELECT hold_id FROM handback.hold_open ORDER BY 1 DESC")]
    assert "json" in offered(world, "files", "--format", "") and offered(world, "nonsense", "x") == offered(world, "profile", "infer", "./") == []
    # where no site can be reached nothing is offered, and it is no error for a shell
    done = subprocess.run([world.build / CTL, "complete", "--", "--config", "/nonexistent", "files", "--partner", ""], text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("shell", [bash, zsh, fish])
def test_a_shell_completes(shell, world, environment, tmp_path):
    (tmp_path / "sample.csv").touch()
    site = ["handbackctl", "--config", str(world.config)]
    for line, expected in ((["handbackctl", "statu"], "status"), (["handbackctl", "hold", "app"], "approve"), ([*site, "files", "--partner", "SKYL"], "SKYLINE"),
                           (["handbackctl", "profile", "infer", "samp"], "sample.csv")):
        assert expected in shell(line, environment, tmp_path), line
