/* The guess as a profile.  Whatever comes from the sample is written as ASCII, escaped: it may say anything.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "parsers/infer/infer_internal.h"

/* ---- the file ---- */

static void
write_head(const struct guess *g)
{
	static const char *const families[] = {"delimited", "fixed", "xml", "json", "json_lines"};
	char shown[TEXT_SHOWN_SIZE];

	/* handbackctl shows what we write only where it is ASCII */
	text_escape(shown, sizeof(shown), g->file_name, g->file_name_len);
	printf("# A first profile, proposed from %s (%s).\n", shown,
	       g->whole ? "all of it" : "its beginning: totals at its end were not looked at");
	puts(
	    "# \"guess\" says what a line rests on, \"decide\" what the sample cannot tell: lint takes the "
	    "profile\n"
	    "# when each of these was looked at and its comment taken away.  Then `handbackctl try` with a file\n"
	    "# whose answers you know.");
	write_line("decide: a name for it", "profile: inferred");
	write_line("decide: the partner's code", "partner: PARTNER");
	write_line("decide: the programme's code", "programme: PROGRAMME");
	write_line(g->family_why, "format: %s", families[g->family]);
	if (g->family != FAMILY_JSON && g->family != FAMILY_JSON_LINES)
		write_line(g->encoding_why, "encoding: %s", g->encoding);
	write_line("decide: the zone of its dates", "zone: UTC");
	if (g->framing != NULL)
		write_line(g->framing_why, "framing: %s", g->framing);
	if (g->family == FAMILY_DELIMITED) {
		const char *delimiter = *g->delimiter == '\t' ? "tab" : write_quoted(slice_of(g->delimiter));

		write_line(g->headings ? "guess: the first record is made of names" : "guess: no record of names",
		           "delimited: {delimiter: %s%s%s}", delimiter, g->quote != 0 ? ", quote: '\"'" : "",
		           g->headings ? ", header: names, extra_columns: refuse" : "");
	}
	if (g->family == FAMILY_FIXED && g->length > 0)
		write_line("guess: every record", "fixed: {length: %u}", g->length);
	else if (g->family == FAMILY_FIXED)
		write_line("decide: the length; not all records have the same", "fixed: {trimmed: yes}");
	if (g->family == FAMILY_XML && g->name_space != NULL)
		write_line("guess: of the root", "xml: {namespace: %s}", write_quoted(slice_of(g->name_space)));
}

/* ---- fields ---- */

static bool
in_control(const struct guess *g, const struct sample_type *t, const struct column *c)
{
	char begin[2 * SAMPLE_NAME_BYTES + 4], summed[2 * SAMPLE_NAME_BYTES + 12];

	snprintf(begin, sizeof(begin), "%s.%s =", t->name, c->name);
	snprintf(summed, sizeof(summed), "= sum(%s.%s)", t->name, c->name);
	for (uint32_t i = 0; i < g->controls; i++)
		if (strncmp(g->control[i], begin, strlen(begin)) == 0 || strstr(g->control[i], summed) != NULL)
			return true;
	return false;
}

/* Does the field's name bring its type with it? */
static bool
typed_by_name(const struct column *c)
{
	static const char *const names[] = {"external_reference", "points", "member", "reason",
	                                    "currency",           "status", NULL};

	for (const char *const *n = names; *n != NULL; n++)
		if (strcmp(*n, c->name) == 0)
			return true;
	return false;
}

static void
type_of(const struct guess *g, const struct sample_type *t, const struct column *c, char *buf, size_t size)
{
	char thousands[24] = "", minor[24] = "";
	const char *sign = c->negative ? ", sign: before, min: -9000000000000000" : "";

	buf[0] = '\0';
	if (c->thousands != 0)
		snprintf(thousands, sizeof(thousands), ", thousands: \"%c\"", c->thousands);
	/* the ledger's amounts have two */
	if (strcmp(c->name, "amount") != 0 || c->decimals_most > 2)
		snprintf(minor, sizeof(minor), ", minor: %u", c->decimals_most);
	if (c->filled == 0)
		snprintf(buf, size, "%s", g->family == FAMILY_FIXED ? ", type: blank" : "");
	else if (strcmp(c->name, "points") != 0 && in_control(g, t, c))
		snprintf(buf, size, ", type: integer%s%s", thousands, sign);
	else if (c->holds == HOLDS_DATE)
		snprintf(buf, size, ", type: date, format: \"%s\"", c->date);
	else if (c->holds == HOLDS_INTEGER && strcmp(c->name, "points") == 0)
		snprintf(buf, size, "%s%s", thousands, sign);
	else if (c->holds == HOLDS_DECIMAL)
		snprintf(buf, size, ", type: amount, point: \"%c\"%s, decimals: %u-%u%s%s", c->point, thousands,
		         c->decimals_least, c->decimals_most, minor, sign);
	else if (c->runs)
		snprintf(buf, size, ", type: integer, runs: {from: %" PRId64 "}", c->first);
	else if (typed_by_name(c))
		return;
	else if (c->holds == HOLDS_INTEGER && (!c->zeros || g->family == FAMILY_FIXED) && c->longest <= 15 &&
	         strstr(c->name, "reference") == NULL)
		snprintf(buf, size, ", type: integer%s%s", thousands, sign);
	else
		snprintf(buf, size, ", type: %s", c->holds == HOLDS_TEXT ? "text" : "id");
}

static void
evidence(const struct guess *g, const struct sample_type *t, const struct column *c, char *buf, size_t size)
{
	int n = snprintf(buf, size, "guess: %u of %u filled", c->filled, t->rows);

	if (c->filled == 0) {
		snprintf(buf, size, "guess: empty in all %u", t->rows);
		return;
	}
	if (c->other_date != NULL)
		n += snprintf(buf + n, size - (size_t) n, ", all fit %s; decide: all fit %s as well", c->date,
		              c->other_date);
	else if (c->date != NULL)
		n += snprintf(buf + n, size - (size_t) n, ", all fit %s", c->date);
	else if (c->either)
		n += snprintf(buf + n, size - (size_t) n, ", %s; decide: or is it %s?",
		              c->thousands != 0 ? "thousands with a mark" : "decimals",
		              c->thousands != 0 ? "decimals" : "thousands with a mark");
	else if (strcmp(c->name, "amount") == 0 && c->decimals_most > 2)
		n +=
		    snprintf(buf + n, size - (size_t) n, "; decide: the ledger keeps two decimals: is it an amount?");
	else if (c->runs)
		n += snprintf(buf + n, size - (size_t) n, ", each one more than the one before it");
	else if (g->family == FAMILY_FIXED && c->shortest > 12 && c->shortest == c->longest && c->digits)
		n += snprintf(buf + n, size - (size_t) n,
		              ", digits only; decide: are they several numbers side by side?");
	else if (c->different == c->filled && c->filled > 1)
		n += snprintf(buf + n, size - (size_t) n, ", no value twice");
	else
		n += snprintf(buf + n, size - (size_t) n, ", %u different", c->different);
	if (c->words > 0 && c->words <= 6 && c->date == NULL) {
		for (uint32_t w = 0; w < c->words && n + 120 < (int) size; w++) {
			char shown[TEXT_SHOWN_SIZE];

			text_escape(shown, sizeof(shown), c->word[w].text.data,
			            c->word[w].text.len < 24 ? c->word[w].text.len : 24);
			n += snprintf(buf + n, size - (size_t) n, "%s %s (%u)", w == 0 ? ":" : ",", shown,
			              c->word[w].times);
		}
	}
}

static void
write_field(const struct guess *g, const struct sample_type *t, uint32_t number)
{
	const struct column *c = &t->column[number];
	char at[6 * LIMIT_FIELD_BYTES], type[160], why[400];

	/* columns that are nothing need no field, but where positions or names must all be known */
	if (c->filled == 0 && g->family != FAMILY_FIXED && !g->headings)
		return;
	if (g->family == FAMILY_FIXED && c->from == c->to)
		snprintf(at, sizeof(at), "%u", c->from);
	else if (g->family == FAMILY_FIXED)
		snprintf(at, sizeof(at), "%u-%u", c->from, c->to);
	else if (c->heading.len > 0)
		snprintf(at, sizeof(at), "%s", write_yaml(c->heading));
	else
		snprintf(at, sizeof(at), "%u", number + 1);
	type_of(g, t, c, type, sizeof(type));
	evidence(g, t, c, why, sizeof(why));
	write_line(why, "      %s: {at: %s%s%s%s}", c->name, at, type, c->many ? ", many: yes" : "",
	           c->filled < t->rows && !(c->filled == 0 && g->family == FAMILY_FIXED) ? ", optional: yes"
	                                                                                 : "");
}

static void
write_when(const struct guess *g, const struct sample_type *t)
{
	const uint32_t from = g->mark_from + 1, to = g->mark_from + (uint32_t) strlen(t->mark);
	char place[32] = "1";

	if (g->family == FAMILY_FIXED && from < to)
		snprintf(place, sizeof(place), "%u-%u", from, to);
	else if (g->family == FAMILY_FIXED)
		snprintf(place, sizeof(place), "%u", from);
	write_line(NULL, "    when: {%s: %s}",
	           g->headings && t->role == SAMPLE_ENTRY && t->column[0].heading.len > 0
	               ? write_yaml(t->column[0].heading)
	               : place,
	           write_quoted(slice_of(t->mark)));
}

static void
write_type(const struct guess *g, const struct sample_type *t)
{
	static const char *const roles[] = {"header", "entry", "note", "trailer"};
	bool nested = t->path != NULL;

	printf("  %s:\n", t->name);
	write_line(t->role == SAMPLE_OTHER ? "decide: note, addendum, or header or trailer of a level" : NULL,
	           "    role: %s", nested && t->role == SAMPLE_HEADER ? "level" : roles[t->role]);
	if (nested)
		write_line(NULL, "    path: %s", write_quoted(slice_of(t->path)));
	if (t->mark[0] != '\0')
		write_when(g, t);
	if (!nested && g->family == FAMILY_DELIMITED && !(g->headings && t->role == SAMPLE_ENTRY))
		write_line(NULL, "    columns: %u", t->columns);
	puts("    fields:");
	for (uint32_t c = 0; c < t->columns; c++)
		write_field(g, t, c);
}

/* The last block is filled up with records of one character. */
static void
write_filler(const struct guess *g)
{
	struct slice last = g->record[g->records + g->fillers - 1];

	puts("  filler:\n    role: filler");
	write_line(NULL, "    when: {1-%u: %s}", last.len, write_quoted(last));
}

int
guess_write(const struct guess *g)
{
	struct sample_type *answer = NULL;

	write_head(g);
	puts("\nrecords:");
	if (g->fillers > 0)
		write_filler(g);
	for (uint32_t i = 0; i < g->types;
	     i++) /* those that are known by something first: the first that fits is taken */
		if (g->type[i].mark[0] != '\0' || g->type[i].path != NULL)
			write_type(g, &g->type[i]);
	for (uint32_t i = 0; i < g->types; i++) {
		if (g->type[i].mark[0] == '\0' && g->type[i].path == NULL)
			write_type(g, &g->type[i]);
		if (g->type[i].role == SAMPLE_ENTRY)
			answer = (struct sample_type *) (uintptr_t) &g->type[i];
	}
	putchar('\n');
	write_verdict(column_named(answer, "status"));
	write_controls(g);
	write_match(answer);
	write_check(answer);
	write_line("decide: all, rejects or accepted", "lists: all");
	puts("# beside these: order_by and gap, answer_within, guard, reasons, expected (docs/profiles.md)");
	return fflush(stdout) == 0 ? 0 : -1;
}
