/* Values that are cut out of another one: what fits a pattern, what each piece takes, and where it is told.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

static char *
outcome(const char *format, const char *encoding, const char *pattern, const char *value, size_t len)
{
	char yaml[2048];
	struct profile *profile;
	char *text;

	snprintf(yaml, sizeof(yaml),
	         "profile: t\npartner: P\nprogramme: N\nformat: %s\nencoding: %s\nzone: UTC\n%s"
	         "records:\n  d:\n    role: entry\n    verdict: accepted\n    %s\n    fields:\n"
	         "      line: {at: %s, optional: yes, pattern: \"%s\"}\n"
	         "      outbound_reference: {type: text}\n      merchant: {}\n      change: {}\n      amount: "
	         "{point: \",\", "
	         "decimals: 0-2}\n"
	         "match: [outbound_reference]\ncheck: none\n",
	         format, encoding,
	         strcmp(format, "xml") == 0 ? "" : "framing: {newline: lf, last_newline: optional}\n",
	         strcmp(format, "xml") == 0 ? "path: /f/r" : "",
	         strcmp(format, "delimited") == 0 ? "1"
	         : strcmp(format, "xml") == 0     ? "l"
	                                          : "1-",
	         pattern);
	profile = must_compile(yaml);
	text = parse_text(profile, NULL, value, len, 0);
	profile_free(profile);
	return text;
}

static void
is(const char *pattern, const char *value, const char *expected)
{
	/* other fields of the profile may not be in the pattern: then they stand nowhere */
	char all[1024];
	char *got;
	static const char *const names[] = {"outbound_reference", "merchant", "change"};

	snprintf(all, sizeof(all), "%s", pattern);
	for (size_t i = 0; i < 3; i++)
		if (strstr(all, names[i]) == NULL)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "[%%{%s:1x}]", names[i]);
	if (strstr(all, "amount") == NULL)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "[%%{amount:1d}]");
	got = outcome("fixed", "utf-8", all, value, strlen(value));
	if (strstr(got, expected) == NULL)
		fail_msg("%s in %s makes\n%swithout \"%s\"", value, all, got, expected);
	free(got);
}

static void
test_pieces(void **state)
{
	(void) state;
	is("{outbound_reference:3!n}{merchant:2a}", "123AB", "outbound_reference=123 merchant=AB\n");
	is("{outbound_reference:3!n}{merchant:2a}", "12AB", "refused pattern record 1 at 0:");
	is("{outbound_reference:3n}{merchant:2a}", "1AB", "outbound_reference=1 merchant=AB\n");
	is("{outbound_reference:3n}{merchant:2a}", "1234AB", "refused pattern record 1 at 3:");
	is("{outbound_reference:3n}{merchant:2a}", "123ABC", "refused pattern record 1 at 5:");
	is("{outbound_reference:3n}{merchant:2a}", "123", "refused pattern record 1 at 3:");
	is("{outbound_reference:4!c}", "A1B2", "outbound_reference=A1B2\n");
	is("{outbound_reference:4!c}", "a1b2", "refused pattern record 1 at 0:");
	is("{outbound_reference:1!a}{amount:15d}{merchant:3!a}", "D12,50ABC",
	   "amount=1250 outbound_reference=D merchant=ABC\n");
	is("{outbound_reference:1!a}{amount:15d}{merchant:3!a}", "D12,ABC",
	   "amount=1200 outbound_reference=D merchant=ABC\n");
	is("{outbound_reference:1!a}{amount:15d}{merchant:3!a}", "D1,2,ABC", "refused pattern record 1 at 4:");
	is("{outbound_reference:1!a}{amount:15d}{merchant:3!a}", "D,2ABC", "refused pattern record 1 at 1:");
	is("{outbound_reference:RC|RD|C|D}{merchant:9x}", "RDx", "outbound_reference=RD merchant=x\n");
	is("{outbound_reference:RC|RD|C|D}{merchant:9x}", "DRx", "outbound_reference=D merchant=Rx\n");
	is("{outbound_reference:RC|RD|C|D}{merchant:9x}", "Rx", "refused pattern record 1 at 0:");
	is("'{'{outbound_reference:9x}'}'']'{merchant:1!n}", "{ab}]7", "outbound_reference=ab merchant=7\n");
	is("{:2!n}/{outbound_reference:9x}", "12/ab", " accepted outbound_reference=ab\n");
}

static void
test_texts_end(void **state)
{
	(void) state;
	is("{outbound_reference:16x}//{merchant:16x}", "a/b//c//d", "outbound_reference=a/b merchant=c//d\n");
	is("{outbound_reference:16x}[//{merchant:16x}]", "a/b", "outbound_reference=a/b\n");
	is("{outbound_reference:16x}[//{merchant:16x}];{change:3x}", "a;b", "outbound_reference=a change=b\n");
	is("{outbound_reference:16x}[//{merchant:16x}];{change:3x}", "a//b;c",
	   "outbound_reference=a merchant=b change=c\n");
	is("{outbound_reference:4x}//{merchant:4x}", "abcde//f", "refused pattern record 1 at 4:");
	is("{outbound_reference:4x}//{merchant:4x}", "//f",
	   "refused pattern record 1 at 0:"); /* at least one character */
	/* characters, not bytes */
	is("{outbound_reference:2!x}{merchant:1x}", "\xC3\xA4\xC3\xB6\xE2\x82\xAC",
	   "outbound_reference=\xC3\xA4\xC3\xB6 merchant=\xE2\x82\xAC\n");
	is("{outbound_reference:1!x}{merchant:1x}", "\xC3\xA4\xC3\xB6\xC3\xBC", "refused pattern record 1 at 4:");
}

static void
test_groups(void **state)
{
	(void) state;
	is("{outbound_reference:6!n}[{merchant:4!n}]{change:1a}", "123456D",
	   "outbound_reference=123456 change=D\n");
	is("{outbound_reference:6!n}[{merchant:4!n}]{change:1a}", "1234567890D",
	   "outbound_reference=123456 merchant=7890 change=D\n");
	/* its first piece fits, so the group is there, and must be there whole */
	is("[{outbound_reference:1!n}{merchant:1!n}]{change:3x}", "1a", "refused pattern record 1 at 1:");
	is("[{outbound_reference:1!n}{merchant:1!n}]{change:3x}", "a1", "accepted change=a1\n");
	is("[/A/{outbound_reference:3x}][/B/{merchant:3x}]", "/B/x", "accepted merchant=x\n");
	is("[/A/{outbound_reference:3x}][/B/{merchant:3x}]", "/A/x/B/y", "outbound_reference=x merchant=y\n");
	is("{outbound_reference:4!x}//{merchant:4x}", "a//b//f", "outbound_reference=a//b merchant=f\n");
}

/* Whatever the format and encoding, the place of what does not fit is told. */
static void
test_formats(void **state)
{
	static const char latin[] = "12\xE4x", ebcdic[] = "\xF1\xF2\xC1\xC2", quoted[] = "\"1\"\"2\"\n";
	char *got;

	(void) state;
	got = outcome("fixed", "iso-8859-1", "{outbound_reference:2!n}{merchant:1!x}{change:1a}{amount:1d}",
	              latin, 4);
	assert_non_null(strstr(got, "refused pattern record 1 at"));
	free(got);
	got = outcome("fixed", "iso-8859-1", "{outbound_reference:2!n}{merchant:1!x}{change:1!x}[{amount:1d}]",
	              latin, 4);
	assert_non_null(strstr(got, "outbound_reference=12 merchant=\xC3\xA4 change=x"));
	free(got);
	got = outcome("fixed", "ibm037", "{outbound_reference:2!n}{merchant:1!a}{change:1!a}[{amount:1d}]",
	              ebcdic, 4);
	assert_non_null(strstr(got, "outbound_reference=12 merchant=A change=B"));
	free(got);
	got = outcome("delimited", "utf-8\ndelimited: {delimiter: \";\", quote: '\"'}",
	              "{outbound_reference:1!n}'\\\"'{merchant:1!n}[{change:1x}{amount:1d}]", quoted,
	              strlen(quoted));
	assert_non_null(strstr(got, "outbound_reference=1 merchant=2"));
	free(got);
	got = outcome("xml", "utf-8", "{outbound_reference:1!n}{merchant:1!n}[{change:1a}{amount:1d}]",
	              "<f><r><l>12</l></r><r><l>1X</l></r></f>", 39);
	assert_non_null(strstr(got, "outbound_reference=1 merchant=2"));
	assert_non_null(strstr(got, "refused pattern record 2 at 26:"));
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_texts_end),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
