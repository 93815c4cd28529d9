/* Fields by their types. */
#include "lib/profile/values.h"

#include <endian.h>

#include "lib/base/noinline.h"
#include "lib/base/utf8.h"
#include "lib/profile/dates.h"
#include "lib/profile/numbers.h"
#include "lib/protocol/bytes.h"

#define JOIN '\x1f' /* between the members of a set */

static int
fault(struct value_fault *ret, const char *rule, const char *why)
{
	*ret = (struct value_fault){rule, why};
	return -1;
}

/* Nothing but one byte, and one that means nothing here. */
static bool
bytes_mean_nothing(const struct field *f, struct slice in)
{
	if (f->empty_bytes == 0 || in.len == 0 || memchr(f->empty_byte, in.data[0], f->empty_bytes) == NULL)
		return false;
	for (uint32_t i = 1; i < in.len; i++)
		if (in.data[i] != in.data[0])
			return false;
	return true;
}

/* Room for a text that has to be made; NULL when the record is too much of it. */
static char *
room(struct value_reader *reader, size_t len, struct value_fault *ret_fault)
{
	char *p = reader->scratch + reader->scratch_used;

	if (len > reader->scratch_size - reader->scratch_used) {
		fault(ret_fault, "record_too_long", "makes the record longer than its limit");
		return NULL;
	}
	reader->scratch_used += len;
	return p;
}

/* From the partner's encoding, where the format did not do that for the whole record. */
static int
decode(struct value_reader *reader, struct slice *text, struct value_fault *ret_fault)
{
	size_t len, bad;
	char *out;

	if (charset_is_utf8(reader->charset)) {
		for (uint32_t i = 0; i < text->len; i++)
			if ((signed char) text->data[i] <= 0) {
				if (!utf8_text_ok(text->data, text->len))
					return fault(ret_fault, "not_utf8", "is not whole, valid UTF-8 without NUL");
				break;
			}
		return 0;
	}
	out = room(reader, CHARSET_GROWTH * (size_t) text->len, ret_fault);
	if (out == NULL)
		return -1;
	if (!charset_decode(reader->charset, text->data, text->len, out, &len, &bad))
		return fault(ret_fault, "encoding", "has a byte that means nothing in the partner's encoding");
	if (memchr(out, 0, len) != NULL)
		return fault(ret_fault, "nul", "has a NUL");
	*text = (struct slice){out, (uint32_t) len};
	return 0;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice
trim(const struct field *f, struct slice text)
{
	if (f->trim_left)
		while (text.len > 0 && blank(text.data[0]))
			text.data++, text.len--;
	if (f->trim_right)
		while (text.len > 0 && blank(text.data[text.len - 1]))
			text.len--;
	if (f->zeros != 0)
		while (text.len > 1 && text.data[0] == f->zeros)
			text.data++, text.len--;
	return text;
}

/* Eight hexadecimal digits as four bytes, the first of them lowest; false when one is none. */
static inline bool
read_hex(const char *p, uint32_t *ret)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t word = bytes_load(p);
	uint64_t letters = word >> 6 & ones, digits = (word & ones * 0x0f) + letters * 9;
	uint64_t above_9 = (digits + ones * 6) >> 4 & ones;
	uint64_t pairs = (digits << 4 | digits >> 8) & 0x00ff00ff00ff00ffu;

	pairs = (pairs | pairs >> 8) & 0x0000ffff0000ffffu;
	*ret = (uint32_t) (pairs | pairs >> 16);
	/* written again in small letters they must be what stands there */
	return (digits & ones * 0xf0) == 0 &&
	       digits + ones * '0' + above_9 * ('a' - '9' - 1) == (word | letters << 5);
}

static bool
read_uuid(const struct slice *text, uint8_t uuid[16])
{
	const char *p = text->data;
	char digits[32];
	bool right = true;

	if (text->len != 36 || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
		return false;
	memcpy(digits, p, 8);
	memcpy(digits + 8, p + 9, 4);
	memcpy(digits + 12, p + 14, 4);
	memcpy(digits + 16, p + 19, 4);
	memcpy(digits + 20, p + 24, 12);
	for (int i = 0; i < 4; i++) {
		uint32_t four = 0;

		right &= read_hex(digits + 8 * i, &four);
		four = htole32(four);
		memcpy(uuid + 4 * i, &four, 4);
	}
	return right;
}

/* Eight bytes: which are no printable ASCII, or a blank, in the high bits. */
static inline uint64_t
not_graphic(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u;

	/* above 0x7f; below 0x21; 0x7f: what one byte carries to the next comes from one that is wrong itself */
	return (word | (word - ones * 0x21) | (word + ones)) & ones * 0x80;
}

/* Printable ASCII without blanks; and is there a '+'? */
static inline bool
graphic(const struct slice *text, bool *ret_plus)
{
	uint64_t wrong = 0, plus = 0, word;

	if (text->len < 8) {
		word = text->len == 0 ? 0x0101010101010101u * '0' : bytes_few(text->data, text->len);
		*ret_plus = bytes_equal(word, '+') != 0;
		return not_graphic(word) == 0;
	}
	/* the last eight overlap what was seen */
	for (uint32_t i = 0; i < text->len; i += 8) {
		memcpy(&word, text->data + (i + 8 <= text->len ? i : text->len - 8), 8);
		wrong |= not_graphic(word);
		plus |= bytes_equal(word, '+');
	}
	*ret_plus = plus != 0;
	return wrong == 0;
}

/* Identifiers: what a homoglyph, a blank or a direction mark must not hide in. */
static inline int
check_id(const struct slice *text, struct value_fault *ret_fault)
{
	bool plus;

	if (!graphic(text, &plus))
		return fault(ret_fault, "not_an_id", "has a character that is no printable ASCII, or a blank");
	if (plus && excel_mangled(*text))
		return fault(ret_fault, "excel_mangled",
		             "was turned into floating point by a spreadsheet: its digits are lost");
	return 0;
}

static int
check_currency(struct slice text, struct value_fault *ret_fault)
{
	if (currency_decimals(text.data, text.len) < 0)
		return fault(ret_fault, "currency", "is no currency code of three capital letters");
	return 0;
}

/* Only the digits of an identifier, as a number, for hash totals. */
static NOINLINE int
read_digits(struct slice text, int64_t *ret, struct value_fault *ret_fault)
{
	int64_t value = 0;

	if (check_id(&text, ret_fault) != 0)
		return -1;
	for (uint32_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned) (unsigned char) text.data[i] - '0';

		if (digit <= 9 && (__builtin_mul_overflow(value, 10, &value) ||
		                   __builtin_add_overflow(value, (int64_t) digit, &value)))
			return fault(ret_fault, "overflow", "has more digits than a hash total can take");
	}
	*ret = value;
	return 0;
}

/* Members between separators, each by the field's words; empty ones are left out. */
static NOINLINE int
read_set(struct value_reader *reader, const struct field *f, struct slice text, struct value *ret,
         struct value_fault *ret_fault)
{
	size_t step = strlen(f->separator), used = 0;
	char *out = room(reader, (size_t) text.len + 1, ret_fault);
	const char *p = text.data, *end = text.data + text.len;

	if (out == NULL)
		return -1;
	while (p <= end) {
		const char *next = p < end ? memmem(p, (size_t) (end - p), f->separator, step) : NULL;
		struct slice part = {p, (uint32_t) ((next == NULL ? end : next) - p)};

		part = trim(f, part);
		if (part.len > 0 && f->type == FIELD_ID && check_id(&part, ret_fault) != 0)
			return -1;
		if (part.len > 0) {
			if (used > 0)
				out[used++] = JOIN;
			memcpy(out + used, part.data, part.len);
			used += part.len;
		}
		if (next == NULL)
			break;
		p = next + step;
	}
	ret->text = (struct slice){out, (uint32_t) used};
	ret->present = used > 0;
	return 0;
}

/* Each position that is set stands for a code. */
static NOINLINE int
read_flags(struct value_reader *reader, const struct field *f, struct slice text, struct value *ret,
           struct value_fault *ret_fault)
{
	size_t used = 0, most = 1;
	char *out;

	for (uint16_t i = 0; i < f->flags.count; i++)
		most += f->flags.list[i].text.len + 1u;
	out = room(reader, most, ret_fault);
	if (out == NULL)
		return -1;
	for (uint32_t i = 0; i < text.len; i++) {
		const struct word *code = NULL;

		if (text.data[i] == f->flag_off || text.data[i] == ' ')
			continue;
		for (uint16_t k = 0; k < f->flags.count; k++)
			if (f->flags.list[k].number == (int32_t) i)
				code = &f->flags.list[k];
		if (text.data[i] != f->flag_on || code == NULL)
			return fault(ret_fault, "flags", "has a flag that the profile does not know");
		if (used > 0)
			out[used++] = JOIN;
		memcpy(out + used, code->text.data, code->text.len);
		used += code->text.len;
	}
	ret->text = (struct slice){out, (uint32_t) used};
	ret->present = used > 0;
	return 0;
}

static NOINLINE int
read_date(struct value_reader *reader, const struct field *f, struct value *ret,
          struct value_fault *ret_fault)
{
	const struct slice text = ret->text;
	int32_t day;
	const char *why;

	if (reader->last_date.rule == f->date && reader->last_date.len == text.len &&
	    reader->last_date.business_date == reader->business_date &&
	    bytes_same(reader->last_date.text, text.data, text.len)) {
		ret->number = reader->last_date.day;
		return 0;
	}
	why = date_read(f->date, text.data, text.len, reader->business_date, &day);
	if (why != NULL)
		return fault(ret_fault, "date", why);
	ret->number = day;
	if (text.len <= sizeof(reader->last_date.text)) {
		reader->last_date.rule = f->date;
		reader->last_date.business_date = reader->business_date;
		reader->last_date.day = day;
		reader->last_date.len = text.len;
		memcpy(reader->last_date.text, text.data, text.len);
	}
	return 0;
}

static NOINLINE int
read_number(struct value_reader *reader, const struct field *f, struct value *ret,
            struct value_fault *ret_fault)
{
	if (number_read(reader, &f->number, &ret->text, &ret->number, ret_fault) != 0)
		return -1;
	if (ret->number == 0 && f->number.zero == ZERO_ABSENT)
		ret->present = false;
	return 0;
}

static NOINLINE int
read_reference(const struct field *f, struct value *ret, struct value_fault *ret_fault)
{
	ret->is_uuid = read_uuid(&ret->text, ret->uuid);
	if (ret->is_uuid)
		return 0;
	/* another text is reported as it is: it names nothing of ours, and is held as an unknown reference */
	return f->target == TARGET_EXTERNAL_REFERENCE ? check_id(&ret->text, ret_fault)
	                                              : fault(ret_fault, "uuid", "is no UUID");
}

static inline int
read_typed(struct value_reader *reader, const struct field *f, struct value *ret,
           struct value_fault *ret_fault)
{
	switch ((enum field_type) f->type) {
	case FIELD_TEXT:
		return f->target == TARGET_CURRENCY ? check_currency(ret->text, ret_fault) : 0;
	case FIELD_ID:
		return check_id(&ret->text, ret_fault);
	case FIELD_UUID:
		return read_reference(f, ret, ret_fault);
	case FIELD_INTEGER:
	case FIELD_AMOUNT:
		return read_number(reader, f, ret, ret_fault);
	case FIELD_DIGITS:
		return read_digits(ret->text, &ret->number, ret_fault);
	case FIELD_DATE:
		return read_date(reader, f, ret, ret_fault);
	case FIELD_FLAGS:
		return read_flags(reader, f, ret->text, ret, ret_fault);
	case FIELD_BLANK:
		return fault(ret_fault, "not_blank", "stands where the profile says blank");
	}
	return 0;
}

static int
check_length(const struct value_reader *reader, const struct field *f, struct slice text,
             struct value_fault *ret_fault)
{
	if (text.len > reader->field_bytes)
		return fault(ret_fault, "field_too_long", "is longer than the limit field_bytes");
	if (text.len < f->min_bytes || (f->max_bytes > 0 && text.len > f->max_bytes))
		return fault(ret_fault, "length", "does not have the length that the profile says");
	return 0;
}

/* Words of the profile: what it must be, and what it stands for, which is then what its type looks at. */
static NOINLINE int
read_worded(struct value_reader *reader, const struct field *f, struct value *ret,
            struct value_fault *ret_fault)
{
	const struct word *w = NULL;

	if (f->must_be.count > 0 && words_find(&f->must_be, &ret->text) == NULL)
		return fault(ret_fault, "must_be", "is not what the profile says must stand here");
	if (f->words.count > 0) {
		w = words_find(&f->words, &ret->text);
		if (w == NULL)
			return fault(ret_fault, "unknown_word", "is none of the profile's words");
		if (w->text.data != NULL)
			ret->text = w->text;
	}
	if (read_typed(reader, f, ret, ret_fault) != 0)
		return -1;
	if (w != NULL && w->text.data == NULL) /* a verdict or a flag */
		ret->number = w->number;
	return 0;
}

/* A number in bytes that are no characters. */
static int
read_raw(struct value_reader *reader, const struct field *f, struct slice in, struct value *ret,
         struct value_fault *ret_fault)
{
	ret->text = (struct slice){NULL, 0};
	ret->present = in.len > 0;
	if (in.len == 0)
		return fault(ret_fault, "empty", "is empty");
	if (number_read(reader, &f->number, &in, &ret->number, ret_fault) != 0)
		return -1;
	if (ret->number == 0 && f->number.zero == ZERO_ABSENT)
		ret->present = false;
	return 0;
}

static inline int
read_meant(struct value_reader *reader, const struct field *f, struct value *ret,
           struct value_fault *ret_fault)
{
	return (f->words.count | f->must_be.count) == 0 ? read_typed(reader, f, ret, ret_fault)
	                                                : read_worded(reader, f, ret, ret_fault);
}

static NOINLINE int
read_measured(struct value_reader *reader, const struct field *f, struct value *ret,
              struct value_fault *ret_fault)
{
	if (check_length(reader, f, ret->text, ret_fault) != 0)
		return -1;
	return read_meant(reader, f, ret, ret_fault);
}

static NOINLINE int
read_any(struct value_reader *reader, const struct field *f, struct slice in, struct value *ret,
         struct value_fault *ret_fault)
{
	ret->present = false;
	ret->is_uuid = false;
	ret->number = 0;
	ret->text = (struct slice){NULL, 0};
	if (f->constant.data != NULL)
		in = f->constant;
	else if (in.data == NULL && f->conditional)
		return 0;
	if (bytes_mean_nothing(f, in))
		return f->optional
		           ? 0
		           : fault(ret_fault, "empty", "is empty, and the profile says that it is not optional");
	if (field_is_raw(f))
		return read_raw(reader, f, in, ret, ret_fault);
	if (reader->charset != NULL && f->constant.data == NULL && decode(reader, &in, ret_fault) != 0)
		return -1;
	in = trim(f, in);
	if (in.len == 0 || (f->empty_is.count > 0 && words_find(&f->empty_is, &in) != NULL)) {
		if (f->optional || f->type == FIELD_BLANK)
			return 0;
		return fault(ret_fault, "empty", "is empty, and the profile says that it is not optional");
	}
	if (f->separator != NULL && check_length(reader, f, in, ret_fault) != 0)
		return -1;
	ret->text = in;
	ret->present = true;
	if (f->separator != NULL)
		return read_set(reader, f, in, ret, ret_fault);
	return read_measured(reader, f, ret, ret_fault);
}

int
value_read(struct value_reader *reader, const struct field *f, const struct slice *in, struct value *ret,
           struct value_fault *ret_fault)
{
	if (!f->simple || reader->charset != NULL || in->len == 0 ||
	    (f->trims && (in->data[0] <= ' ' || in->data[in->len - 1] <= ' ')))
		return read_any(reader, f, *in, ret, ret_fault);
	/* by far the commonest: a text that is there, as it is */
	ret->present = true;
	ret->is_uuid = false;
	ret->number = 0;
	slice_copy(&ret->text, in);
	if (in->len > reader->field_bytes || (f->min_bytes | f->max_bytes) != 0)
		return read_measured(reader, f, ret, ret_fault);
	return read_meant(reader, f, ret, ret_fault);
}
