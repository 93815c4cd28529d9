/* One field, one value: what each type takes and refuses. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile/values.h"
#include "tests/unit/parse_text.h"

/* The record's line for a file of one column, or the rule that refuses it. */
static char *
one(const char *field, const void *value, size_t len, const char *encoding, bool raw)
{
	char yaml[2048], data[256];
	struct profile *profile;
	char *text, *line, *result;

	snprintf(yaml, sizeof(yaml),
	         "profile: t\npartner: P\nprogramme: N\nformat: %s\nencoding: %s\nzone: Europe/Rome\n"
	         "framing: {%s}\n%s"
	         "records:\n  detail: {role: entry, verdict: accepted, fields: {%s}}\n"
	         "match: [external_reference]\ncheck: none\n",
	         raw ? "fixed" : "delimited", encoding, raw ? "record_length: 32" : "newline: lf",
	         raw ? "" : "delimited: {delimiter: \"|\"}\n", field);
	profile = must_compile(yaml);
	memset(data, 0x40, sizeof(data));
	memcpy(data, value, len);
	if (!raw)
		data[len++] = '\n';
	text = parse_text(profile, NULL, data, raw ? 32 : len, 0);
	profile_free(profile);
	line = strstr(text, " accepted");
	if (line != NULL) {
		line += line[9] == ' ' ? 10 : 9;
		result = strndup(line, strcspn(line, "\n"));
	} else {
		line = strstr(text, "refused ");
		result = line != NULL ? strndup(line, 8 + strcspn(line + 8, " ")) : strdup(text);
	}
	free(text);
	return result;
}

static void
is(const char *spec, const char *value, const char *expected)
{
	char field[1024], row[256];
	char *got;

	snprintf(field, sizeof(field), "external_reference: {at: 2, optional: yes}, %s", spec);
	snprintf(row, sizeof(row), "%s|", value);
	got = one(field, row, strlen(row), "utf-8", false);
	assert_string_equal(got, expected);
	free(got);
}

static void
test_integers(void **state)
{
	static const struct {
		const char *value, *expected;
	} cases[] = {
	    {"1", "points=1"},
	    {"000000000000000000000042", "points=42"},
	    {"9223372036854775807", "points=9223372036854775807"},
	    {"9223372036854775806", "points=9223372036854775806"},
	    {"9223372036854775808", "refused overflow"},
	    {"9223372036854775809", "refused overflow"},
	    {"18446744073709551616", "refused overflow"},
	    {"99999999999999999999999999999999", "refused overflow"},
	    {"0", "refused zero"},
	    {"-0", "refused not_a_number"},
	    {"-5", "refused not_a_number"},
	    {"+5", "refused not_a_number"},
	    {"\xD9\xA5", "refused not_a_number"},     /* an Arabic five */
	    {"\xEF\xBC\x95", "refused not_a_number"}, /* a full-width five */
	    {"1e3", "refused not_a_number"},
	    {"1,000", "refused not_a_number"},
	    {"1.000", "refused not_a_number"},
	    {"0x10", "refused not_a_number"},
	    {"1_000", "refused not_a_number"},
	    {"NaN", "refused not_a_number"},
	    {" 5", "refused not_a_number"},
	    {"5 ", "refused not_a_number"},
	    {"", "refused empty"},
	    {"1.23E+15", "refused excel_mangled"},
	    {"1,23E+11", "refused excel_mangled"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is("points: {at: 1}", cases[i].value, cases[i].expected);
}

static void
test_signs(void **state)
{
	(void) state;
	is("points: {at: 1, sign: before}", "-5", "points=-5");
	is("points: {at: 1, sign: before}", "+5", "points=5");
	is("points: {at: 1, sign: before}", "5-", "refused not_a_number");
	is("points: {at: 1, sign: before}", "--5", "refused not_a_number");
	is("points: {at: 1, sign: before}", "-", "refused not_a_number");
	is("points: {at: 1, sign: before, zero: absent}", "-0", "refused sign");
	is("points: {at: 1, sign: after}", "5-", "points=-5");
	is("points: {at: 1, sign: after}", "5+", "points=5");
	is("points: {at: 1, sign: after}", "-5", "refused not_a_number");
	is("points: {at: 1, sign: parentheses}", "(5)", "points=-5");
	is("points: {at: 1, sign: parentheses}", "5", "points=5");
	is("points: {at: 1, sign: parentheses}", "(5", "refused not_a_number");
	is("points: {at: 1, sign: parentheses}", "()", "refused not_a_number");
	is("points: {at: 1, sign: before, negate: yes}", "-5", "points=5");
	is("points: {at: 1, sign: before, min: -9223372036854775807}", "-9223372036854775807",
	   "points=-9223372036854775807");
	is("points: {at: 1, sign: before}", "-9223372036854775808", "refused overflow");
	is("points: {at: 1, sign: before, max: 10}", "11", "refused range");
	is("points: {at: 1, sign: before, max: 10}", "10", "points=10");
	is("points: {at: 1, sign: before, min: -3}", "-4", "refused range");
}

static void
test_overpunch(void **state)
{
	static const char plus[] = "{ABCDEFGHI", minus[] = "}JKLMNOPQR";
	char value[8], expected[32];

	(void) state;
	for (int d = 0; d < 10; d++) {
		snprintf(value, sizeof(value), "01%c", plus[d]);
		snprintf(expected, sizeof(expected), "points=1%d", d);
		is("points: {at: 1, sign: overpunch}", value, expected);
		snprintf(value, sizeof(value), "01%c", minus[d]);
		snprintf(expected, sizeof(expected), "points=-1%d", d);
		is("points: {at: 1, sign: overpunch}", value, expected);
		snprintf(value, sizeof(value), "%c2", minus[d]);
		snprintf(expected, sizeof(expected), "points=-%d", d * 10 + 2);
		is("points: {at: 1, sign: overpunch_first}", value, expected);
	}
	is("points: {at: 1, sign: overpunch}", "123", "points=123");
	is("points: {at: 1, sign: overpunch}", "12S", "refused sign");
	is("points: {at: 1, sign: overpunch}", "12j", "refused sign");
	is("points: {at: 1, sign: overpunch}", "1A3", "refused not_a_number");
	is("points: {at: 1, sign: overpunch, zero: absent}", "00}", "");
}

static void
test_amounts(void **state)
{
	(void) state;
	is("amount: {at: 1}", "1234", "amount=1234");
	is("amount: {at: 1, unit: major}", "12", "amount=1200");
	is("amount: {at: 1, point: \".\"}", "12.34", "amount=1234");
	is("amount: {at: 1, point: \".\"}", "12.3", "refused decimals");
	is("amount: {at: 1, point: \".\"}", "12", "refused decimals");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", "12", "amount=1200");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", "12.34000", "amount=1234");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", "12.34001", "refused decimals");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", "12.", "refused not_a_number");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", ".5", "refused not_a_number");
	is("amount: {at: 1, point: \".\", decimals: 0-5}", "1.2.3", "refused not_a_number");
	is("amount: {at: 1, point: \",\"}", "12,34", "amount=1234");
	is("amount: {at: 1, point: \",\"}", "1.234,56", "refused not_a_number");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "1.234,56", "amount=123456");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "1234,56", "amount=123456");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "12.34,56", "refused not_a_number");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "1234.567,00", "refused not_a_number");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "1.234.567,00", "amount=123456700");
	is("amount: {at: 1, implied: 4}", "123400", "amount=1234");
	is("amount: {at: 1, implied: 4}", "123456", "refused decimals");
	is("points: {at: 1, point: \".\", decimals: 4}", "1700.0000", "points=1700");
	is("points: {at: 1, point: \".\", decimals: 4}", "1700.5000", "refused decimals");
	is("amount: {at: 1, minor: currency, point: \".\", decimals: 0-3}, currency: {value: JPY}", "12",
	   "amount=12 currency=JPY");
	is("amount: {at: 1, minor: currency, point: \".\", decimals: 0-3}, currency: {value: KWD}", "1.5",
	   "amount=1500 currency=KWD");
	is("amount: {at: 1, implied: d}, d: {value: \"3\", type: integer}", "12340", "amount=1234");
}

static void
test_marks(void **state)
{
	(void) state;
	is("points: {at: 1, thousands: \"\\u00A0\"}",
	   "1\xC2\xA0"
	   "234",
	   "points=1234");
	is("points: {at: 1, thousands: \"\\u00A0\"}", "1 234", "refused not_a_number");
	is("points: {at: 1, thousands: \"\\u00A0\"}",
	   "1\xC2"
	   "234",
	   "refused not_utf8");
	is("points: {at: 1, thousands: \"\\u00A0\"}",
	   "12\xC2\xA0"
	   "34",
	   "refused not_a_number");
	is("points: {at: 1, thousands: \"\\u00A0\"}", "1234\xC2\xA0", "refused not_a_number");
	is("points: {at: 1, thousands: \"\\u2019\"}",
	   "1\xE2\x80\x99"
	   "234\xE2\x80\x99"
	   "567",
	   "points=1234567");
	is("points: {at: 1, thousands: \",\", grouping: indian}", "12,34,567", "points=1234567");
	is("points: {at: 1, thousands: \",\", grouping: indian}", "1,234", "points=1234");
	is("points: {at: 1, thousands: \",\", grouping: indian}", "1,234,567", "refused not_a_number");
	is("points: {at: 1, thousands: \",\", grouping: indian}", "123,456", "refused not_a_number");
	is("points: {at: 1, thousands: \",\", grouping: indian}", "1,23", "refused not_a_number");
	is("points: {at: 1, sign: before, minus_mark: \"\\u2212\"}",
	   "\xE2\x88\x92"
	   "5",
	   "points=-5");
	is("points: {at: 1, sign: before, minus_mark: \"\\u2212\"}", "-5", "points=-5");
	is("points: {at: 1, sign: before, minus_mark: \"\\u2212\"}", "\xE2\x88\x92", "refused not_a_number");
	is("points: {at: 1, sign: after, minus_mark: \"\\u2212\"}", "5\xE2\x88\x92", "points=-5");
	is("points: {at: 1, sign: after, minus_mark: \"\\u2212\"}",
	   "\xE2\x88\x92"
	   "5",
	   "refused not_a_number");
	is("points: {at: 1, sign: before}",
	   "\xE2\x88\x92"
	   "5",
	   "refused not_a_number");
}

static void
test_raw_numbers(void **state)
{
	static const struct {
		const char *spec;
		const char *bytes;
		size_t len;
		const char *expected;
	} cases[] = {
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4C", 3, "points=1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4D", 3, "points=-1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4F", 3, "points=1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4A", 3, "points=1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4B", 3, "points=-1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x4E", 3, "points=1234"},
	    {"points: {at: 1-3, sign: packed}", "\x01\x23\x45", 3, "refused sign"},
	    {"points: {at: 1-3, sign: packed}", "\x01\xA3\x4C", 3, "refused not_a_number"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xF2\xC3", 3, "points=123"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xF2\xD3", 3, "points=-123"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xF2\xF3", 3, "points=123"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xC2\xF3", 3, "refused not_a_number"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xF2\xE3", 3, "refused sign"},
	    {"points: {at: 1-3, sign: zoned}", "\xF1\xF2\xCA", 3, "refused not_a_number"},
	    {"points: {at: 1-3, sign: packed_unsigned}", "\x01\x23\x45", 3, "points=12345"},
	    {"points: {at: 1-3, sign: packed_unsigned}", "\x01\x23\x4C", 3, "refused not_a_number"},
	    {"points: {at: 1-3, sign: packed, optional: yes, empty_bytes: [blank, low, high]}", "\x40\x40\x40", 3,
	     ""},
	    {"points: {at: 1-3, sign: packed, optional: yes, empty_bytes: [blank, low, high]}", "\xFF\xFF\xFF", 3,
	     ""},
	    {"points: {at: 1-3, sign: packed, optional: yes, empty_bytes: low}", "\x00\x00\x00", 3, ""},
	    {"points: {at: 1-3, sign: packed, optional: yes, empty_bytes: low}", "\x40\x40\x40", 3,
	     "refused sign"},
	    {"points: {at: 1-3, sign: packed, optional: yes, empty_bytes: [blank, low]}", "\x00\x40\x40", 3,
	     "refused sign"},
	    {"points: {at: 1-4, sign: binary}", "\x00\x00\x04\xD2", 4, "points=1234"},
	    {"points: {at: 1-2, sign: binary}", "\xFF\xFE", 2, "points=-2"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char field[256], *got;

		snprintf(field, sizeof(field), "external_reference: {at: 20-21, optional: yes}, %s", cases[i].spec);
		got = one(field, cases[i].bytes, cases[i].len, "ibm037", true);
		assert_string_equal(got, cases[i].expected);
		free(got);
	}
}

/* One field of a record of fixed length. */
static void
raw_is(const char *spec, const char *bytes, size_t len, const char *expected)
{
	char field[256], *got;

	snprintf(field, sizeof(field), "external_reference: {at: 30-31, optional: yes}, %s", spec);
	got = one(field, bytes, len, "ibm037", true);
	assert_string_equal(got, expected);
	free(got);
}

/* 2^63-1 is a number, 2^63 is none, in every way in which a number can be written. */
static void
test_boundaries(void **state)
{
	static const char *const zeros = "00000000000000000000000000000000";
	char value[64];

	(void) state;
	is("points: {at: 1, sign: overpunch}", "922337203685477580G", "points=9223372036854775807");
	is("points: {at: 1, sign: overpunch}", "922337203685477580H", "refused overflow");
	is("points: {at: 1, sign: overpunch}", "922337203685477580P", "points=-9223372036854775807");
	is("points: {at: 1, sign: overpunch}", "922337203685477580Q", "refused overflow");
	is("points: {at: 1, sign: overpunch_first}", "I223372036854775807", "points=9223372036854775807");
	is("points: {at: 1, sign: before}", "+9223372036854775807", "points=9223372036854775807");
	is("points: {at: 1, sign: before}", "+9223372036854775808", "refused overflow");
	is("points: {at: 1, sign: after}", "9223372036854775807-", "points=-9223372036854775807");
	is("points: {at: 1, sign: after}", "9223372036854775808-", "refused overflow");
	is("points: {at: 1, sign: parentheses}", "(9223372036854775807)", "points=-9223372036854775807");
	is("points: {at: 1, sign: parentheses}", "(9223372036854775808)", "refused overflow");
	is("amount: {at: 1, point: \".\"}", "92233720368547758.07", "amount=9223372036854775807");
	is("amount: {at: 1, point: \".\"}", "92233720368547758.08", "refused overflow");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "92.233.720.368.547.758,07",
	   "amount=9223372036854775807");
	is("amount: {at: 1, point: \",\", thousands: \".\"}", "92.233.720.368.547.758,08", "refused overflow");
	is("amount: {at: 1, unit: major}", "92233720368547758", "amount=9223372036854775800");
	is("amount: {at: 1, unit: major}", "92233720368547759", "refused overflow");
	is("points: {at: 1, sign: before, negate: yes}", "-9223372036854775807", "points=9223372036854775807");
	/* one digit more than is looked at */
	snprintf(value, sizeof(value), "%s1", zeros);
	is("points: {at: 1}", value, "refused overflow");
	is("points: {at: 1, sign: overpunch}", value, "refused overflow");
	is("points: {at: 1}", value + 2, "points=1");

	raw_is("points: {at: 1-19, sign: zoned}",
	       "\xF9\xF2\xF2\xF3\xF3\xF7\xF2\xF0\xF3\xF6\xF8\xF5\xF4\xF7\xF7\xF5\xF8\xF0\xC7", 19,
	       "points=9223372036854775807");
	raw_is("points: {at: 1-19, sign: zoned}",
	       "\xF9\xF2\xF2\xF3\xF3\xF7\xF2\xF0\xF3\xF6\xF8\xF5\xF4\xF7\xF7\xF5\xF8\xF0\xC8", 19,
	       "refused overflow");
	raw_is("points: {at: 1-10, sign: packed}", "\x92\x23\x37\x20\x36\x85\x47\x75\x80\x7C", 10,
	       "points=9223372036854775807");
	raw_is("points: {at: 1-10, sign: packed}", "\x92\x23\x37\x20\x36\x85\x47\x75\x80\x7D", 10,
	       "points=-9223372036854775807");
	raw_is("points: {at: 1-10, sign: packed}", "\x92\x23\x37\x20\x36\x85\x47\x75\x80\x8C", 10,
	       "refused overflow");
	raw_is("points: {at: 1-17, sign: packed}", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1C", 17,
	       "refused overflow");
	raw_is("points: {at: 1-8, sign: binary}", "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8,
	       "points=9223372036854775807");
	raw_is("points: {at: 1-8, sign: binary}", "\x80\0\0\0\0\0\0\x01", 8, "points=-9223372036854775807");
	/* the one that has no opposite */
	raw_is("points: {at: 1-8, sign: binary}", "\x80\0\0\0\0\0\0\0", 8, "refused range");
	raw_is("points: {at: 1-8, sign: binary, negate: yes}", "\x80\0\0\0\0\0\0\0", 8, "refused range");
	raw_is("points: {at: 1-9, sign: binary}", "\0\0\0\0\0\0\0\0\x01", 9, "refused overflow");
}

/* Sign and decimals that another field tells, or does not. */
static void
test_told_elsewhere(void **state)
{
	(void) state;
	is("points: {at: 1, sign: {field: s, minus: [C], plus: [D]}}, s: {value: C}", "5", "points=-5");
	is("points: {at: 1, sign: {field: s, minus: [C], plus: [D]}}, s: {value: D}", "5", "points=5");
	is("points: {at: 1, sign: {field: s, minus: [C], plus: [D]}}, s: {value: X}", "5", "refused sign");
	is("points: {at: 1, sign: {field: s, minus: [C], plus: [D]}}, s: {at: 2, optional: yes}", "5",
	   "refused sign");
	is("points: {at: 1, sign: {field: s, minus: [C], plus: [D]}}, s: {value: C}", "9223372036854775808",
	   "refused overflow");
	is("amount: {at: 1, implied: d}, d: {value: \"10\", type: integer}", "12340", "refused decimals");
	is("amount: {at: 1, implied: d}, d: {at: 2, type: integer, optional: yes}", "12340", "refused decimals");
	is("amount: {at: 1, minor: currency, point: \".\", decimals: 0-3}, currency: {at: 2, optional: yes}",
	   "1.5", "refused decimals");
}

/* All bytes in the last place: exactly those with a digit and a sign nibble are numbers. */
static void
test_every_nibble(void **state)
{
	(void) state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char value[1] = {(char) byte};
		char *packed =
		    one("external_reference: {at: 20-21, optional: yes}, points: {at: 1, sign: packed, zero: absent}",
		        value, 1, "ibm037", true);
		char *zoned =
		    one("external_reference: {at: 20-21, optional: yes}, points: {at: 1, sign: zoned, zero: absent}",
		        value, 1, "ibm037", true);
		bool packed_ok = byte >> 4 <= 9 && (byte & 15) >= 10;
		bool zoned_ok = (byte & 15) <= 9 && (byte >> 4 == 15 || byte >> 4 == 12 || byte >> 4 == 13);

		assert_int_equal(strncmp(packed, "refused", 7) != 0, packed_ok);
		assert_int_equal(strncmp(zoned, "refused", 7) != 0, zoned_ok);
		free(packed);
		free(zoned);
	}
}

static void
test_references(void **state)
{
	char *got;

	(void) state;
	got = one("external_reference: {at: 1}", "7C9E6679-7425-40de-944b-e07fc1f90ae7", 36, "utf-8", false);
	assert_string_equal(got, "reference=7c9e6679742540de944be07fc1f90ae7");
	free(got);
	/* what is none of our references is told as it is */
	got = one("external_reference: {at: 1}", "7c9e6679-7425-40de-944b-e07fc1f90aeg", 36, "utf-8", false);
	assert_string_equal(got, "shown=7c9e6679-7425-40de-944b-e07fc1f90aeg");
	free(got);
	got = one("external_reference: {at: 1}", "7c9e6679742540de944be07fc1f90ae7", 32, "utf-8", false);
	assert_string_equal(got, "shown=7c9e6679742540de944be07fc1f90ae7");
	free(got);
	got = one("external_reference: {at: 1}", "1.23E+15", 8, "utf-8", false);
	assert_string_equal(got, "refused excel_mangled");
	free(got);
	is("member: {at: 1}", "NS1", "member=NS1");
	is("member: {at: 1}", "N S1", "refused not_an_id");
	is("member: {at: 1}", "NS1\xE2\x80\x8B", "refused not_an_id"); /* zero width space */
	is("member: {at: 1}", "N\xD0\x95S1", "refused not_an_id");     /* a Cyrillic letter */
	is("member: {at: 1, strip_zeros: yes}", "000NS1", "member=NS1");
	is("member: {at: 1, length: 3}", "NS12", "refused length");
	is("member: {at: 1, length: 3-4}", "NS12", "member=NS12");
	is("member: {at: 1, must_be: [A, B]}", "B", "member=B");
	is("member: {at: 1, must_be: [A, B]}", "C", "refused must_be");
	is("member: {at: 1, optional: yes, empty_is: [\"0000\"]}", "0000", "");
	is("currency: {at: 1}", "EUR", "currency=EUR");
	is("currency: {at: 1}", "eur", "refused currency");
	is("programme: {at: 1, words: {NS: NORTHSTAR}}", "NS", "programme=NORTHSTAR");
	is("programme: {at: 1, words: {NS: NORTHSTAR}}", "N", "refused unknown_word");
	is("merchant: {at: 1, trim: both}", "  Hotel X ", "merchant=Hotel X");
	is("merchant: {at: 1, trim: left}", "  Hotel X ", "merchant=Hotel X ");
}

/* Every byte at every place of an identifier and of a UUID, which are looked at eight bytes at a time. */
static void
test_every_byte(void **state)
{
	static const char uuid[] = "00000000-9999-aaaa-FFFF-0123456789ab";
	const struct field id = {.name = "id", .type = FIELD_ID, .simple = true};
	const struct field reference = {.name = "reference", .type = FIELD_UUID, .simple = true};
	struct value_reader reader = {.field_bytes = 64};
	struct value_fault fault;
	struct value v;
	char text[sizeof(uuid)];

	(void) state;
	for (uint32_t len = 1; len <= 20; len++)
		for (uint32_t at = 0; at < len; at++)
			for (int byte = 0; byte < 256; byte++) {
				memset(text, 'x', len);
				text[at] = (char) byte;
				assert_int_equal(value_read(&reader, &id, &(struct slice){text, len}, &v, &fault) == 0,
				                 byte > ' ' && byte <= '~');
			}
	for (uint32_t at = 0; at < sizeof(uuid) - 1; at++)
		for (int byte = 0; byte < 256; byte++) {
			bool good =
			    uuid[at] == '-' ? byte == '-' : byte != 0 && strchr("0123456789abcdefABCDEF", byte) != NULL;

			memcpy(text, uuid, sizeof(uuid));
			text[at] = (char) byte;
			assert_int_equal(
			    value_read(&reader, &reference, &(struct slice){text, sizeof(uuid) - 1}, &v, &fault) == 0,
			    good);
		}
	assert_int_equal(value_read(&reader, &reference, &(struct slice){uuid, sizeof(uuid) - 1}, &v, &fault), 0);
	assert_memory_equal(v.uuid, "\x00\x00\x00\x00\x99\x99\xaa\xaa\xff\xff\x01\x23\x45\x67\x89\xab", 16);
}

static void
test_sets(void **state)
{
	(void) state;
	is("reason: {at: 1, separator: \";\"}", "A;B;C", "reasons=A|B|C");
	is("reason: {at: 1, separator: \";\"}", "A;;B;", "reasons=A|B");
	is("reason: {at: 1, separator: \"; \", trim: both}", "A; B", "reasons=A|B");
	is("reason: {at: 1, separator: \";\", optional: yes}", "", "");
	is("reason: {at: 1, type: flags, flags: {on: Y, off: N, codes: {1: BAD, 3: \"OLD\"}}}", "YNY",
	   "reasons=BAD|OLD");
	is("reason: {at: 1, type: flags, flags: {on: Y, off: N, codes: {1: BAD, 3: OLD}}}", "NYN",
	   "refused flags");
	is("reason: {at: 1, type: flags, flags: {on: Y, off: N, codes: {1: BAD, 3: OLD}}}", "XNN",
	   "refused flags");
	is("reason: {at: 1, type: flags, flags: {codes: {1: BAD, 3: OLD}}}", "   ", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_integers),       cmocka_unit_test(test_signs),
	    cmocka_unit_test(test_overpunch),      cmocka_unit_test(test_amounts),
	    cmocka_unit_test(test_marks),          cmocka_unit_test(test_raw_numbers),
	    cmocka_unit_test(test_every_nibble),   cmocka_unit_test(test_references),
	    cmocka_unit_test(test_sets),           cmocka_unit_test(test_boundaries),
	    cmocka_unit_test(test_told_elsewhere), cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
