/* Delimited files: quotes, headers, counts, encodings, types, continuations. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

#define HEAD "profile: t\npartner: P\nprogramme: N\nformat: delimited\nmatch: [outbound_reference]\ncheck: none\n"
#define WORDS "verdict: {field: status, words: {OK: accepted, KO: rejected}}\n"

/* The whole output, whatever the size of the reads. */
static void
gives(const char *yaml, const char *data, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	static const size_t steps[] = {0, 1, 7};

	for (size_t i = 0; i < 3; i++) {
		char *text = parse_text(profile, NULL, data, strlen(data), steps[i]);

		assert_string_equal(text, expected);
		free(text);
	}
	profile_free(profile);
}

/* The first refusal: "rule record offset". */
static void
refused(const char *yaml, const void *data, size_t len, const char *expected)
{
	struct profile *profile = must_compile(yaml);
	char *text = parse_text(profile, NULL, data, len, 0), *line = strstr(text, "refused ");
	char got[128] = "not refused";
	char rule[64];
	unsigned long long record, at;

	if (line != NULL && sscanf(line, "refused %63s record %llu at %llu", rule, &record, &at) == 3)
		snprintf(got, sizeof(got), "%s %llu %llu", rule, record, at);
	if (strcmp(got, expected) != 0)
		fail_msg("%s instead of %s:\n%s", got, expected, text);
	free(text);
	profile_free(profile);
}

#define REFUSED(yaml, data, expected) refused(yaml, data, sizeof(data) - 1, expected)

#define BY_NAME                                                                                              \
	HEAD "framing: {newline: lf}\n"                                                                          \
	     "delimited: {delimiter: \",\", quote: '\"', header: names}\n"                                       \
	     "records:\n"                                                                                        \
	     "  detail:\n"                                                                                       \
	     "    role: entry\n"                                                                                 \
	     "    fields:\n"                                                                                     \
	     "      outbound_reference: {at: Id}\n"                                                              \
	     "      points: {at: Points}\n"                                                                      \
	     "      status: {at: Result}\n"                                                                      \
	     "      reason_text: {at: Why, optional: yes}\n" WORDS

#define CRLF_CELLS                                                                                           \
	HEAD "framing: {newline: [crlf, lf]}\n"                                                                  \
	     "delimited: {delimiter: \",\", quote: '\"'}\n"                                                      \
	     "records:\n"                                                                                        \
	     "  detail: {role: entry, fields: {outbound_reference: {at: 1}, status: {at: 2}, "                   \
	     "reason_text: {at: 3, optional: yes}}}\n" WORDS

/* A cell that came from another system has its newlines: of another kind than the file's, in quotes only. */
static void
test_newlines_in_cells(void **state)
{
	(void) state;
	gives(CRLF_CELLS, "A1,KO,\"no\nsuch\"\r\nA2,OK,\r\nA3,KO,\"a\r\nb\nc\"\r\n",
	      "record 1 at 0+15 rejected outbound_reference=A1 text=no\\nsuch\n"
	      "record 2 at 17+6 accepted outbound_reference=A2\n"
	      "record 3 at 25+14 rejected outbound_reference=A3 text=a\\r\\nb\\nc\n"
	      "facts\nend records=3 bytes=41\n");
	gives(CRLF_CELLS, "A1,KO,\"no\r\nsuch\"\nA2,KO,\"c\rr\"\n",
	      "record 1 at 0+16 rejected outbound_reference=A1 text=no\\r\\nsuch\n"
	      "record 2 at 17+11 rejected outbound_reference=A2 text=c\\rr\n"
	      "facts\nend records=2 bytes=29\n");
	/* not in quotes: another record, or a cut one; never part of a value */
	REFUSED(CRLF_CELLS, "A1,OK,\r\nA2,OK,x\nA3,KO,\r\n", "newline 2 15");
	REFUSED(CRLF_CELLS, "A1,OK,\r\nA2,KO,\"x\n\"\nA3,KO,\r\n", "newline 2 18");
	REFUSED(CRLF_CELLS, "A1,OK,\nA2,OK,x\r\n", "bare_cr 2 14");
	REFUSED(CRLF_CELLS, "A1,OK,\nA2,OK,x\ry\n", "bare_cr 2 14");
	gives(CRLF_CELLS, "A1,KO,\"x\ny\"\r\nA2,OK,\r\n",
	      "record 1 at 0+11 rejected outbound_reference=A1 text=x\\ny\n"
	      "record 2 at 13+6 accepted outbound_reference=A2\nfacts\nend records=2 bytes=21\n");
	REFUSED(CRLF_CELLS, "A1,OK,\nA2,KO,\"x\ry\"\r", "cut 2 19");
	/* nor in a line that is skipped: a record could hide there */
	REFUSED(HEAD
	        "framing: {newline: crlf, comment: \"#\"}\ndelimited: {delimiter: \",\", quote: '\"'}\nrecords:\n"
	        "  d: {role: entry, fields: {outbound_reference: {at: 1}, status: {at: 2}}}\n" WORDS,
	        "A1,OK\r\n# a remark\nA2,KO\r\nA3,OK\r\n", "newline 2 7");
	/* without quotes as before */
	REFUSED(HEAD "framing: {newline: crlf}\ndelimited: {delimiter: \",\"}\nrecords:\n"
	             "  d: {role: entry, fields: {outbound_reference: {at: 1}, status: {at: 2}}}\n" WORDS,
	        "A1,OK\r\nA2,OK\nA3,OK\r\n", "newline 2 12");
}

static void
test_doubled_quotes_between_long_delimiters(void **state)
{
	static const char *const yaml =
	    HEAD "framing: {newline: lf}\n"
	         "delimited: {delimiter: \"%%\", quote: '\"'}\n"
	         "records:\n"
	         "  d: {role: entry, fields: {reason_text: {at: 1}, points: {at: 2}, status: {at: 3}, "
	         "outbound_reference: {at: 4}}}\n" WORDS;

	(void) state;
	gives(yaml, "\"a\"\"b\"%%5%%OK%%A1\n\"\"\"%%\"\"\"%%5%%KO%%A2\n",
	      "record 1 at 0+17 accepted points=5 outbound_reference=A1 text=a\"b\n"
	      "record 2 at 18+19 rejected points=5 outbound_reference=A2 text=\"%%\"\n"
	      "facts\nend records=2 bytes=38\n");
	REFUSED(yaml, "\"a\"b\"c\"%%5%%OK%%A1\n", "quote 1 3");
}

static void
test_names(void **state)
{
	(void) state;
	gives(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\nA2,7,KO,\"closed, sorry\"\n",
	      "record 1 at 21+8 accepted points=5 outbound_reference=A1\n"
	      "record 2 at 30+23 rejected points=7 outbound_reference=A2 text=closed, sorry\n"
	      "facts\nend records=2 bytes=54\n");
	/* order is free; invisible characters around names are none of theirs; an optional column may be missing
	 */
	gives(BY_NAME, "\xEF\xBB\xBFResult, Points\xC2\xA0,\xE2\x80\x8BId\nOK,5,A1\n",
	      "record 1 at 26+7 accepted points=5 outbound_reference=A1\nfacts\nend records=1 bytes=34\n");
	REFUSED(BY_NAME, "Id,Result,Why\nA1,OK,\n", "header 1 0");
	REFUSED(BY_NAME, "Id,Points,Points,Result\nA1,5,5,OK\n", "header 1 0");
	REFUSED(BY_NAME, "Id,Points,Result,Why,More\nA1,5,OK,,x\n", "header 1 0");
	REFUSED(BY_NAME, "id,Points,Result\nA1,5,OK\n", "header 1 0");
	gives(BY_NAME, "Id,Points,Result\n", "facts\nend records=0 bytes=17\n");
	REFUSED(BY_NAME, "", "empty 0 0");
}

static void
test_counts(void **state)
{
	(void) state;
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK\n", "field_count 2 21");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,,\n", "field_count 2 21");
	/* a bad value is told where it stands, in quotes or not */
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,x,OK,\n", "not_a_number 2 24");
	REFUSED(BY_NAME, "Id,Points,Result,Why\n\"A1\",\"x\",OK,\n", "not_a_number 2 27");
	REFUSED(BY_NAME, "Id,Points,Result,Why\n\"A\"\"1\",\"x\",OK,\n", "not_a_number 2 29");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,Ok,\n", "unknown_word 2 26");
}

static void
test_quotes(void **state)
{
	(void) state;
	gives(BY_NAME, "Id,Points,Result,Why\n\"A1\",\"5\",\"OK\",\"say \"\"no\"\"\"\n",
	      "record 1 at 21+26 accepted points=5 outbound_reference=A1 text=say \"no\"\n"
	      "facts\nend records=1 bytes=48\n");
	gives(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\"two\nlines, and \"\"one\"\"\"\nA2,5,OK,\n",
	      "record 1 at 21+32 accepted points=5 outbound_reference=A1 text=two\\nlines, and \"one\"\n"
	      "record 2 at 54+8 accepted points=5 outbound_reference=A2\n"
	      "facts\nend records=2 bytes=63\n");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\"no end\nA2,5,OK,\n", "quote 2 21");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\"a\"b\n", "quote 2 32");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,a\"b\"\n", "quote 2 30");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\"a\" \n", "quote 2 32");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK, \"a\"\n", "quote 2 30");
}

static void
test_newlines(void **state)
{
	(void) state;
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\r\n", "bare_cr 2 29");
	REFUSED(BY_NAME, "Id,Points,Result,Why\r\nA1,5,OK,\r\n", "newline 1 20");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5\r0,OK,\n", "bare_cr 2 25");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,", "cut 2 29");
	REFUSED(BY_NAME, "Id,Points,Result,Why\n\nA1,5,OK,\n", "blank_line 2 21");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\0\n", "nul 2 29");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\xC3\x28\n", "not_utf8 2 29");
	REFUSED(BY_NAME, "Id,Points,Result,Why\nA1,5,OK,\xED\xA0\x80\n", "not_utf8 2 29");
	REFUSED(BY_NAME, "\xFF\xFEI\0d\0", "utf16 1 0");
}

#define BY_PLACE                                                                                             \
	HEAD "encoding: %s\nframing: {newline: [lf, crlf]}\n"                                                    \
	     "delimited: {delimiter: %s}\n"                                                                      \
	     "records:\n"                                                                                        \
	     "  head: {role: header, when: {1: H}, fields: {sequence: {at: 2}}}\n"                               \
	     "  detail: {role: entry, when: {1: D}, fields: {outbound_reference: {at: 2}, points: {at: 3}, "     \
	     "status: {at: 4}, merchant: {at: 5}}}\n"                                                            \
	     "  trailer: {role: trailer, when: {1: T}, fields: {n: {at: 2, type: integer}, sum: {at: 3, type: "  \
	     "integer}}}\n"                                                                                      \
	     "controls: {count: trailer.n = count(detail), points: trailer.sum = sum(detail.points)}\n" WORDS

static char *
by_place(const char *encoding, const char *delimiter)
{
	static char yaml[2048];

	snprintf(yaml, sizeof(yaml), BY_PLACE, encoding, delimiter);
	return yaml;
}

static void
test_delimiters(void **state)
{
	(void) state;
	gives(by_place("utf-8", "\"%%\""), "H%%17\nD%%A%%5%%OK%%x%y\nD%%B%%6%%KO%%\xC3\xA9\nT%%2%%11\n",
	      "record 1 at 6+16 accepted points=5 outbound_reference=A merchant=x%y\n"
	      "record 2 at 23+15 rejected points=6 outbound_reference=B merchant=\xC3\xA9\n"
	      "control count file 2 = 2\ncontrol points file 11 = 11\nfacts sequence=17\nend records=2 bytes=48 "
	      "whole\n");
	gives(by_place("utf-8", "tab"), "H\t17\r\nD\tA\t5\tOK\tx\r\nT\t1\t5\r\n",
	      "record 1 at 6+10 accepted points=5 outbound_reference=A merchant=x\n"
	      "control count file 1 = 1\ncontrol points file 5 = 5\nfacts sequence=17\nend records=1 bytes=25 "
	      "whole\n");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nD|A|5|OK|x\nD;B;6;OK;x\nT|1|5\n", "record_type 3 16");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nD|A|5|OK|x\nT|2|5\n", "control_total 3 16");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nD|A|5|OK|x\nT|1|6\n", "control_total 3 16");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nD|A|5|OK|x\n", "trailer_missing 2 16");
	REFUSED(by_place("utf-8", "\"|\""), "D|A|5|OK|x\nT|1|5\n", "order 1 0");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nT|0|0\nD|A|5|OK|x\n", "order 3 11");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nT|0|0\nT|0|0\n", "order 3 11");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nH|17\nT|0|0\n", "order 2 5");
	REFUSED(by_place("utf-8", "\"|\""), "H|17\nD|A|5|OK|x\nH|17\nT|0|0\n", "order 3 16");
	gives(by_place("utf-8", "\"|\""), "H|17\nT|0|0\n",
	      "control count file 0 = 0\ncontrol points file 0 = 0\nfacts sequence=17\nend records=0 bytes=11 "
	      "whole\n");
}

static void
test_encodings(void **state)
{
	(void) state;
	gives(by_place("iso-8859-15", "\"|\""), "H|17\nD|A|5|OK|Caf\xE9 \xA4\nT|1|5\n",
	      "record 1 at 5+15 accepted points=5 outbound_reference=A merchant=Caf\xC3\xA9 \xE2\x82\xAC\n"
	      "control count file 1 = 1\ncontrol points file 5 = 5\nfacts sequence=17\nend records=1 bytes=27 "
	      "whole\n");
	gives(by_place("windows-1252", "\"|\""), "H|17\nD|A|5|OK|\x80\nT|1|5\n",
	      "record 1 at 5+10 accepted points=5 outbound_reference=A merchant=\xE2\x82\xAC\n"
	      "control count file 1 = 1\ncontrol points file 5 = 5\nfacts sequence=17\nend records=1 bytes=22 "
	      "whole\n");
	REFUSED(by_place("windows-1252", "\"|\""), "H|17\nD|A|5|OK|\x81\nT|1|5\n", "encoding 2 14");
	REFUSED(by_place("ascii", "\"|\""), "H|17\nD|A|5|OK|\x80\nT|1|5\n", "not_ascii 2 14");
	/* the second byte of this katakana is the delimiter's code: 83 7C */
	gives(by_place("shift_jis", "\"|\""), "H|17\nD|A|5|OK|\x83\x7C\nT|1|5\n",
	      "record 1 at 5+11 accepted points=5 outbound_reference=A merchant=\xE3\x83\x9D\n"
	      "control count file 1 = 1\ncontrol points file 5 = 5\nfacts sequence=17\nend records=1 bytes=23 "
	      "whole\n");
	REFUSED(by_place("shift_jis", "\"|\""), "H|17\nD|A|5|OK|\x83\nT|1|5\n", "encoding 2 14");
	/* EBCDIC: H|17 and so on, with its own newline */
}

static void
test_ebcdic(void **state)
{
	static const char yaml[] =
	    HEAD "encoding: ibm037\nframing: {terminator: \"0x15\"}\ndelimited: {delimiter: \";\"}\n"
	         "records:\n"
	         "  detail: {role: entry, fields: {outbound_reference: {at: 1}, points: {at: 2}, status: {at: "
	         "3}}}\n" WORDS;

	(void) state;
	/* A1;25;OK */
	gives(yaml, "\xC1\xF1\x5E\xF2\xF5\x5E\xD6\xD2\x15",
	      "record 1 at 0+8 accepted points=25 outbound_reference=A1\nfacts\nend records=1 bytes=9\n");
}

static void
test_escapes(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\ndelimited: {delimiter: \",\", quote: '\"', escape: backslash}\n"
	         "records:\n"
	         "  detail: {role: entry, fields: {outbound_reference: {at: 1}, merchant: {at: 2}, status: {at: "
	         "3}}}\n" WORDS;
	static const char edifact[] =
	    HEAD "framing: {terminator: {declared_at: 9}, newline_after: yes}\n"
	         "delimited: {delimiter: {declared_at: 5}, inner: {declared_at: 4}, escape: \"?\"}\n"
	         "records:\n"
	         "  una: {role: header, when: {1.1: UNA}, columns: 1-3}\n"
	         "  detail: {role: entry, when: {1: RFF}, columns: 4, fields: {outbound_reference: {at: 2.2}, "
	         "points: {at: 3}, status: {at: 4.1}, merchant: {at: 4.2}}}\n" WORDS;

	(void) state;
	gives(yaml, "A1,\"a \\\"b\\\", c\",OK\nA2,x\\,y,KO\n",
	      "record 1 at 0+18 accepted outbound_reference=A1 merchant=a \"b\", c\n"
	      "record 2 at 19+10 rejected outbound_reference=A2 merchant=x,y\n"
	      "facts\nend records=2 bytes=30\n");
	REFUSED(yaml, "A1,\"a,OK\n", "quote 1 0");
	gives(edifact, "UNA:+.? '\r\nRFF+ON:A1+5+OK:it?'s?+'\nRFF+ON:A2+6+KO:x'\n",
	      "record 1 at 11+22 accepted points=5 outbound_reference=A1 merchant=it's+\n"
	      "record 2 at 35+16 rejected points=6 outbound_reference=A2 merchant=x\n"
	      "facts\nend records=2 bytes=53\n");
}

/* Columns whose number depends on the content; records that go on in the next; groups; the rest of a line. */
static void
test_dependent_columns(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf, last_newline: optional}\n"
	         "delimited: {delimiter: \",\", record_end: \"/\"}\n"
	         "levels: [file, account]\n"
	         "records:\n"
	         "  account:\n"
	         "    role: header\n    level: account\n    when: {1: \"03\"}\n"
	         "    columns: [\"-\", member, {repeat: summary}]\n"
	         "    fields: {member: {}}\n"
	         "  summary:\n"
	         "    role: note\n"
	         "    columns: [kind, sum, funds, {if: {funds: V}, columns: [vdate, vtime]}]\n"
	         "    fields: {kind: {}, sum: {type: integer, sign: before, optional: yes}, funds: {optional: "
	         "yes}, vdate: {optional: yes}, vtime: {optional: yes}}\n"
	         "  entry:\n"
	         "    role: entry\n    when: {1: \"16\"}\n"
	         "    columns: [\"-\", status, points, funds, {if: {funds: S}, columns: [s0, s1]}, "
	         "outbound_reference, {rest: merchant}]\n"
	         "    fields: {status: {}, points: {}, funds: {optional: yes}, s0: {}, s1: {}, "
	         "outbound_reference: {}, merchant: {optional: yes}}\n"
	         "  more: {role: continuation, when: {1: \"88\"}}\n"
	         "  close:\n"
	         "    role: trailer\n    level: account\n    when: {1: \"49\"}\n    fields: {total: {at: 2, "
	         "type: integer}, n: {at: 3, type: integer}}\n"
	         "controls:\n"
	         "  total: close.total = sum(entry.points) + sum(summary.sum where kind = '040')\n"
	         "  lines: close.n = lines\n"
	         "verdict: {field: status, words: {\"108\": accepted, \"409\": rejected}}\n";

	(void) state;
	gives(yaml,
	      "03,ACC,040,+7,,045,+9,V,060316,/\n88,100,+1,,040,+2,/\n"
	      "16,409,5,S,1,2,A1,TEXT, WITH COMMAS/\n16,108,6,,A2,\n88,END\n49,20,6/\n"
	      "03,BCC/\n49,0,2/",
	      "record 1 at 53+36 rejected points=5 outbound_reference=A1 member=ACC merchant=TEXT, WITH COMMAS\n"
	      "record 2 at 90+20 accepted points=6 outbound_reference=A2 member=ACC merchant=,END\n"
	      "control total account 1 20 = 20\ncontrol lines account 1 6 = 6\n"
	      "control total account 2 0 = 0\ncontrol lines account 2 2 = 2\n"
	      "facts\nend records=2 bytes=135\n");
	REFUSED(yaml, "03,ACC/\n16,409,5,S,1,2/\n49,5,3/\n", "field_count 2 8");
	REFUSED(yaml, "88,ACC/\n", "order 1 0");
	REFUSED(yaml, "03,ACC\n49,0,2/\n", "record_end 1 6");
}

static void
test_limits(void **state)
{
	static const char yaml[] =
	    HEAD "framing: {newline: lf}\ndelimited: {delimiter: \",\", quote: '\"'}\n"
	         "limits: {record_bytes: 24, field_bytes: 8, columns: 4, records: 2, file_bytes: 60}\n"
	         "records:\n"
	         "  detail: {role: entry, columns: 2-9, fields: {outbound_reference: {at: 1}, status: {at: "
	         "2}}}\n" WORDS;

	(void) state;
	gives(yaml, "12345678,OK,90123456,012\n",
	      "record 1 at 0+24 accepted outbound_reference=12345678\nfacts\nend records=1 bytes=25\n");
	REFUSED(yaml, "12345678,OK,90123456,0123\n", "record_too_long 1 0");
	REFUSED(yaml, "123456789,OK\n", "field_too_long 1 0");
	gives(yaml, "1,OK,,\n", "record 1 at 0+6 accepted outbound_reference=1\nfacts\nend records=1 bytes=7\n");
	REFUSED(yaml, "1,OK,,,\n", "quote 1 0");
	REFUSED(yaml, "1,OK,\"\",,\n", "quote 1 0");
	gives(yaml, "1,OK\n2,OK\n",
	      "record 1 at 0+4 accepted outbound_reference=1\nrecord 2 at 5+4 accepted "
	      "outbound_reference=2\nfacts\nend records=2 bytes=10\n");
	REFUSED(yaml, "1,OK\n2,OK\n3,OK\n", "too_many_records 3 10");
	REFUSED(yaml, "1,OK,\"\n2,OK\n3,OK,12345678\n12345678\n", "record_too_long 1 0");
	REFUSED(yaml, "1,OK\n2,OK,345678901234567\n1,OK,345678901234567\n2,OK,345678901\n", "file_too_long 1 62");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_newlines_in_cells),
	    cmocka_unit_test(test_doubled_quotes_between_long_delimiters),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_quotes),
	    cmocka_unit_test(test_newlines),
	    cmocka_unit_test(test_delimiters),
	    cmocka_unit_test(test_encodings),
	    cmocka_unit_test(test_ebcdic),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_dependent_columns),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
