/* Lines cut into cells: by a delimiter, or at positions. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

/* ---- delimited ---- */

/* Cells of a record into at[SAMPLE_COLUMNS]; quotes around a value are taken off. */
uint32_t
split_cells(struct slice record, const char *delimiter, struct slice *at, bool *ret_quoted)
{
	const char *p = record.data, *end = p + record.len, *from = p;
	const size_t width = strlen(delimiter);
	uint32_t n = 0;
	bool quoted = false;

	for (;; p++) {
		if (p < end && *p == '"' && (quoted || p == from))
			quoted = !quoted;
		else if (p == end || (!quoted && (size_t) (end - p) >= width && memcmp(p, delimiter, width) == 0)) {
			struct slice s = {from, (uint32_t) (p - from)};

			if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
				s = (struct slice){s.data + 1, s.len - 2};
				*ret_quoted = true;
			}
			if (n < SAMPLE_COLUMNS)
				at[n++] = s;
			if (p == end)
				return n;
			p += width - 1;
			from = p + 1;
			quoted = false;
		}
	}
}

/* How many columns most records have by this delimiter; *ret_share of a thousand have it. */
static uint32_t
usual_columns(const struct guess *g, const char *delimiter, uint32_t *ret_share)
{
	static uint32_t times[SAMPLE_COLUMNS + 1];
	static struct slice at[SAMPLE_COLUMNS];
	uint32_t most = g->records < 2000 ? g->records : 2000, usual = 0;
	bool quoted;

	memset(times, 0, sizeof(times));
	for (uint32_t i = 0; i < most; i++)
		times[split_cells(g->record[i], delimiter, at, &quoted)]++;
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

/* Records of many types have no usual number of columns, but each has some. */
static bool
everywhere_delimited(const struct guess *g)
{
	for (uint32_t i = 0; i < g->records; i++)
		if (memmem(g->record[i].data, g->record[i].len, g->delimiter, strlen(g->delimiter)) == NULL)
			return false;
	return g->records > 1;
}

/* Fixed width of which the blanks at the end are gone: blanks side by side within each record. */
static bool
is_trimmed(const struct guess *g)
{
	for (uint32_t i = 0; i < g->records; i++) {
		struct slice r = g->record[i];

		if (r.len < 20 || r.data[r.len - 1] == ' ' || memmem(r.data, r.len, "   ", 3) == NULL)
			return false;
	}
	return g->records > 1;
}

/* Delimited or fixed width? */
static const char *
choose(struct guess *g)
{
	static const char *const candidates[] = {",", ";", "|", "\t", "~", "^", "%%", "##", "::"};
	uint32_t best = 0, best_columns = 0, share, even, length = usual_length(g, &even);

	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		uint32_t columns = usual_columns(g, candidates[i], &share);

		if (columns >= 2 && share * columns > best * best_columns) {
			best = share;
			best_columns = columns;
			g->delimiter = candidates[i];
		}
	}
	if (best_columns >= 2 && (best >= 400 || everywhere_delimited(g)) &&
	    !(even == 1000 && best < 900 && length > 20)) {
		g->family = FAMILY_DELIMITED;
		snprintf(g->family_why, sizeof(g->family_why), "guess: %u %% of its records have %u columns by %s",
		         best / 10, best_columns, *g->delimiter == '\t' ? "tab" : g->delimiter);
		return NULL;
	}
	if (even >= 600 && length >= 8) {
		g->family = FAMILY_FIXED;
		g->delimiter = NULL;
		g->length = even == 1000 ? length : 0;
		snprintf(g->family_why, sizeof(g->family_why), "guess: %u %% of its records have %u bytes", even / 10,
		         length);
		return NULL;
	}
	if (is_trimmed(g)) {
		g->family = FAMILY_FIXED;
		g->delimiter = NULL;
		snprintf(g->family_why, sizeof(g->family_why),
		         "guess: what its records have in common stands at the same places, and no record ends in a "
		         "blank");
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
	n = split_cells(g->record[0], g->delimiter, first, &quoted);
	below = split_cells(g->record[1], g->delimiter, second, &quoted);
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
			if (type_of[i] == t && columns_of_record(g, i) > type->columns)
				type->columns = columns_of_record(g, i);
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
			memcpy(row, at, split_cells(g->record[i], g->delimiter, at, &quoted) * sizeof(*row));
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
	guess_types(g, from, type_of);
	for (uint32_t t = 0; t < g->types; t++)
		fill_cells(g, type_of, (int) t, from);
	if (g->headings)
		for (uint32_t t = 0; t < g->types; t++) {
			static struct slice names[SAMPLE_COLUMNS];
			bool quoted = false;
			uint32_t n = split_cells(g->record[0], g->delimiter, names, &quoted);

			for (uint32_t c = 0; c < n && c < g->type[t].columns && g->type[t].role == SAMPLE_ENTRY; c++)
				g->type[t].column[c].heading = names[c];
		}
	return NULL;
}
