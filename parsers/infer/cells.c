/* Lines cut into cells: by a delimiter, or at positions; and which of them are of one type. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

/* ---- delimited ---- */

/* Cells of a record into at[SAMPLE_COLUMNS]; quotes around a value are taken off. */
static uint32_t
split(struct slice record, char delimiter, struct slice *at, bool *ret_quoted)
{
	const char *p = record.data, *end = p + record.len, *from = p;
	uint32_t n = 0;
	bool quoted = false;

	for (;; p++) {
		if (p < end && *p == '"' && (quoted || p == from))
			quoted = !quoted;
		else if (p == end || (*p == delimiter && !quoted)) {
			struct slice s = {from, (uint32_t) (p - from)};

			if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
				s = (struct slice){s.data + 1, s.len - 2};
				*ret_quoted = true;
			}
			if (n < SAMPLE_COLUMNS)
				at[n++] = s;
			from = p + 1;
			quoted = false;
			if (p == end)
				return n;
		}
	}
}

/* How many columns most records have by this delimiter; *ret_share of a thousand have it. */
static uint32_t
usual_columns(const struct guess *g, char delimiter, uint32_t *ret_share)
{
	static uint32_t times[SAMPLE_COLUMNS + 1];
	static struct slice at[SAMPLE_COLUMNS];
	uint32_t most = g->records < 2000 ? g->records : 2000, usual = 0;
	bool quoted;

	memset(times, 0, sizeof(times));
	for (uint32_t i = 0; i < most; i++)
		times[split(g->record[i], delimiter, at, &quoted)]++;
	for (uint32_t n = 2; n <= SAMPLE_COLUMNS; n++)
		if (times[n] >= times[usual])
			usual = times[n] > 0 ? n : usual;
	*ret_share = most == 0 || usual < 2 ? 0 : times[usual] * 1000 / most;
	return usual;
}

/* The length that most records have, and how many of a thousand. */
static uint32_t
usual_length(const struct guess *g, uint32_t *ret_share)
{
	uint32_t best = 0, best_times = 0;

	for (uint32_t i = 0; i < g->records && i < 16; i++) {
		uint32_t times = 0;

		for (uint32_t k = 0; k < g->records; k++)
			times += g->record[k].len == g->record[i].len;
		if (times > best_times) {
			best_times = times;
			best = g->record[i].len;
		}
	}
	*ret_share = g->records == 0 ? 0 : (uint32_t) ((uint64_t) best_times * 1000 / g->records);
	return best;
}

static const char *
name_of(char delimiter)
{
	static char name[4];

	if (delimiter == '\t')
		return "tab";
	snprintf(name, sizeof(name), "%c", delimiter);
	return name;
}

/* Records of many types have no usual number of columns, but each has some. */
static bool
everywhere_delimited(const struct guess *g)
{
	for (uint32_t i = 0; i < g->records; i++)
		if (memchr(g->record[i].data, g->delimiter, g->record[i].len) == NULL)
			return false;
	return g->records > 1;
}

/* Delimited or fixed width? */
static const char *
choose(struct guess *g)
{
	static const char candidates[] = ",;|\t~^";
	uint32_t best = 0, best_columns = 0, share, even, length = usual_length(g, &even);

	for (const char *c = candidates; *c != '\0'; c++) {
		uint32_t columns = usual_columns(g, *c, &share);

		if (columns >= 2 && share * columns > best * best_columns) {
			best = share;
			best_columns = columns;
			g->delimiter = *c;
		}
	}
	if (best_columns >= 2 && (best >= 400 || everywhere_delimited(g)) &&
	    !(even == 1000 && best < 900 && length > 20)) {
		g->family = FAMILY_DELIMITED;
		snprintf(g->family_why, sizeof(g->family_why), "guess: %u %% of its records have %u columns by %s",
		         best / 10, best_columns, name_of(g->delimiter));
		return NULL;
	}
	if (even >= 600 && length >= 8) {
		g->family = FAMILY_FIXED;
		g->delimiter = 0;
		g->length = even == 1000 ? length : 0;
		snprintf(g->family_why, sizeof(g->family_why), "guess: %u %% of its records have %u bytes", even / 10,
		         length);
		return NULL;
	}
	return "its records have neither a delimiter in common nor a length";
}

/* Is the first record made of names: no numbers in it, no value twice, and other things below it? */
static bool
has_headings(const struct guess *g)
{
	static struct slice first[SAMPLE_COLUMNS], second[SAMPLE_COLUMNS];
	bool quoted, other = false;
	uint32_t n, below;

	if (g->records < 2)
		return false;
	n = split(g->record[0], g->delimiter, first, &quoted);
	below = split(g->record[1], g->delimiter, second, &quoted);
	for (uint32_t i = 0; i < n; i++) {
		if (first[i].len == 0 || first[i].len >= SAMPLE_NAME_BYTES ||
		    isdigit((unsigned char) first[i].data[0]))
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (first[k].len == first[i].len && memcmp(first[k].data, first[i].data, first[i].len) == 0)
				return false;
		for (uint32_t k = 0; i < below && k < second[i].len; k++)
			other |= isdigit((unsigned char) second[i].data[k]) != 0;
	}
	return n >= 2 && n == below && other;
}

/* ---- record types ---- */

/* What may tell the type of a record: its first cell, or its first byte. */
static struct slice
mark_of(const struct guess *g, uint32_t i)
{
	static struct slice at[SAMPLE_COLUMNS];
	bool quoted;

	if (g->family == FAMILY_FIXED)
		return (struct slice){g->record[i].data, g->record[i].len > 0};
	(void) split(g->record[i], g->delimiter, at, &quoted);
	return at[0];
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

static uint32_t
columns_of(const struct guess *g, uint32_t i)
{
	static struct slice at[SAMPLE_COLUMNS];
	bool quoted;

	return g->family == FAMILY_FIXED ? 1 : split(g->record[i], g->delimiter, at, &quoted);
}

static bool
of_several_builds(const struct guess *g, uint32_t from)
{
	for (uint32_t i = from + 1; i < g->records; i++)
		if (columns_of(g, i) != columns_of(g, from))
			return true;
	return false;
}

/* Every record's mark is one of a few; type_of[] says which.  False when they are too many to be types. */
static bool
types_by_mark(struct guess *g, uint32_t from, int *type_of)
{
	g->types = 0;
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
	/* below a line of names all records are alike, unless some are of another build */
	if (g->headings && !of_several_builds(g, from))
		return false;
	/* a few records of a few values: as well a column of its own */
	return g->types > 1 && (g->type[type_of[from]].rows == 1 || g->type[type_of[g->records - 1]].rows == 1 ||
	                        g->records - from > 4 * g->types);
}

/* Is a record of another build than the one beside it, and known by its mark? */
static bool
odd_one(const struct guess *g, uint32_t i, uint32_t beside)
{
	struct slice mark = mark_of(g, i), usual = mark_of(g, beside);

	if (!can_be_mark(mark) || isdigit((unsigned char) mark.data[0]))
		return false;
	return columns_of(g, i) != columns_of(g, beside) ||
	       (g->family == FAMILY_FIXED && isdigit((unsigned char) *usual.data));
}

/* All of one type, but perhaps for the first and the last. */
static void
types_by_place(struct guess *g, uint32_t from, int *type_of)
{
	uint32_t n = g->records - from, last = g->records - 1;
	bool head = n > 2 && odd_one(g, from, from + 1), tail = n > 2 && g->whole && odd_one(g, last, last - 1);

	memset(g->type, 0, sizeof(g->type));
	g->types = 0;
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

/* ---- all of it ---- */

static bool
is_filler(struct slice r)
{
	return r.len > 1 && memcmp(r.data, r.data + 1, r.len - 1) == 0;
}

static void
fill_cells(struct guess *g, const int *type_of, int t, uint32_t from)
{
	struct sample_type *type = &g->type[t];
	struct slice at[SAMPLE_COLUMNS];
	uint32_t rows = 0, most;

	type->column = sample_buffer(SAMPLE_COLUMNS, sizeof(*type->column));
	if (g->family == FAMILY_FIXED)
		type->columns = guess_positions(g, type_of, t, from, type->column);
	else
		for (uint32_t i = from; i < g->records; i++)
			if (type_of[i] == t && columns_of(g, i) > type->columns)
				type->columns = columns_of(g, i);
	most = SAMPLE_CELLS / (type->columns + 1);
	if (type->rows > most)
		type->rows = most;
	type->cell = sample_buffer((size_t) type->rows * type->columns, sizeof(*type->cell));
	for (uint32_t i = from; i < g->records && rows < type->rows; i++) {
		struct slice *row = type->cell + (size_t) rows * type->columns;
		bool quoted = false;

		if (type_of[i] != t)
			continue;
		if (g->family == FAMILY_FIXED)
			for (uint32_t c = 0; c < type->columns; c++)
				row[c] = position_cell(g->record[i], &type->column[c]);
		else
			memcpy(row, at, split(g->record[i], g->delimiter, at, &quoted) * sizeof(*row));
		if (quoted)
			g->quote = '"';
		rows++;
	}
}

const char *
guess_cells(struct guess *g)
{
	const char *why = choose(g);
	uint32_t from;
	int *type_of;

	if (why != NULL)
		return why;
	g->headings = g->family == FAMILY_DELIMITED && has_headings(g);
	while (g->family == FAMILY_FIXED && g->records > 1 && is_filler(g->record[g->records - 1])) {
		g->records--;
		g->fillers++;
	}
	from = g->headings;
	if (g->records <= from)
		return "it has no record";
	type_of = sample_buffer(g->records, sizeof(*type_of));
	if (!types_by_mark(g, from, type_of))
		types_by_place(g, from, type_of);
	give_roles(g, from);
	for (uint32_t t = 0; t < g->types; t++)
		fill_cells(g, type_of, (int) t, from);
	if (g->headings)
		for (uint32_t t = 0; t < g->types; t++) {
			static struct slice names[SAMPLE_COLUMNS];
			bool quoted = false;
			uint32_t n = split(g->record[0], g->delimiter, names, &quoted);

			for (uint32_t c = 0; c < n && c < g->type[t].columns && g->type[t].role == SAMPLE_ENTRY; c++)
				g->type[t].column[c].heading = names[c];
		}
	return NULL;
}
