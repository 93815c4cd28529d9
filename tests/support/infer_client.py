"""`handbackctl profile infer` and `lint`, and a person who answers what was left open."""
import re
import subprocess

from world import CTL


def infer(build, path):
    return subprocess.run([build / CTL, "profile", "infer", path], capture_output=True, text=True, timeout=60)


def lint(build, path):
    done = subprocess.run([build / CTL, "profile", "lint", path], capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if re.match(re.escape(str(path)) + r":\d+:", line) and ": warning: " not in line]


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith((".expected", ".md", "SOURCES.txt")))


def completed(text):
    """As a person would: each word that was left open means something."""
    text = text.replace("partner: PARTNER", "partner: P").replace("programme: PROGRAMME", "programme: N")
    text = re.sub(r"^#     (.*?):\s+# decide: .*$", r"    \1: accepted", text, flags=re.M)
    return re.sub(r" *#.*?decide: .*$", "", text, flags=re.M)
