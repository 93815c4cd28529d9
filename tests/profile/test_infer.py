"""handbackctl profile infer: a first profile of any sample, whatever it is; never more than a guess."""
import os
import pathlib
import random
import re
import subprocess

import pytest

import parse_client
from infer_client import completed, files, infer, lint
from world import ROOT

FIXTURES = ROOT / "fixtures"
SAMPLES = ROOT.parent / "shared/samples"
# a profile that the sample alone cannot complete lacks just what is marked for a person
OPEN = ("verdict is missing", "match is missing", "is a placeholder", "still to decide", "neither member nor points nor amount")


def packed(path):
    head = path.read_bytes()[:16]
    return head.startswith((b"PK\3\4", b"\x1f\x8b", b"-----BEGIN PGP"))


@pytest.mark.parametrize("path", [*files(FIXTURES / "layouts"), *files(FIXTURES / "demo"), *files(SAMPLES)],
                         ids=lambda p: p.name)
def test_every_sample_gives_a_profile_or_a_reason(build, path, tmp_path):
    done = infer(build, path)
    if done.returncode:
        assert done.returncode == 2 and done.stdout == "", done.stderr
        assert re.fullmatch(r"handbackctl: .*: (it|its|nothing|no) .*\n", done.stderr), done.stderr
        return
    assert not packed(path)
    assert done.stdout.isascii() and done.stderr == ""
    proposed = tmp_path / "inferred.yaml"
    proposed.write_text(done.stdout)
    mistakes = lint(build, proposed)
    assert all(any(word in line for word in OPEN) for line in mistakes), (mistakes, done.stdout)
    assert sum("is a placeholder" in line for line in mistakes) == 2, mistakes
    for word in OPEN[:2]:  # and it says so itself
        assert (word in " ".join(mistakes)) == (f"# {word.split()[0]}: " in done.stdout or
                                                (word[0] == "v" and "# verdict:" in done.stdout)), done.stdout


@pytest.mark.parametrize("folder, profile", [("aurora", "aurora"), ("skyline", "skyline"), ("polaris", "polaris")])
def test_reads_as_many_records_as_the_profile_that_we_ship(build, folder, profile):
    path = files(FIXTURES / "demo/1" / folder)[0]
    done = infer(build, path)
    assert done.returncode == 0, done.stderr
    ours = parse_client.parse(completed(done.stdout).encode(), path)
    shipped = parse_client.parse(FIXTURES / f"profiles/{profile}.yaml", path)
    assert not shipped.end["refused"]
    assert not ours.end["refused"], [f for kind, f in ours.frames if kind == "refusal"]
    assert ours.end["records"] == shipped.end["records"] > 50
    keys = ("external_reference", "points", "member", "date")
    assert [[r.get(k) for k in keys] for r in ours.records] == [[r.get(k) for k in keys] for r in shipped.records]


def test_finds_the_totals(build):
    text = infer(build, files(FIXTURES / "demo/1/skyline")[0]).stdout
    assert "= count(answer)" in text and "= sum(answer.points)" in text


ROWS = [(f"R{i:05d}", 100 + i * 7, "OK" if i % 5 else "KO") for i in range(40)]


@pytest.mark.parametrize("make, expected", [
    (lambda: "ref;points;status\r\n" + "".join(f"{r};{p};{s}\r\n" for r, p, s in ROWS), ["newline: crlf", '";"', "header: names"]),
    (lambda: "".join(f"{r}\t{p}\t{s}\n" for r, p, s in ROWS), ["delimiter: tab", "newline: lf"]),
    (lambda: "".join(f"{r}|{p}|{s}\r" for r, p, s in ROWS), ["newline: cr,", '"|"']),
    (lambda: "".join(f"{r}{p:08d}{s}   {i:04d}" for i, (r, p, s) in enumerate(ROWS)), ["format: fixed", "newline: none, record_length: 23"]),
    (lambda: "".join(f"{r}{p:08d}{s}\n" for r, p, s in ROWS), ["format: fixed", "length: 16"]),
    (lambda: "".join('{"ref": "%s", "points": %d, "status": "%s"}\n' % row for row in ROWS), ["format: json_lines", 'path: "/"']),
    (lambda: '{"list": [%s]}' % ", ".join('{"ref": "%s", "points": %d, "status": "%s"}' % row for row in ROWS),
     ["format: json", 'path: "/list[]"']),
    (lambda: "<a:x xmlns:b='urn:b' xmlns='urn:n' xmlns:a='urn:t'>%s</a:x>" % "".join(
        f"<a:r k='{r}'><a:p>{p}</a:p><a:s>{s}</a:s></a:r>" for r, p, s in ROWS), ["format: xml", 'namespace: "urn:t"', 'path: "/x/r"']),
    (lambda: "<a:x xmlns:a='urn:t'>%s</a:x>" % "".join(f"<a:r k='{r}'><a:p>{p}</a:p><a:s>{s}</a:s></a:r>" for r, p, s in ROWS),
     ["format: xml", 'namespace: "urn:t"', 'path: "/x/r"', 'at: "@k"']),
])
def test_tells_the_families_apart(build, tmp_path, make, expected):
    sample = tmp_path / "sample"
    sample.write_bytes(make().encode())
    done = infer(build, sample)
    assert done.returncode == 0, done.stderr
    for line in expected:
        assert line in done.stdout, done.stdout
    inferred = tmp_path / "i.yaml"
    inferred.write_text(done.stdout)
    assert all(any(word in line for word in OPEN) for line in lint(build, inferred)), done.stdout


@pytest.mark.parametrize("codec, word", [("utf-8", "encoding: utf-8"), ("latin-1", "encoding: iso-8859-1"),
                                         ("cp1252", "encoding: windows-1252"), ("cp037", "encoding: ibm037")])
def test_tells_the_encoding(build, tmp_path, codec, word):
    name = "Žan€" if codec == "cp1252" else "MARIA" if codec == "cp037" else "João"
    newline = "" if codec == "cp037" else "\n"
    sample = tmp_path / "sample"
    sample.write_bytes("".join(f"{r}{p:08d}{name:6}{s}{newline}" for r, p, s in ROWS).encode(codec))
    done = infer(build, sample)
    assert done.returncode == 0, done.stderr
    assert word in done.stdout


def test_says_both_when_a_date_is_ambiguous(build, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text("ref,points,status,done\n" + "".join(f"{r},{p},{s},{1 + i % 9:02d}/05/2026\n" for i, (r, p, s) in enumerate(ROWS)))
    assert "all fit DD/MM/YYYY; decide: all fit MM/DD/YYYY as well" in infer(build, sample).stdout
    sample.write_text(sample.read_text().replace("09/05/2026", "29/05/2026"))
    assert "all fit DD/MM/YYYY\n" in infer(build, sample).stdout


@pytest.mark.parametrize("headings, member", [
    ("Referenz;Vielflieger-Nr;Meilen;Betrag;Ergebnis", "Vielflieger-Nr"), ("Référence;Membre;Points;Montant;Statut", "Membre"),
    ("Referencia;Socio;Puntos;Importe;Estado", "Socio"), ("Riferimento;Socio;Punti;Importo;Stato", "Socio"),
    ("Referência;Sócio Titular;Pontos;Valor;Resultado", "Sócio Titular"), ("Referentie;Lidnummer;Punten;Bedrag;Status", "Lidnummer")])
def test_knows_headings_in_six_languages_and_thousands_by_the_other_columns(build, tmp_path, headings, member):
    """1.137 miles beside 5,68 of money are eleven hundred: read as decimals they would confirm everything for a point each."""
    sample = tmp_path / "sample.csv"
    sample.write_text(headings + "\nA1;M77;1.137;5,68;OK\nA2;M78;950;12,30;KO\nA3;M77;2.250;1.003,10;OK\n")
    text = infer(build, sample).stdout
    assert re.search(r'points: \{at: \S+, thousands: "\."\} ', text), text
    assert re.search(r'amount: \{at: \S+, type: amount, point: ",", thousands: "\.", decimals: 2-2', text), text
    assert re.search(r"^      member: ", text, re.M) and re.search(r"^      status: ", text, re.M) and "match: [outbound_reference]" in text, text
    read = parse_client.parse(completed(text).encode(), sample)
    assert [(r["points"], r["amount"], r["member"], r["verdict"]) for r in read.records] == \
        [(1137, 568, "M77", "accepted"), (950, 1230, "M78", "rejected"), (2250, 100310, "M77", "accepted")], text


@pytest.mark.parametrize("heading, cells, written", [
    ("points", ("1.137", "2.250"), 'points: {at: points, thousands: "."} '),  # points are whole
    ("price", ("1.137", "2.250"), 'point: ".", decimals: 3-3'),
    ("price", ("1.137", "2.25"), 'point: ".", decimals: 2-3'),
    ("price", ("1.137.000", "2.250"), 'points: {at: price, thousands: "."}'),
    ("price", ("1,137.50", "2.25"), 'point: ".", thousands: ",", decimals: 2-2'),
    ("price", ("1'137", "2'222"), 'points: {at: price, thousands: "\'"}'),
    ("price", ("12.34,56", "1"), "type: id"),
])
def test_tells_a_point_from_thousands_or_asks(build, tmp_path, heading, cells, written):
    sample = tmp_path / "sample.csv"
    sample.write_text(f"ref;{heading};status\n" + "".join(f"R000{i};{c};OK\n" for i, c in enumerate(cells)))
    text = infer(build, sample).stdout
    assert written in text, text
    assert ("decide: or is it" in text) == (cells == ("1.137", "2.250")), text


def test_few_records_below_headings_are_of_one_type(build, tmp_path):
    sample = tmp_path / "sample.csv"
    for rows in range(1, 9):
        sample.write_text("ref,points,status\n" + "".join(f"A{i},{p},{s}\n" for i, (_, p, s) in enumerate(ROWS[:rows])))
        text = infer(build, sample).stdout
        assert text.count("role: ") == 1 and "when:" not in text, text


def test_what_only_a_person_knows_does_not_pass_as_known(build, tmp_path):
    sample, profile = tmp_path / "s.csv", tmp_path / "p.yaml"
    sample.write_text("ref,points,status\n" + "".join(f"{r},{p},{s}\n" for r, p, s in ROWS))
    text = infer(build, sample).stdout
    profile.write_text(text)
    assert sorted(line.split(": ", 1)[1] for line in lint(build, profile) if "still to decide" not in line) == \
        ["partner: PARTNER is a placeholder: say which partner it is", "programme: PROGRAMME is a placeholder: say which programme it is"]
    profile.write_text(completed(text))
    assert lint(build, profile) == []


def test_a_running_number_is_neither_key_nor_points(build, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text("line,ref,points,status\n" + "".join(f"{i + 1000},{r},{p},{s}\n" for i, (r, p, s) in enumerate(ROWS)))
    text = infer(build, sample).stdout
    assert re.search(r"line: \{at: line, type: integer, runs: \{from: 1000\}\}", text), text
    assert re.search(r"points: \{at: points\}", text) and "match: [outbound_reference]" in text


@pytest.mark.parametrize("data, says", [
    (b"", "it is empty"), (b"\x1f\x8b\x08\0\0\0", "packed by gzip"), (b"PK\3\4....", "it is a zip"),
    (b"-----BEGIN PGP MESSAGE-----\n", "OpenPGP"), (b"\xff\xfea\0", "UTF-16"), (b"x", "no newline"),
    (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DOCTYPE"), (b"\n\n\n\n", "neither a delimiter"), (b"{", "no record"),
])
def test_says_why_it_proposes_nothing(build, tmp_path, data, says):
    sample = tmp_path / "sample"
    sample.write_bytes(data)
    done = infer(build, sample)
    assert done.returncode == 2 and says in done.stderr and done.stdout == "", (done.stdout, done.stderr)


@pytest.mark.parametrize("seed", range(12))
def test_noise_ends_in_an_answer(build, tmp_path, seed):
    """Broken pieces of real samples and pure noise: a profile or a reason, never a crash, and nothing unescaped."""
    rng = random.Random(seed)
    source = rng.choice(files(FIXTURES / "layouts")).read_bytes() if seed % 3 else rng.randbytes(20000)
    data = bytearray(source)
    for _ in range(rng.randrange(1, 60)):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.randrange(4)] = rng.randbytes(rng.randrange(6))
    sample = tmp_path / "sample"
    sample.write_bytes(data[:rng.randrange(1, len(data) + 1)])
    done = infer(build, sample)
    assert done.returncode in (0, 2), (seed, done.stderr)
    assert all(c == "\n" or " " <= c <= "~" for c in done.stdout)


def test_a_name_cannot_leave_its_comment_or_its_quotes(build, tmp_path):
    sample = tmp_path / "a\nprofile: b\x1b[31m.csv"
    sample.write_bytes(b'"ref\\""x\nverdict: []","poin\xe2\x80\xaets",status\n' +
                       b"".join(f"{r},{p},{s}\n".encode() for r, p, s in ROWS))
    done = infer(build, sample)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("profile:", "verdict:"))] == \
        [line for line in done.stdout.splitlines() if re.match(r"profile: inferred +#|verdict:$", line)]
    inferred = tmp_path / "i.yaml"
    inferred.write_text(done.stdout)
    assert all(any(word in line for word in OPEN) for line in lint(build, inferred)), done.stdout


def test_a_huge_file_is_looked_at_in_part(build, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text("ref,points,status\n" + "".join(f"{r},{p},{s}\n" for r, p, s in ROWS) * 20000)
    os.truncate(sample, 1 << 30)  # zeros behind the rows, and nothing on the disk
    done = infer(build, sample)
    assert done.returncode == 0, done.stderr
    assert "its beginning" in done.stdout


def test_no_two_fields_have_one_name(build, tmp_path):
    """A heading may be the word that another column was given: the profile would not be read."""
    sample = tmp_path / "sample.csv"
    sample.write_text("Ref,Status,Processed,Column 3\n" + "".join(f"R{n:05},{'x' * (n % 40)} was told {n},{('done', 'open')[n % 2]},{n * 7}\n" for n in range(60)))
    done = subprocess.run([build / "ctl/handbackctl", "profile", "infer", sample], capture_output=True, text=True, timeout=60)
    names = re.findall(r"^      (\w+): \{at:", done.stdout, re.M)
    assert done.returncode == 0 and len(names) == len(set(names)) == 4 and "status" in names, done.stdout + done.stderr
