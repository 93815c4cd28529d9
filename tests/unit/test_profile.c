/* Profiles that are wrong: what is told, where; and profiles that are allowed and unwise. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "tests/unit/parse_text.h"

#define GOOD                                                                                                 \
	"profile: t\n"                                                                                           \
	"partner: P\n"                                                                                           \
	"programme: N\n"                                                                                         \
	"format: fixed\n"                                                                                        \
	"framing: {newline: lf}\n"                                                                               \
	"records:\n"                                                                                             \
	"  d:\n"                                                                                                 \
	"    role: entry\n"                                                                                      \
	"    when: {1: D}\n"                                                                                     \
	"    fields:\n"                                                                                          \
	"      outbound_reference: {at: 2-9}\n"                                                                  \
	"      points: {at: 10-15}\n"                                                                            \
	"      status: {at: 16-17}\n"                                                                            \
	"  t:\n"                                                                                                 \
	"    role: trailer\n"                                                                                    \
	"    when: {1: T}\n"                                                                                     \
	"    fields:\n"                                                                                          \
	"      n: {at: 2-9, type: integer}\n"                                                                    \
	"      sum: {at: 10-15, type: integer}\n"                                                                \
	"verdict:\n"                                                                                             \
	"  field: status\n"                                                                                      \
	"  words: {OK: accepted, NO: rejected}\n"                                                                \
	"controls:\n"                                                                                            \
	"  n: t.n = count(d)\n"                                                                                  \
	"  sum: t.sum = sum(d.points)\n"                                                                         \
	"match: [outbound_reference]\n"

/* The good profile with one text put in place of another. */
static const char *
with(const char *old, const char *new)
{
	static char text[8192];
	const char *at = strstr(GOOD, old);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - GOOD), GOOD, new, at + strlen(old));
	return problems_of(text);
}

static void
tells(const char *old, const char *new, const char *line)
{
	const char *got = with(old, new);

	assert_non_null(got);
	if (strstr(got, line) == NULL)
		fail_msg("\"%s\" is not in:\n%s", line, got);
}

static void
test_good(void **state)
{
	(void) state;
	assert_string_equal(problems_of(GOOD), "");
}

/* The good profile, with its record's fields cut out of one line. */
#define CUT(pattern)                                                                                         \
	"line: {at: 2-, pattern: \"" pattern                                                                     \
	"\"}\n      outbound_reference: {}\n      points: {}\n      status: {}\n"
#define CUT_WRONG(pattern, line)                                                                             \
	tells("outbound_reference: {at: 2-9}\n      points: {at: 10-15}\n      status: {at: 16-17}\n",           \
	      CUT(pattern), line)

static void
test_patterns(void **state)
{
	(void) state;
	assert_string_equal(
	    with("outbound_reference: {at: 2-9}\n      points: {at: 10-15}\n      status: {at: 16-17}\n",
	         CUT("{outbound_reference:8!c}{points:6!n}[{status:OK|NO}]")),
	    "");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}", "d.status needs at: where it stands");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}{state:OK|NO}",
	          "p.yaml:11:31: records.d.fields.line.pattern: state: no field of this record has that name");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}{points:OK|NO}",
	          "points: a piece has no at, value or pattern, and stands once");
	CUT_WRONG("{line:8!c}{points:6!n}{status:OK|NO}", "line: a piece has no at, value or pattern");
	CUT_WRONG("{outbound_reference:8!c}{points 6!n}",
	          "needs a piece as in {name:16x}, {name:6!n} or {name:C|D} at \"{points 6!n}\"");
	CUT_WRONG("{outbound_reference:8!c}{points", "needs a piece as in");
	CUT_WRONG("{outbound_reference:8!c}[{points:6!n}[{status:OK|NO}]]",
	          "has brackets within brackets at \"[{status:OK|NO}]]\"");
	CUT_WRONG("{outbound_reference:8!c}]{points:6!n}",
	          "has a bracket that closes nothing at \"]{points:6!n}\"");
	CUT_WRONG("{outbound_reference:8!c}[]{points:6!n}", "has a bracket that closes nothing");
	CUT_WRONG("{outbound_reference:8!c}[{points:6!n}", "has a bracket that is not closed");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}{status:O|NO|OK}", "OK never fits: O stands before it");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}{status:OK||NO}", "has an empty word");
	CUT_WRONG("{outbound_reference:8!c}{points:6!n}{status:}", "has an empty word");
	tells("status: {at: 16-17}", "status: {at: 16-17, type: integer, pattern: \"{x:1x}\"}",
	      "is for a field of type text");
}

static void
test_places(void **state)
{
	(void) state;
	tells("points: {at: 10-15}", "points: {at: 10-15, tpye: integer}",
	      "p.yaml:12:27: records.d.fields.points.tpye: unknown key; did you mean type?");
	tells("points: {at: 10-15}", "points: {at: 15-10}",
	      "p.yaml:12:20: records.d.fields.points.at: must be positions as in 3-38");
	tells("points: {at: 10-15}", "points: {at: 0-15}", "must be positions");
	tells("points: {at: 10-15}", "points: {}", "d.points needs at: where it stands");
	tells("points: {at: 10-15}", "points: {at: 1-2+3-4+5-6+7-8+9-10}", "at most 4 parts");
	tells("points: {at: 10-15}", "points: {at: 10-15, value: 3}", "stands beside at");
	tells("points: {at: 10-15}", "points: {at: 10-15, decimals: 2}", "needs point");
	tells("points: {at: 10-15}", "points: {at: 10-15, sign: {field: k}}", "needs field, minus and plus");
	tells("points: {at: 10-15}", "points: {at: 10-15, type: date}", "is a date and needs format");
	tells("points: {at: 10-15}", "points: {at: 10-15, type: date, format: YYYY}", "needs MM");
	tells("points: {at: 10-15}", "points: {at: 10-15, type: number}", "must be one of text, id, uuid");
	tells("points: {at: 10-15}", "points: {at: 10-15, length: 5-3}", "must be a number of bytes");
	tells("points: {at: 10-15}", "points: 10-15", "must be a map");
}

static void
test_records(void **state)
{
	(void) state;
	tells("role: entry", "role: detail", "must be one of header, entry");
	tells("    role: entry\n", "", "needs role");
	tells("role: entry", "role: level", "is a level: XML and JSON have those");
	tells("when: {1: D}", "when: {one: D}", "must be a place as in 1-2");
	tells("when: {1: D}", "when: {1: {is: empty}}", "must be one of any_of, blank");
	tells("when: {1: D}", "when: {1: D, \"@version\": 2}", "no field has this name");
	tells("    when: {1: D}\n", "    level: batch\n    when: {1: D}\n",
	      "must be one of the profile's levels");
	tells("  d:\n", "  D:\n", "must be named with a-z");
	tells("  d:\n", "  name:\n", "and not name");
	tells("role: entry", "role: note", "has no record with role: entry");
	tells("    when: {1: D}\n", "    occurs: two\n    when: {1: D}\n", "must be how often");
	tells("    when: {1: T}\n", "    instead_of: x\n    when: {1: T}\n", "no record has this name");
	tells("    when: {1: D}\n", "    columns: [points]\n    when: {1: D}\n",
	      "must be a number or, in a delimited file, a list");
}

static void
test_top(void **state)
{
	(void) state;
	tells("partner: P\n", "", "p.yaml:1:1: partner is missing");
	tells("format: fixed\n", "format: csv\n", "must be one of delimited, fixed, xml, json, json_lines");
	tells("format: fixed\n", "format: delimited\n", "a delimited file needs delimited: {delimiter: ...}");
	tells("format: fixed\n", "format: fixed\nencoding: klingon\n",
	      "p.yaml:5:11: encoding: no encoding of one or two bytes");
	tells("format: fixed\n", "format: fixed\nencoding: utf-32\n", "no encoding of one or two bytes");
	tells("format: fixed\n", "format: fixed\nzone: Europe/Atlantis\n", "no time zone of that name");
	tells("format: fixed\n", "format: fixed\nlimits: {record_bytes: 1GiB}\n", "must be from 1 to 655360");
	tells("format: fixed\n", "format: fixed\nfile_name: \"{date\"\n", "must be a pattern as in");
	tells("format: fixed\n", "format: fixed\nfile_name: \"a{part:2}\"\n",
	      "{part} and {parts} belong together");
	tells("format: fixed\n", "format: fixed\nfile_name: \"a{part:2}_{parts:2}_{part:2}\"\n", "once each");
	tells("format: fixed\n", "format: fixed\nfile_name: \"a{part}of{parts:2}\"\n", "{part} must be a number");
	tells("match: [outbound_reference]", "match: [external_reference]",
	      "external_reference: no record has this field");
	tells("match: [outbound_reference]", "match: [card]", "card is no part of a match key");
	tells("match: [outbound_reference]\n", "", "match is missing");
	tells("match: [outbound_reference]", "match: [outbound_reference]\norder_by: sequence",
	      "needs a field sequence");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nexpected: {daily: {due: 6}}",
	      "needs due: a time in quotes");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nreasons: {R1: {means: Closed}}",
	      "needs means: our word for it");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nguard: {of: open_items}",
	      "does nothing without share");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nguard: {history: {files: 4}}",
	      "a whole number from 5 to 1000");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nsequence: {resets: yearly}",
	      "needs a field business_date");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nsequence: {after: 9999}",
	      "resets and after need a field sequence");
	tells("match: [outbound_reference]",
	      "match: [outbound_reference]\nfile_name: \"A{sequence:4}\"\nsequence: {first: 10, after: 9}",
	      "must not be below first");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nguard: {share: 101}",
	      "a whole number from 0 to 100");
	tells("newline: lf", "newline: lfcr", "must be one of lf, crlf, cr, none");
	tells("newline: lf", "newline: none", "needs newline, terminator, record_length or prefix");
}

static void
test_answer(void **state)
{
#define ANSWER(text) "match: [outbound_reference]\nanswer: {rejects: {" text "}}"
#define WRONG(text, line) tells("match: [outbound_reference]", ANSWER(text), line)
	(void) state;
	WRONG("name: rejects.csv", "answer.rejects.name: must be a file's name with {name} or {sha256} in it");
	WRONG("name: 'out/{name}'", "must be a file's name");
	WRONG("name: '.{name}'", "must be a file's name");
	WRONG("name: '{name}.{number}'", "must be a file's name");
	WRONG("name: '{name'", "must be a file's name");
	WRONG("columns: [record, member]", "must be one of record, reference, reason");
	WRONG("columns: []", "must name at least one column");
	WRONG("columns: reason", "must be a list");
	WRONG("titles: [a]", "must be one for each of columns");
	WRONG("header: no, titles: [a, b, c]", "must be one for each of columns");
	WRONG("delimiter: '\"'", "must be one byte, and no quote or newline");
	WRONG("newline: cr", "must be one of crlf, lf");
	WRONG("columms: [record]", "unknown key; did you mean columns?");
	tells("match: [outbound_reference]", "match: [outbound_reference]\nanswer: {reject: {}}",
	      "did you mean rejects?");
}

static void
test_verdict_and_controls(void **state)
{
	(void) state;
	tells("OK: accepted", "OK: acepted", "must be accepted, accepted_with_change");
	tells("field: status", "field: state", "no field has this name");
	tells("verdict:\n  field: status\n  words: {OK: accepted, NO: rejected}\n", "", "verdict is missing");
	tells("t.n = count(d)", "t.n = count(x)", "p.yaml:24:6: controls.n: no record has this name at \"x)\"");
	tells("t.n = count(d)", "t.m = count(d)", "this record has no such field");
	tells("t.n = count(d)", "t.n == count(d)",
	      "expected a number, lines, count(...), sum(...) or record.field at \"= count(d)\"");
	tells("t.n = count(d)", "t.n = count(d) +", "expected a number");
	tells("t.n = count(d)", "t.n = count(d) d", "expected the end at \"d\"");
	tells("t.n = count(d)", "t.n = count(d where)", "expected accepted, rejected, pending or a field");
	tells("t.n = count(d)", "t.n = count(d where color = 'x')", "no field has this name");
	tells("t.n = count(d)", "t.n = sum(5)", "sum needs a field");
	tells("t.n = count(d)", "t.n = sum(d.status)", "this field is no number");
	tells("t.n = count(d)", "t.n = sum(d.points + t.n)", "sum takes fields of one record");
	tells("t.n = count(d)", "t.n = sum(sum(d.points))", "sum within sum");
	tells("t.n = count(d)", "t.n = 99999999999999999999", "the number is too large");
	tells("t.n = count(d)", "t.n = ((((((((((((((((((1))))))))))))))))))", "nested too deep");
}

static void
test_warnings(void **state)
{
	(void) state;
	tells("controls:\n  n: t.n = count(d)\n  sum: t.sum = sum(d.points)\n", "",
	      "warning: no sum of points among the controls");
	tells("NO: rejected", "OX: rejected",
	      "warning: a one-byte error can turn OK (accepted) into OX (rejected) and no control total would "
	      "catch it");
	tells("  field: status\n  words: {OK: accepted, NO: rejected}\n",
	      "  - {when: {status: NO}, is: rejected}\n  - {is: accepted}\n",
	      "warning: a one-byte error can turn NO (rejected) into something else (accepted)");
	tells("  field: status\n  words: {OK: accepted, NO: rejected}\n",
	      "  - {when: {status: {not: NO}}, is: accepted}\n  - {when: {status: NO}, is: rejected}\n",
	      "warning: a one-byte error can turn NO (rejected) into something else (accepted)");
	tells("  field: status\n  words: {OK: accepted, NO: rejected}\n",
	      "  - {when: {status: X}, is: rejected}\n  - {when: {status: {is: blank}}, is: accepted}\n",
	      "warning: a one-byte error can turn X (rejected) into blank (accepted)");
	tells("match: [", "reasons: {A1: {means: a, action: hold}, A2: {means: b}}\nmatch: [",
	      "warning: a one-byte error can turn reason A1 (hold) into A2 (reverse)");
	tells("match: [", "lists: rejects\nguard: {share: 20}\nmatch: [",
	      "warning: guard.share is of the file's records, and with lists: rejects all of them are");
	assert_null(
	    strstr(problems_of(GOOD "lists: rejects\nguard: {share: 20, of: open_items}\n"), "guard.share"));
	tells("match: [", "file_name: \"A{sequence:4}\"\nmatch: [",
	      "warning: file_name has 4 digits for the sequence");
	tells("match: [",
	      "file_name: \"A{business_date:YYYYMMDD}{sequence:1}\"\nsequence: {resets: daily}\nmatch: [",
	      "warning: file_name has 1 digits for the sequence");
	assert_null(
	    strstr(problems_of(GOOD "file_name: \"A{sequence:4}\"\nsequence: {after: 9999}\n"), "digits"));
	assert_null(strstr(problems_of(GOOD "file_name: \"A{sequence:6}\"\n"), "digits"));
	tells("match: [", "check: none\nmatch: [",
	      "warning: nothing but a reference says which redemption is meant");
	tells("match: [", "check: [currency]\nmatch: [", "currency does nothing: no record states it");
	tells("match: [", "check: all\nmatch: [", "must be a list");
	/* a person looks at what a wrong byte makes wait; a place that is closed has no other words */
	assert_null(
	    strstr(problems_of(GOOD "reasons: {A1: {means: a, action: hold}, A2: {means: b, action: hold}}\n"),
	           "warning: a one-byte error"));
	assert_null(strstr(problems_of(GOOD), "nothing but a reference"));
	tells("    role: trailer\n", "    role: note\n", "");
	assert_non_null(strstr(
	    problems_of("profile: t\npartner: P\nformat: delimited\ndelimited: {delimiter: \",\"}\n"
	                "records: {d: {role: entry, verdict: accepted, fields: {outbound_reference: {at: 1}}}}\n"
	                "match: [outbound_reference]\n"),
	    "warning: no control total and no trailer: a file that was cut between two records could pass"));
	/* points of a trailer are nobody's */
	assert_non_null(strstr(
	    problems_of(
	        "profile: t\npartner: P\nformat: delimited\ndelimited: {delimiter: \",\"}\n"
	        "records: {t: {role: trailer, when: {1: T}, fields: {points: {at: 2}}}, d: {role: entry, "
	        "verdict: accepted, fields: {outbound_reference: {at: 1}}}}\nmatch: [outbound_reference]\n"),
	    "neither member nor points nor amount is compared with the redemption"));
}

/* Several mistakes at a time, in the file's order. */
static void
test_several(void **state)
{
	const char *got = problems_of("profile: t\nformat: fixed\nzone: Nowhere\nrecords:\n  d: {role: entry, "
	                              "fields: {points: {at: x}}}\nmatch: [points]\n");
	const char *const lines[] = {"partner is missing", "no time zone", "must be positions",
	                             "verdict is missing"};

	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (strstr(got, lines[i]) == NULL)
			fail_msg("\"%s\" is not in:\n%s", lines[i], got);
}

/* Every profile cut at every byte: told or compiled, never a crash. */
static void
test_cuts(void **state)
{
	char text[sizeof(GOOD)];

	(void) state;
	for (size_t n = 0; n < sizeof(GOOD); n++) {
		memcpy(text, GOOD, n);
		text[n] = '\0';
		(void) problems_of(text);
	}
}

static void
test_policy(void **state)
{
	static const char more[] =
	    "match: [outbound_reference, member + points + date]\nlists: rejects\ncheck: [points, member]\n"
	    "late_reject: reverse\ngap: continue\nresubmission: continue\nunknown_days: 9\nanswer_within: "
	    "3\nreversal_days: "
	    "60\n"
	    "guard: {rejects: 10, points: 1000, share: 50}\nunknown_reason: "
	    "retry\nno_reason: hold\n"
	    "reasons: {R2: {means: closed}, R10: {means: gone, action: accept}, R1: {means: broken, action: "
	    "hold}}\n"
	    "expected: {daily: {due: \"06:30\", days: \"mon-fri, sun\", grace: 90m, count: 2, empty: yes}}\n"
	    "answer: {rejects: {name: \"{sha256}.rej\", columns: [reason, record], titles: [Why, No], "
	    "delimiter: tab, newline: lf, always: yes, spreadsheet: yes}}\n";
	char yaml[8192];
	struct profile *profile;
	const struct policy *p;

	(void) state;
	snprintf(yaml, sizeof(yaml), "%.*s%s", (int) (strstr(GOOD, "match:") - GOOD), GOOD, more);
	memcpy(strstr(yaml, "status: {at: 16-17}"), "status: {at: 16-17}", 19);
	snprintf(
	    strstr(yaml, "      status: {at"), sizeof(yaml) / 2,
	    "      status: {at: 16-17}\n      member: {at: 20-29}\n      date: {at: 30-37, format: YYYYMMDD}\n%s",
	    strstr(GOOD, "  t:\n"));
	snprintf(strstr(yaml, "match:"), sizeof(yaml) / 4, "%s", more);
	profile = must_compile(yaml);
	p = &profile->policy;
	assert_int_equal(p->keys, 2);
	assert_int_equal(p->key[1], KEY_MEMBER | KEY_POINTS | KEY_DATE);
	assert_int_equal(p->checks, CHECK_POINTS | CHECK_MEMBER);
	assert_int_equal(p->lists, LISTS_REJECTS);
	assert_int_equal(p->late_reject, LATE_REJECT_REVERSE);
	assert_int_equal(p->gap, POLICY_CONTINUE);
	assert_int_equal(p->reversal_days, 60);
	assert_int_equal(p->guard_points, 1000);
	assert_int_equal(p->guard_share, 50);
	assert_int_equal(p->unknown_reason, REASON_RETRY);
	assert_int_equal(p->reasons, 3);
	assert_int_equal(policy_reason(p, "R1", 2)->action, REASON_HOLD);
	assert_int_equal(policy_reason(p, "R10", 3)->action, REASON_ACCEPT);
	assert_int_equal(policy_reason(p, "R2x", 2)->action, REASON_REVERSE);
	assert_null(policy_reason(p, "R", 1));
	assert_null(policy_reason(p, "R11", 3));
	assert_string_equal(p->rejects.name, "{sha256}.rej");
	assert_int_equal(p->rejects.columns, 2);
	assert_int_equal(p->rejects.column[0], REJECT_REASON);
	assert_string_equal(p->rejects.title[1], "No");
	assert_int_equal(p->rejects.delimiter, '\t');
	assert_string_equal(p->rejects.newline, "\n");
	assert_true(p->rejects.header && p->rejects.always && p->rejects.for_spreadsheet);
	assert_int_equal(p->expected_files, 1);
	assert_int_equal(p->expected[0].days, 0x5f);
	assert_int_equal(p->expected[0].due_minute, 390);
	assert_int_equal(p->expected[0].grace_minutes, 90);
	profile_free(profile);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_top),
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_verdict_and_controls),
	    cmocka_unit_test(test_warnings),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
