/* Which records of a line-based sample are of one type. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

/* What may tell the type of a record: its first cell, or the bytes at the place of fixed width. */
static struct slice
mark_of(const struct guess *g, uint32_t i)
{
	static struct slice at[SAMPLE_COLUMNS];
	bool quoted;

	if (g->family == FAMILY_FIXED)
		return g->record[i].len < g->mark_from + g->mark_len
		           ? (struct slice){"", 0}
		           : (struct slice){g->record[i].data + g->mark_from, g->mark_len};
	(void) split_cells(g->record[i], g->delimiter, at, &quoted);
	return at[0];
}

static int
kind_of(unsigned char c)
{
	return isdigit(c) ? 1 : c == ' ' ? 2 : 3;
}

static bool
can_be_mark(struct slice s)
{
	if (s.len == 0 || s.len >= sizeof((struct sample_type *) 0)->mark)
		return false;
	for (uint32_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char) s.data[i]) && s.data[i] != '_' && s.data[i] != '-')
			return false;
	return true;
}

static int
type_with(const struct guess *g, struct slice mark)
{
	for (uint32_t t = 0; t < g->types; t++)
		if (strlen(g->type[t].mark) == mark.len && memcmp(g->type[t].mark, mark.data, mark.len) == 0)
			return (int) t;
	return -1;
}

static struct sample_type *
add_type(struct guess *g, struct slice mark, uint32_t first_row)
{
	struct sample_type *t = &g->type[g->types++];

	memcpy(t->mark, mark.data, mark.len);
	t->first_row = first_row;
	return t;
}

uint32_t
columns_of_record(const struct guess *g, uint32_t i)
{
	static struct slice at[SAMPLE_COLUMNS];
	bool quoted;

	return g->family == FAMILY_FIXED ? 1 : split_cells(g->record[i], g->delimiter, at, &quoted);
}

static bool
of_several_builds(const struct guess *g, uint32_t from)
{
	for (uint32_t i = from + 1; i < g->records; i++)
		if (columns_of_record(g, i) != columns_of_record(g, from))
			return true;
	return false;
}

static void
forget_types(struct guess *g)
{
	memset(g->type, 0, sizeof(g->type));
	g->types = 0;
}

/* Types, or as well a column of its own, of a few values? */
static bool
are_types(const struct guess *g, uint32_t from, const int *type_of)
{
	const struct sample_type *first = &g->type[type_of[from]], *last = &g->type[type_of[g->records - 1]];
	bool alone = first->rows == 1 || last->rows == 1, again = g->types < g->records - from;

	/* below a line of names, and where all are built alike, records are of one type */
	if (g->family == FAMILY_DELIMITED && !of_several_builds(g, from))
		return !g->headings && alone && again;
	return alone || g->records - from > 4 * g->types;
}

/* Every record's mark is one of a few; type_of[] says which.  False when they are too many to be types. */
static bool
types_by_mark(struct guess *g, uint32_t from, int *type_of)
{
	forget_types(g);
	for (uint32_t i = from; i < g->records; i++) {
		struct slice mark = mark_of(g, i);
		int t = can_be_mark(mark) ? type_with(g, mark) : -2;

		if (t == -1 && g->types < SAMPLE_TYPES)
			t = (int) (add_type(g, mark, i) - g->type);
		if (t < 0)
			return false;
		type_of[i] = t;
		g->type[t].rows++;
	}
	return g->types > 1 && are_types(g, from, type_of);
}

/* How alike the records of each type are, of a thousand: by the kinds of bytes at their places, each beside
 * the one of its type before it.  0: no two are of one type. */
static uint32_t
likeness(const struct guess *g, uint32_t from, const int *type_of)
{
	int64_t before[SAMPLE_TYPES];
	uint64_t same = 0, places = 0;

	memset(before, 0xff, sizeof(before));
	for (uint32_t i = from; i < g->records && i < from + 2000; i++) {
		int64_t k = before[type_of[i]];

		before[type_of[i]] = i;
		for (uint32_t at = 0; k >= 0 && at < g->record[i].len && at < g->record[k].len; at++, places++)
			same += kind_of((unsigned char) g->record[i].data[at]) ==
			        kind_of((unsigned char) g->record[k].data[at]);
	}
	return places == 0 ? 0 : (uint32_t) (same * 1000 / places);
}

/* How well records are told apart by what stands at a place, of a thousand; 0: not at all.  Their first byte
 * may make each record a type of its own; any other place has to make those of a type much more alike than
 * all are. */
static uint32_t
worth(struct guess *g, uint32_t from, int *type_of, uint32_t alike)
{
	const bool first_byte = g->mark_from == 0 && g->mark_len == 1;
	uint32_t score;

	if (!types_by_mark(g, from, type_of))
		return 0;
	score = likeness(g, from, type_of);
	if (first_byte)
		return score == 0 ? 1000 : score;
	return score >= alike + (1000 - alike) / 4 ? score : 0;
}

/* Fixed width: the first place that tells the types nearly as well as any does. */
static void
find_mark(struct guess *g, uint32_t from, int *type_of)
{
	enum { PLACES = 16, LENGTHS = 3, NEARLY = 60 };
	uint32_t score[PLACES * LENGTHS], best = 0, alike;

	memset(type_of, 0, g->records * sizeof(*type_of));
	alike = likeness(g, from, type_of);
	for (uint32_t i = 0; i < PLACES * LENGTHS; i++) {
		g->mark_from = i / LENGTHS;
		g->mark_len = i % LENGTHS + 1;
		score[i] = worth(g, from, type_of, alike);
		best = score[i] > best ? score[i] : best;
	}
	g->mark_from = 0;
	g->mark_len = 1;
	for (uint32_t i = 0; best > 0 && i < PLACES * LENGTHS; i++)
		if (score[i] > 0 && score[i] + NEARLY >= best) {
			g->mark_from = i / LENGTHS;
			g->mark_len = i % LENGTHS + 1;
			return;
		}
}

/* Is a record of another build than the one beside it, and known by its mark? */
static bool
odd_one(const struct guess *g, uint32_t i, uint32_t beside)
{
	struct slice mark = mark_of(g, i), usual = mark_of(g, beside);

	if (!can_be_mark(mark) || isdigit((unsigned char) mark.data[0]))
		return false;
	return columns_of_record(g, i) != columns_of_record(g, beside) ||
	       (g->family == FAMILY_FIXED && isdigit((unsigned char) *usual.data));
}

/* All of one type, but perhaps for the first and the last. */
static void
types_by_place(struct guess *g, uint32_t from, int *type_of)
{
	uint32_t n = g->records - from, last = g->records - 1;
	bool head = n > 2 && odd_one(g, from, from + 1), tail = n > 2 && g->whole && odd_one(g, last, last - 1);

	forget_types(g);
	if (head)
		type_of[from] = (int) (add_type(g, mark_of(g, from), from) - g->type);
	if (tail)
		type_of[last] = (int) (add_type(g, mark_of(g, last), last) - g->type);
	add_type(g, (struct slice){"", 0}, from + head);
	for (uint32_t i = from + head; i < g->records - tail; i++)
		type_of[i] = (int) g->types - 1;
	for (uint32_t i = from; i < g->records; i++)
		g->type[type_of[i]].rows++;
}

static void
give_roles(struct guess *g, uint32_t from)
{
	uint32_t most = 0, others = 0;

	for (uint32_t t = 0; t < g->types; t++)
		if (g->type[t].rows > g->type[most].rows)
			most = t;
	for (uint32_t t = 0; t < g->types; t++) {
		struct sample_type *type = &g->type[t];

		type->role = t == most                                              ? SAMPLE_ENTRY
		             : type->rows == 1 && type->first_row == from           ? SAMPLE_HEADER
		             : type->rows == 1 && type->first_row + 1 == g->records ? SAMPLE_TRAILER
		                                                                    : SAMPLE_OTHER;
		if (type->role == SAMPLE_OTHER)
			snprintf(type->name, sizeof(type->name), "other_%u", ++others);
		else
			snprintf(type->name, sizeof(type->name), "%s",
			         type->role == SAMPLE_ENTRY    ? "answer"
			         : type->role == SAMPLE_HEADER ? "header"
			                                       : "trailer");
	}
}

void
guess_types(struct guess *g, uint32_t from, int *type_of)
{
	if (g->family == FAMILY_FIXED)
		find_mark(g, from, type_of);
	if (!types_by_mark(g, from, type_of))
		types_by_place(g, from, type_of);
	give_roles(g, from);
}
