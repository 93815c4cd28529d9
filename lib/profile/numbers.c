#include "lib/profile/numbers.h"

#define MAX_DIGITS 31 /* what is looked at; the result must fit 63 bits */

/* The digits of a number, whatever they were written in. */
struct written {
	char digit[MAX_DIGITS];
	int digits;
	int behind; /* of them behind the point */
	bool minus;
};

static int
fault(struct value_fault *ret, const char *rule, const char *why)
{
	*ret = (struct value_fault){rule, why};
	return -1;
}

static int
bad_digits(struct slice text, struct value_fault *ret)
{
	if (excel_mangled(text))
		return fault(ret, "excel_mangled",
		             "was turned into floating point by a spreadsheet: its digits are lost");
	return fault(ret, "not_a_number", "is not a number of digits as the profile has it");
}

/* The sign that an overpunched character carries, and its digit; false for a character that is none. */
static bool
overpunched(char c, char *ret_digit, bool *ret_minus)
{
	if (c >= '0' && c <= '9')
		*ret_digit = c, *ret_minus = false;
	else if (c == '{')
		*ret_digit = '0', *ret_minus = false;
	else if (c >= 'A' && c <= 'I')
		*ret_digit = (char) ('1' + (c - 'A')), *ret_minus = false;
	else if (c == '}')
		*ret_digit = '0', *ret_minus = true;
	else if (c >= 'J' && c <= 'R')
		*ret_digit = (char) ('1' + (c - 'J')), *ret_minus = true;
	else
		return false;
	return true;
}

/* Does the mark stand there?  at may lie outside of the text. */
static bool
stands(const struct mark *mark, struct slice text, uint32_t at)
{
	return mark->len > 0 && at < text.len && mark->len <= text.len - at &&
	       memcmp(text.data + at, mark->bytes, mark->len) == 0;
}

/* A separate character before or after the digits is taken off. */
static int
take_sign(const struct number_rule *rule, struct slice *text, struct written *w,
          struct value_fault *ret_fault)
{
	bool before = rule->sign == SIGN_BEFORE;
	char c = before ? text->data[0] : text->data[text->len - 1];
	uint32_t len = 1;

	if (rule->sign == SIGN_PARENTHESES) {
		if (text->data[0] != '(')
			return 0;
		if (text->len < 3 || c != ')')
			return bad_digits(*text, ret_fault);
		w->minus = true;
		text->data++;
		text->len -= 2;
		return 0;
	}
	if (stands(&rule->minus_mark, *text, before ? 0 : text->len - rule->minus_mark.len)) {
		w->minus = true;
		len = rule->minus_mark.len;
	} else if (c == '-' || c == '+')
		w->minus = c == '-';
	else
		return 0;
	if (before)
		text->data += len;
	text->len -= len;
	return text->len > 0 ? 0 : bad_digits(*text, ret_fault);
}

/* Digits with the marks that the rule allows: a point once, thousands before it (in threes, or in twos with
 * three at the end). */
static int
take_digits(const struct number_rule *rule, struct slice text, struct written *w,
            struct value_fault *ret_fault)
{
	const int group = rule->indian ? 2 : 3;
	bool point = false;
	int since_mark = -1; /* digits since the last thousands mark, -1: none yet */
	uint32_t step;

	for (uint32_t i = 0; i < text.len; i += step) {
		char c = text.data[i];

		step = 1;
		if (c >= '0' && c <= '9') {
			if (w->digits == MAX_DIGITS)
				return fault(ret_fault, "overflow", "has more digits than any sum of points");
			w->digit[w->digits++] = c;
			w->behind += point;
			since_mark += !point && since_mark >= 0;
		} else if (c == rule->point && c != 0 && !point && w->digits > 0) {
			point = true;
			if (since_mark >= 0 && since_mark != 3)
				return bad_digits(text, ret_fault);
		} else if (!point && w->digits > 0 && stands(&rule->thousands, text, i) &&
		           (since_mark == group || (since_mark < 0 && w->digits <= group))) {
			since_mark = 0;
			step = rule->thousands.len;
		} else
			return bad_digits(text, ret_fault);
	}
	if (w->digits == 0 || (point && w->behind == 0) || (!point && since_mark >= 0 && since_mark != 3))
		return bad_digits(text, ret_fault);
	if (rule->point != 0 && (w->behind < rule->decimals_min || w->behind > rule->decimals_max))
		return fault(ret_fault, "decimals", "does not have the decimals that the profile says");
	return 0;
}

static int
read_overpunch(const struct number_rule *rule, struct slice text, struct written *w,
               struct value_fault *ret_fault)
{
	uint32_t at = rule->sign == SIGN_OVERPUNCH ? text.len - 1 : 0;

	if (text.len > MAX_DIGITS)
		return fault(ret_fault, "overflow", "has more digits than any sum of points");
	for (uint32_t i = 0; i < text.len; i++) {
		if (i == at) {
			if (!overpunched(text.data[i], &w->digit[i], &w->minus))
				return fault(ret_fault, "sign", "has no sign in its overpunched digit");
		} else if (text.data[i] >= '0' && text.data[i] <= '9')
			w->digit[i] = text.data[i];
		else
			return bad_digits(text, ret_fault);
	}
	w->digits = (int) text.len;
	return 0;
}

/* EBCDIC zoned: each byte F0 to F9, the last one's zone the sign. */
static int
read_zoned(struct slice text, struct written *w, struct value_fault *ret_fault)
{
	if (text.len > MAX_DIGITS)
		return fault(ret_fault, "overflow", "has more digits than any sum of points");
	for (uint32_t i = 0; i < text.len; i++) {
		unsigned byte = (unsigned char) text.data[i], zone = byte >> 4, digit = byte & 15;
		bool last = i + 1 == text.len;

		if (digit > 9 || (zone != 0xf && !(last && (zone == 0xc || zone == 0xd))))
			return fault(ret_fault, last && digit <= 9 ? "sign" : "not_a_number",
			             "is not a zoned decimal: each byte F0 to F9, the last one C, D or F and a digit");
		w->digit[i] = (char) ('0' + digit);
		w->minus = zone == 0xd;
	}
	w->digits = (int) text.len;
	return 0;
}

/* Packed: two digits in a byte, the last half byte the sign, unless there is none. */
static int
read_packed(struct slice text, bool without_sign, struct written *w, struct value_fault *ret_fault)
{
	if (text.len * 2 - !without_sign > MAX_DIGITS)
		return fault(ret_fault, "overflow", "has more digits than any sum of points");
	for (uint32_t i = 0; i < text.len * 2; i++) {
		unsigned byte = (unsigned char) text.data[i / 2], nibble = i % 2 == 0 ? byte >> 4 : byte & 15;

		if (i + 1 == text.len * 2 && !without_sign) {
			if (nibble < 0xa)
				return fault(ret_fault, "sign", "has no sign in its last half byte");
			w->minus = nibble == 0xb || nibble == 0xd;
		} else if (nibble > 9)
			return fault(ret_fault, "not_a_number", "is not a packed decimal: a half byte is above 9");
		else
			w->digit[w->digits++] = (char) ('0' + nibble);
	}
	return 0;
}

static int
read_binary(struct slice text, int64_t *ret, struct value_fault *ret_fault)
{
	uint64_t value;

	if (text.len > 8)
		return fault(ret_fault, "overflow", "is longer than 8 bytes");
	value = (text.data[0] & 0x80) != 0 ? UINT64_MAX : 0;
	for (uint32_t i = 0; i < text.len; i++)
		value = value << 8 | (unsigned char) text.data[i];
	*ret = (int64_t) value;
	return 0;
}

/* The sign stands in another field. */
static int
sign_elsewhere(struct value_reader *reader, const struct number_rule *rule, struct written *w,
               struct value_fault *ret_fault)
{
	const struct value *v = reader->other(reader->context, (uint16_t) rule->sign_slot);

	if (v != NULL && v->present) {
		if (words_find(&rule->minus, &v->text) != NULL) {
			w->minus = true;
			return 0;
		}
		if (words_find(&rule->plus, &v->text) != NULL)
			return 0;
	}
	return fault(ret_fault, "sign", "has no known sign in the field that holds it");
}

/* How many digits stand behind a point of which the file has no mark, or that the result keeps. */
static int
decimals_of(struct value_reader *reader, uint8_t from, uint8_t fixed, int16_t slot, int *ret,
            struct value_fault *ret_fault)
{
	const struct value *v;

	if (from == DECIMALS_FIXED) {
		*ret = fixed;
		return 0;
	}
	v = reader->other(reader->context, (uint16_t) slot);
	*ret = -1;
	if (v != NULL && v->present)
		*ret = from == DECIMALS_CURRENCY          ? currency_decimals(v->text.data, v->text.len)
		       : v->number >= 0 && v->number <= 9 ? (int) v->number
		                                          : -1;
	if (*ret >= 0)
		return 0;
	return fault(ret_fault, "decimals",
	             from == DECIMALS_CURRENCY ? "has no currency to take its decimals from"
	                                       : "has no field to take its decimals from");
}

/* digits x 10^(minor - behind), exactly. */
static int
scale(const struct written *w, int minor, int64_t *ret, struct value_fault *ret_fault)
{
	int keep = w->digits + minor - w->behind;
	int64_t value = 0;

	for (int i = keep < 0 ? 0 : keep; i < w->digits; i++)
		if (w->digit[i] != '0')
			return fault(ret_fault, "decimals", "has decimals that would have to be rounded");
	for (int i = 0; i < keep; i++) {
		int digit = i < w->digits ? w->digit[i] - '0' : 0;

		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
			return fault(ret_fault, "overflow", "is greater than 9223372036854775807");
	}
	*ret = w->minus ? -value : value;
	return 0;
}

static int
read_written(struct value_reader *reader, const struct number_rule *rule, struct slice text,
             struct written *w, struct value_fault *ret_fault)
{
	switch ((enum sign_rule) rule->sign) {
	case SIGN_OVERPUNCH:
	case SIGN_OVERPUNCH_FIRST:
		return read_overpunch(rule, text, w, ret_fault);
	case SIGN_ZONED:
		return read_zoned(text, w, ret_fault);
	case SIGN_PACKED:
	case SIGN_PACKED_UNSIGNED:
		return read_packed(text, rule->sign == SIGN_PACKED_UNSIGNED, w, ret_fault);
	case SIGN_BEFORE:
	case SIGN_AFTER:
	case SIGN_PARENTHESES:
		if (take_sign(rule, &text, w, ret_fault) != 0)
			return -1;
		break;
	case SIGN_FIELD:
		if (sign_elsewhere(reader, rule, w, ret_fault) != 0)
			return -1;
		break;
	case SIGN_NONE:
	case SIGN_BINARY:
		break;
	}
	return take_digits(rule, text, w, ret_fault);
}

/* Plain digits in minor units: by far the commonest number there is. */
static bool
read_plain(const struct number_rule *rule, const struct slice *text, int64_t *ret)
{
	int64_t value = 0;

	if (rule->sign != SIGN_NONE || rule->point != 0 || rule->thousands.len != 0 ||
	    rule->implied_from != DECIMALS_FIXED || rule->minor_from != DECIMALS_FIXED ||
	    rule->implied != rule->minor || text->len > 18)
		return false;
	for (uint32_t i = 0; i < text->len; i++) {
		unsigned digit = (unsigned) (unsigned char) text->data[i] - '0';

		if (digit > 9)
			return false;
		value = value * 10 + (int) digit;
	}
	*ret = value;
	return true;
}

int
number_read(struct value_reader *reader, const struct number_rule *rule, const struct slice *text,
            int64_t *ret, struct value_fault *ret_fault)
{
	struct written w = {.digits = 0};
	int64_t value;
	int implied, minor;

	if (!read_plain(rule, text, &value)) {
		if (rule->sign == SIGN_BINARY) {
			if (read_binary(*text, &value, ret_fault) != 0)
				return -1;
		} else {
			if (read_written(reader, rule, *text, &w, ret_fault) != 0 ||
			    decimals_of(reader, rule->implied_from, rule->implied, rule->implied_slot, &implied,
			                ret_fault) != 0 ||
			    decimals_of(reader, rule->minor_from, rule->minor, rule->minor_slot, &minor, ret_fault) != 0)
				return -1;
			if (rule->point == 0)
				w.behind = implied;
			if (scale(&w, minor, &value, ret_fault) != 0)
				return -1;
		}
	}
	if (value == 0 && rule->zero == ZERO_BAD)
		return fault(ret_fault, "zero", "is zero");
	if (value < rule->min || value > rule->max)
		return fault(ret_fault, "range", "is outside of what the profile allows");
	/* "-0" says two things at once */
	if (value == 0 && w.minus && rule->sign != SIGN_OVERPUNCH && rule->sign != SIGN_OVERPUNCH_FIRST &&
	    rule->sign != SIGN_FIELD && rule->sign != SIGN_PACKED && rule->sign != SIGN_ZONED)
		return fault(ret_fault, "sign", "is a zero with a minus");
	if (rule->negate) {
		if (value == INT64_MIN)
			return fault(ret_fault, "overflow", "is less than -9223372036854775807");
		value = -value;
	}
	*ret = value;
	return 0;
}
