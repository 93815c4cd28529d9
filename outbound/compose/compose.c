#include "outbound/compose/compose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "outbound/compose/compose_internal.h"

#define DIGITS 24

bool
compose_fails(struct composing *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, c->why_size, format, args);
	va_end(args);
	return false;
}

/* ---- values ---- */

/* The value of a field that stands in the file and not in the rows; NULL: it is none. */
static const char *
fact_of(struct composing *c, const struct field *f, char digits[DIGITS])
{
	const struct layout *l = c->profile->layout;

	if (f->target == TARGET_PARTNER_ID)
		return f->must_be.count > 0 ? NULL : l->partner;
	if (f->target == TARGET_SEQUENCE)
		snprintf(digits, DIGITS, "%" PRId64, c->facts->sequence);
	else if (f->target == TARGET_BUSINESS_DATE || f->target == TARGET_DATE)
		snprintf(digits, DIGITS, "%" PRId32, c->facts->day);
	else if (f->target == TARGET_OUTBOUND_LINE)
		snprintf(digits, DIGITS, "%zu", c->row + 1);
	else
		return NULL;
	return digits;
}

/* What a field says, before it is written by its type: digits of numbers and days.  NULL: why[]. */
static const char *
value_text(struct composing *c, size_t type, const struct field *f, char digits[DIGITS])
{
	const struct record_type *t = &c->profile->layout->type[type];
	const char *value = NULL;
	int64_t number;

	if (f->runs) {
		snprintf(digits, DIGITS, "%" PRId64,
		         f->runs_from + f->runs_step * (int64_t) (f->runs_all ? c->line : c->row));
		return digits;
	}
	if (compose_control(c, type, (size_t) (f - t->field), &number)) {
		snprintf(digits, DIGITS, "%" PRId64, number);
		return c->why[0] == '\0' ? digits : NULL;
	}
	if (c->why[0] != '\0')
		return NULL;
	value = fact_of(c, f, digits);
	if (value == NULL && t->role == ROLE_ENTRY)
		value = c->rows->value(c->rows->context, c->row, f->name);
	if (value == NULL && f->must_be.count > 0) { /* a word that it always is */
		const struct slice *word = &f->must_be.list[0].word;

		snprintf(c->word, sizeof(c->word), "%.*s", (int) word->len, (const char *) word->data);
		return c->word;
	}
	if (value == NULL && f->optional)
		value = "";
	if (value == NULL)
		compose_fails(c, "nothing is known for the field %s of %s", f->name, t->name);
	else if (value[0] == '\0' && !f->optional)
		compose_fails(c, "the field %s of %s is empty in row %zu", f->name, t->name, c->row + 1);
	return c->why[0] == '\0' ? value : NULL;
}

/* The partner's word for a word of ours: the first that stands for it. */
static const char *
partners_word(struct composing *c, const struct field *f, const char *value)
{
	for (uint16_t i = 0; i < f->words.count; i++) {
		const struct word *w = &f->words.list[i];

		if (w->text.len != strlen(value) || memcmp(w->text.data, value, w->text.len) != 0)
			continue;
		snprintf(c->word, sizeof(c->word), "%.*s", (int) w->word.len, (const char *) w->word.data);
		return c->word;
	}
	compose_fails(c, "the field %s has no word for %s in row %zu", f->name, value, c->row + 1);
	return NULL;
}

static bool
write_date(struct composing *c, const struct field *f, const char *value)
{
	char *out = c->text;
	int year, month, day;

	date_to_civil((int32_t) strtol(value, NULL, 10), &year, &month, &day);
	for (uint8_t i = 0; i < f->date->parts; i++) {
		const struct date_part *p = &f->date->part[i];
		size_t left = sizeof(c->text) - (size_t) (out - c->text);
		int wrote;

		if (p->token == DATE_LITERAL)
			wrote = snprintf(out, left, "%c", p->literal);
		else if (p->token == DATE_YEAR4)
			wrote = snprintf(out, left, "%04d", year);
		else if (p->token == DATE_YEAR2)
			wrote = snprintf(out, left, "%02d", year % 100);
		else if (p->token == DATE_MONTH)
			wrote = snprintf(out, left, "%02d", month);
		else if (p->token == DATE_DAY)
			wrote = snprintf(out, left, "%02d", day);
		else
			return compose_fails(c, "the date of the field %s cannot be written by its pattern", f->name);
		out += wrote;
	}
	return true;
}

/* Digits, with the point where the rule has one; all our numbers are positive. */
static bool
write_number(struct composing *c, const struct field *f, const char *value)
{
	const struct number_rule *n = &f->number;
	size_t len = strlen(value), minor = n->minor_from == DECIMALS_FIXED ? n->minor : SIZE_MAX;
	char padded[DIGITS + 8];

	if (strspn(value, "0123456789") != len || len == 0 || len >= DIGITS)
		return compose_fails(c, "the field %s has a value that is no number", f->name);
	if ((n->sign != SIGN_NONE && n->sign != SIGN_BEFORE && n->sign != SIGN_AFTER) || n->negate || minor > 6 ||
	    n->implied_from != DECIMALS_FIXED)
		return compose_fails(c, "a number such as the field %s cannot be written", f->name);
	if (n->point == 0 && n->implied != minor)
		return compose_fails(c, "the decimals of the field %s are not those of its currency", f->name);
	if (n->point == 0 || minor == 0) {
		snprintf(c->text, sizeof(c->text), "%s", value);
		return n->point == 0 || n->decimals_min == 0 ||
		       compose_fails(c, "the field %s has decimals, and its value has none", f->name);
	}
	if (minor < n->decimals_min || minor > n->decimals_max)
		return compose_fails(c, "the decimals of the field %s are not those of its currency", f->name);
	snprintf(padded, sizeof(padded), "%0*d%s", len <= minor ? (int) (minor + 1 - len) : 0, 0, value);
	if (len > minor)
		snprintf(padded, sizeof(padded), "%s", value);
	len = strlen(padded);
	snprintf(c->text, sizeof(c->text), "%.*s%c%s", (int) (len - minor), padded, n->point,
	         padded + len - minor);
	return true;
}

bool
compose_field_text(struct composing *c, size_t type, const struct field *f)
{
	char digits[DIGITS];
	const char *value = value_text(c, type, f, digits);

	c->text[0] = '\0';
	if (value == NULL)
		return false;
	if (value[0] == '\0')
		return true;
	if (f->words.count > 0 && (value = partners_word(c, f, value)) == NULL)
		return false;
	if (f->type == FIELD_DATE)
		return write_date(c, f, value);
	if (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT)
		return write_number(c, f, value);
	if (strlen(value) >= sizeof(c->text) || !utf8_text_ok(value, strlen(value)))
		return compose_fails(c, "the field %s has a value that cannot stand in a file", f->name);
	for (const char *p = value; *p != '\0'; p++) {
		if ((unsigned char) *p < 0x20 || *p == 0x7f)
			return compose_fails(c, "the field %s has a value with a control character", f->name);
		if ((unsigned char) *p >= 0x80 && strcmp(c->profile->layout->encoding, "ASCII") == 0)
			return compose_fails(c, "the file takes ASCII alone, and the field %s in row %zu is more",
			                     f->name, c->row + 1);
	}
	snprintf(c->text, sizeof(c->text), "%s", value);
	return true;
}

/* ---- records ---- */

/* What a condition demands of a place, where it is one text: the record is known by it. */
static const struct slice *
demanded(const struct condition *k)
{
	return !k->negate && k->test == TEST_ANY_OF && k->values > 0 ? &k->value[0] : NULL;
}

static bool
put_column(struct composing *c, const struct delimited_rule *d, const char *text)
{
	bool quoted = strstr(text, d->delimiter) != NULL || (d->quote != 0 && strchr(text, d->quote) != NULL) ||
	              text[0] == ' ' || (text[0] != '\0' && text[strlen(text) - 1] == ' ');

	if (quoted && (d->quote == 0 || d->escape != d->quote))
		return compose_fails(c, "a value holds the delimiter, and the profile has no quotes that double");
	if (quoted)
		fputc(d->quote, c->out);
	for (const char *p = text; *p != '\0'; p++) {
		if (quoted && *p == d->quote)
			fputc(*p, c->out);
		fputc(*p, c->out);
	}
	if (quoted)
		fputc(d->quote, c->out);
	return true;
}

/* The field, or the text, that stands in a column. */
static bool
put_delimited(struct composing *c, size_t type)
{
	const struct layout *l = c->profile->layout;
	const struct record_type *t = &l->type[type];
	int columns = t->min_columns;

	for (uint16_t i = 0; i < t->fields; i++)
		if (compose_column(c, t, &t->field[i]) >= columns)
			columns = compose_column(c, t, &t->field[i]) + 1;
	for (uint16_t i = 0; i < t->when.count; i++)
		if (t->when.all[i].kind == IF_COLUMN && t->when.all[i].column >= columns)
			columns = t->when.all[i].column + 1;
	for (int column = 0; column < columns; column++) {
		const struct slice *word = NULL;
		const struct field *field = NULL;

		for (uint16_t i = 0; i < t->fields && field == NULL; i++)
			if (compose_column(c, t, &t->field[i]) == column)
				field = &t->field[i];
		for (uint16_t i = 0; i < t->when.count; i++)
			if (t->when.all[i].kind == IF_COLUMN && t->when.all[i].column == column)
				word = demanded(&t->when.all[i]);
		c->text[0] = '\0';
		if (word != NULL)
			snprintf(c->text, sizeof(c->text), "%.*s", (int) word->len, (const char *) word->data);
		else if (field != NULL && !compose_field_text(c, type, field))
			return false;
		if (column > 0)
			fputs(l->delimited.delimiter, c->out);
		if (!put_column(c, &l->delimited, c->text))
			return false;
	}
	return true;
}

static bool
put_range(struct composing *c, const struct field *f, const struct range *r, uint32_t length)
{
	size_t len = strlen(c->text);
	bool number = f != NULL && (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT) && len > 0;

	if (r->len == 0 || r->start + r->len > length || length > sizeof(c->record))
		return compose_fails(c, "a field without an end cannot be written");
	if (len > r->len)
		return compose_fails(c, "the value of the field %s in row %zu is longer than its %u bytes",
		                     f != NULL ? f->name : "?", c->row + 1, r->len);
	if (utf8_valid_prefix(c->text, len) != len)
		return compose_fails(c, "a value is no text");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) c->text[i] >= 0x80)
			return compose_fails(c, "a file of fixed width takes ASCII alone, and a value is more");
	memset(c->record + r->start, number ? '0' : ' ', r->len);
	memcpy(c->record + r->start + (number ? r->len - len : 0), c->text, len);
	return true;
}

static bool
put_fixed(struct composing *c, size_t type)
{
	const struct layout *l = c->profile->layout;
	const struct record_type *t = &l->type[type];
	uint32_t length = l->fixed.length > 0 ? l->fixed.length : t->max_length;

	if (length == 0 || length > sizeof(c->record))
		return compose_fails(c, "a record of %s has no length that can be written", t->name);
	memset(c->record, ' ', length);
	for (uint16_t i = 0; i < t->fields; i++) {
		const struct field *f = &t->field[i];

		if (f->constant.data != NULL || f->piece || f->type == FIELD_BLANK)
			continue;
		if (f->ranges != 1)
			return compose_fails(c, "the field %s stands in several places", f->name);
		if (!compose_field_text(c, type, f) || !put_range(c, f, &f->range[0], length))
			return false;
	}
	for (uint16_t i = 0; i < t->when.count; i++) {
		const struct condition *k = &t->when.all[i];
		const struct slice *word = k->kind == IF_RANGE ? demanded(k) : NULL;

		if (word == NULL)
			continue;
		snprintf(c->text, sizeof(c->text), "%.*s", (int) word->len, (const char *) word->data);
		if (!put_range(c, NULL, &k->range, length))
			return false;
	}
	fwrite(c->record, 1, length, c->out);
	return true;
}

static bool
put_record(struct composing *c, size_t type)
{
	const struct framing_rule *framing = &c->profile->layout->framing;

	if (compose_is_nested(c))
		return compose_nested_record(c, type);
	if (!(c->profile->layout->format == FORMAT_FIXED ? put_fixed(c, type) : put_delimited(c, type)))
		return false;
	fputs(framing->newlines & NEWLINE_LF ? "\n" : framing->newlines & NEWLINE_CRLF ? "\r\n" : "\r", c->out);
	c->line++;
	return true;
}

/* The headings: the names of the entry's columns. */
static bool
put_headings(struct composing *c)
{
	const struct layout *l = c->profile->layout;
	const struct record_type *t = &l->type[c->entry];

	for (int column = 0; column < t->fields; column++)
		for (uint16_t i = 0; i < t->fields; i++)
			if (compose_column(c, t, &t->field[i]) == column) {
				if (column > 0)
					fputs(l->delimited.delimiter, c->out);
				if (!put_column(c, &l->delimited, t->field[i].column_name))
					return false;
			}
	fputs(l->framing.newlines & NEWLINE_LF ? "\n" : "\r\n", c->out);
	return true;
}

/* Headers before the entries, trailers behind them: each that is not optional, in the profile's order. */
static bool
put_role(struct composing *c, enum role role)
{
	const struct layout *l = c->profile->layout;

	for (uint16_t i = 0; i < l->types; i++)
		if (l->type[i].role == role && !l->type[i].optional && !put_record(c, i))
			return false;
	return true;
}

bool
compose_file(const struct profile *profile, const struct compose_rows *rows,
             const struct compose_facts *facts, FILE *out, char *why, size_t why_size)
{
	struct composing *c = calloc(1, sizeof(*c));
	bool good;

	if (c == NULL) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	*c = (struct composing){
	    .profile = profile, .rows = rows, .facts = facts, .out = out, .why = why, .why_size = why_size};
	why[0] = '\0';
	good = compose_check(c) && compose_totals(c) && (!profile->layout->delimited.header || put_headings(c));
	if (good && compose_is_nested(c))
		compose_nested_begin(c);
	good = good && put_role(c, ROLE_HEADER);
	for (c->row = 0; good && c->row < rows->count; c->row++)
		good = put_record(c, c->entry);
	good = good && put_role(c, ROLE_TRAILER);
	if (good && compose_is_nested(c))
		compose_nested_end(c);
	if (good && (fflush(out) != 0 || ferror(out)))
		good = compose_fails(c, "the file cannot be written");
	free(c);
	return good;
}
