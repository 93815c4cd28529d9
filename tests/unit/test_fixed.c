/* Fixed width and framing: lengths, prefixes, encodings, places, groups, continuations. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

#define HEAD "profile: t\npartner: P\nprogramme: N\nformat: fixed\nmatch: [outbound_reference]\ncheck: none\n"

static void
gives_bytes(const char *yaml, const void *data, size_t len, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	static const size_t steps[] = {0, 1, 7};

	for (size_t i = 0; i < 3; i++) {
		char *text = parse_text(profile, NULL, data, len, steps[i]);

		assert_string_equal(text, expected);
		free(text);
	}
	profile_free(profile);
}

#define GIVES(yaml, data, expected) gives_bytes(yaml, data, sizeof(data) - 1, expected)

/* The first refusal: "rule record offset". */
static void
refused(const char *yaml, const void *data, size_t len, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	char *text = parse_text(profile, NULL, data, len, 0), *line = strstr(text, "refused ");
	char got[128] = "not refused", rule[64];
	unsigned long long record, at;

	if (line != NULL && sscanf(line, "refused %63s record %llu at %llu", rule, &record, &at) == 3)
		snprintf(got, sizeof(got), "%s %llu %llu", rule, record, at);
	if (strcmp(got, expected) != 0)
		fail_msg("%s instead of %s:\n%s", got, expected, text);
	free(text);
	profile_free(profile);
}

#define REFUSED(yaml, data, expected) refused(yaml, data, sizeof(data) - 1, expected)

/* A reference of three bytes and points of two. */
#define DETAIL                                                                                               \
	"records:\n  d: {role: entry, verdict: accepted, fields: {outbound_reference: {at: 1-3}, points: {at: "  \
	"4-5}}}\n"
#define ONE "record 1 at 0+5 accepted points=12 outbound_reference=ABC\n"

static const char *
framed(const char *framing)
{
	static char yaml[1024];

	snprintf(yaml, sizeof(yaml), HEAD "framing: {%s}\nfixed: {length: 5}\n" DETAIL, framing);
	return yaml;
}

static void
test_lengths(void **state)
{
	(void) state;
	GIVES(framed("record_length: 5"), "ABC12DEF07",
	      ONE "record 2 at 5+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=10\n");
	REFUSED(framed("record_length: 5"), "ABC12DEF0", "cut 2 9");
	GIVES(framed("record_length: 5, padding: \"0x00\""), "ABC12\0\0\0\0\0\0\0",
	      ONE "facts\nend records=1 bytes=12\n");
	REFUSED(framed("record_length: 5, padding: \"0x00\""), "ABC12\0\0\0\0\0DEF07", "padding 2 10");
	REFUSED(framed("record_length: 5"), "ABC12     ", "empty 2 5");
	GIVES(framed("record_length: 5, end_mark: yes"), "ABC12\x1A", ONE "facts\nend records=1 bytes=6\n");
	GIVES(framed("record_length: 5, multiple: 2"), "ABC12DEF07",
	      ONE "record 2 at 5+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=10\n");
	REFUSED(framed("record_length: 5, multiple: 2"), "ABC12DEF07ABC12", "block 4 15");
}

static void
test_prefixes(void **state)
{
	(void) state;
	GIVES(framed("prefix: u16be"), "\0\5ABC12\0\5DEF07",
	      "record 1 at 2+5 accepted points=12 outbound_reference=ABC\nrecord 2 at 9+5 accepted points=7 "
	      "outbound_reference=DEF\nfacts\nend records=2 bytes=14\n");
	GIVES(framed("prefix: u16le"), "\5\0ABC12",
	      "record 1 at 2+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=7\n");
	GIVES(framed("prefix: u32be, prefix_counts_itself: yes"),
	      "\0\0\0\x09"
	      "ABC12",
	      "record 1 at 4+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=9\n");
	GIVES(framed("prefix: u32le"), "\5\0\0\0ABC12",
	      "record 1 at 4+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=9\n");
	GIVES(framed("prefix: rdw"), "\0\x09\0\0ABC12\0\x09\0\0DEF07",
	      "record 1 at 4+5 accepted points=12 outbound_reference=ABC\nrecord 2 at 13+5 accepted points=7 "
	      "outbound_reference=DEF\nfacts\nend records=2 bytes=18\n");
	GIVES(framed("prefix: rdw_blocks"), "\0\x16\0\0\0\x09\0\0ABC12\0\x09\0\0DEF07",
	      "record 1 at 8+5 accepted points=12 outbound_reference=ABC\nrecord 2 at 17+5 accepted points=7 "
	      "outbound_reference=DEF\nfacts\nend records=2 bytes=22\n");
	REFUSED(framed("prefix: u16be"), "\0\5ABC12\0\5DEF0", "cut 2 13");
	REFUSED(framed("prefix: u16be"), "\0\5ABC12\0", "cut 2 8");
	REFUSED(framed("prefix: rdw"), "\0\x09\0\1ABC12", "prefix 1 2");
	REFUSED(framed("prefix: rdw"), "\0\x03\0\0ABC12", "prefix 1 0");
	REFUSED(framed("prefix: rdw_blocks"), "\0\x0C\0\0\0\x09\0\0ABC12", "prefix 1 4");
	REFUSED(framed("prefix: rdw_blocks"), "\0\x16\0\0\0\x09\0\0ABC12", "cut 2 13");
	GIVES(framed("prefix: u16be, padding: \"0x00\""), "\0\5ABC12\0\0\0",
	      "record 1 at 2+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=10\n");
	REFUSED(framed("prefix: u16be, padding: \"0x00\""), "\0\5ABC12\0\0\0\0\0\5DEF07", "padding 2 11");
	REFUSED(framed("prefix: u16be, padding: \"0x00\""), "\0\5ABC12\0\0\0\5DEF07", "padding 2 9");
	REFUSED(framed("prefix: u32be"),
	        "\xFF\xFF\xFF\xFF"
	        "ABC12",
	        "record_too_long 1 0");
}

static void
test_lines(void **state)
{
	(void) state;
	GIVES(framed("newline: cr"), "ABC12\rDEF07\r",
	      ONE "record 2 at 6+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=12\n");
	REFUSED(framed("newline: cr"), "ABC12\nDEF07\n", "newline 1 5");
	REFUSED(framed("newline: cr"), "ABC12\rDE\n07\r", "newline 2 8");
	REFUSED(framed("newline: crlf"), "ABC12\r\nDEF07\n", "newline 2 12");
	REFUSED(framed("newline: crlf"), "ABC12\r\nDE\r07\r\n", "bare_cr 2 9");
	REFUSED(framed("newline: [lf, cr]"), "ABC12\r\nDEF07\r\n", "newline 1 5");
	GIVES(framed("newline: [lf, cr], last_newline: optional"), "ABC12\rDEF07",
	      ONE "record 2 at 6+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=11\n");
	REFUSED(framed("newline: lf, last_newline: forbidden"), "ABC12\nDEF07\n", "newline 2 12");
	GIVES(framed("newline: lf, last_newline: forbidden"), "ABC12\nDEF07",
	      ONE "record 2 at 6+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=11\n");
	GIVES(framed("newline: crlf, end_mark: yes"), "ABC12\r\n\x1A", ONE "facts\nend records=1 bytes=8\n");
	REFUSED(framed("newline: crlf"), "ABC12\r\n\x1A", "cut 2 8");
	GIVES(framed("newline: lf, skip: 2, comment: \"#\", blank_lines: skip"),
	      "Bank X\nreport\n# ABC12\n\nABC12\n",
	      "record 1 at 23+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=29\n");
	GIVES(framed("newline: lf, padding: blank"), "ABC12\n      ", ONE "facts\nend records=1 bytes=12\n");
	GIVES(framed("terminator: \"~\", newline_after: yes"), "ABC12~\nDEF07~\n",
	      ONE "record 2 at 7+5 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=14\n");
	GIVES(framed("newline: lf, bom: require"),
	      "\xEF\xBB\xBF"
	      "ABC12\n",
	      "record 1 at 3+5 accepted points=12 outbound_reference=ABC\nfacts\nend records=1 bytes=9\n");
	REFUSED(framed("newline: lf, bom: require"), "ABC12\n", "bom 1 0");
	REFUSED(framed("newline: lf, bom: refuse"),
	        "\xEF\xBB\xBF"
	        "ABC12\n",
	        "bom 1 0");
	REFUSED(framed("newline: lf"), "ABC1\n", "record_length 1 0");
	REFUSED(framed("newline: lf"), "ABC123\n", "record_length 1 0");
	REFUSED(framed("newline: lf"),
	        "AB\xC3\xA9"
	        "12\n",
	        "record_length 1 0");
	REFUSED(framed("newline: lf"),
	        "A\xC3\xA9"
	        "12\n",
	        "not_an_id 1 0");
}

static void
test_trimmed(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\nfixed: {length: 9, trimmed: yes}\n"
	         "records:\n  d: {role: entry, verdict: accepted, fields: {outbound_reference: {at: 1-3}, "
	         "points: {at: 4-5}, merchant: {at: 6-9, optional: yes}}}\n";

	(void) state;
	GIVES(yaml, "ABC12\nABC12Xy\nABC12Xyz \n",
	      "record 1 at 0+5 accepted points=12 outbound_reference=ABC\n"
	      "record 2 at 6+7 accepted points=12 outbound_reference=ABC merchant=Xy\n"
	      "record 3 at 14+9 accepted points=12 outbound_reference=ABC merchant=Xyz\nfacts\nend records=3 "
	      "bytes=24\n");
	REFUSED(yaml, "ABC12Xyzab\n", "record_length 1 0");
	REFUSED(yaml, "ABC1\n", "not refused"); /* what is cut off a number is seen by totals only: points 1 */
	REFUSED(yaml, "ABC\n", "empty 1 0");
}

/* Types by places apart, by length, by what a header said; a value put together from two places. */
static void
test_types(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\n"
	         "records:\n"
	         "  head: {role: header, when: {1: 1}, length: 4, fields: {version: {at: 2, type: id}, sequence: "
	         "{at: 3-4}}}\n"
	         "  old: {role: entry, verdict: accepted, when: {1: 2, 8: A, \"@version\": 1}, length: 8, "
	         "fields: {outbound_reference: {at: 2-4}, points: {at: 5-7}}}\n"
	         "  new: {role: entry, verdict: accepted, when: {1: 2, 8: A, \"@version\": 2}, length: 8-10, "
	         "fields: {outbound_reference: {at: 2-3+9-10}, points: {at: 4-7}}}\n"
	         "  bad: {role: entry, verdict: rejected, when: {1: 2, 8: {not: [A, B]}, length: 8}, fields: "
	         "{outbound_reference: {at: 2-4}, points: {at: 5-7}}}\n";

	(void) state;
	GIVES(yaml, "1107\n2ABC012A\n2ABC012X\n",
	      "record 1 at 5+8 accepted points=12 outbound_reference=ABC\nrecord 2 at 14+8 rejected points=12 "
	      "outbound_reference=ABC\n"
	      "facts sequence=7\nend records=2 bytes=23\n");
	GIVES(yaml, "1207\n2AB0012AYZ\n",
	      "record 1 at 5+10 accepted points=12 outbound_reference=ABYZ\nfacts sequence=7\nend records=1 "
	      "bytes=16\n");
	REFUSED(yaml, "1307\n2ABC012A\n", "record_type 2 5");
	REFUSED(yaml, "1107\n2ABC012B\n", "record_type 2 5");
}

static void
test_groups(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\nfixed: {length: 20}\nlevels: [file, sheet]\n"
	         "records:\n"
	         "  sheet:\n    role: header\n    level: sheet\n    fields: {member: {at: 1-3}, n: {at: 4, type: "
	         "integer}, sum: {at: 5, type: integer}}\n"
	         "    repeat: [{record: item, at: 6-10, times: n}]\n"
	         "  item: {role: entry, level: sheet, verdict: accepted, fields: {outbound_reference: {at: 1-3}, "
	         "points: {at: 4-5}}}\n"
	         "controls: {items: sheet.n = count(item), sum: sheet.sum = sum(item.points)}\n";
	static const char blanks[] = HEAD "framing: {newline: lf}\nfixed: {length: 13}\nlevels: [file, sheet]\n"
	                                  "records:\n"
	                                  "  sheet: {role: header, level: sheet, fields: {member: {at: 1-3}}, "
	                                  "repeat: [{record: item, at: 4-8, times: 2, skip_blank: yes}]}\n"
	                                  "  item: {role: entry, level: sheet, verdict: accepted, fields: "
	                                  "{outbound_reference: {at: 1-3}, points: {at: 4-5}}}\n";

	(void) state;
	GIVES(yaml, "M0127A0103B0204     \nM0218C0108          \n",
	      "record 1 at 0+20 accepted points=3 outbound_reference=A01 member=M01\n"
	      "record 2 at 0+20 accepted points=4 outbound_reference=B02 member=M01\n"
	      "control items sheet 1 2 = 2\ncontrol sum sheet 1 7 = 7\n"
	      "record 3 at 21+20 accepted points=8 outbound_reference=C01 member=M02\n"
	      "control items sheet 2 1 = 1\ncontrol sum sheet 2 8 = 8\nfacts\nend records=3 bytes=42\n");
	GIVES(blanks, "M01A0103     \nM02     B0204\n",
	      "record 1 at 0+13 accepted points=3 outbound_reference=A01 member=M01\n"
	      "record 2 at 14+13 accepted points=4 outbound_reference=B02 member=M02\nfacts\nend records=2 "
	      "bytes=28\n");
	REFUSED(yaml, "M0149A0103B0204C0305\n", "record_length 1 0");
}

static void
test_continuation(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\n"
	         "records:\n"
	         "  d: {role: entry, verdict: accepted, when: {1: D}, fields: {outbound_reference: {at: 2-4}, "
	         "points: {at: 5-6}, merchant: {at: 7-, optional: yes}}}\n"
	         "  c: {role: continuation, when: {1: C}, from: 2-}\n";

	(void) state;
	GIVES(yaml, "DABC12Grand\nC Hotel\nC Roma\nDDEF07\n",
	      "record 1 at 0+26 accepted points=12 outbound_reference=ABC merchant=Grand Hotel Roma\n"
	      "record 2 at 27+6 accepted points=7 outbound_reference=DEF\nfacts\nend records=2 bytes=34\n");
	REFUSED(yaml, "C Hotel\n", "order 1 0");
}

/* EBCDIC with RDW, packed and zoned decimals: what a mainframe sends. */
static void
test_mainframe(void **state)
{
	static const char yaml[] =
	    HEAD "encoding: ibm037\nframing: {prefix: rdw}\n"
	         "records:\n"
	         "  d: {role: entry, verdict: accepted, when: {1: D}, fields: {outbound_reference: {at: 2-4}, "
	         "points: {at: 5-7, sign: packed}, amount: {at: 8-10, sign: zoned}, merchant: {at: 11-}}}\n"
	         "  t: {role: trailer, when: {1: T}, fields: {n: {at: 2-3, type: integer, sign: binary}, sum: "
	         "{at: 4-6, type: integer, sign: packed}}}\n"
	         "controls: {n: t.n = count(d), sum: t.sum = sum(d.points)}\n";

	(void) state;
	GIVES(yaml,
	      "\0\x13\0\0\xC4\xC1\xC2\xF1\x01\x23\x4C\xF0\xF5\xD0\xC8\x96\xA3\x85\x93"
	      "\0\x0A\0\0\xE3\0\1\x01\x23\x4C",
	      "record 1 at 4+15 accepted points=1234 amount=-50 outbound_reference=AB1 merchant=Hotel\n"
	      "control n file 1 = 1\ncontrol sum file 1234 = 1234\nfacts\nend records=1 bytes=29 whole\n");
}

static void
test_characters(void **state)
{
	static const char yaml[] = HEAD "framing: {newline: lf}\nfixed: {length: 8, count: characters}\n"
	                                "records:\n  d: {role: entry, verdict: accepted, fields: {merchant: {at: "
	                                "1-3}, outbound_reference: {at: 4-6}, points: {at: 7-8}}}\n";

	(void) state;
	GIVES(yaml,
	      "Caf"
	      "ABC12\n"
	      "\xC3\xA9\xC3\xA9\xC3\xA9"
	      "ABC12\n",
	      "record 1 at 0+8 accepted points=12 outbound_reference=ABC merchant=Caf\n"
	      "record 2 at 9+11 accepted points=12 outbound_reference=ABC "
	      "merchant=\xC3\xA9\xC3\xA9\xC3\xA9\nfacts\nend records=2 bytes=21\n");
	REFUSED(yaml,
	        "\xC3\xA9\xC3\xA9\xC3\xA9"
	        "ABC1\n",
	        "record_length 1 0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lengths),      cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_lines),        cmocka_unit_test(test_trimmed),
	    cmocka_unit_test(test_types),        cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_continuation), cmocka_unit_test(test_mainframe),
	    cmocka_unit_test(test_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
