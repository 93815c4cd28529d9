"""Delimited and fixed-width files against Python's own readers, and public collections of nasty texts: what we take is
what Python takes, to the same values."""
import csv
import datetime
import io
import json
import random
import re
import zoneinfo

import pytest

import corpora
import parse_client
from share import share

CORPORA = corpora.CORPORA
TEXTS = ("merchant", "reason_text", "change", "programme", "partner_reference")

PROFILE = """
profile: lines
partner: LINES
programme: NS
format: delimited
zone: {zone}
bad_value: {bad}
framing: {{newline: {newline}, last_newline: optional}}
delimited: {{delimiter: ",", quote: '"', header: {header}}}
records:
  row:
    role: entry
    verdict: accepted
    fields:
      {fields}
match: [{match}]
check: none
"""


def profile(fields, *, header="none", newline="[lf, crlf]", bad="refuse", match="partner_reference", zone="UTC"):
    return PROFILE.format(fields="\n      ".join(fields), header=header, newline=newline, bad=bad, match=match,
                          zone=zone).encode()


def columns(names):
    """A profile for a table of texts, by the names of its columns."""
    fields = [f"{field}: {{at: {json.dumps(name)}, type: text, optional: yes}}" for field, name in zip(TEXTS, names)]
    return profile(fields, header="names", match=TEXTS[0])


def values(result, count):
    return [[r.get(field, "") for field in TEXTS[:count]] for r in result.records]


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")
@pytest.mark.parametrize("path", sorted((CORPORA / "csv-spectrum/csvs").glob("*.csv")), ids=lambda p: getattr(p, "stem", "none"))
def test_csv_spectrum(path):
    wanted = json.loads((CORPORA / "csv-spectrum/json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    names = list(wanted[0])
    result = parse_client.parse(columns(names), path)
    assert not result.refusals
    assert values(result, len(names)) == [[row[name] for name in names] for row in wanted]
    corpora.assert_little(columns(names), path)


ONE_TEXT = profile(["partner_reference: {at: 1}", "merchant: {at: 2, type: text, optional: yes}"])


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")
def test_utf8():
    """Each sequence alone: valid ones arrive, the others are refused at their first byte."""
    for name, data, valid in corpora.utf8_cases():
        if set(data) & set(b'\r\n",'):
            continue
        result = parse_client.parse(ONE_TEXT, b"A1,<" + data + b">\n")
        if b"\0" in data:
            assert result.rules == ["nul"] and result.refusals[0]["offset"] == 4 + data.index(b"\0"), name
        elif valid:
            assert result.records[0]["merchant"] == f"<{data.decode()}>", name
        else:
            assert result.rules == ["not_utf8"], name
            good = len((b"A1,<" + data + b">\n").decode("utf-8", "ignore"))
            assert 4 <= result.refusals[0]["offset"] < 4 + len(data), (name, good)


def naughty():
    path = CORPORA / "blns/blns.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def quoted(*fields):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(fields)
    return out.getvalue().encode()


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")
def test_naughty_strings(tmp_path):
    """As a text they arrive as they are; as an identifier only printable ASCII does; as points only digits do."""
    texts = [t for t in naughty() if t and not set(t) & set("\r\0")]
    (tmp_path / "naughty").write_bytes(b"".join(quoted("A1", t) for t in texts))
    text = parse_client.parse(ONE_TEXT, tmp_path / "naughty")
    corpora.assert_little(ONE_TEXT, tmp_path / "naughty")
    ids = parse_client.parse(profile(["partner_reference: {at: 1}"], bad="hold"), b"".join(map(quoted, texts)))
    points = parse_client.parse(profile(["partner_reference: {at: 1}", "points: {at: 2}"], bad="hold"),
                                b"".join(quoted("A1", t) for t in texts))
    assert [r.get("merchant", "") for r in text.records] == texts
    for t, by_id, by_points in zip(texts, ids.records, points.records, strict=True):
        fine = re.fullmatch(r"[!-~]+", t) and not re.fullmatch(r"[\d.,]+[eE]\+\d+", t)
        assert by_id.get("bad_value", False) == (not fine)
        assert by_id.get("partner_reference", t) == t
        assert by_points.get("bad_value", False) == (not re.fullmatch(r"[0-9]{1,18}", t) or int(t) == 0)


WORDS = ['"', '""', ",", "\n", "\r\n", "\r", " ", "\t", "a", "é", "5", "x,y", '"q"', '"a""b"', '"a\nb"', "'", ";", '\\"']


def polluted(dice):
    """A table that may be sound."""
    rows = [[dice.choice(["a", "b c", "5", "", 'say "x"', "two\nlines", "é,"]) for _ in range(3)]
            for _ in range(dice.randint(1, 6))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=dice.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])).writerows(rows)
    text = out.getvalue()
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        at = dice.randint(0, len(text))
        text = text[:at] + dice.choice(WORDS) + text[at + dice.choice([0, 0, 1]):]
    return text


def test_polluted_tables_against_csv():
    """Whatever we take, Python reads to the same values."""
    table = profile([f"{field}: {{at: {n}, type: text, optional: yes}}" for n, field in enumerate(TEXTS[:3], 1)],
                    newline="lf", match=TEXTS[0])
    dice, taken = random.Random(20261118), 0
    tables = share(200, 90)
    for _ in range(tables):
        text = polluted(dice)
        result = parse_client.parse(table, text.encode())
        if result.refusals:
            continue
        taken += 1
        assert values(result, 3) == list(csv.reader(io.StringIO(text, newline=""), strict=True)), repr(text)
    assert taken > tables / 4


def test_numbers_against_python():
    """Ten thousand of them: taken where a rule of plain text says so, to Python's integer."""
    dice = random.Random(7)
    alphabet = "0123456789" * 3 + "+-.,eE xX_٣"
    texts = ["".join(dice.choice(alphabet) for _ in range(dice.randint(1, 22))) for _ in range(7000)]
    texts += [str((1 << 63) + d) for d in range(-3, 3)] + [str(dice.getrandbits(dice.randint(1, 70))) for _ in range(3000)]
    fields = ["partner_reference: {at: 1}", "points: {at: 2, sign: before}",
              "amount: {at: 3, point: \".\", decimals: 0-3}"]
    data = "".join(f"R{n},{t if ',' not in t else '1'},{t if ',' not in t else '1'}\n" for n, t in enumerate(texts))
    result = parse_client.parse(profile(fields, bad="hold"), data.encode())
    assert len(result.records) == len(texts) and not result.refusals
    for text, record in zip((t if "," not in t else "1" for t in texts), result.records):
        whole = re.fullmatch(r"([+-]?)([0-9]{1,31})", text)
        points = int(text) if whole and 0 < abs(int(text)) < 1 << 63 else None
        assert (record.get("points", 0) == points) if points else ("points" not in record), (text, record)
        exact = re.fullmatch(r"([0-9]{1,28})(?:\.([0-9]{1,3}))?", text)
        cents = exact and exact[1] + (exact[2] or "").ljust(3, "0")
        amount = int(cents) // 10 if exact and int(cents) % 10 == 0 and int(cents) // 10 < 1 << 63 else None
        assert record.get("amount") == amount, (text, record)
        assert record.get("bad_value", False) == (points is None or amount is None)


def test_dates_against_python():
    dice = random.Random(9)
    days = [datetime.date(1, 1, 1) + datetime.timedelta(days=dice.randrange(3652058)) for _ in range(500)]
    texts = [d.strftime("%Y%m%d").rjust(8, "0") for d in days]
    texts += ["".join(dice.choice("0123456789") for _ in range(8)) for _ in range(1500)]
    texts += [f"{dice.choice(['1900', '2000', '2023', '2024'])}0229" for _ in range(20)]
    result = parse_client.parse(profile(["partner_reference: {at: 1}", "date: {at: 2, format: YYYYMMDD}"], bad="hold"),
                                "".join(f"R{n},{t}\n" for n, t in enumerate(texts)).encode())
    for text, record in zip(texts, result.records, strict=True):
        try:
            wanted = datetime.date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
        except ValueError:
            wanted = None
        assert record.get("date") == wanted, text


def changes(zone):
    """Local minutes around each change of the clocks, 2025 to 2030."""
    utc, step = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(days=1)
    offset = utc.astimezone(zone).utcoffset()
    while utc.year < 2031:
        after = (utc + step).astimezone(zone).utcoffset()
        if after != offset:
            low, high = utc, utc + step
            while high - low > datetime.timedelta(minutes=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
            edge = (high + offset).replace(tzinfo=None, second=0, microsecond=0)
            yield from (edge + datetime.timedelta(minutes=m) for m in (-61, -31, -1, 0, 1, 29, 30, 59, 60, 61))
        utc, offset = utc + step, after


def test_clock_changes_against_zoneinfo():
    """In every zone: local times that no clock shows are refused, and the others are their own day."""
    seen = 0
    every = share(1, 4)  # of the zones
    for name in sorted(zoneinfo.available_timezones())[::every]:
        if name.startswith(("posix", "right", "Etc", "SystemV")) or name in ("localtime", "Factory"):
            continue
        zone = zoneinfo.ZoneInfo(name)
        times = list(changes(zone))
        if not times:
            continue
        fields = ["partner_reference: {at: 1}", "date: {at: 2, format: \"YYYY-MM-DD HH:MI\"}"]
        result = parse_client.parse(profile(fields, bad="hold", zone=name),
                                    "".join(f"R,{t:%Y-%m-%d %H:%M}\n" for t in times).encode())
        for time, record in zip(times, result.records, strict=True):
            there = time.replace(tzinfo=zone).astimezone(datetime.timezone.utc).astimezone(zone).replace(tzinfo=None)
            exists = there == time
            assert record.get("date") == (time.date().isoformat() if exists else None), (name, time)
            seen += 1
    assert seen > 10000 / every


def test_endless_record(tmp_path):
    """A line, or a quoted value, that never ends is refused at its limit; a gigabyte of it is not read."""
    for start in (b"A1,", b'A1,"'):
        path = tmp_path / "endless"
        with open(path, "wb") as f:
            f.write(start)
            f.truncate(1 << 30)
        result = parse_client.parse(ONE_TEXT, path)
        assert result.rules == ["record_too_long"] and result.end["bytes"] < 1 << 20


@pytest.mark.parametrize("form", ["delimited", "fixed"])
def test_memory_is_flat(tmp_path, form):
    fixed = ONE_TEXT.replace(b"format: delimited", b"format: fixed").replace(b"at: 1}", b"at: 1-12}") \
        .replace(b"at: 2,", b"at: 14-90,").replace(b'delimited: {delimiter: ",", quote: \'"\', header: none}\n', b"")
    most = []
    for megabytes in (10, 80):
        path = tmp_path / "large"
        with open(path, "wb") as f:
            for n in range(megabytes):
                f.write(b"".join(b"R%011d,%077d\n" % (n * 11000 + k, k) for k in range(11000)))
        most.append(parse_client.measure(fixed if form == "fixed" else ONE_TEXT, path)["max_rss"])
    assert max(most) < 64 << 10 and most[1] - most[0] < 4 << 10, most
