/* The guess as a profile.  Whatever comes from the sample is written as ASCII, escaped: it may say anything.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "parsers/infer/infer_internal.h"

/* ---- texts of the sample ---- */

/* A text in YAML's double quotes; what is no plain ASCII as its code point. */
static const char *
quoted(struct slice s)
{
	static char ring[4][6 * LIMIT_FIELD_BYTES];
	static unsigned turn;
	char *buf = ring[turn++ % 4], *to = buf, *end = buf + sizeof(ring[0]) - 16;

	*to++ = '"';
	for (uint32_t i = 0; i < s.len && to < end; i++) {
		unsigned char c = (unsigned char) s.data[i];
		uint32_t code = c;
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;

		if (c < 0x80 && c >= 0x20 && c != 0x7f) {
			if (c == '"' || c == '\\')
				*to++ = '\\';
			*to++ = (char) c;
			continue;
		}
		/* a sample may be in any encoding: what is no character goes byte by byte */
		if (more > 0 && i + more < s.len && utf8_valid_prefix(s.data + i, more + 1) == more + 1) {
			code = c & (0x3fu >> more);
			for (unsigned k = 0; k < more; k++)
				code = code << 6 | ((unsigned char) s.data[++i] & 0x3fu);
		}
		/* no YAML of ours holds a NUL */
		to += snprintf(to, 11, "\\U%08" PRIX32, code != 0 ? code : 0xfffd);
	}
	*to++ = '"';
	*to = '\0';
	return buf;
}

static bool
is_word(struct slice s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char) s.data[i]) && s.data[i] != '_')
			return false;
	return s.len > 0 && isalpha((unsigned char) s.data[0]);
}

/* As a key or value of YAML: plain where that is safe. */
static const char *
yaml(struct slice s)
{
	static const char *const taken[] = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", NULL};
	static char ring[4][SAMPLE_NAME_BYTES];
	static unsigned turn;
	char *buf = ring[turn++ % 4];

	if (!is_word(s) || s.len >= sizeof(ring[0]))
		return quoted(s);
	snprintf(buf, sizeof(ring[0]), "%.*s", (int) s.len, s.data);
	for (const char *const *t = taken; *t != NULL; t++)
		if (strcasecmp(*t, buf) == 0)
			return quoted(s);
	return buf;
}

/* ---- lines with a reason beside them ---- */

__attribute__((format(printf, 2, 3))) static void
line(const char *why, const char *format, ...)
{
	char text[6 * LIMIT_FIELD_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (why == NULL)
		puts(text);
	else
		printf("%-48s # %s\n", text, why);
}

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
	line("decide: a name for it", "profile: inferred");
	line("decide: the partner's code", "partner: PARTNER");
	line("decide: the programme's code", "programme: PROGRAMME");
	line(g->family_why, "format: %s", families[g->family]);
	if (g->family != FAMILY_JSON && g->family != FAMILY_JSON_LINES)
		line(g->encoding_why, "encoding: %s", g->encoding);
	line("decide: the zone of its dates", "zone: UTC");
	if (g->framing != NULL)
		line(g->framing_why, "framing: %s", g->framing);
	if (g->family == FAMILY_DELIMITED) {
		const char *delimiter = *g->delimiter == '\t' ? "tab" : quoted(slice_of(g->delimiter));

		line(g->headings ? "guess: the first record is made of names" : "guess: no record of names",
		     "delimited: {delimiter: %s%s%s}", delimiter, g->quote != 0 ? ", quote: '\"'" : "",
		     g->headings ? ", header: names, extra_columns: refuse" : "");
	}
	if (g->family == FAMILY_FIXED && g->length > 0)
		line("guess: every record", "fixed: {length: %u}", g->length);
	else if (g->family == FAMILY_FIXED)
		line("decide: the length; not all records have the same", "fixed: {trimmed: yes}");
	if (g->family == FAMILY_XML && g->name_space != NULL)
		line("guess: of the root", "xml: {namespace: %s}", quoted(slice_of(g->name_space)));
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
		snprintf(at, sizeof(at), "%s", yaml(c->heading));
	else
		snprintf(at, sizeof(at), "%u", number + 1);
	type_of(g, t, c, type, sizeof(type));
	evidence(g, t, c, why, sizeof(why));
	line(why, "      %s: {at: %s%s%s%s}", c->name, at, type, c->many ? ", many: yes" : "",
	     c->filled < t->rows && !(c->filled == 0 && g->family == FAMILY_FIXED) ? ", optional: yes" : "");
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
	line(NULL, "    when: {%s: %s}",
	     g->headings && t->role == SAMPLE_ENTRY && t->column[0].heading.len > 0 ? yaml(t->column[0].heading)
	                                                                            : place,
	     quoted(slice_of(t->mark)));
}

static void
write_type(const struct guess *g, const struct sample_type *t)
{
	static const char *const roles[] = {"header", "entry", "note", "trailer"};
	bool nested = t->path != NULL;

	printf("  %s:\n", t->name);
	line(t->role == SAMPLE_OTHER ? "decide: note, addendum, or header or trailer of a level" : NULL,
	     "    role: %s", nested && t->role == SAMPLE_HEADER ? "level" : roles[t->role]);
	if (nested)
		line(NULL, "    path: %s", quoted(slice_of(t->path)));
	if (t->mark[0] != '\0')
		write_when(g, t);
	if (!nested && g->family == FAMILY_DELIMITED && !(g->headings && t->role == SAMPLE_ENTRY))
		line(NULL, "    columns: %u", t->columns);
	puts("    fields:");
	for (uint32_t c = 0; c < t->columns; c++)
		write_field(g, t, c);
}

/* ---- verdict, controls, match ---- */

static const char *
meaning(struct slice word)
{
	static const char *const words[][2] = {
	    {"OK", "accepted"},        {"ACCEPTED", "accepted"},  {"ACCP", "accepted"},
	    {"ACSC", "accepted"},      {"CONFIRMED", "accepted"}, {"SUCCESS", "accepted"},
	    {"APPROVED", "accepted"},  {"BOOKED", "accepted"},    {"KO", "rejected"},
	    {"REJECTED", "rejected"},  {"RJCT", "rejected"},      {"FAILED", "rejected"},
	    {"FAILURE", "rejected"},   {"DECLINED", "rejected"},  {"REFUSED", "rejected"},
	    {"ERROR", "rejected"},     {"PENDING", "pending"},    {"PDNG", "pending"},
	    {"WAITLISTED", "pending"}, {"PROCESSING", "pending"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i][0]) == word.len && strncasecmp(words[i][0], word.data, word.len) == 0)
			return words[i][1];
	return NULL;
}

static void
write_verdict(const struct column *status)
{
	uint32_t known = 0;

	if (status == NULL || status->words == 0) {
		puts("# decide: what says whether a record was accepted, as in\n"
		     "# verdict: {field: status, words: {OK: accepted, KO: rejected}}");
		return;
	}
	for (uint32_t w = 0; w < status->words; w++)
		known += meaning(status->word[w].text) != NULL;
	if (known == 0)
		puts("# decide: what each word means: accepted, accepted_with_change, accepted_with_warning, "
		     "rejected, "
		     "pending");
	puts(known > 0 ? "verdict:\n  field: status\n  words:" : "# verdict:\n#   field: status\n#   words:");
	for (uint32_t w = 0; w < status->words; w++) {
		const char *means = meaning(status->word[w].text), *word = yaml(status->word[w].text);
		char why[64];

		snprintf(why, sizeof(why), "%s: %u times", means != NULL ? "guess: the word" : "decide",
		         status->word[w].times);
		if (means != NULL)
			line(why, "    %s: %s", word, means);
		else
			line(why, "#     %s:", word);
	}
}

static void
write_controls(const struct guess *g)
{
	if (g->controls == 0) {
		puts(g->whole ? "# decide: no number of a header or trailer is a count or a sum of what is here"
		              : "# decide: control totals; the end of the file was not looked at");
		return;
	}
	puts("controls:");
	for (uint32_t i = 0; i < g->controls; i++) {
		const char *number = strchr(g->control[i], '\n');
		char equation[200], why[64];

		snprintf(equation, sizeof(equation), "%.*s", (int) (number - g->control[i]), g->control[i]);
		snprintf(why, sizeof(why), "guess: both are %s", number + 1);
		line(why, "  %.*s: %s", (int) strcspn(equation, " "), equation, equation);
	}
}

static void
write_match(struct sample_type *answer)
{
	static const char *const keys[] = {"external_reference", "outbound_reference", "partner_reference", NULL};

	for (const char *const *k = keys; *k != NULL; k++)
		if (column_named(answer, *k) != NULL) {
			line(strcmp(*k, "external_reference") == 0
			         ? "guess: the only UUIDs; decide: are they ours?"
			         : "guess: no value twice; decide: is it our reference, or the partner's?",
			     "match: [%s]", *k);
			return;
		}
	puts(
	    "# decide: no column is there in every record and different in each; name what a record is found by\n"
	    "# match: [outbound_reference]");
}

/* Nothing of the redemption but its reference: a person says that the partner states no more. */
static void
write_check(struct sample_type *answer)
{
	if (column_named(answer, "points") != NULL || column_named(answer, "member") != NULL)
		return;
	if (column_named(answer, "amount") != NULL)
		line("guess: nothing else of the redemption is stated", "check: [amount]");
	else
		puts("# decide: which field is the points, the member or the amount; call it so; where none is:\n"
		     "# check: none");
}

/* The last block is filled up with records of one character. */
static void
write_filler(const struct guess *g)
{
	struct slice last = g->record[g->records + g->fillers - 1];

	puts("  filler:\n    role: filler");
	line(NULL, "    when: {1-%u: %s}", last.len, quoted(last));
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
	line("decide: all, rejects or accepted", "lists: all");
	puts("# beside these: order_by and gap, answer_within, guard, reasons, expected (docs/profiles.md)");
	return fflush(stdout) == 0 ? 0 : -1;
}
