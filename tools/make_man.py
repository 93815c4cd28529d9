#!/usr/bin/python3
"""Manual pages from what the programs say of themselves, so that the two cannot differ; that of profiles from its document, by lowdown.

    make_man.py handbackctl.1       HANDBACKCTL OUT
    make_man.py handbackd.8         HANDBACKD OUT
    make_man.py handback.conf.5     HANDBACKD OUT
    make_man.py handback-profile.5  docs/profiles.md OUT LOWDOWN
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def escape(text):
    """A line that roff shows as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def literal(text):
    return [".nf", *map(escape, text.rstrip("\n").split("\n")), ".fi"]


def say(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={"NO_COLOR": "1", "LC_ALL": "C.UTF-8"}).stdout


def head(name, section, summary):
    return [f".TH {name.upper()} {section} 2026-11-30 handback handback", ".SH NAME", f"{name} \\- {escape(summary)}"]


def exit_status():
    rows = re.findall(r"= (\d+),\s*/\* (.*?) \*/", (ROOT / "lib/base/exit_codes.h").read_text())
    return [".SH EXIT STATUS", *(line for code, words in rows for line in (".TP", f".B {code}", escape(words)))]


def see_also(*pages):
    return [".SH SEE ALSO", ", ".join(f"\\fB{escape(p[:-2])}\\fR({p[-1]})" for p in pages)]


def handbackctl(program):
    top = say(program, "--help")
    commands = re.findall(r"^  ([a-z][a-z ]*?)  +\S", top.split("Options of every command")[0], re.M)
    out = head("handbackctl", 1, top.split("\n")[0].split(": ", 1)[1])
    out += [".SH SYNOPSIS", ".B handbackctl", "[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...",
            ".SH DESCRIPTION", *literal(top.split("\n\n", 2)[2]), ".SH COMMANDS"]
    for command in commands:
        text = say(program, *command.split(), "--help")
        out += [f".SS {command}", *literal(text.split("\n", 1)[1].strip("\n"))]
    out += exit_status()
    out += [".SH ENVIRONMENT", ".TP", ".B NO_COLOR", "set and not empty: no colours", ".TP", ".B COLUMNS",
            "width of tables where the terminal's is not known"]
    return out + see_also("handbackd.8", "handback.conf.5", "handback-profile.5")


def handbackd(program):
    text = say(program, "--help")
    out = head("handbackd", 8, "watches inbound directories and has partners' hand-back files reconciled")
    out += [".SH SYNOPSIS", *literal(text.split("\n")[0].removeprefix("usage: ")), ".SH DESCRIPTION",
            *literal(text.split("\n\n", 1)[1])]
    return out + exit_status() + see_also("handbackctl.1", "handback.conf.5", "systemd.exec.5")


def configuration(program):
    out = head("handback.conf", 5, "configuration of handback (handback.yaml)")
    out += [".SH DESCRIPTION", "YAML. Mistakes are reported with file, line and column, several at a time; a bad file is never",
            "taken, the configuration before it stays in force. \\fBhandbackd \\-\\-check\\fR looks at it and changes nothing.",
            ".SH OPTIONS"]
    for line in say(program, "--options").splitlines():
        name, kind, default, when, words = line.split("\t")
        out += [".TP", f".B {escape(name)}", escape(words) + ".", f"\\fI{escape(kind)}\\fR, default: {escape(default)};",
                "taken at " + {"reload": "a reload", "restart": "a restart"}[when] + "."]
    out += [".SH EXAMPLE", *literal((ROOT / "systemd/handback.yaml").read_text())]
    return out + see_also("handbackd.8", "handback-profile.5")


def profile(document, lowdown):
    """The document as a page: its title gives way to the page's own, and fixed width to bold, as mandoc knows it."""
    page = say(lowdown, "-s", "-Tman", "--parse-no-intraemph", "--nroff-nolinks", document)
    page = re.sub(r"\\f(C|\(CR)", r"\\fB", page)
    page = re.sub(r"^\.(SH|SS)\n", r".\1 ", page, flags=re.M)
    page = re.sub(r"^(\.S[HS] .*\n)\.[LP]P\n", r"\1", page, flags=re.M)
    page = re.sub(r"^\\fB(\S+\.\S+)\\fR$", lambda m: r"\fB" + m[1].replace(".", r".\:") + r"\fR", page, flags=re.M)  # a key may break in a narrow column
    body = page.split(".SH Profiles\n", 1)[1]
    return [r"'\" t", *head("handback-profile", 5, "how a partner's files are read and judged"), ".SH DESCRIPTION", ".ad l",
            body.rstrip("\n"), *see_also("handbackctl.1", "handback.conf.5")]


PAGES = {"handbackctl.1": handbackctl, "handbackd.8": handbackd, "handback.conf.5": configuration,
         "handback-profile.5": profile}

if __name__ == "__main__":
    page, source, target, *tools = sys.argv[1:]
    pathlib.Path(target).write_text("\n".join(PAGES[page](source, *tools)) + "\n", encoding="utf-8")
