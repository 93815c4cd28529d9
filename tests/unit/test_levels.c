/* What stands where: levels, inherited fields, addenda, verdicts, running numbers, controls, names. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

#define HEAD                                                                                                 \
	"profile: t\npartner: P\nprogramme: N\nformat: delimited\nmatch: [outbound_reference]\ncheck: none\n"                 \
	"framing: {newline: lf}\ndelimited: {delimiter: \",\"}\n"

static void
named(const char *yaml, const char *name, const char *data, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	char *text = parse_text(profile, name, data, strlen(data), 0);

	assert_string_equal(text, expected);
	free(text);
	profile_free(profile);
}

static void
gives(const char *yaml, const char *data, const char *expected)
{
	named(yaml, NULL, data, expected);
}

static void
refused(const char *yaml, const char *data, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	char *text = parse_text(profile, NULL, data, strlen(data), 0), *line = strstr(text, "refused ");
	char got[128] = "not refused", rule[64];
	unsigned long long record;

	if (line != NULL && sscanf(line, "refused %63s record %llu", rule, &record) == 2)
		snprintf(got, sizeof(got), "%s %llu", rule, record);
	if (strcmp(got, expected) != 0)
		fail_msg("%s instead of %s:\n%s", got, expected, text);
	free(text);
	profile_free(profile);
}

/* Three levels; what a header says holds below it, the innermost one rules. */
#define LEVELS                                                                                               \
	HEAD "levels: [file, batch, section]\n"                                                                  \
	     "records:\n"                                                                                        \
	     "  fh: {role: header, when: {1: F}, fields: {sequence: {at: 2}, merchant: {at: 3, optional: yes}, " \
	     "status: {at: 4, optional: yes}}}\n"                                                                \
	     "  bh: {role: header, level: batch, when: {1: B}, fields: {merchant: {at: 2, optional: yes}, "      \
	     "status: {at: 3, optional: yes}, n: {at: 4, type: integer, optional: yes}}}\n"                      \
	     "  sh: {role: header, level: section, when: {1: S}, optional: yes, fields: {currency: {at: 2}}}\n"  \
	     "  d: {role: entry, level: section, when: {1: D}, fields: {outbound_reference: {at: 2}, points: "   \
	     "{at: 3}, status: {at: 4, optional: yes}}}\n"                                                       \
	     "  st: {role: trailer, level: section, optional: yes, when: {1: s}, fields: {n: {at: 2, type: "     \
	     "integer}}}\n"                                                                                      \
	     "  bt: {role: trailer, level: batch, when: {1: b}, fields: {n: {at: 2, type: integer}, sum: {at: "  \
	     "3, type: integer}}}\n"                                                                             \
	     "  ft: {role: trailer, when: {1: f}, fields: {n: {at: 2, type: integer}, batches: {at: 3, type: "   \
	     "integer}}}\n"                                                                                      \
	     "verdict: {field: status, words: {OK: accepted, NO: rejected}}\n"                                   \
	     "controls:\n"                                                                                       \
	     "  section: st.n = count(d)\n"                                                                      \
	     "  batch: bt.n = count(d)\n"                                                                        \
	     "  batch points: bt.sum = sum(d.points)\n"                                                          \
	     "  announced: {check: bh.n = count(d), optional: yes}\n"                                            \
	     "  file: ft.n = count(d)\n"                                                                         \
	     "  batches: ft.batches = count(bh)\n"                                                               \
	     "  all: ft.n + 4 = lines - count(d) * 0 - 2 * count(bh) - 2 * count(sh)\n"

static void
test_inheritance(void **state)
{
	(void) state;
	gives(
	    LEVELS,
	    "F,7,Main,NO\nB,Shop,OK,2\nS,EUR\nD,A1,5,\nD,A2,6,NO\ns,2\nb,2,11\nB,,,\nS,CHF\nD,A3,7,\ns,1\nb,1,"
	    "7\nf,3,2\n",
	    "record 1 at 30+7 accepted points=5 outbound_reference=A1 merchant=Shop currency=EUR\n"
	    "record 2 at 38+9 rejected points=6 outbound_reference=A2 merchant=Shop currency=EUR\n"
	    "control section section 1 2 = 2\ncontrol batch batch 1 2 = 2\ncontrol batch points batch 1 11 = 11\n"
	    "control announced batch 1 2 = 2\n"
	    "record 3 at 70+7 rejected points=7 outbound_reference=A3 merchant=Main currency=CHF\n"
	    "control section section 2 1 = 1\ncontrol batch batch 2 1 = 1\ncontrol batch points batch 2 7 = 7\n"
	    "control file file 3 = 3\ncontrol batches file 2 = 2\ncontrol all file 7 <> 5\n"
	    "refused control_total record 13 at 88: control all of file: the file says 7, its records make 5\n"
	    "facts sequence=7\nend records=3 bytes=94 refused\n");
}

static void
test_order(void **state)
{
	(void) state;
	refused(LEVELS, "F,7,,\nD,A1,5,OK\nf,1,0\n", "order 2");                 /* no batch */
	refused(LEVELS, "F,7,,\nB,,,\nD,A1,5,OK\nf,1,1\n", "trailer_missing 4"); /* batch not closed */
	refused(LEVELS, "F,7,,\nB,,,\nb,0,0\nD,A1,5,OK\nf,1,1\n", "order 4");
	refused(LEVELS, "B,,,\nb,0,0\nf,0,1\n", "order 1");
	refused(LEVELS, "F,7,,\nb,0,0\nf,0,0\n", "order 2");
	refused(LEVELS, "F,7,,\nf,0,0\nB,,,\nb,0,0\n", "order 3");
	refused(LEVELS, "F,7,,\nB,,,\nb,0,0\nb,0,0\nf,0,1\n", "order 4");
	refused(LEVELS, "F,7,,\nX,1\nf,0,1\n", "record_type 2");
	/* the same number twice in one level's stated total */
	refused(LEVELS, "F,7,,\nB,,,\nD,A1,5,OK\nb,2,5\nf,1,1\n", "control_total 4");
}

static void
test_addenda(void **state)
{
	static const char yaml[] =
	    HEAD "records:\n"
	         "  e: {role: entry, when: {1: E}, fields: {outbound_reference: {at: 2}, points: {at: 3}, "
	         "merchant: {at: 4, optional: yes}, reason: {at: 5, optional: yes}}}\n"
	         "  r: {role: addendum, when: {1: R}, occurs: 0-2, verdict: rejected, fields: {reason: {at: 2}, "
	         "merchant: {at: 3, optional: yes}}}\n"
	         "  k: {role: addendum, when: {1: K}, occurs: 0-1, keeps: yes, fields: {merchant: {at: 2}, "
	         "change: {at: 3}}}\n"
	         "  t: {role: trailer, when: {1: T}, fields: {n: {at: 2, type: integer}, no: {at: 3, type: "
	         "integer}}}\n"
	         "verdict: [{is: accepted}]\n"
	         "controls: {n: t.n = count(e) + count(r) + count(k), no: t.no = sum(e.points where rejected)}\n";

	(void) state;
	gives(yaml, "E,A1,5,Shop,\nR,R1,Other\nR,R2,\nE,A2,6,Shop,X\nK,Kiosk,C9\nE,A3,7,,\nK,Kiosk,C8\nT,7,5\n",
	      "record 1 at 0+29 rejected points=5 outbound_reference=A1 merchant=Other reasons=R1|R2\n"
	      "record 2 at 30+24 accepted points=6 outbound_reference=A2 merchant=Shop reasons=X change=C9\n"
	      "record 3 at 55+19 accepted points=7 outbound_reference=A3 merchant=Kiosk change=C8\n"
	      "control n file 7 = 7\ncontrol no file 5 = 5\nfacts\nend records=3 bytes=81 whole\n");
	refused(yaml, "R,R1,\nT,1,0\n", "order 1");
	refused(yaml, "E,A1,5,,\nR,R1,\nR,R1,\nR,R1,\nT,4,5\n", "occurs 1");
}

/* A status may be told by several fields, by the type, by a header; words of its own for a level. */
static void
test_verdicts(void **state)
{
	static const char rules[] = HEAD "records:\n"
	                                 "  d: {role: entry, fields: {outbound_reference: {at: 1}, a: {at: 2, "
	                                 "optional: yes}, b: {at: 3, optional: yes}}}\n"
	                                 "verdict:\n"
	                                 "  - {when: {a: Y, b: {is: blank}}, is: accepted}\n"
	                                 "  - {when: {a: [N, X]}, is: rejected}\n"
	                                 "  - {when: {b: {not: Z}, a: {is: digits}}, is: pending}\n";
	static const char words[] = HEAD "bad_value: hold\n"
	                                 "records:\n"
	                                 "  d: {role: entry, ignore_when: {outbound_reference: SKIP}, fields: "
	                                 "{outbound_reference: {at: 1}, status: {at: 2}, points: {at: 3}}}\n"
	                                 "verdict: {field: status, words: {OK: accepted, NIL: ignore}}\n";

	(void) state;
	gives(rules, "A1,Y,\nA2,X,\nA3,12,\n",
	      "record 1 at 0+5 accepted outbound_reference=A1\nrecord 2 at 6+5 rejected outbound_reference=A2\n"
	      "record 3 at 12+6 pending outbound_reference=A3\nfacts\nend records=3 bytes=19\n");
	refused(rules, "A1,Y,1\n", "verdict 1");
	gives(words, "A1,OK,5\nA2,NIL,5\nSKIP,OK,5\nA3,??,5\nA4,OK,x\nA5,OK,0\n",
	      "record 1 at 0+7 accepted points=5 outbound_reference=A1\n"
	      "record 2 at 27+7 pending bad points=5 outbound_reference=A3 text=d.status: \"??\" is none of the "
	      "profile's words\n"
	      "record 3 at 35+7 accepted bad outbound_reference=A4 text=d.points: \"x\" is not a number of "
	      "digits as the profile has it\n"
	      "record 4 at 43+7 accepted bad outbound_reference=A5 text=d.points: \"0\" is zero\n"
	      "facts\nend records=4 bytes=51\n");
}

static void
test_running_numbers(void **state)
{
	static const char yaml[] =
	    HEAD "levels: [file, batch]\n"
	         "records:\n"
	         "  b: {role: header, level: batch, when: {1: B}, fields: {no: {at: 2, type: integer, runs: "
	         "{from: 10, step: 10}}}}\n"
	         "  d: {role: entry, level: batch, verdict: accepted, when: {1: D}, fields: {no: {at: 2, type: "
	         "integer, runs: {per: batch}}, outbound_reference: {at: 3}, line: {at: 4, type: integer, runs: "
	         "{all_records: yes, from: 1}}}}\n";

	(void) state;
	gives(yaml, "B,10\nD,1,A1,2\nD,2,A2,3\nB,20\nD,1,A3,5\n",
	      "record 1 at 5+8 accepted outbound_reference=A1\nrecord 2 at 14+8 accepted outbound_reference=A2\n"
	      "record 3 at 28+8 accepted outbound_reference=A3\nfacts\nend records=3 bytes=37\n");
	refused(yaml, "B,10\nD,1,A1,2\nD,3,A2,3\n", "running_number 3");
	refused(yaml, "B,10\nD,1,A1,2\nD,1,A2,3\n", "running_number 3");
	refused(yaml, "B,10\nB,30\n", "running_number 2");
	refused(yaml, "B,10\nD,1,A1,1\n", "running_number 2");
}

static void
test_names(void **state)
{
	static const char yaml[] =
	    HEAD "file_name: "
	         "[\"ANS_{partner_id}_{business_date:YYYYMMDD}_{sequence:4}_{part:2}of{parts:2}_{rows:+}.csv\", "
	         "\"plain-{sequence:+}.*\"]\n"
	         "records:\n"
	         "  h: {role: header, when: {1: H}, optional: yes, fields: {sequence: {at: 2}}}\n"
	         "  d: {role: entry, verdict: accepted, when: {1: D}, fields: {outbound_reference: {at: 2}}}\n"
	         "controls: {rows: name.rows = count(d)}\n";
	struct profile *profile = must_compile(yaml);
	struct name_facts facts;
	const char *why;

	(void) state;
	named(yaml, "ANS_X_Y_20261118_0017_01of02_2.csv", "H,17\nD,A1\nD,A2\n",
	      "record 1 at 5+4 accepted outbound_reference=A1\nrecord 2 at 10+4 accepted outbound_reference=A2\n"
	      "control rows file 2 = 2\nfacts sequence=17 business_date=2026-11-18 partner_id=X_Y\n"
	      "end records=2 bytes=15 whole\n");
	named(yaml, "ANS_X_20261118_0017_01of02_3.csv", "D,A1\n",
	      "record 1 at 0+4 accepted outbound_reference=A1\ncontrol rows file 3 <> 1\n"
	      "refused control_total record 0 at 0: control rows of file: the file says 3, its records make 1\n"
	      "facts sequence=17 business_date=2026-11-18 partner_id=X\nend records=1 bytes=5 refused\n");
	named(yaml, "plain-18.txt.old", "H,17\nD,A1\n",
	      "refused disagrees record 1 at 2: h.sequence is not what the file (or its name) said before\n"
	      "facts sequence=18\nend records=1 bytes=10 refused\n");
	named(yaml, "plain-.txt", "D,A1\n",
	      "refused file_name record 0 at 0: the file's name plain-.txt does not fit the profile's file_name\n"
	      "facts\nend records=1 bytes=5 refused\n");
	assert_true(profile_match_name(profile, "ANS_Z_20261118_0017_01of02_3.csv", 32, &facts, &why));
	assert_true(facts.has_sequence && facts.sequence == 17);
	assert_string_equal(facts.partner_id, "Z");
	assert_true(facts.has_part && facts.part == 1 && facts.parts == 2);
	assert_string_equal(facts.set, "ANS_Z_20261118_0017_*of*_3.csv");
	assert_true(profile_match_name(profile, "plain-17.txt", 12, &facts, &why));
	assert_true(!facts.has_part && facts.set[0] == '\0');
	assert_false(profile_match_name(profile, "ANS_Z_20261318_0017_01of02_3.csv", 32, &facts, &why));
	assert_false(profile_match_name(profile, "ANS_Z_20261118_017_01of02_3.csv", 31, &facts, &why));
	assert_false(profile_match_name(profile, "", 0, &facts, &why));
	profile_free(profile);
}

/* Sums beyond 64 bits, and what cannot be computed. */
static void
test_sums(void **state)
{
	static const char yaml[] =
	    HEAD "records:\n"
	         "  d: {role: entry, verdict: accepted, when: {1: D}, fields: {outbound_reference: {at: 2, type: "
	         "digits}, points: {at: 3}, kind: {at: 4}}}\n"
	         "  t: {role: trailer, when: {1: T}, fields: {a: {at: 2, type: integer, sign: before}, b: {at: "
	         "3, type: integer}, c: {at: 4, type: integer}, d: {at: 5, type: integer}}}\n"
	         "controls:\n"
	         "  difference: t.a = sum(d.points where kind = 'C') - sum(d.points where kind != 'C')\n"
	         "  hash: t.b = sum(d.outbound_reference) mod 10^4\n"
	         "  low digits: t.c = sum(d.outbound_reference mod 100)\n"
	         "  product: t.d = sum(d.points * 2) / 2\n";

	(void) state;
	gives(yaml, "D,A1234,9223372036854775807,C\nD,B5678,9223372036854775800,D\nT,7,6912,112,0\n",
	      "record 1 at 0+29 accepted points=9223372036854775807 outbound_reference=A1234\n"
	      "record 2 at 30+29 accepted points=9223372036854775800 outbound_reference=B5678\n"
	      "control difference file 7 = 7\ncontrol hash file 6912 = 6912\ncontrol low digits file 112 = 112\n"
	      "control product file 0 <> 18446744073709551607\n"
	      "refused control_total record 3 at 60: control product of file: the file says 0, its records make "
	      "18446744073709551607\n"
	      "facts\nend records=2 bytes=75 refused\n");
}

/* Two headers and two trailers of one level, another version of a header, a total in the header. */
static void
test_alternatives(void **state)
{
	static const char yaml[] =
	    HEAD "records:\n"
	         "  h1: {role: header, when: {1: H1}, fields: {n: {at: 2, type: integer}}}\n"
	         "  h2: {role: header, when: {1: H2}, instead_of: h1, fields: {sum: {at: 2, type: integer}}}\n"
	         "  i: {role: header, when: {1: I}, fields: {merchant: {at: 2}}}\n"
	         "  d: {role: entry, verdict: accepted, occurs: 1-2, when: {1: D}, fields: {outbound_reference: "
	         "{at: 2}, points: {at: 3}}}\n"
	         "  note: {role: note, when: {1: \"N\"}, occurs: 0-1, fields: {n: {at: 2, type: integer}}}\n"
	         "controls: {n: {check: h1.n = count(d), optional: yes}, sum: {check: h2.sum = sum(d.points), "
	         "optional: yes}, note: note.n = count(d)}\n";

	(void) state;
	gives(yaml, "H1,1\nI,Shop\nD,A1,5\nN,1\n",
	      "record 1 at 12+6 accepted points=5 outbound_reference=A1 merchant=Shop\n"
	      "control n file 1 = 1\ncontrol note file 1 = 1\nfacts\nend records=1 bytes=23 whole\n");
	gives(yaml, "I,Shop\nH2,5\nD,A1,5\n",
	      "record 1 at 12+6 accepted points=5 outbound_reference=A1 merchant=Shop\n"
	      "control sum file 5 = 5\nfacts\nend records=1 bytes=19\n");
	refused(yaml, "I,Shop\nD,A1,5\n", "header_missing 2");
	refused(yaml, "H1,1\nH2,5\nI,Shop\nD,A1,5\n", "order 2");
	refused(yaml, "H1,1\nI,Shop\n", "occurs 2");
	refused(yaml, "H1,3\nI,Shop\nD,A1,5\nD,A2,5\nD,A3,5\n", "occurs 5");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_inheritance),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_addenda),
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_running_numbers),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_sums),
	    cmocka_unit_test(test_alternatives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
