/* Fixed width: where one field ends and the next begins, by what stands at each position in all records. */
#include <ctype.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

/* What stands at one position, over all records of a type. */
struct position {
	bool blank, digit, other;
};

static bool
is_uuid_at(struct slice r, uint32_t at)
{
	if (r.len < at + 36)
		return false;
	for (uint32_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? r.data[at + i] != '-' : !isxdigit((unsigned char) r.data[at + i]))
			return false;
	}
	return true;
}

static bool
is_day_at(struct slice r, uint32_t at)
{
	int year = 0, month, day;

	if (r.len < at + 8)
		return false;
	for (uint32_t i = 0; i < 8; i++)
		if (!isdigit((unsigned char) r.data[at + i]))
			return false;
	for (uint32_t i = 0; i < 4; i++)
		year = year * 10 + (r.data[at + i] - '0');
	month = (r.data[at + 4] - '0') * 10 + (r.data[at + 5] - '0');
	day = (r.data[at + 6] - '0') * 10 + (r.data[at + 7] - '0');
	return year >= 2000 && year < 2060 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Does the test hold at a position in every record of a type? */
static bool
everywhere(const struct guess *g, const int *type_of, int t, uint32_t from, uint32_t at,
           bool (*test)(struct slice, uint32_t))
{
	for (uint32_t i = from; i < g->records; i++)
		if (type_of[i] == t && !test(g->record[i], at))
			return false;
	return true;
}

static void
look_at(struct position *p, struct slice r, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		char c = i < r.len ? r.data[i] : ' ';

		p[i].blank |= c == ' ';
		p[i].digit |= c >= '0' && c <= '9';
		p[i].other |= c != ' ' && !(c >= '0' && c <= '9');
	}
}

/* Does a new field begin here? */
static bool
begins(const struct position *before, const struct position *here)
{
	bool was_empty = !before->digit && !before->other, is_empty = !here->digit && !here->other;
	bool was_number = before->digit && !before->other && !before->blank;
	bool is_number = here->digit && !here->other && !here->blank;

	if (was_empty != is_empty)
		return was_empty || !before->blank; /* the blanks behind a text are its padding */
	return was_number != is_number || (before->blank && !here->blank);
}

/* The columns of a type at positions; returns how many. */
uint32_t
guess_positions(const struct guess *g, const int *type_of, int t, uint32_t from, struct column *column)
{
	uint32_t len = 0, n = 0, at = 0;
	struct position *p;

	for (uint32_t i = from; i < g->records; i++)
		if (type_of[i] == t && g->record[i].len > len)
			len = g->record[i].len;
	p = sample_buffer(len, sizeof(*p));
	for (uint32_t i = from; i < g->records; i++)
		if (type_of[i] == t)
			look_at(p, g->record[i], len);
	if (g->type[t].mark[0] != '\0' && g->mark_from == 0)
		at = g->mark_len; /* it tells the type */
	while (at < len && n < SAMPLE_COLUMNS) {
		uint32_t to = at + 1;

		if (everywhere(g, type_of, t, from, at, is_uuid_at))
			to = at + 36;
		else if (everywhere(g, type_of, t, from, at, is_day_at))
			to = at + 8;
		else
			while (to < len && !begins(&p[to - 1], &p[to]) &&
			       !everywhere(g, type_of, t, from, to, is_uuid_at) &&
			       !everywhere(g, type_of, t, from, to, is_day_at))
				to++;
		column[n++] = (struct column){.from = at + 1, .to = to};
		at = to;
	}
	return n;
}

struct slice
position_cell(struct slice r, const struct column *c)
{
	struct slice s = {r.data, 0};

	if (r.len >= c->from) {
		s.data = r.data + c->from - 1;
		s.len = (r.len < c->to ? r.len : c->to) - (c->from - 1);
	}
	while (s.len > 0 && s.data[0] == ' ')
		s.data++, s.len--;
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	return s;
}
