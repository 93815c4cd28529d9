"""Read the three demo layouts in Python, knowing nothing of the product's parsers or profiles.

read(partner, bytes) gives a Delivery: the records as the partner wrote them,
with their byte ranges, or `refused` with the rule that the file breaks.  The
layouts are restated here from what the partners document, on purpose.
"""
import csv
import dataclasses
import datetime
import re
import uuid
import xml.parsers.expat


@dataclasses.dataclass
class Said:
    """One record: what was said, and where in the file it stands."""
    number: int
    offset: int
    length: int
    reference: str  # lower-case UUID, or what stands there instead
    member: str
    points: int
    verdict: str
    reasons: tuple = ()
    currency: str = ""
    new_member: str = ""
    part: str = ""  # the partner's own reference
    of_file: int | None = None    # it replaces a record of the file with this number; or, alone, that file is void
    of_record: int | None = None
    id: str = ""     # the partner's name of the record,
    of_id: str = ""  # and of the one that it replaces
    raw: bytes = b""  # the whole record, to tell a repetition from a contradiction


@dataclasses.dataclass
class Delivery:
    partner: str
    sequence: int | None = None
    day: datetime.date | None = None  # its business date
    place: tuple | None = None  # (period, position in it), as the oracle finds
    records: list = dataclasses.field(default_factory=list)
    controls: list = dataclasses.field(default_factory=list)  # (stated, counted)
    refused: str = ""
    fates: dict = dataclasses.field(default_factory=dict)  # what becomes of records that replace or are replaced, as the oracle finds


class Refused(Exception):
    pass


NAMES = {"SKYLINE": r"SKYLINE_\d{8}_\d{6}\.csv", "MERIDIAN": r"MERIDIAN\.\d{6}\.dat", "AURORA": r"aurora-\d{4}-\d\d-\d\d-\d+\.xml"}


def statement(partner, name):
    """The numbers of which a name makes another file of the same bytes: day and number; none where it does not fit."""
    if re.fullmatch(NAMES[partner], name) is None:
        return ()
    *day, number = re.findall(r"\d+", name)
    return "".join(day), int(number)


def need(condition, rule):
    if not condition:
        raise Refused(rule)


def read(partner, data, name=None):
    delivery = Delivery(partner)
    try:
        READERS[partner](delivery, data)
        if name is not None:
            need(re.fullmatch(NAMES[partner], name) is not None, "file_name")
            numbers = re.findall(r"\d+", name)
            need(delivery.sequence in (None, int(numbers[-1])), "file_name")
            delivery.sequence = int(numbers[-1])
            delivery.day = delivery.day or day_of("".join(numbers[:-1]))
        need(not any(stated != counted for stated, counted in delivery.controls), "control_total")
    except Refused as rule:
        delivery.refused, delivery.records = str(rule), []
    return delivery


def whole_number(text, rule="number"):
    need(re.fullmatch(r"[0-9]{1,18}", text) is not None, rule)
    return int(text)


def points_of(text):
    points = whole_number(text, "points")
    need(points > 0, "points")
    return points


def reference_of(text):
    try:
        if not text.strip():
            return ""  # a record of a group names none of ours
        need(len(text) == 36, "reference")
        return str(uuid.UUID(text))
    except ValueError:
        raise Refused("reference") from None


def number_of(text):
    """Of a file or record that a record replaces; None: it does not."""
    return whole_number(text) if text.strip() else None


def name_of(text):
    """Of a record; a text that stands there where its profile has no names is none."""
    return text.strip() if re.fullmatch(r"ID\d{5} ", text) else ""


def day_of(text):
    return datetime.datetime.strptime(text, "%Y%m%d").date() if re.fullmatch(r"\d{8}", text) else None


def totals(records, accepted_too):
    rejected = [r for r in records if r.verdict == "rejected"]
    accepted = [r for r in records if r.verdict.startswith("accepted")]
    yield from (len(records), sum(r.points for r in records))
    if accepted_too:
        yield from (len(accepted), sum(r.points for r in accepted))
    yield from (len(rejected), sum(r.points for r in rejected))


# SKYLINE: a comma file

SKYLINE_HEAD = ["Redemption Reference", "Member", "Miles", "Status", "Reason", "Remarks", "Processed On",
                "Confirmation", "New Member"]
CORRECTING = ["Of File", "Of Record", "Id", "Of Id"]  # where its profile has them
SKYLINE_STATUS = {"CONFIRMED": "accepted", "CONFIRMED_NEW_MEMBER": "accepted_with_change",
                  "CONFIRMED_LATE": "accepted_with_warning", "REJECTED": "rejected", "WAITLISTED": "pending"}


def skyline_rows(data):
    """(offset, bytes) of each row; a newline in quotes does not end one."""
    start, quoted = 0, False
    for at, byte in enumerate(data):
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x0A and not quoted:
            yield start, data[start:at]
            start = at + 1
    need(start == len(data), "cut")


def skyline(delivery, data):
    need(b"\r" not in data and b"\0" not in data, "bytes")
    trailer = None
    for n, (offset, raw) in enumerate(skyline_rows(data)):
        need(trailer is None, "after_trailer")
        try:
            row = next(csv.reader([raw.decode("utf-8")], strict=True), [])
        except (UnicodeDecodeError, csv.Error):
            raise Refused("row") from None
        if n == 0:
            need(row in (SKYLINE_HEAD, SKYLINE_HEAD + CORRECTING), "header")
            columns = len(row)
        elif row and row[0] == "TRAILER":
            need(len(row) == 5, "columns")
            trailer = [whole_number(text) for text in row[1:]]
        else:
            need(len(row) == columns, "columns")
            need(row[3] in SKYLINE_STATUS, "status")
            need(re.fullmatch(r"\d{4}-\d\d-\d\d", row[6]) is not None, "date")
            delivery.records.append(Said(
                len(delivery.records) + 1, offset, len(raw), reference_of(row[0]), row[1], points_of(row[2]),
                SKYLINE_STATUS[row[3]], (row[4],) if row[4] else (), new_member=row[8], part=row[7], raw=raw,
                of_file=number_of("".join(row[9:10])), of_record=number_of("".join(row[10:11])),
                id="".join(row[11:12]), of_id="".join(row[12:])))
    need(trailer is not None, "trailer")
    delivery.controls = list(zip(trailer, totals(delivery.records, False)))


# MERIDIAN: 180 bytes and CRLF

MERIDIAN_STATUS = {"00": "accepted", "01": "accepted_with_change", "05": "rejected", "09": "pending"}


def meridian(delivery, data):
    need(data.isascii() and data.endswith(b"\r\n") and len(data) % 182 == 0, "length")
    lines = [data[at:at + 182].decode("ascii") for at in range(0, len(data), 182)]
    need(all(line[180:] == "\r\n" and "\r" not in line[:180] and "\n" not in line[:180] for line in lines), "length")
    need(len(lines) >= 2 and lines[0][0] == "H" and lines[-1][0] == "T", "frame")
    head, trailer = lines[0], lines[-1]
    need(head[1:11].rstrip() == "MERIDIAN" and head[25] == "P" and not head[26:180].strip(), "header")
    delivery.sequence, delivery.day = whole_number(head[11:17]), day_of(head[17:25])
    for n, line in enumerate(lines[1:-1], 1):
        need(line[0] == "D" and whole_number(line[1:8]) == n and line[71:73] in MERIDIAN_STATUS, "detail")
        delivery.records.append(Said(
            n, n * 182, 180, reference_of(line[8:44]), line[44:60].rstrip(), points_of(line[60:71]),
            MERIDIAN_STATUS[line[71:73]], tuple(line[73:77].split()), currency=line[90:93],
            new_member=line[121:137].rstrip(), part=line[101:121].rstrip(), raw=line[8:180].encode(),
            of_file=number_of(line[168:174].strip()), of_record=number_of(line[174:180].strip()),
            id=name_of(line[152:160]), of_id=name_of(line[160:168])))
    need(not trailer[67:180].strip(), "trailer")
    stated = [whole_number(trailer[a:b]) for a, b in ((1, 8), (8, 23), (23, 30), (30, 45), (45, 52), (52, 67))]
    delivery.controls = list(zip(stated, totals(delivery.records, True)))


# AURORA: XML

AURORA_STATUS = {"ACCEPTED": "accepted", "ACCEPTED_NEW_MEMBER": "accepted_with_change",
                 "ACCEPTED_LATE": "accepted_with_warning", "REFUSED": "rejected", "ON_REQUEST": "pending"}
AURORA_SPACE = "urn:aurora:handback:1"


def aurora(delivery, data):
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    seen, path, text, facts = [], [], [], {}

    def start(tag, attributes):
        space, _, local = tag.rpartition(" ")
        need(space == AURORA_SPACE, "namespace")
        path.append(local)
        text.append("")
        if path == ["HandBack", "Answers", "Answer"]:
            seen.append({"at": parser.CurrentByteIndex, "reasons": [], **attributes})
        elif path == ["HandBack"] or path == ["HandBack", "Totals"]:
            facts.update(attributes)
        elif path[:3] == ["HandBack", "Answers", "Answer"] and local == "Reason":
            seen[-1]["reasons"].append(attributes.get("code", ""))

    def end(_tag):
        local, value = path[-1], text.pop()
        if path == ["HandBack", "Answers", "Answer"]:
            seen[-1]["end"] = data.index(b">", parser.CurrentByteIndex) + 1
        elif path[:3] == ["HandBack", "Answers", "Answer"] and len(path) == 4:
            seen[-1][local] = value
        elif path == ["HandBack", "Sender"]:
            facts["sender"] = value
        path.pop()

    def characters(more):
        if text:
            text[-1] += more

    def doctype(*_):
        raise Refused("doctype")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, doctype
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError:
        raise Refused("xml") from None
    need(facts.get("sender") == "AURORA" and facts.get("live") == "true", "sender")
    delivery.sequence = whole_number(facts.get("number", ""))
    for n, said in enumerate(seen, 1):
        need({"reference", "status", "Member", "Points"} <= said.keys() and said["status"] in AURORA_STATUS, "answer")
        raw = data[said["at"]:said["end"]]
        delivery.records.append(Said(
            n, said["at"], len(raw), reference_of(said["reference"]), said["Member"], points_of(said["Points"]),
            AURORA_STATUS[said["status"]], tuple(said["reasons"]), new_member=said.get("NewMember", ""), part=said.get("Voucher", ""),
            of_file=number_of(said.get("OfFile", "")), of_record=number_of(said.get("OfRecord", "")),
            id=said.get("Id", ""), of_id=said.get("OfId", ""),
            # the time of day is not what the record says
            raw=re.sub(rb"T\d\d:\d\d:\d\d", b"", raw)))
    need({"count", "points", "refused", "refusedPoints"} <= facts.keys(), "totals")
    stated = [whole_number(facts[k]) for k in ("count", "points", "refused", "refusedPoints")]
    delivery.controls = list(zip(stated, totals(delivery.records, False)))


READERS = {"SKYLINE": skyline, "MERIDIAN": meridian, "AURORA": aurora}
