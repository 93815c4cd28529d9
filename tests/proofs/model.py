#!/usr/bin/python3
"""Model tests: random runs, each compared with the oracle: files, their order, their repetition, and what people do between them.

    tests/proofs/model.py [--count 1000] [--seed 1]      several at once make a thousand in pieces

A run is its seed: a small ledger; files of three partners that answer the
same redemptions again and again, some cut off by their totals, by a number
that was there, or by the guard; delivered in any order and more than once;
and two people who propose, approve and reject whatever is held, sensible or
not; what they release goes now or later.  Each run agrees with each
partner whether numbers rise for ever, go round, or begin again with a day, a
month or a year, how far they may jump, whether one waits for those before it, and
whether a redemption may be answered in parts, or several by one record, all or none,
and whether records may replace earlier ones and call files void.  Some redemptions come upon the
ledger after their answers, and nights (the real `handbackctl nightly`) match
them, close what is unknown for too long, and take silence for acceptance
where a partner lists its rejects.  The clock is the machine's: redemptions
are of today or of weeks ago, so that no midnight in between matters.  The database and the worker are the same for all of them: between two
runs every table is emptied.
"""
import argparse
import collections
import copy
import dataclasses
import datetime
import json
import pathlib
import random
import re
import shutil
import sys
import time
import uuid

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pg  # noqa: E402
from oracle import NIGHTLY, TERMS, Act, Oracle, period_of  # noqa: E402
from operators import Operators  # noqa: E402
from worker import Worker  # noqa: E402
from world import PARTNERS, ROOT, World  # noqa: E402

from generate import accept, reject  # noqa: E402  fixtures/ is on the path since world
from layouts import Answer, HELD_REASON, REASONS, RETRY_REASON, WRITERS  # noqa: E402
from ledger import Ledger  # noqa: E402

MEMBERS, REDEMPTIONS = 6, 24
DECISIONS = ("confirm", "reverse", "reinstate", "close", "release", "credit", "reopen")
SENSIBLE = {"open": ("confirm", "reverse"), "confirmed": ("reverse",), "reversed": ("reinstate",), "reinstated": ("credit",)}
AGES = (0, 1, 2, 10, 14, 20, 30)  # days: the first are in time still, by any terms; of the others the time is over
DAYS = (0, 0, 0, 8, 15)  # so many days ago files are of
FAR_DAYS = (0, 0, 1, 8, 33, 370)  # ... of partners whose numbers begin again with a period
SCOPES = ({},) * 4 + ({"resets": "daily"}, {"resets": "monthly"}, {"resets": "yearly"}, {"after": 7}, {"after": 8})
WAYS = ({}, {}, {"split": "partner_reference"}, {"split": "line"}, {"group": "partner_reference"}, {"group": "partner_reference"},
        {"corrects": True}, {"corrects": True}, {"corrects": True}, {"corrects": True, "split": "partner_reference"})
CORRECTING = {"SKYLINE": ("Of File", "Of Record", "Id", "Of Id"), "MERIDIAN": ("169-174", "175-180", "153-160", "161-168"),
              "AURORA": ("OfFile", "OfRecord", "Id", "OfId")}
RULES = ("verdict_name", "outcome_name", "hold_reason", "verdict_rule")


@dataclasses.dataclass(frozen=True)
class Correction(Answer):
    """An answer that has a name, or replaces an earlier one; the file's number alone: that one is void."""
    of_file: str = ""
    of_record: str = ""
    id: str = ""
    of_id: str = ""


def correction(answer, of_file="", of_record="", of_id=""):
    plain = {field.name: getattr(answer, field.name) for field in dataclasses.fields(Answer)}
    return Correction(**plain, of_file=str(of_file), of_record=str(of_record), of_id=of_id)


def with_corrections(partner, answers, data):
    """The file with what its records replace: the layouts of fixtures/ know nothing of that."""
    names = [tuple(getattr(a, field, "") for field in ("of_file", "of_record", "id", "of_id")) for a in answers]
    if partner == "AURORA":
        head, *rest = data.split(b"<Done>")
        return head + b"".join("".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(CORRECTING[partner], named) if value).encode()
                               + b"<Done>" + part for named, part in zip(names, rest))
    first, *lines, last = data.splitlines(keepends=True)
    if partner == "SKYLINE":
        return b"".join([first[:-1] + b",Of File,Of Record,Id,Of Id\n",
                         *(line[:-1] + f",{','.join(named)}\n".encode() for line, named in zip(lines, names)), last])
    return b"".join([first, *(line[:152] + f"{name:<8}{of_name:<8}{file:<6}{record:<6}\r\n".encode()
                              for line, (file, record, name, of_name) in zip(lines, names)),
                     last])


class Scene:
    """One world that is emptied for each run."""

    def __init__(self, cluster, build):
        self.world = World(cluster, build, MEMBERS, REDEMPTIONS)
        self.world.own_profiles()
        self.people = Operators(self.world.database)
        self.worker = Worker(build, self.world.config, self.world.dir / "worker.log").wait_ready()
        self.db = self.world.database.connect()
        tables = self.db.execute("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN"
                                 " ('ledger', 'handback', 'audit') AND NOT tablename = ANY (%s)", (list(RULES),)).fetchall()
        self.tables = [name for name, in tables]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()
        self.people.close()
        self.db.close()
        self.world.close()

    def empty(self, seed, chance):
        # the tables that nobody may empty are emptied by the one whom no trigger sees
        self.db.execute("SET session_replication_role = replica")
        used = self.db.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in self.tables)).fetchall()
        if used:
            self.db.execute(f"TRUNCATE {', '.join(name for name, in used)} RESTART IDENTITY CASCADE")
        self.db.execute("SET session_replication_role = origin")
        for folder in ("archive", "quarantine", "notifications"):
            for path in (self.world.spool / folder).glob("*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        ledger = self.world.ledger = Ledger(seed, MEMBERS, REDEMPTIONS)
        now = datetime.datetime.now(datetime.timezone.utc)
        ledger.redemptions = [dataclasses.replace(r, posted_at=now - datetime.timedelta(days=chance.choice(AGES)))
                              for r in ledger.redemptions]
        for partner in TERMS:
            self.book_together(ledger, partner, chance)
        share = chance.choice((0, 0.15, 0.5))
        late = [r for r in ledger.redemptions if chance.random() < share]
        terms = {partner: self.agree(partner, chance) for partner in TERMS}
        self.world.oracle = Oracle(ledger, [str(r.external_reference) for r in late], terms)
        there = copy.copy(ledger)
        there.redemptions = [r for r in ledger.redemptions if r not in late]
        self.world.load(there)
        # what comes late has its number already
        self.db.execute("SELECT setval(pg_get_serial_sequence('ledger.entry', 'entry_id'), %s)", (MEMBERS + REDEMPTIONS,))
        return late

    @staticmethod
    def book_together(ledger, partner, chance):
        """Some redemptions of a partner are one member's, and share the partner's reference."""
        mine = [n for n, r in enumerate(ledger.redemptions) if r.partner == partner]
        for booking in (mine[0:3], mine[3:5]):
            first = ledger.redemptions[booking[0]]
            for n in booking:
                r = ledger.redemptions[n]
                ledger.credits[r.member.member_id] -= r.points
                ledger.credits[first.member.member_id] += r.points
                ledger.redemptions[n] = dataclasses.replace(r, member=first.member, partner_reference=first.partner_reference)

    def agree(self, partner, chance):
        """Terms of this run, in the partner's profile."""
        terms = dataclasses.replace(TERMS[partner], lists=chance.choice(("all", "accepted", "rejects", "rejects", "rejects")),
                                    unknown_days=chance.choice((0, 5)), gap=chance.choice(("continue",) * 4 + ("hold",)),
                                    jump=chance.choice((1000, 2)), **chance.choice(WAYS), **chance.choice(SCOPES))
        name = f"{partner.lower()}.yaml"
        text = (ROOT / "fixtures/profiles" / name).read_text()
        for key in ("lists: all", "unknown_days: 5", "gap: continue"):
            word = key.split(":")[0]
            assert f"{key}\n" in text
            text = text.replace(f"{key}\n", f"{word}: {getattr(terms, word)}\n")
        again = [f"{word}: {getattr(terms, word)}" for word in ("resets", "after", "jump") if getattr(terms, word)]
        text += f"split: {terms.split}\n" if terms.split != "none" else ""
        if terms.group != "none":
            text = text.replace("match: [external_reference]", "match: [external_reference, partner_reference]") + f"group: {terms.group}\n"
        if terms.corrects:
            text = re.sub(r"^( +)change: .*\n", "".join([r"\g<0>", *(rf"\1{field}: {{at: {at}, optional: yes}}\n" for field, at in zip(
                ("replaces_file", "replaces_record", "record_id", "replaces"), CORRECTING[partner]))]), text, flags=re.M).replace("at: 138-180", "at: 138-152")
        if terms.group != "none" or terms.corrects:
            for field in ("at: Redemption Reference", "at: 9-44", 'at: "@reference"'):
                text = text.replace(f"external_reference: {{{field}}}", f"external_reference: {{{field}, optional: yes}}")
        text += f"sequence: {{{', '.join(again)}}}\n"
        (self.world.profiles / name).write_text(text)
        return terms


class Run:
    def __init__(self, scene, seed):
        self.scene, self.world, self.chance = scene, scene.world, random.Random(seed)
        self.verified = seed % 5 == 0  # by the program, too: that takes its time
        self.late = scene.empty(seed, self.chance)
        self.proposals, self.refused = [], 0
        self.tidy = self.chance.random() < 0.5  # partners who make no mistakes: nothing stays unclear over what they do not say
        self.did = collections.Counter()
        self.parts = collections.defaultdict(list)  # partner -> parts of answers that it has not sent yet
        self.sent = collections.defaultdict(list)  # partner -> (number, answers) of its files
        self.names = collections.Counter()  # partner -> how many names its records had

    def run(self):
        deliveries = [d for partner in self.chance.sample(PARTNERS, self.chance.randint(1, 3)) for d in self.files(partner)]
        again = [d for d in deliveries if self.chance.random() < 0.25]
        # the same bytes under another name: another number, or none that fits
        again += [(p, self.renamed(p, name), data) for p, name, data in deliveries if self.chance.random() < (0 if self.tidy else 0.15)]
        deliveries += again
        self.chance.shuffle(deliveries)
        for partner, name, data in deliveries:
            self.deliver(partner, name, data)
            while self.chance.random() < 0.6:
                self.act()
            if self.chance.random() < 0.5:
                self.release()
            if self.late and self.chance.random() < 0.3:
                self.book()
            if self.chance.random() < 0.08:
                self.night()
        if self.chance.random() < 0.6:
            while self.late and self.chance.random() < 0.9:
                self.book()
            self.night()
            while self.chance.random() < 0.6:
                self.act()
        self.release()
        self.check()
        return self.did

    # what partners send

    def files(self, partner):
        for day, sequence in self.numbered(self.world.oracle.terms[partner]):
            for _ in range(2 if self.chance.random() < (0 if self.tidy else 0.1) else 1):  # a re-issue
                answers = self.answers(partner)
                name, data = WRITERS[partner](answers, day, sequence, 100 if self.chance.random() < (0 if self.tidy else 0.06) else 0)
                self.sent[partner].append((sequence, answers))
                yield partner, name, with_corrections(partner, answers, data) if self.world.oracle.terms[partner].corrects else data

    def numbered(self, terms):
        """Day and number of each file: numbers that rise, go round, or begin again with each period."""
        many, today = self.chance.randint(1, 4), datetime.date.today()
        if terms.resets == "never":
            first = self.chance.randint(1, terms.after) if terms.after else 1
            leap = self.chance.choice((0, 0, 3))  # numbers that never come, before one of them
            for n in range(many):
                number = first + n + (leap if n >= many // 2 else 0)
                yield today - datetime.timedelta(days=self.chance.choice(DAYS)), (number - 1) % terms.after + 1 if terms.after else number
            return
        begun = collections.Counter()
        for day in sorted(today - datetime.timedelta(days=self.chance.choice(FAR_DAYS)) for _ in range(many + 1)):
            period = period_of(terms.resets, day)
            begun[period] += 1 if self.tidy or self.chance.random() < 0.85 else 4  # some that never come
            yield day, begun[period]

    def renamed(self, partner, name):
        if self.chance.random() < 0.2:
            return "answers.dat"
        *_, last = re.finditer(r"\d+", name)
        return f"{name[:last.start()]}{self.chance.randint(1, 6):0{len(last[0])}}{name[last.end():]}"

    def answers(self, partner):
        mine = self.world.ledger.of(partner)
        made = [a for r in self.chance.sample(mine, self.chance.randint(1, len(mine))) for a in self.answer(partner, r)]
        if self.world.oracle.terms[partner].group != "none":
            of_groups = list(self.of_groups(mine))
            booked = {a.confirmation for a in of_groups} if self.chance.random() < 0.8 else set()
            by_reference = {str(r.external_reference): r.partner_reference for r in mine}
            made = [a for a in made if by_reference.get(a.reference) not in booked] + of_groups  # mostly not named singly as well
        if self.world.oracle.terms[partner].split != "none":
            made += [part for r in self.chance.sample(mine, min(len(mine), 3)) for part in self.in_parts(partner, r)]
        if self.world.oracle.terms[partner].corrects:
            made += [c for _ in range(self.chance.randint(1, 3)) for c in self.replacing(partner, mine)]
            made = [self.named(partner, a) for a in made]
        self.chance.shuffle(made)
        return made

    def replacing(self, partner, mine):
        """Corrections of what was sent before, mostly of the same redemption, and now and then a file that is void."""
        if not self.sent[partner]:
            return []
        number, answers = self.chance.choice(self.sent[partner])
        record = self.chance.randint(1, len(answers))
        by_reference = {str(r.external_reference): r for r in mine}
        r = by_reference.get(answers[record - 1].reference) or self.chance.choice(mine)
        said = self.chance.choice((accept(r), reject(r, *self.chance.choice(REASONS[partner])), accept(r, "pending")))
        right = correction(said, number, record)
        void = correction(dataclasses.replace(accept(r, "pending"), reference="", confirmation=""), number)
        name = getattr(answers[record - 1], "id", "")
        by_name = correction(said, of_id=name) if name else right
        kinds = [(10, [right]), (10, [by_name]), (2, [void]), (2, [dataclasses.replace(right, of_id=by_name.of_id)])] + ([] if self.tidy else [
            (2, [dataclasses.replace(by_name, of_id=f"ID{self.chance.randint(1, 60):05}")]), (1, [by_name, right]),
            (1, [dataclasses.replace(by_name, of_file=str(number), of_record="")]),
            (1, [dataclasses.replace(right, of_file=str(number + 1), of_id=by_name.of_id)]),
            (2, [correction(said, number + 1, record)]), (1, [correction(said, number, record + 1)]), (1, [right, right]),
            (1, [correction(said, "", record)]), (1, [right, correction(accept(self.chance.choice(mine)), number, record)]),
            (1, [dataclasses.replace(right, points=r.points + 100)]), (1, [dataclasses.replace(void, of_file=str(number + 1))])])
        made = self.chance.choices([made for _, made in kinds], [weight for weight, _ in kinds])[0]
        before = [a for _, those in self.sent[partner] for a in those if isinstance(a, Correction) and (a.of_file or a.of_record or a.of_id)]
        return made + ([self.chance.choice(before)] if before and self.chance.random() < 0.15 else [])  # the same again

    def named(self, partner, answer):
        """Most records have a name, now and then one that another had."""
        if self.chance.random() < 0.3:
            return answer
        if self.tidy or self.chance.random() < 0.9:
            self.names[partner] += 1
        made = answer if isinstance(answer, Correction) else correction(answer)
        return dataclasses.replace(made, id=f"ID{max(self.names[partner], 1):05}")

    def of_groups(self, mine):
        """Records that name no redemption of ours, but a booking: of several redemptions, mostly."""
        for r in self.chance.sample([mine[0], mine[3], *mine[5:6]], 2):
            points = sum(other.points for other in mine if other.partner_reference == r.partner_reference)
            yes = dataclasses.replace(accept(r, self.chance.choice(("accepted",) * 4 + ("pending",))), reference="", points=points)
            no = dataclasses.replace(reject(r, *self.chance.choice(REASONS[r.partner])), reference="", points=points,
                                     confirmation=r.partner_reference)
            said = self.chance.choice((yes, no))
            kinds = [(20, [said])] + ([] if self.tidy else [
                (2, [said, said]), (2, [yes, no]), (2, [dataclasses.replace(said, points=points + 100)]),
                (2, [dataclasses.replace(said, points=r.points)]), (1, [dataclasses.replace(said, member="NS99999999")]),
                (1, [dataclasses.replace(said, confirmation="NOBODYS")]), (1, [dataclasses.replace(said, confirmation="")])])
            yield from self.chance.choices([made for _, made in kinds], [weight for weight, _ in kinds])[0]

    def in_parts(self, partner, r):
        """Parts of an answer: some now, some in a later file, some never; mostly they sum to the debit and say the same."""
        cuts = sorted(100 * n for n in self.chance.sample(range(1, r.points // 100), self.chance.choice((1, 1, 2))))
        sizes = [b - a for a, b in zip([0, *cuts], [*cuts, r.points])]
        yes = self.chance.random() < 0.6
        legs = [dataclasses.replace(accept(r) if yes else reject(r, *self.chance.choice(REASONS[partner])), points=size,
                                    confirmation=f"LEG{n}") for n, size in enumerate(sizes)]
        n = self.chance.randrange(len(legs))
        spoil = [(20, lambda leg: [leg])]
        spoil += [] if self.tidy else [
            (2, lambda leg: []), (2, lambda leg: [leg, leg]), (2, lambda leg: [dataclasses.replace(leg, points=leg.points + 100)]),
            (2, lambda leg: [dataclasses.replace(reject(r, *REASONS[partner][0]), points=leg.points, confirmation=leg.confirmation)]),
            (1, lambda leg: [dataclasses.replace(leg, confirmation="")]), (1, lambda leg: [leg, dataclasses.replace(leg, points=100)])]
        legs[n:n + 1] = self.chance.choices([make for _, make in spoil], [weight for weight, _ in spoil])[0](legs[n])
        waiting = self.parts[partner]
        ready = [part for part in waiting if self.chance.random() < 0.6]
        now = [leg for leg in legs if self.chance.random() < 0.5]
        self.parts[partner] = [p for p in waiting if p not in ready] + [leg for leg in legs if leg not in now]
        return ready + now

    def answer(self, partner, r):
        """Mostly one record about a redemption."""
        yes, no = accept(r), reject(r, *self.chance.choice(REASONS[partner]))
        kinds = [(40, lambda: [yes]), (25, lambda: [no]), (8, lambda: [accept(r, "pending")])]
        kinds += [] if self.tidy else [
            (5, lambda: [accept(r, "accepted_with_change", new_member="NS20000001")]),
            (4, lambda: [dataclasses.replace(yes, points=r.points + 100)]),
            (3, lambda: [dataclasses.replace(no, member="NS99999999")]),
            (3, lambda: [dataclasses.replace(no, reference=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)))]),
            (2, lambda: [accept(self.chance.choice(self.world.ledger.redemptions))]),
            (3, lambda: [reject(r, HELD_REASON[partner])]), (2, lambda: [reject(r, RETRY_REASON[partner])]),
            (2, lambda: [reject(r, "Z99")]), (3, lambda: [yes, yes]), (3, lambda: [yes, no])]
        return self.chance.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()

    def deliver(self, partner, name, data):
        self.world.drop(partner, name, data)
        done = self.scene.worker.job(self.world.inbound[partner], name, partner.lower(), partner, partner.lower())
        assert done["end"] == "done", done
        self.did["file " + done["state"]] += 1

    def release(self):
        """What people have released goes, whenever somebody looks."""
        while (done := self.scene.worker.release())["end"] == "done":
            self.did["release " + done["state"]] += 1
        assert done["end"] == "gone", done

    def book(self):
        """A redemption comes upon the ledger, after its answer or before."""
        r = self.late.pop(self.chance.randrange(len(self.late)))
        self.scene.db.execute(
            "INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, external_reference, partner, merchant,"
            " transaction_type, amount, currency, outbound_reference, partner_reference, posted_at)"
            " VALUES (%s, 1, %s, 'Debit By Redemption', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (r.entry_id, r.member.member_id, r.points, r.external_reference, r.partner, r.merchant, r.transaction_type, r.amount,
             r.currency, r.outbound_reference, r.partner_reference, r.posted_at))
        self.note("book", 0, True, redemption=str(r.external_reference))

    def night(self):
        """handbackctl nightly, as its timer calls it."""
        done = self.world.ctl("nightly", "--json", check=False)
        assert done.returncode in (0, 3), f"nightly: {done.returncode}\n{done.stdout}{done.stderr}"
        counts = json.loads(done.stdout)["done"]["done"]
        counts = {what: counts[what] for what in NIGHTLY}
        self.did.update({"night " + what: many for what, many in counts.items()})
        self.note("night", 0, True, counts=counts)

    # what people do

    def note(self, what, proposal, done, **more):
        after, = self.scene.db.execute("SELECT count(*) FROM handback.file").fetchone()
        self.world.oracle.acted(Act(after, what, proposal, done, **more))
        self.did[what if done else what + " refused"] += 1

    def act(self):
        roll = self.chance.random()
        if self.chance.random() < 0.08:
            self.not_a_duplicate()
        elif roll < 0.55 or not self.proposals:
            self.propose()
        elif roll < 0.9:
            self.answer_proposal("approve")
        else:
            self.answer_proposal("reject")

    def propose(self):
        holds = self.scene.db.execute(
            "SELECT h.hold_id, (SELECT count(*) FROM handback.file f WHERE f.file_id < h.file_id), h.record_no, h.redemption_id,"
            " CASE WHEN h.redemption_id IS NOT NULL THEN handback.redemption_state(h.redemption_id) END"
            " FROM handback.hold h WHERE NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id)"
            " AND (%s OR NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id))"
            " ORDER BY 1", (self.chance.random() < 0.05,)).fetchall()
        if self.chance.random() < 0.12 and self.reopen():
            return
        if not holds:
            return
        chosen = self.chance.sample(holds, min(len(holds), self.chance.choice((1, 1, 1, 2, 3))))
        back = [hold for hold in holds if hold[4] in ("reversed", "reinstated")]
        if back and self.chance.random() < 0.3:  # what is rare by chance alone
            chosen = [self.chance.choice(back)]
        meant = None
        if len(chosen) == 1 and self.chance.random() < (0.1 if chosen[0][3] else 0.7):
            meant = str(self.chance.choice(self.world.ledger.redemptions).external_reference)
        whole = any(record is None for _, _, record, *_ in chosen)
        decision = "release" if whole and self.chance.random() < 0.5 else self.chance.choice(DECISIONS)
        if len(chosen) == 1 and chosen[0][4] and not meant and self.chance.random() < 0.5:
            decision = self.chance.choice(SENSIBLE[chosen[0][4]])
        number = self.tried(lambda: self.scene.people.propose([h for h, *_ in chosen], decision, "because", meant))
        if number:
            self.proposals.append(number)
        self.note("propose", number or 0, bool(number), decision=decision, redemption=meant or "",
                  holds=tuple((file, record) for _, file, record, *_ in chosen))

    def reopen(self):
        """Holds that ended, whatever by: mostly those that were closed."""
        ended = self.scene.db.execute(
            "SELECT h.hold_id, (SELECT count(*) FROM handback.file f WHERE f.file_id < h.file_id), h.record_no, e.how"
            " FROM handback.hold h JOIN handback.hold_end e ON e.hold_id = h.hold_id"
            " WHERE NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id) ORDER BY 1").fetchall()
        ended = [h for h in ended if h[3] in ("closed", "overtaken", "unknown_reference_expired", "released") or self.chance.random() < 0.1]
        if not ended:
            return False
        chosen = self.chance.sample(ended, min(len(ended), self.chance.choice((1, 1, 1, 2))))
        number = self.tried(lambda: self.scene.people.propose([h for h, *_ in chosen], "reopen"))
        if number:
            self.proposals.append(number)
        self.note("propose", number or 0, bool(number), decision="reopen", holds=tuple((file, record) for _, file, record, _ in chosen))
        self.did["proposed to reopen"] += bool(number)
        return True

    def not_a_duplicate(self):
        files = self.scene.db.execute("SELECT file_id, row_number() OVER (ORDER BY file_id) - 1, state::text FROM handback.file").fetchall()
        files = [f for f in files if f[2] == "duplicate" or self.chance.random() < 0.1]
        if not files:
            return
        file, place, _ = self.chance.choice(files)
        number = self.tried(lambda: self.scene.people.ann.execute("SELECT handback.not_a_duplicate(%s, 'because')", (file,)).fetchone()[0])
        if number:
            self.proposals.append(number)
        self.note("not_a_duplicate", number or 0, bool(number), decision="release", holds=((place, None),))

    def answer_proposal(self, what):
        number = self.chance.choice(self.proposals)
        if self.chance.random() < 0.2:
            # never by the one who proposed it
            assert self.tried(lambda: self.scene.people.ann.execute("SELECT handback.approve(%s)", (number,))) is None
            self.did["own approval refused"] += 1
        done = self.tried(lambda: getattr(self.scene.people, what)(number))
        self.note(what, number, bool(done))

    @staticmethod
    def tried(call):
        """What it gives, or None when the database refuses it."""
        try:
            return call()
        except psycopg.errors.Error as refusal:
            # a broken connection or statement is no refusal
            assert refusal.sqlstate in ("55000", "23514", "23505", "P0002", "22023", "P0001"), refusal
            return None

    def check(self):
        self.world.oracle.check(self.world)
        if self.verified:
            done = self.world.ctl("audit", "verify", check=False)
            assert done.returncode == 0, f"audit verify: {done.returncode}\n{done.stdout}{done.stderr}"
            self.did["audit verify"] += 1
        debits, back = self.scene.db.execute(
            "SELECT coalesce(sum(points) FILTER (WHERE category = 'Debit By Redemption'), 0),"
            " coalesce(sum(points) FILTER (WHERE category = 'Redemption Reversal'), 0) FROM ledger.entry").fetchone()
        assert back <= debits
        self.did.update(dict(self.scene.db.execute(
            "SELECT 'held ' || reason, count(*) FROM handback.hold GROUP BY 1 UNION ALL SELECT 'ended ' || how, count(*)"
            " FROM handback.hold_end GROUP BY 1 UNION ALL SELECT 'reopened', count(*) FROM handback.hold WHERE reopens IS NOT NULL"
            " UNION ALL SELECT 'redemptions answered by groups', count(*)"
            " FROM handback.outcome o JOIN audit.event a USING (event_id) WHERE a.what = 'group_answered' UNION ALL SELECT 'part', count(*)"
            " FROM handback.answer_part").fetchall()))
        self.did["records"], = self.scene.db.execute("SELECT count(*) FROM handback.outcome WHERE revision = 0").fetchone()


def run(scene, seeds, tell=lambda seed, did: None, total=None):
    """All runs of these seeds; what happened in them, counted, also in total."""
    total = collections.Counter() if total is None else total
    for seed in seeds:
        try:
            did = Run(scene, seed).run()
        except AssertionError as wrong:
            raise AssertionError(f"run {seed}: {wrong}") from wrong
        total.update(did)
        total["runs"] += 1
        tell(seed, did)
    return total


def told(total):
    return ", ".join(f"{many} {what}" for what, many in sorted(total.items(), key=lambda pair: (pair[0] != "runs", pair[0])))


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--count", type=int, default=1000)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(), default=ROOT / "build")
    asked = ask.parse_args()
    began, cluster = time.monotonic(), pg.Cluster()

    seeds, total, differ = list(range(asked.seed, asked.seed + asked.count)), collections.Counter(), []

    def tell(seed, _):
        seeds.remove(seed)
        if len(seeds) % 50 == 0:
            print(f"{asked.count - len(seeds)} of {asked.count}, {time.monotonic() - began:.0f} s", flush=True)
    try:
        while seeds:  # one that differs is named, and the others go on in another world
            with Scene(cluster, asked.build) as scene:
                try:
                    run(scene, list(seeds), tell, total)
                except AssertionError as wrong:
                    print(wrong, flush=True)
                    differ.append(seeds.pop(0))
    finally:
        cluster.close()
    print(f"{f'{len(differ)} runs differ: seeds {differ}' if differ else 'every invariant held'}: {told(total)}; {time.monotonic() - began:.0f} s")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
