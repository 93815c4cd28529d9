"""What must come of the files that were delivered, worked out without the product.

The oracle knows the opening ledger, the bytes, and what the three demo
partners' profiles agree (restated below); it decides each record by the table
of the design, in the order in which the database says that files were taken,
and then compares: invariants I1 to I8.

    oracle = Oracle(ledger)
    oracle.delivered(partner, name, data)       # each time something is dropped
    oracle.acted(Act(...))                      # each time people decide, with what the database said to it; each
                                                # night, and each redemption that comes late upon the ledger
    oracle.check(world)                         # asserts
"""
import collections
import copy
import dataclasses
import datetime
import hashlib
import itertools
import json
import zoneinfo

import proof
import readers

ACTIONS = {  # partner -> reason code -> what the profile makes of a rejection
    "SKYLINE": {"NO_SEAT": "reverse", "FLIGHT_CANCELLED": "reverse", "NAME_MISMATCH": "reverse",
                "ACCOUNT_CLOSED": "reverse", "ACCOUNT_NOT_FOUND": "reverse", "FRAUD_CHECK": "hold", "SYSTEM": "retry"},
    "MERIDIAN": {"R01": "reverse", "R02": "reverse", "R03": "reverse", "R16": "reverse", "R24": "hold",
                 "R97": "retry", "C01": "accept"},
    "AURORA": {"H01": "reverse", "H02": "reverse", "H03": "reverse", "H04": "reverse", "H08": "hold", "H09": "retry"},
}

GUARD_SHARE, GUARD_LEAST = 60, 5  # per cent of a file's records that may be reversed, and so many anyhow, in all three profiles
RESTART_DISTANCE = 100  # a number so far below the last is no late file
UNMATCHED_SHARE = 90  # per cent of unknown references, above GUARD_LEAST of them


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a profile says of answers that do not come, or come too early."""
    within: int  # business days
    zone: str
    lists: str = "all"
    unknown_days: int = 5
    resets: str = "never"  # numbers begin again with each day, month or year
    after: int = 0         # ... or after this one
    jump: int = 1000       # a number so far beyond the last is a slip
    gap: str = "continue"  # hold: a number waits for those before it
    split: str = "none"    # one redemption may be answered in parts, each known by: partner_reference, line
    group: str = "none"    # partner_reference: a record that names none of ours answers all redemptions that have it
    corrects: bool = False  # records may replace earlier ones, and say that files are void


TERMS = {"SKYLINE": Terms(5, "Europe/Lisbon"), "MERIDIAN": Terms(3, "Europe/Zurich"), "AURORA": Terms(5, "Europe/Madrid")}


# what is held never says which of two reasons came first; everything else is one outcome
HELD = "held"
CORRECTIONS = ("correction", "file_void")  # holds that people alone end
NIGHTLY = ("matched", "reversed", "guarded", "expired", "overtaken", "deemed_accepted")  # what a night tells of itself


@dataclasses.dataclass
class Outcome:
    word: str
    reason: str = ""  # of a hold
    redemption: object = None
    part: object = None  # of what it counts for: a Part
    group: tuple = ()  # redemptions that it answers as one, and ...
    answers: str = ""  # ... what becomes of each


@dataclasses.dataclass
class Part:
    """A part of an answer; it counts while it is held and nobody has ended that."""
    name: str  # "": it is known by its line
    points: int
    rejected: bool
    record: int
    held: bool = True
    ended: dict | None = None  # of its file

    def waits(self):
        return self.held and self.record not in self.ended

    def content(self):
        return self.points, self.rejected


@dataclasses.dataclass
class Fate:
    """What becomes of a record because it replaces an earlier one, or a later one replaces it."""
    reason: str = ""       # of a hold, or none
    repeats: bool = False  # it was said before, and nothing else is to be said of it
    was_said: bool = False
    corrects: bool = False
    replaces: tuple = ()   # (FileOutcome, record; 0: the whole file)
    met: list = dataclasses.field(default_factory=list)  # (FileOutcome, record) of what replaces it

    def outcome(self, redemption):
        """Of a record that the tables do not decide; None: they do."""
        if self.repeats:
            return Outcome("duplicate_record", "", redemption)
        return Outcome(HELD, self.reason, redemption) if self.reason else None


NO_FATE = Fate()  # of all others


@dataclasses.dataclass
class FileOutcome:
    state: str  # posted, held, duplicate
    reason: str = ""  # of a file on hold: refused, resubmission, guard
    delivery: object = None
    outcomes: list = dataclasses.field(default_factory=list)
    partner: str = ""
    ended: dict = dataclasses.field(default_factory=dict)  # record (None: the whole file) -> how its hold ended
    closed: set = dataclasses.field(default_factory=set)  # ... those that people closed
    reopened: dict = dataclasses.field(default_factory=dict)  # record -> how often its hold was opened again, ...
    reopened_at: dict = dataclasses.field(default_factory=dict)  # ... and after how many acts, the last time
    past: list = dataclasses.field(default_factory=list)  # (record, how) that ended before it was opened again
    later: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))  # record -> redemptions of its later outcomes
    waived: frozenset = frozenset()  # of a release: what it and those before it were held for
    went: bool = False  # it was released, and read again
    guarded: dict = dataclasses.field(default_factory=dict)  # record -> redemption that was found later: the guard holds it
    found: dict = dataclasses.field(default_factory=dict)  # record -> redemption that was found later, and does not fit
    expired: set = dataclasses.field(default_factory=set)  # records that were never found
    reversed_later: int = 0  # by nights
    rematched: dict = dataclasses.field(default_factory=dict)  # record -> (redemption that a night settled by it, after how many acts)
    found_reason: dict = dataclasses.field(default_factory=dict)  # record -> why what was found does not fit
    absent: list = dataclasses.field(default_factory=list)  # redemptions that it shows not to be rejected
    identity: tuple = ()  # partner, bytes, statement
    release_of: object = None  # the FileOutcome that it was
    repeats_file: object = None  # of a duplicate
    repeats: set = dataclasses.field(default_factory=set)  # records that replace what an earlier one replaced, in the same words
    opened: bool = False  # of a duplicate: it waits for people by itself, or did

    def end(self, record, how, redemption=None):
        self.ended[record] = how
        self.later[record].append(redemption)

    def reopen(self, record, acts):
        """Its hold is open again, as it was."""
        self.past.append((record, self.ended.pop(record)))
        self.closed.discard(record)
        self.reopened[record] = self.reopened.get(record, 0) + 1
        self.reopened_at[record] = acts

    def about(self, record):
        """The redemption that a record on hold is about, as far as anybody knows."""
        return self.guarded.get(record) or self.found.get(record) or self.outcomes[record - 1].redemption

    def held_for(self, record):
        """Why a record is on hold by now."""
        return "guard" if record in self.guarded else self.found_reason.get(record) or self.outcomes[record - 1].reason

    def opened_records(self):
        """Records whose holds are open."""
        return {n for n in self.holds() - self.ended.keys() if n is not None}

    def counts_as_delivered(self):
        """The same file again is a duplicate of it: it is posted, or waits as a whole."""
        return self.state == "posted" or self.state == "held" and self.ended.get(None) != "closed" and not self.went

    def root(self):
        return self if self.release_of is None else self.release_of.root()

    def holds(self):
        """Records that were held; None for the file as a whole."""
        return {None} if self.state == "held" or self.opened else {n for n, o in enumerate(self.outcomes, 1) if o.word == HELD}

    def unknown(self):
        """Records whose redemption nobody has found: neither people, nor a night."""
        return [n for n, o in enumerate(self.outcomes, 1)
                if o.reason == "unknown_reference" and n not in self.ended and n not in self.guarded and n not in self.found]

    def unclear(self):
        """It waits for a decision, and could be about any redemption of its partner."""
        return None in self.holds() and None not in self.ended or bool(self.unknown()) or any(
            o.word == HELD and o.redemption is None and n not in self.ended and self.guarded.get(n) is None and self.found.get(n) is None
            for n, o in enumerate(self.outcomes, 1))

    def waits_about(self):
        """{record: redemption} of its open holds of records whose redemption is known by now."""
        about = {n: self.about(n) for n in self.opened_records()}
        return {n: redemption for n, redemption in about.items() if redemption is not None}

    def says_so(self, record, state):
        """Its record asks for what the redemption is: nobody is to decide it again."""
        said, reason = self.delivery.records[record - 1], self.held_for(record)
        if state == "open" or reason in CORRECTIONS:
            return False
        if said.verdict == "pending" or reason == "reason_retry":
            return True
        return state == "reversed" if said.verdict == "rejected" else state in ("confirmed", "reinstated")

    def counts(self):
        return collections.Counter(o.word for o in self.outcomes)

    def points(self):
        """By outcome: the debit's points, or as stated where there is no debit."""
        sums = collections.Counter()
        for said, made in zip(self.delivery.records if self.delivery else (), self.outcomes):
            sums[made.word] += made.redemption.points if made.redemption else said.points
        return sums


@dataclasses.dataclass
class Act:
    """What people did about holds, and whether the database let them; or a night, or a redemption that came late."""
    after: int       # so many files had been decided
    what: str        # propose, approve, reject; night; book
    proposal: int    # its number; of a refused one a number of its own
    done: bool
    decision: str = ""
    holds: tuple = ()      # (file, from 0; record, or None for the whole file)
    redemption: str = ""   # external reference, where people name it, and of what came late
    counts: dict = dataclasses.field(default_factory=dict)  # of a night: what it says that it did
    generations: dict = dataclasses.field(default_factory=dict)  # hold -> how often it was opened again before, as the oracle finds


class Judge:
    """The state of every redemption, and what a file makes of it."""

    def __init__(self, ledger, late=(), terms=None):
        self.terms = terms or TERMS
        self.redemptions = {}
        self.newest = {}  # redemption -> place of the file of the last answer that counted
        self.live = collections.Counter()  # (redemption, word): confirmed, reversed and reinstated, once each
        self.places = collections.defaultdict(set)  # partner -> places of its posted files: (period, position in it)
        self.last_days = {}  # partner -> the day of the last of them
        self.parts = collections.defaultdict(list)  # redemption -> parts of its answer, that wait or did
        self.named = set()  # redemptions that people said a record is about, without deciding them
        self.credited = set()  # redemptions of which the points were credited after they were reinstated
        self.files = []  # those that were decided
        self.links = []  # (file, record, file that it replaces, record there; 0: the whole file)
        self.balances = dict(ledger.balances)
        self.state = {str(r.external_reference): "open" for r in ledger.redemptions}
        late = set(late)
        for redemption in ledger.redemptions:
            if str(redemption.external_reference) in late:
                self.balances[redemption.member.member_id] += redemption.points  # which were not spent yet
            else:
                self.redemptions[str(redemption.external_reference)] = redemption

    def book(self, redemption):
        """It is on the ledger from now on."""
        self.redemptions[str(redemption.external_reference)] = redemption
        self.balances[redemption.member.member_id] -= redemption.points

    def trial(self):
        """Another judge of the same mind, whose decisions move nothing of this one's."""
        other = copy.copy(self)
        other.state, other.newest, other.live = dict(self.state), dict(self.newest), self.live.copy()
        other.balances, other.named, other.credited = dict(self.balances), set(self.named), set(self.credited)
        return other

    def file(self, partner, delivery, waived, ended):
        """Its outcomes; or None, and why it is held as a whole. ended: how holds of its records will end."""
        if delivery.refused:
            return None, "refused"
        delivery.place, far_off = self.place(partner, delivery, waived)
        made = self.read(partner, delivery)
        reason = self._order(partner, delivery, far_off) - waived
        for held in ("sequence_jump", "sequence_restart", "resubmission", "sequence_gap"):
            if held in reason:
                return None, held
        if "file_void" not in waived and self.voids(partner, delivery):
            return None, "file_void"
        reversed_now = reversals(made)
        unknown = sum(o.word == "held" and o.reason == "unknown_reference" for o in made)
        if unknown > GUARD_LEAST and unknown * 100 > len(made) * UNMATCHED_SHARE and "nothing_matches" not in waived:
            return None, "nothing_matches"
        if guard_trips(reversed_now, len(made)) and "guard" not in waived:
            return None, "guard"
        if delivery.place >= max(self.places[partner], default=delivery.place):
            self.last_days[partner] = delivery.day
        self.places[partner].add(delivery.place)
        for outcome in made:  # a file acts as a whole: no record sees what another of the same file did
            self.act(outcome, delivery.place)
            for redemption in outcome.group:
                self.act(Outcome(outcome.answers, "", redemption), delivery.place)
            self.count_part(outcome, ended)
        return made, ""

    def count_part(self, outcome, ended):
        """Keeps it, where it is a part."""
        if outcome.part is not None:
            self.parts[str(outcome.redemption.external_reference)].append(
                dataclasses.replace(outcome.part, held=outcome.word == HELD, ended=ended))

    def last(self, partner, period):
        """The greatest position in a period; None: it has no file."""
        return max((position for there, position in self.places[partner] if there == period), default=None)

    def place(self, partner, delivery, waived):
        """((period, position), is it about as near behind the last as before it): periods come before numbers."""
        terms, number = self.terms[partner], delivery.sequence
        if not terms.after:
            return (period_of(terms.resets, delivery.day), number), False
        last = self.last(partner, ANY_TIME)
        if last is None:
            return (ANY_TIME, number), False
        # the number comes once in each round; the nearest to the last is meant
        behind = (last - number) % terms.after
        ahead = terms.after - behind
        far_off = behind > terms.jump if behind < ahead else behind == ahead
        if behind < ahead and not (far_off and "sequence_jump" in waived):
            return (ANY_TIME, last - behind), far_off
        return (ANY_TIME, last + ahead), far_off

    def _order(self, partner, delivery, far_off):
        """What its place is held for: the number is there, begins again, is too far off, or others are missing before it."""
        terms, (period, position) = self.terms[partner], delivery.place
        there, last = self.places[partner], self.last(partner, period)
        reasons = set()
        before = 0 if last is None else last  # each period begins with 1
        measured = last is not None or any(other < period for other, _ in there)  # the first that there ever is may be any
        if measured and (far_off or position > before + terms.jump):
            reasons.add("sequence_jump")
        if delivery.place in there:
            reasons.add("resubmission")
        if self._begins_again(partner, delivery):
            reasons = reasons - {"resubmission"} | {"sequence_restart"}
        if terms.gap == "hold" and position > before + 1:
            reasons.add("sequence_gap")
        return reasons

    def _begins_again(self, partner, delivery):
        """Where the profile says nothing of that: a number below the last on a later day than the last's, a first one or one that came."""
        terms, there = self.terms[partner], self.places[partner]
        if terms.resets != "never" or terms.after or not there:
            return False
        last, number = max(position for _, position in there), delivery.sequence
        return number < last and delivery.day > self.last_days[partner] \
            and (delivery.place in there or number <= 1 or last - number >= RESTART_DISTANCE)

    # what replaces what

    def _posted(self, partner):
        return [file for file in self.files if file.partner == partner and file.state == "posted"]

    def _waiting(self, partner, delivery):
        """(file, record, record of this file; None: the whole of it) of corrections that may still mean it."""
        replacing = {(id(file), n) for file, n, _, _ in self.links}
        for file in self._posted(partner):
            for n, said in enumerate(file.delivery.records, 1):
                if not corrects(said) or (id(file), n) in replacing or file.outcomes[n - 1].word == "duplicate_record" \
                        or n in file.closed and not is_void(said):  # that a void was closed says nothing of its file
                    continue
                if said.of_file is not None and (said.of_file != delivery.sequence or file.delivery.place[0] < delivery.place[0]):
                    continue
                if said.of_id:
                    yield from ((file, n, other.number) for other in delivery.records
                                if other.id == said.of_id and said.of_record in (None, other.number))
                elif said.of_file is not None:
                    yield file, n, said.of_record

    def void_since(self, file):
        """Whether a file that was posted after it says that it is void."""
        after = itertools.dropwhile(lambda other: other is not file, self.files)
        return file.state == "posted" and any(by is later for later in after for by, _, what, record in self.links if what is file and record == 0)

    def voids(self, partner, delivery):
        """(file, record) of those that say that this file is void, before it came."""
        return [(file, n) for file, n, record in self._waiting(partner, delivery) if record is None]

    def _fates(self, partner, delivery, again):
        """{record: Fate} of records that replace others, or are replaced."""
        fates = collections.defaultdict(Fate)
        if not self.terms[partner].corrects:
            return fates
        if again is None:
            self._replacing(partner, delivery, fates)
        met = [(n, file, other) for file, other, n in self._waiting(partner, delivery) if n is not None]
        met += [(n, file, other) for file, other, replaced, n in self.links if again is not None and replaced is again and n]
        for n, file, other in met:
            if 1 <= n <= len(delivery.records):
                fates[n].met.append((file, other))
                fates[n].reason, fates[n].repeats = "correction", False
        return fates

    def _replacing(self, partner, delivery, fates):
        targets = {said.number: self._target(partner, delivery, said) for said in delivery.records if corrects(said)}
        meaning = collections.defaultdict(list)  # what is replaced -> redemptions of the records that do
        for n, (other, record) in targets.items():
            meaning[id(other), record].append(self._own(partner, delivery.records[n - 1].reference))
        replaced = [(o, r) for _, _, o, r in self.links] + [
            (o, r) for n, (o, r) in targets.items() if o is not None and names_one(delivery.records[n - 1])]
        for n, (other, record) in targets.items():
            said = delivery.records[n - 1]
            sound, void = names_one(said), is_void(said)
            there = other is not None and 1 <= record <= len(other.outcomes)
            against = not sound or other is None or not void and (
                not there or self._unclear(partner, said, other, record, meaning[id(other), record]))
            replaces = (other, record) if other is not None and (void or there) else ()
            if sound and self._was_said(partner, delivery, said, replaces, replaced):
                fates[n] = Fate(repeats=True, was_said=True, corrects=True)
            else:
                fates[n] = Fate("file_void" if void and sound else "correction" if against else "", corrects=True, replaces=replaces)

    def _target(self, partner, delivery, said):
        """(the one file that has the number, of the newest period, or the name; record there, 0: the whole file); None, where it is not one."""
        period, position = delivery.place
        before = [f for f in self._posted(partner) if f.delivery.place < delivery.place]
        files = [f for f in before if f.delivery.sequence == said.of_file and (f.delivery.place[0] == period or (said.of_file or 0) >= position)]
        newest = max((f.delivery.place[0] for f in files), default=None)
        files = [f for f in files if f.delivery.place[0] == newest]
        if not said.of_id:
            return files[0] if len(files) == 1 else None, said.of_record or 0
        named = [(f, other.number) for f in (before if said.of_file is None else files[:1]) for other in f.delivery.records
                 if other.id == said.of_id and said.of_record in (None, other.number)]
        return named[0] if len(named) == 1 and len(files) <= 1 else (None, 0)

    def _own(self, partner, reference):
        redemption = self.redemptions.get(reference)
        return redemption if redemption is not None and redemption.partner == partner else None

    def _unclear(self, partner, said, other, record, meaning):
        """Whether it is not clear that a record replaces that one."""
        redemption = self._own(partner, said.reference)
        was = [other.outcomes[record - 1].redemption, *other.later[record]]
        last = was[-1]
        if any(o is other and n == record for _, _, o, n in self.links) or self.terms[partner].split != "none" \
                or len({r.entry_id for r in was if r is not None}) > 1 or redemption is None:
            return True
        if last is None:
            if record not in other.opened_records() or other.delivery.records[record - 1].member != said.member:
                return True
        elif last is not redemption:
            return True
        return any(r is not redemption for r in meaning)

    def _was_said(self, partner, delivery, said, replaces, replaced):
        """Whether an earlier file says the same of the same record, and that waits or stands: nobody closed or replaced it."""
        redemption = self._own(partner, said.reference)
        for file in self._posted(partner):
            if said.of_file is not None and file.delivery.place[0] != delivery.place[0]:
                continue
            for n, (before, made) in enumerate(zip(file.delivery.records, file.outcomes), 1):
                if facts(before) != facts(said) or made.redemption is not redemption or n in file.repeats:
                    continue
                linked = [(o, r) for f, m, o, r in self.links if f is file and m == n]
                if not (any(o is replaces[0] and r == replaces[1] for o, r in linked) if replaces else not linked):
                    continue
                if made.word == "duplicate_record" or n in file.closed or any(o is file and r in (n, 0) for o, r in replaced):
                    continue
                if (made.word != HELD or made.reason in CORRECTIONS) and (n in file.opened_records() or self._stands(redemption, said)):
                    return True
        return False

    def _stands(self, redemption, said):
        """Whether a redemption is what a record says; of what says nothing of one, and of none, it always is."""
        if redemption is None or said.verdict == "pending":
            return True
        state = self.state[str(redemption.external_reference)]
        return state == "reversed" if said.verdict == "rejected" else state in ("confirmed", "reinstated")

    def keep(self, file, voids):
        """What a posted file says of earlier ones, and they of it; ends what it replaces. voids: (file, record) that called it void."""
        file.repeats = {n for n, fate in file.delivery.fates.items() if fate.was_said}
        for n, fate in sorted(file.delivery.fates.items()):
            if fate.replaces:
                self.links.append((file, n, *fate.replaces))
            self.links += [(other, m, file, n) for other, m in fate.met]
        self.links += [(other, m, file, 0) for other, m in voids]
        for n, fate in sorted(file.delivery.fates.items()):
            made = file.outcomes[n - 1]
            if not fate.replaces:
                continue
            other, record = fate.replaces
            over = other.opened_records() if not record and made.reason == "file_void" else \
                {record} & other.opened_records() if record and made.word in ("confirmed", "reversed", "already_applied", "informational") else ()
            for m in over:
                other.end(m, "closed", other.about(m))

    def read(self, partner, delivery, waits=None, again=None):
        """What would become of each of its records now. waits: of a file that is read again, those that nobody has decided."""
        if self.terms[partner].group != "none":
            return self._read_groups(partner, delivery, again=waits is not None)
        delivery.fates = self._fates(partner, delivery, again)
        by_reference = collections.defaultdict(list)
        for said in delivery.records:
            by_reference[said.reference].append(said)
        parts = {}
        for reference, same in by_reference.items() if self.terms[partner].split != "none" else ():
            redemption = self.redemptions.get(reference)
            if redemption is not None and redemption.partner == partner:
                # of a file that is read again, what people have ended is no part, though it was opened again
                parts.update(self._parts(partner, delivery, redemption, [
                    s for s in same if waits is None or s.number not in again.ended and s.number not in again.reopened], again))
        return [delivery.fates.get(said.number, NO_FATE).outcome(self._own(partner, said.reference)) or parts.get(said.number)
                or self._record(partner, delivery, said, by_reference[said.reference]) for said in delivery.records]

    def _meant(self, partner, said):
        """The redemptions that a record is about: the one that it names, or all that have the partner's reference."""
        if said.reference:
            redemption = self.redemptions.get(said.reference)
            return [redemption] if redemption is not None and redemption.partner == partner else []
        return [r for r in self.redemptions.values() if r.partner == partner and said.part and r.partner_reference == said.part]

    def _read_groups(self, partner, delivery, again):
        """Where one record may answer several redemptions: all of them, or none. A group that turns up later is for people."""
        meant = {said.number: self._meant(partner, said) for said in delivery.records}
        naming = collections.defaultdict(list)  # redemption -> records that name it
        for said in delivery.records:
            if not again or len(meant[said.number]) == 1:
                for redemption in meant[said.number]:
                    naming[redemption.entry_id].append(said)
        made = []
        for said in delivery.records:
            group = meant[said.number]
            if not group:
                made.append(Outcome(HELD, "unknown_reference"))
            elif len(group) > 1 and again:
                made.append(Outcome(HELD, "ambiguous"))
            elif len(group) > 1:
                made.append(self._group(partner, delivery, said, group, naming, meant))
            elif any(len(meant[s.number]) > 1 for s in naming[group[0].entry_id]):
                made.append(Outcome(HELD, "conflicting_duplicate", group[0]))  # a record of its group names it, too
            else:
                made.append(self._about(partner, delivery, said, group[0], naming[group[0].entry_id]))
        return made

    def _group(self, partner, delivery, said, group, naming, meant):
        """Each is judged as if the record named it alone; where all come to the same, that is done."""
        others = [s for redemption in group for s in naming[redemption.entry_id] if s is not said]
        if any(len(meant[s.number]) == 1 or facts(s) != facts(said) for s in others):
            return Outcome(HELD, "conflicting_duplicate")
        if any(s.number < said.number for s in others):
            return Outcome("duplicate_record")
        for redemption in group:
            mismatch = self._mismatch(redemption, dataclasses.replace(said, points=redemption.points))
            if mismatch:
                return Outcome(HELD, mismatch)
        reason = "points_mismatch" if said.points != sum(r.points for r in group) else self._asked(partner, said)
        if reason:
            return Outcome(HELD, reason)
        ends = {(o.word, o.reason) for o in (self._by_state(r, said, delivery.place) for r in group)}
        if len(ends) > 1:
            return Outcome(HELD, "group_differs")
        (word, reason), = ends
        if word in (HELD, "informational"):
            return Outcome(word, reason)
        return Outcome("informational", group=tuple(group), answers=word)

    def _parts(self, partner, delivery, redemption, same, again=None):
        """{record: Outcome} of those that answer a redemption in parts; nothing where they do not. again: the file, when it is read again."""
        key, by_line = str(redemption.external_reference), self.terms[partner].split == "line"
        known, voided = self.parts[key], [f.replaces[0].ended for f in delivery.fates.values() if f.reason == "file_void" and f.replaces]
        waiting = [part for part in known if part.waits() and not any(part.ended is ended for ended in voided)]  # with its file
        if not waiting and all(said.points == redemption.points for said in same):
            return {}
        state, made, new, clean = self.state[key], {}, [], True
        sound = [said for said in same if said.verdict != "pending" and self._unsound(partner, delivery, redemption, said, again) is None]
        for said in same:
            name, wrong = "" if by_line else said.part, self._unsound(partner, delivery, redemption, said, again)
            content = said.points, said.verdict == "rejected"
            siblings = [s for s in sound if not by_line and s.part == name]
            own = [p for p in known if again is not None and p.ended is again.ended and p.record == said.number]
            before = next((p for p in [*own, *waiting, *reversed(known)] if p in own or name and p.name == name), None)
            outcome = Outcome(HELD, "points_mismatch", redemption)
            if said.verdict == "pending":
                outcome = Outcome("informational", "", redemption)
            elif wrong is not None:
                outcome, clean = Outcome(HELD, wrong, redemption), False
            elif not by_line and not name:
                clean = False  # it names no part
            elif len({(s.points, s.verdict == "rejected") for s in siblings}) > 1:
                outcome, clean = Outcome(HELD, "conflicting_duplicate", redemption), False
            elif siblings and siblings[0] is not said:
                outcome = Outcome("duplicate_record", "", redemption)
            elif before and before.content() == content and state == "open" and any(before is part for part in waiting):
                outcome = Outcome("duplicate_record", "", redemption)
            elif before and before.content() == content and state != "open" and before.rejected == (state == "reversed"):
                outcome = Outcome("already_applied", "", redemption)
            elif state != "open" or any(before is part for part in waiting):
                clean = False  # of what is answered, or unlike the part that was counted
            else:
                outcome.part = Part(name, *content, said.number)
                new.append((said, outcome))
            made[said.number] = outcome
        self._sum_up(delivery, redemption, waiting, new, clean)
        return made

    def _sum_up(self, delivery, redemption, waiting, new, clean):
        """What becomes of new parts: the last one answers for all where they are whole, and all of them say the same."""
        counted = [*waiting, *(outcome.part for _, outcome in new)]
        total = sum(part.points for part in counted)
        whole = clean and total == redemption.points and len({part.rejected for part in counted}) == 1
        for said, outcome in new:
            if whole and said is new[-1][0]:
                last = self._by_state(redemption, said, delivery.place)
                outcome.word, outcome.reason = last.word, last.reason
            elif whole:
                outcome.word, outcome.reason = "informational", ""
            elif total <= redemption.points:
                outcome.reason = "partly_fulfilled"

    def _unsound(self, partner, delivery, redemption, said, again):
        """Why a record counts for no part, whatever its points; None where it may."""
        fate = delivery.fates.get(said.number, NO_FATE)
        if fate.reason or fate.repeats or again is not None and corrects(said):  # what it replaces is not judged again
            return "correction"
        mismatch = self._mismatch(redemption, dataclasses.replace(said, points=redemption.points))
        return mismatch or self._asked(partner, said)

    def _record(self, partner, delivery, said, same):
        redemption = self.redemptions.get(said.reference)
        if redemption is None or redemption.partner != partner:
            return Outcome(HELD, "unknown_reference")
        return self._about(partner, delivery, said, redemption, same)

    def _about(self, partner, delivery, said, redemption, same):
        """What becomes of a record whose redemption is known. same: all records of the file about it."""
        if len({facts(s) for s in same}) > 1:
            return Outcome(HELD, "conflicting_duplicate", redemption)
        if same[0] is not said:
            return Outcome("duplicate_record", "", redemption)
        reason = self._mismatch(redemption, said) or self._asked(partner, said)
        made = Outcome(HELD, reason, redemption) if reason else self._by_state(redemption, said, delivery.place)
        if delivery.fates.get(said.number, NO_FATE).corrects and made.reason == "contradiction":
            made.reason = "correction"  # what it replaces is settled
        return made

    @staticmethod
    def _asked(partner, said):
        """The hold that its reason codes ask for, or None."""
        actions = {ACTIONS[partner].get(code, "unknown_reason") for code in said.reasons}
        if "unknown_reason" in actions:
            return "unknown_reason"
        if said.verdict == "rejected" and "hold" in actions:
            return "reason_holds"
        return "reason_retry" if said.verdict == "rejected" and "retry" in actions else None

    @staticmethod
    def _mismatch(redemption, said):
        if said.member != redemption.member.reference:
            return "member_mismatch"
        if said.points != redemption.points:
            return "points_mismatch"
        if said.currency and said.currency != redemption.currency:
            return "currency_mismatch"
        return ""

    def _by_state(self, redemption, said, place):
        key = str(redemption.external_reference)
        state = self.state[key]
        if said.verdict == "pending":
            return Outcome("informational", "", redemption)
        if self.newest.get(key, place) > place:  # an older answer agrees with what stands, or is for people
            agrees = (said.verdict == "rejected") == (state == "reversed")
            return Outcome("informational" if agrees else HELD, "" if agrees else "contradiction", redemption)
        if said.verdict == "rejected":
            word = {"open": "reversed", "confirmed": HELD, "reversed": "already_applied", "reinstated": HELD}[state]
        else:
            word = {"open": "confirmed", "confirmed": "already_applied", "reversed": HELD,
                    "reinstated": "already_applied"}[state]
        return Outcome(word, "contradiction" if word == HELD else "", redemption)

    def act(self, outcome, place):
        if outcome.word not in ("confirmed", "reversed", "already_applied"):
            return
        key = str(outcome.redemption.external_reference)
        self.newest[key] = max(place, self.newest.get(key, place))
        self._move(outcome.redemption, outcome.word)

    def _move(self, redemption, word):
        key = str(redemption.external_reference)
        if word == "already_applied":
            return
        if word != "confirmed":
            self.balances[redemption.member.member_id] += redemption.points * (-1 if word == "reinstated" else 1)
        self.state[key] = "reversed" if word == "credited" else word
        if word == "credited":
            self.credited.add(key)
        self.live[key, word] += 1

    def decide(self, partner, place, redemption, decision, verdict=None):
        """What an approved decision makes of one record that was held; None when it is not possible."""
        if decision == "close":
            self.named.update([str(redemption.external_reference)] if redemption else [])
            return "closed"
        if redemption is None or redemption.partner != partner:
            return None
        key = str(redemption.external_reference)
        word, states = {"confirm": ("confirmed", ("open",)), "reverse": ("reversed", ("open", "confirmed")),
                        "reinstate": ("reinstated", ("reversed",)), "credit": ("credited", ("reinstated",))}[decision]
        if self.state[key] not in states or word == "reinstated" and key in self.credited or word == "credited" and verdict != "rejected":
            return None
        if word not in ("reinstated", "credited"):  # that is ours, and no answer of the partner's
            self.newest[key] = max(place, self.newest.get(key, place))
        self._move(redemption, word)
        return word

    def take_silence(self, redemption):
        """Silence is acceptance; but no answer, so none is older than it."""
        self._move(redemption, "confirmed")


def facts(said):
    return (said.verdict, said.member, said.points, said.reasons, said.currency, said.new_member, said.of_file, said.of_record, said.of_id)


def corrects(said):
    return said.of_file is not None or said.of_record is not None or bool(said.of_id)


def names_one(said):
    """Whether a correction names a record or a file at all."""
    return said.of_file is not None or bool(said.of_id and said.of_record is None)


def is_void(said):
    return said.of_record is None and not said.of_id


def reversals(outcomes):
    """As the guard counts them: a record of a group reverses several."""
    return sum(o.word == "reversed" for o in outcomes) + sum(len(o.group) for o in outcomes if o.answers == "reversed")


def guard_trips(rejects, records):
    return rejects > GUARD_LEAST and rejects * 100 > records * GUARD_SHARE


ANY_TIME = datetime.date.min  # the one period of numbers that do not begin again by the day


def period_of(resets, day):
    """The day that a day's period begins with."""
    return {"never": ANY_TIME, "daily": day, "monthly": day.replace(day=1), "yearly": day.replace(month=1, day=1)}[resets]


def last_day(redemption, terms):
    """On which an answer to it is in time: that many business days after its own."""
    day, left = redemption.posted_at.astimezone(zoneinfo.ZoneInfo(terms.zone)).date(), terms.within
    while left:
        day += datetime.timedelta(days=1)
        left -= day.weekday() < 5
    return day


class Night:
    """What the nightly run makes of the files so far: found later, never found, and never spoken of."""

    def __init__(self, judge, files, terms, acts):
        self.judge, self.files, self.terms, self.acts = judge, files, terms, acts
        self.counts = collections.Counter()

    def run(self):
        for partner in self.terms:
            mine = [file for file in self.files if file.partner == partner]
            for file in mine:
                self._later(file)
            if self.terms[partner].unknown_days == 0:
                self._expire(mine)
            self._overtake(mine)
        for partner, terms in self.terms.items():
            if terms.lists == "rejects":
                self._silence(partner, terms, [file for file in self.files if file.partner == partner])
        return self.counts

    def _later(self, file):
        waits = file.unknown()
        read = self.judge.read(file.partner, file.delivery, waits, file) if waits else ()
        made = {n: read[n - 1] for n in waits if read[n - 1].redemption is not None and read[n - 1].word != HELD}
        # its true reason, and never closed as unknown from then on
        file.found.update({n: read[n - 1].redemption for n in waits
                           if read[n - 1].word == HELD and read[n - 1].reason != "unknown_reference"
                           and (read[n - 1].redemption is not None or read[n - 1].reason == "ambiguous")})
        # of several, none is found
        file.found_reason.update({n: read[n - 1].reason for n in file.found if n in waits})
        for n in waits:
            if n in file.found:
                file.later[n].append(file.found[n])
                self.judge.count_part(read[n - 1], file.ended)
        now = sum(o.word == "reversed" for o in made.values())
        before = file.reversed_later + reversals(file.outcomes)
        if now and guard_trips(before + now, len(file.outcomes)) and "guard" not in file.waived:
            file.guarded.update({n: o.redemption for n, o in made.items()})
            self.counts["guarded"] += len(made)
            return
        file.reversed_later += now
        for n, outcome in made.items():
            self.judge.act(outcome, file.delivery.place)
            file.end(n, outcome.word, outcome.redemption)
            self.judge.count_part(outcome, file.ended)
            if outcome.word in ("confirmed", "reversed"):
                file.rematched[n] = outcome.redemption, self.acts
        self.counts["matched"] += len(made)
        self.counts["reversed"] += now

    def _overtake(self, files):
        """What a night settled by a later file ends what an earlier one asks for."""
        for place, file in enumerate(files):
            # what was opened again is ended by what is settled after that
            later = [(r, acts) for f in files[place + 1:] for r, acts in f.rematched.values()]
            for n, redemption in file.waits_about().items():
                settled = any(r is redemption and acts > file.reopened_at.get(n, -1) for r, acts in later)
                if settled and file.says_so(n, self.judge.state[str(redemption.external_reference)]):
                    file.end(n, "closed", redemption)
                    self.counts["overtaken"] += 1

    def _expire(self, files):
        for file in files:
            old = file.unknown()
            for n in old:
                file.end(n, "closed")
            file.expired.update(old)
            self.counts["expired"] += len(old)

    def _silence(self, partner, terms, files):
        if any(file.unclear() for file in files):
            return
        posted = [file for file in files if file.state == "posted"]
        listing = [file for file in posted if not any(void is file and not record for _, _, void, record in self.judge.links)]
        spoken_of = self.judge.named | {said.reference for file in posted for said in file.delivery.records} | {
            key for key, r in self.judge.redemptions.items() for file in posted for said, made in zip(file.delivery.records, file.outcomes)
            if self.terms[partner].group != "none" and not said.reference and said.part == r.partner_reference
            and made.word not in ("confirmed", "reversed")}  # what decided the one that was there says nothing of another
        # what was never found said something of whatever it could have meant
        expired = {(said.member, said.points) for file in posted for n, said in enumerate(file.delivery.records, 1) if n in file.expired}
        today = datetime.datetime.now(zoneinfo.ZoneInfo(terms.zone)).date()
        for key, redemption in self.judge.redemptions.items():
            if redemption.partner != partner or self.judge.state[key] != "open" or key in spoken_of \
                    or (redemption.member.reference, redemption.points) in expired:
                continue
            last = last_day(redemption, terms)
            shows = next((file for file in listing if last < today and self._covers(file, last, listing)), None)
            if shows is not None:
                self.judge.take_silence(redemption)
                shows.absent.append(redemption)
                self.counts["deemed_accepted"] += 1

    @staticmethod
    def _covers(file, last, listing):
        """It is of the last day or later (all came after it), and no number is missing before its own.

        What number a period ends with nobody can know: it goes on in the next one, where that begins with 1.
        """
        return file.delivery.day >= last and file.delivery.place in unbroken({f.delivery.place for f in listing})


def unbroken(places):
    """Those from the first of all to the first gap."""
    first, *rest = sorted(places)
    run = [first]
    for period, position in rest:
        if position > (run[-1][1] if run[-1][0] == period else 0) + 1:
            break
        run.append((period, position))
    return run


class Meanwhile:
    """What happens between files: people decide what is held, redemptions come late, and nights."""

    def __init__(self, judge, files, ledger, terms):
        self.judge, self.files, self.terms = judge, files, terms
        self.all = {str(r.external_reference): r for r in ledger.redemptions}
        self.proposals = {}  # number -> Act, while nobody has answered it
        self.replayed = 0

    def replay(self, acts):
        """Those that took place before the next file; asserts that the database let through what it had to."""
        while self.replayed < len(acts) and acts[self.replayed].after == len(self.files):
            act = acts[self.replayed]
            self.replayed += 1
            may = getattr(self, act.what)(act)
            self.withdraw()
            if act.what == "night":
                assert act.counts == may, f"the night after {act.after} files did {act.counts}, shall have done {may}"
                continue
            assert act.done == may, f"{act}: the database {'let it' if act.done else 'refused it'}"

    def withdraw(self):
        """Proposals of which no hold is open any more are nobody's to answer."""
        self.proposals = {number: act for number, act in self.proposals.items()
                          if act.decision == "reopen" or any(self.is_open(act, file, record) for file, record in act.holds)}

    def generations(self, holds):
        return {(file, record): self.files[file].reopened.get(record, 0) for file, record in holds}

    def is_open(self, act, file, record):
        """The hold itself that a proposal is about, and none that opens it again."""
        it = self.files[file]
        return record not in it.ended and it.reopened.get(record, 0) == act.generations[file, record]

    def may_reopen(self, judge, it, record):
        """Only what people closed, or what ended by itself; of a whole file a release that has not gone."""
        if record is None:
            return it.ended.get(None) == "released" and not it.went
        is_part = it.held_for(record) == "partly_fulfilled" or any(
            part.ended is it.ended and part.record == record for parts in judge.parts.values() for part in parts)
        return it.ended.get(record) == "closed" and not is_part

    def overtaken_by(self, new, older):
        """A file that was posted, and is older than none, settles what earlier ones of its partner wait for; parts are whole in any order."""
        self.withdraw()
        if new.state != "posted":
            return
        for file in [f for f in self.files if f is not new and f.partner == new.partner]:
            for n, redemption in file.waits_about().items():
                key = str(redemption.external_reference)
                said = file.delivery.records[n - 1]
                settled = [s for s, o in zip(new.delivery.records, new.outcomes)
                           if (o.word in ("confirmed", "reversed", "already_applied") and o.redemption is redemption
                               or redemption in o.group)
                           and (o.part is not None or not older)]
                if settled and (file.says_so(n, self.judge.state[key])
                                or file.held_for(n) not in CORRECTIONS
                                and any((s.verdict, s.reasons) == (said.verdict, said.reasons) for s in settled)):
                    file.end(n, "closed", redemption)
        self.withdraw()

    def decided(self, judge, act):
        """[how each hold ends], or None when one cannot."""
        ended = []
        if act.redemption and act.redemption not in judge.redemptions:
            return None
        for file, record in act.holds:
            it = self.files[file]
            if act.decision == "reopen":
                if record not in it.holds() or not self.may_reopen(judge, it, record):
                    return None
                ended.append("reopened")
                continue
            if record not in it.holds() or record in it.ended:
                return None
            if record is None:
                how = {"close": "closed", "release": "released"}.get(act.decision)
            elif act.decision == "release":
                how = None
            else:
                redemption = judge.redemptions[act.redemption] if act.redemption else it.about(record)
                how = judge.decide(it.partner, it.delivery.place, redemption, act.decision, it.delivery.records[record - 1].verdict)
            if how is None:
                return None
            ended.append(how)
        return ended

    def propose(self, act):
        # each by itself: that two of one redemption exclude each other shows when they are approved
        may = all(self.decided(self.judge.trial(), dataclasses.replace(act, holds=(hold,))) for hold in act.holds)
        if may:
            self.keep(act)
        return may

    def keep(self, act):
        self.proposals[act.proposal] = dataclasses.replace(act, generations=self.generations(act.holds))

    def approve(self, act):
        proposed = self.proposals.get(act.proposal)
        if proposed is None:
            return False
        there = [(file, record) for file, record in proposed.holds if (self.is_open(proposed, file, record) if proposed.decision != "reopen"
                 else self.files[file].reopened.get(record, 0) == proposed.generations[file, record])]
        abouts = [self.files[file].waits_about().get(record) for file, record in there if record is not None]
        keys = [str(r.external_reference) for r in abouts if r is not None]
        if proposed.decision not in ("close", "release", "reopen") and not proposed.redemption and len(keys) > len(set(keys)):
            return False
        # what is not possible any more is left out
        done = [(hold, how[0]) for hold in there
                if (how := self.decided(self.judge, dataclasses.replace(proposed, holds=(hold,))))]
        if not done:
            return False
        for (file, record), how in done:
            it = self.files[file]
            if how == "reopened":
                it.reopen(record, self.replayed)
                continue
            it.end(record, how, None if record is None else
                   self.judge.redemptions[proposed.redemption] if proposed.redemption else it.about(record))
            if how == "closed":
                it.closed.add(record)
        if proposed.decision in ("confirm", "reverse", "reinstate", "credit"):
            moved = {self.about(proposed, file, record) for (file, record), _ in done}
            for file in self.files:
                for n, redemption in file.waits_about().items():
                    key = str(redemption.external_reference)
                    if key in moved and file.says_so(n, self.judge.state[key]):
                        file.end(n, "closed", redemption)
        closed = [self.files[file] for (file, record), _ in done if record is None and proposed.decision == "close"]
        for duplicate in [self.came_meanwhile(file) for file in closed if file.state == "held"]:
            if duplicate:
                duplicate.opened = True
        del self.proposals[act.proposal]
        return True

    def about(self, act, file, record):
        return act.redemption or str(self.files[file].about(record).external_reference)

    def came_meanwhile(self, closed):
        """What came while it waited was taken for a duplicate of it: the last one waits by itself now."""
        after = next(n for n, file in enumerate(self.files) if file is closed.root())
        return next((file for file in reversed(self.files[after:])
                     if file.state == "duplicate" and file.identity == closed.identity and not file.opened), None)

    def not_a_duplicate(self, act):
        (file, _), = act.holds
        it = self.files[file]
        if it.state != "duplicate" or it.opened and None in it.ended:
            return False
        it.opened = True
        self.keep(act)
        return True

    def reject(self, act):
        return self.proposals.pop(act.proposal, None) is not None

    def book(self, act):
        self.judge.book(self.all[act.redemption])
        return True

    def night(self, _act):
        counts = Night(self.judge, self.files, self.terms, self.replayed).run()
        return {what: counts[what] for what in NIGHTLY}


class Stored:
    """What the database has of each file. A table is asked for once: a question for each file reads it that often."""

    def __init__(self, c):
        def by_file(sql):
            rows = collections.defaultdict(list)
            for file_id, *row in c.execute(sql):
                rows[file_id].append(tuple(row))
            return rows

        self.files = c.execute(
            """SELECT f.file_id, upper(p.code), convert_from(f.name, 'UTF8'), f.sha256, f.state::text, f.hold_reason,
                      f.release_of
                 FROM handback.file f JOIN handback.partner p USING (partner_id)
                ORDER BY f.file_id""").fetchall()
        self.outcomes = by_file(
            """SELECT o.file_id, o.record_no, n.name, o.hold_reason, o.byte_offset, o.byte_length, o.redemption_id
                 FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)
                WHERE o.revision = 0 ORDER BY o.file_id, o.record_no""")
        self.later = by_file(
            """SELECT o.file_id, o.record_no, n.name, o.redemption_id
                 FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)
                WHERE o.revision > 0 ORDER BY o.file_id, o.record_no""")
        self.tie_outs = by_file(
            """SELECT t.file_id, n.name, t.records
                 FROM handback.tie_out t JOIN handback.outcome_name n USING (outcome)""")
        self.waiting = by_file(
            """SELECT h.file_id, h.record_no FROM handback.hold h
                WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)""")
        self.guarded = by_file(
            """SELECT h.file_id, h.record_no, g.redemption_id
                 FROM handback.hold_guarded g JOIN handback.hold h USING (hold_id)""")
        self.controls = by_file("SELECT file_id, stated, counted FROM handback.control")


class Oracle:
    def __init__(self, ledger, late=(), terms=None):
        """late: external references of redemptions that are not on the ledger before an act says so."""
        self.ledger, self.late, self.terms = ledger, late, terms or TERMS
        self.deliveries = []  # (partner, name, bytes)
        self.acts = []

    def delivered(self, partner, name, data):
        self.deliveries.append((partner, name, data))

    def acted(self, act):
        self.acts.append(act)

    def expect(self, taken):
        """FileOutcome for each (partner, name, sha256, which of them it releases or None), in the database's order."""
        judge, made = Judge(self.ledger, self.late, self.terms), []
        judge.files = made
        meanwhile = Meanwhile(judge, made, self.ledger, self.terms)
        content = {hashlib.sha256(data).digest(): data for _, _, data in self.deliveries}
        for partner, name, sha256, release_of in taken:
            meanwhile.replay(self.acts)
            assert sha256 in content, f"{name}: handback has a file that nobody delivered"
            waived = frozenset() if release_of is None else self._released(judge, made[release_of], name)
            meanwhile.withdraw()
            identity = partner, sha256, readers.statement(partner, name)
            same = next((file for file in made if file.identity == identity and file.counts_as_delivered() and not judge.void_since(file)), None)
            if release_of is None and same is not None:
                made.append(FileOutcome("duplicate", partner=partner, identity=identity, repeats_file=same))
                continue
            delivery = readers.read(partner, content[sha256], name)
            before = max(judge.places[partner], default=None)
            ended = {}
            outcomes, reason = judge.file(partner, delivery, waived, ended)
            older = before is not None and delivery.place is not None and delivery.place < before
            voids = () if reason else judge.voids(partner, delivery)
            made.append(FileOutcome("held" if reason else "posted", reason, delivery, outcomes or [], partner, ended, waived=waived,
                                    identity=identity, release_of=None if release_of is None else made[release_of]))
            if not reason:
                judge.keep(made[-1], voids)
            meanwhile.overtaken_by(made[-1], older)
        meanwhile.replay(self.acts)
        waiting = [file for file in made if not file.went and (file.ended.get(None) == "released" or self._gap_is_filled(judge, file))]
        assert not waiting, f"{len(waiting)} files were released, and not read again"
        return made, judge

    @staticmethod
    def _gap_is_filled(judge, held):
        """It waits for numbers before its own, and they were posted since."""
        if held.reason != "sequence_gap" or None in held.ended:
            return False
        period, position = held.delivery.place
        return position - 1 <= (judge.last(held.partner, period) or 0)

    def _released(self, judge, held, name):
        """Which checks the release of a held file waives; each goes once: when two people say so, or its gap is filled."""
        if self._gap_is_filled(judge, held):
            held.ended[None] = "released"
        assert held.ended.get(None) == "released", f"{name}: nobody has released it"
        assert not held.went, f"{name}: it was released twice"
        held.went = True
        if held.state == "duplicate":  # that its number was there is what they knew
            return frozenset({"resubmission", "sequence_restart"} if held.repeats_file.state == "posted" else ())
        # people who say that a number is there rightly say so of the whole of it; what is far off waits for none before it
        also = {"resubmission": {"sequence_restart"}, "sequence_restart": {"resubmission"}, "sequence_jump": {"sequence_gap"}}
        return held.waived | {held.reason} | also.get(held.reason, set())

    def check(self, world):
        """Every invariant that the state of the world can show; AssertionError names the first that is broken."""
        with world.database.connect() as c:
            stored = Stored(c)
            place = {file_id: n for n, (file_id, *_) in enumerate(stored.files)}
            expected, judge = self.expect([(partner, name, bytes(sha), place.get(release_of))
                                           for _, partner, name, sha, _, _, release_of in stored.files])
            for (file_id, _, name, _, state, reason, _), want in zip(stored.files, expected):
                assert state == want.state, f"{name}: is {state}, shall be {want.state}" \
                                            f" ({want.reason} {want.delivery.refused if want.delivery else 'seen before'})"
                assert want.reason in ("", "refused", reason), f"{name}: is held for {reason}, shall be for {want.reason}"
                self._records(stored, file_id, name, want)
                self._later(stored, file_id, name, want)
                self._controls(stored, file_id, name, want)
            self._ledger(c, judge)
            self._once(c, judge)
            wrong = proof.differences(c)
            assert not wrong, f"I5: {wrong[:5]}"
            self._quiet(c, world)
        self._spool(world)
        self._report(world, stored.files, expected)
        return dict(zip(place, expected))

    @staticmethod
    def _records(stored, file_id, name, want):
        """What was decided with the file."""
        rows = stored.outcomes[file_id]
        assert len(rows) == len(want.outcomes), \
            f"I3: {name}: {len(rows)} outcomes for {len(want.outcomes)} records"
        for (number, word, reason, offset, length, redemption), made, said in zip(
                rows, want.outcomes, want.delivery.records if want.delivery else ()):
            place = f"{name} record {said.number} ({said.verdict} {said.reference})"
            assert number == said.number, f"I3: {place} has number {number}"
            assert word == made.word, f"{place} is {word} {reason or ''}, shall be {made.word} {made.reason}"
            assert (reason or "") == made.reason, f"{place} is held for {reason}, shall be for {made.reason}"
            assert (offset, length) == (said.offset, said.length), \
                f"{place} stands at {said.offset}+{said.length}, not at {offset}+{length}"
            assert made.redemption is None or redemption in (None, made.redemption.entry_id), \
                f"{place} was matched to debit {redemption}, not {made.redemption.entry_id}"
        sums = dict(stored.tie_outs[file_id])
        assert sums == dict(want.counts()), f"I3: {name}: tied out as {sums}, shall be {want.counts()}"

    @staticmethod
    def _later(stored, file_id, name, want):
        """What people and nights decided, and what still waits for them."""
        later = sorted((record, how) for record, how, _ in stored.later[file_id])
        shall = sorted([(record, how) for record, how in [*want.ended.items(), *want.past] if record is not None] +
                       [(record, HELD) for record in want.found] +
                       [(n, o.answers) for n, o in enumerate(want.outcomes, 1) for _ in o.group] + [(0, "confirmed")] * len(want.absent))
        assert later == shall, f"{name}: later it was decided {later}, shall be {shall}"
        grouped = {(n, r.entry_id) for n, o in enumerate(want.outcomes, 1) for r in o.group}
        assert grouped <= {(record, redemption) for record, _, redemption in stored.later[file_id]}, f"{name}: groups are {grouped}"
        absent = {redemption for record, _, redemption in stored.later[file_id] if record == 0}
        assert absent == {r.entry_id for r in want.absent}, f"{name}: shows the silence of {absent}, shall of {want.absent}"
        guarded = dict(stored.guarded[file_id])
        assert guarded == {n: r.entry_id for n, r in want.guarded.items()}, f"{name}: the guard holds {guarded}"
        still = {record for record, in stored.waiting[file_id]}
        assert still == want.holds() - want.ended.keys(), f"{name}: records {still} wait for a person"

    @staticmethod
    def _controls(stored, file_id, name, want):
        if want.delivery is None or want.delivery.refused not in ("", "control_total"):
            return
        rows = [(int(stated), int(counted)) for stated, counted in stored.controls[file_id]]
        assert sorted(rows) == sorted(want.delivery.controls), f"I4: {name}: {rows}, shall be {want.delivery.controls}"

    def _ledger(self, c, judge):
        balances = dict(c.execute("SELECT member_id, points FROM ledger.balance"))
        wrong = {m: (balances.get(m), p) for m, p in judge.balances.items() if balances.get(m) != p}
        assert not wrong, f"I1: balances (is, shall be): {dict(list(wrong.items())[:5])}"
        apart = c.execute("""
            SELECT b.member_id, b.points, e.points FROM ledger.balance b JOIN LATERAL (
                SELECT coalesce(sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal', 'Credit By Correction')
                                         THEN points ELSE -points END), 0) AS points
                  FROM ledger.entry e WHERE e.member_id = b.member_id) e ON true
             WHERE b.points <> e.points LIMIT 5""").fetchall()
        assert not apart, f"I1: balance and entries differ: {apart}"
        reversed_here = {str(r) for r, in c.execute(
            """SELECT d.external_reference FROM ledger.entry r JOIN ledger.entry d ON d.entry_id = r.answers_entry_id
                WHERE r.category = 'Redemption Reversal' AND r.points = d.points AND r.member_id = d.member_id""")}
        shall = {k for k, word in judge.live if word == "reversed"}
        assert reversed_here == shall, f"I1: reversals differ: {list(reversed_here ^ shall)[:5]}"

    @staticmethod
    def _once(c, judge):
        twice = c.execute("""SELECT answers_entry_id FROM ledger.entry WHERE category = 'Redemption Reversal'
                              GROUP BY 1 HAVING count(*) > 1""").fetchall()
        assert not twice, f"I2: reversed twice: {twice}"
        live = collections.Counter(dict(((reference, word), many) for reference, word, many in c.execute(
            """SELECT r.external_reference::text, n.name, count(*) FROM handback.outcome o
                 JOIN handback.outcome_name n USING (outcome) JOIN ledger.redemption r USING (redemption_id)
                WHERE n.name IN ('confirmed', 'reversed', 'reinstated', 'credited') GROUP BY 1, 2""")))
        assert live == judge.live, f"I2: live outcomes differ: {list((live - judge.live) + (judge.live - live))[:5]}"
        loose = c.execute("""SELECT r.entry_id FROM ledger.entry r WHERE r.category = 'Redemption Reversal'
                               AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.reversal_id = r.entry_id)""")
        loose = loose.fetchall()
        assert not loose, f"I5: posted without an outcome: {loose[:5]}"

    @staticmethod
    def _quiet(c, world):
        waiting = c.execute("SELECT name_shown FROM handback.file WHERE archived_at IS NULL").fetchall()
        assert not waiting, f"I7: not archived: {waiting}"
        left = [p.name for p in (world.spool / "work").glob("*")]
        assert not left, f"I7: copies left in the spool: {left}"
        here = [str(p) for d in world.inbound.values() for p in d.iterdir()
                if p.is_file() and not p.name.startswith(".")]
        assert not here, f"I7: files left inbound: {here}"

    def _spool(self, world):
        kept = collections.Counter()
        for folder in ("archive", "quarantine"):
            for path in (world.spool / folder).rglob("*"):
                if path.is_file() and path.suffix != ".reason":
                    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                    assert path.name.startswith(sha256 + "-"), f"I6: {path} is not what its name says"
                    kept[sha256] += 1
                    assert folder == "archive" or path.with_name(path.name + ".reason").stat().st_size > 0, \
                        f"I6: {path} has no reason beside it"
        want = collections.Counter(hashlib.sha256(data).hexdigest() for _, _, data in self.deliveries)
        lost = {d[1] for d in self.deliveries if hashlib.sha256(d[2]).hexdigest() not in kept}
        assert not lost, f"I6: delivered and lost: {lost}"
        assert set(kept) <= set(want), "I6: the spool keeps what nobody delivered"

    @staticmethod
    def _report(world, files, expected):
        """I8: what the report says of each file is what the oracle says."""
        said = world.report()
        assert set(said) == {f[0] for f in files}, f"I8: the report has files {set(said)}"
        for (file_id, _, name, *_), want in zip(files, expected):
            records, counts, points, difference = said[file_id]
            assert counts == dict(want.counts()), f"I8: {name}: {counts}, shall be {want.counts()}"
            assert points == dict(want.points()), f"I8: {name}: {points} points, shall be {want.points()}"
            assert difference in (0, None), f"I8: {name}: a difference of {difference}"
            if want.state == "posted":
                assert records == len(want.outcomes), f"I8: {name}: {records} records"


def same_end(world):
    """The end state as a value: equal for two runs that delivered the same, whatever happened on the way."""
    with world.database.connect() as c:
        ledger = c.execute("""SELECT member_id, category::text, points, answers_entry_id FROM ledger.entry
                               WHERE category <> 'Credit By Accrual' ORDER BY 1, 2, 3, 4""").fetchall()
        outcomes = c.execute("""SELECT f.sha256, f.name, o.record_no, o.outcome, o.hold_reason, o.redemption_id
                                  FROM handback.outcome o JOIN handback.file f USING (file_id)
                                 ORDER BY 1, 2, 3""").fetchall()
        files = c.execute("""SELECT sha256, name, state::text, hold_reason, archived_at IS NULL FROM handback.file
                              ORDER BY 1, 2, 3""").fetchall()
        balances = c.execute("SELECT member_id, points FROM ledger.balance ORDER BY 1").fetchall()
    text = json.dumps([ledger, outcomes, files, balances], default=lambda v: v.hex() if isinstance(v, bytes) else str(v))
    return hashlib.sha256(text.encode()).hexdigest()
