/* What a column holds: looked at over all of its cells, each against what the profile language can say. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/profile/dates.h"
#include "parsers/infer/infer_internal.h"

/* Tried in this order; what fits two of them is for a person to decide. */
static const char *const patterns[] = {"YYYYMMDD",
                                       "YYYY-MM-DD",
                                       "YYYY/MM/DD",
                                       "YYYY-MM-DDTHH:MI:SS",
                                       "YYYY-MM-DDTHH:MI:SSZ",
                                       "DD/MM/YYYY",
                                       "MM/DD/YYYY",
                                       "DD.MM.YYYY",
                                       "DD-MM-YYYY",
                                       "MM-DD-YYYY",
                                       "DDMMYYYY",
                                       "MMDDYYYY",
                                       "YYMMDD",
                                       "DDMMYY",
                                       "MMDDYY",
                                       "DD-MON-YY",
                                       "DD-MON-YYYY",
                                       "DD-MON-YY HH.MI.SS",
                                       "DD MON YYYY",
                                       "DD/MM/YY",
                                       "MM/DD/YY",
                                       "YYYY-MM-DD HH:MI:SS",
                                       "YYYYMMDDHHMISS",
                                       "DD/MM/YYYY HH:MI:SS",
                                       "MM/DD/YYYY HH:MI:SS",
                                       "DD.MM.YYYY HH:MI:SS",
                                       "YYYY-MM-DDTHH:MI:SS.FZ",
                                       "YYYY-MM-DDTHH:MI:SS.F"};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static struct date_rule rule[PATTERNS];

void
column_prepare(void)
{
	const char *why;

	for (size_t i = 0; i < PATTERNS; i++) {
		rule[i].pivot = 70;
		rule[i].cut_off = -1;
		if (!date_compile(patterns[i], &rule[i], &why))
			abort(); /* the list above is ours */
	}
}

/* A day that a file of today could have: digits of another meaning rarely do. */
static bool
is_day(const struct date_rule *r, struct slice s)
{
	int32_t day, first, end;

	return date_from_civil(1990, 1, 1, &first) && date_from_civil(2061, 1, 1, &end) &&
	       date_read(r, s.data, s.len, DATE_UNKNOWN, &day) == NULL && day >= first && day < end;
}

/* ---- one cell ---- */

static bool
is_uuid(struct slice s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.data[i] != '-' : !isxdigit((unsigned char) s.data[i]))
			return false;
	}
	return s.len == 36;
}

static bool
is_id(struct slice s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!isgraph((unsigned char) s.data[i]) || (unsigned char) s.data[i] > 0x7e)
			return false;
	return s.len > 0;
}

static bool
all_digits(struct slice s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!isdigit((unsigned char) s.data[i]))
			return false;
	return s.len > 0;
}

/* ---- a column ---- */

static uint64_t
hash_of(struct slice s)
{
	uint64_t h = 14695981039346656037u;

	for (uint32_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char) s.data[i]) * 1099511628211u;
	return h;
}

/* How many different values there are; the words and how often, while they are few. */
static void
count_values(struct column *c, const struct slice *cell, uint32_t rows, uint32_t step)
{
	size_t size = 64;
	const struct slice **seen;

	while (size < 2 * (size_t) rows)
		size *= 2;
	seen = sample_buffer(size, sizeof(struct slice *));
	for (uint32_t i = 0; i < rows; i++) {
		const struct slice *s = &cell[(size_t) i * step];
		size_t at = hash_of(*s) & (size - 1);
		uint32_t w = 0;

		if (s->len == 0)
			continue;
		while (seen[at] != NULL && (seen[at]->len != s->len || memcmp(seen[at]->data, s->data, s->len) != 0))
			at = (at + 1) & (size - 1);
		if (seen[at] == NULL) {
			seen[at] = s;
			c->different++;
		}
		while (w < c->words &&
		       (c->word[w].text.len != s->len || memcmp(c->word[w].text.data, s->data, s->len) != 0))
			w++;
		if (w == c->words && w < SAMPLE_WORDS)
			c->word[c->words++] = (struct shape_word){*s, 0};
		if (w < SAMPLE_WORDS)
			c->word[w].times++;
	}
	sample_free(seen);
	if (c->different > SAMPLE_WORDS || (c->different > 3 && c->filled < 2 * c->different))
		c->words = 0;
}

static void
find_dates(struct column *c, const struct slice *cell, uint32_t rows, uint32_t step)
{
	for (size_t p = 0; p < PATTERNS && c->other_date == NULL; p++) {
		bool fits = true;

		for (uint32_t i = 0; i < rows && fits; i++)
			fits = cell[(size_t) i * step].len == 0 || is_day(&rule[p], cell[(size_t) i * step]);
		if (fits && c->date == NULL)
			c->date = patterns[p];
		else if (fits)
			c->other_date = patterns[p];
	}
}

static void
add_up(struct column *c, const struct slice *cell, uint32_t rows, uint32_t step)
{
	int64_t before = 0;

	c->sum_known = true;
	c->runs = rows > 2 && c->filled == rows;
	for (uint32_t i = 0; i < rows && c->sum_known; i++) {
		const struct slice *s = &cell[(size_t) i * step];
		char digits[24];
		uint32_t len = 0;
		int64_t n;

		if (s->len == 0)
			continue;
		for (uint32_t k = 0; k < s->len && len + 1 < sizeof(digits); k++)
			if (c->thousands == 0 || s->data[k] != c->thousands)
				digits[len++] = s->data[k];
		digits[len] = '\0';
		n = strtoll(digits, NULL, 10);
		c->sum_known = !__builtin_add_overflow(c->sum, n, &c->sum);
		c->runs &= i == 0 || n == before + 1;
		c->first = i == 0 ? n : c->first;
		before = n;
	}
}

/* What every cell has in common, each looked at by itself. */
static void
look(struct column *c, const struct slice *cell, uint32_t rows, uint32_t step)
{
	bool uuid = true, id = true;

	c->digits = true;
	for (uint32_t i = 0; i < rows; i++) {
		const struct slice *s = &cell[(size_t) i * step];

		if (s->len == 0)
			continue;
		uuid &= is_uuid(*s);
		id &= is_id(*s);
		c->digits &= all_digits(*s);
		marks_look(c, *s);
		if (c->filled == 0 || s->len < c->shortest)
			c->shortest = s->len;
		if (s->len > c->longest)
			c->longest = s->len;
		c->filled++;
	}
	if (c->filled == 0)
		return;
	find_dates(c, cell, rows, step);
	c->holds = uuid ? HOLDS_UUID : c->date != NULL ? HOLDS_DATE : id ? HOLDS_ID : HOLDS_TEXT;
}

/* What all columns tell of each other: which of them are numbers, written in which way. */
static void
settle(const struct sample_type *t, struct column *c, const struct slice *cell)
{
	bool number = c->holds != HOLDS_UUID && marks_settle(t, c, named_as_points(c)), first = true;

	for (uint32_t i = 0; number && i < t->rows; i++) {
		const struct slice *s = &cell[(size_t) i * t->columns];

		if (s->len == 0)
			continue;
		marks_add(c, *s, first);
		first = false;
	}
	if (number && c->holds != HOLDS_DATE)
		c->holds = c->point != 0 ? HOLDS_DECIMAL : HOLDS_INTEGER;
	if (c->holds == HOLDS_INTEGER || c->holds == HOLDS_DATE)
		add_up(c, cell, t->rows, t->columns);
	if (c->filled > 0)
		count_values(c, cell, t->rows, t->columns);
}

void
guess_columns(struct sample_type *t)
{
	for (uint32_t c = 0; c < t->columns; c++)
		look(&t->column[c], t->cell + c, t->rows, t->columns);
	for (uint32_t c = 0; c < t->columns; c++)
		settle(t, &t->column[c], t->cell + c);
}
