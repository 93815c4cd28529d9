/* Where one record of the sample ends and the next begins. */
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

static void
add(struct guess *g, const char *data, size_t len)
{
	if (g->records < SAMPLE_RECORDS)
		g->record[g->records++] = (struct slice){data, (uint32_t) len};
}

/* ---- lines ---- */

/* The newline that ends most lines: how often. */
static size_t
count_newlines(const struct guess *g, size_t *ret_crlf, size_t *ret_cr)
{
	size_t lf = 0, crlf = 0, cr = 0;

	for (size_t i = 0; i < g->len; i++)
		if (g->bytes[i] == '\r' && i + 1 < g->len && g->bytes[i + 1] == '\n')
			crlf++, i++;
		else if (g->bytes[i] == '\n')
			lf++;
		else if (g->bytes[i] == '\r')
			cr++;
	*ret_crlf = crlf;
	*ret_cr = cr;
	return lf;
}

/* Newlines within quotes end no record. */
static void
cut_lines(struct guess *g, const char *newline)
{
	const size_t step = strlen(newline);
	const char *p = g->bytes, *end = g->bytes + g->len, *from = p;
	bool quoted = false;

	for (; p < end; p++) {
		/* a quote opens only where a value can begin, so that an inch or a name does not swallow the rest */
		if (*p == '"' && (quoted || p == from || strchr(",;|\t", p[-1]) != NULL))
			quoted = !quoted;
		else if (!quoted && (size_t) (end - p) >= step && memcmp(p, newline, step) == 0) {
			add(g, from, (size_t) (p - from));
			p += step - 1;
			from = p + 1;
		}
	}
	/* a sample that was cut off ends in a part of a record */
	if (from < end && g->whole && !(end - from == 1 && *from == 0x1a))
		add(g, from, (size_t) (end - from));
}

static const char *
lines(struct guess *g)
{
	static const char *const how[3][2] = {
	    {"{newline: lf, last_newline: required}", "{newline: lf, last_newline: optional}"},
	    {"{newline: crlf, last_newline: required}", "{newline: crlf, last_newline: optional}"},
	    {"{newline: cr, last_newline: required}", "{newline: cr, last_newline: optional}"}};
	static const char *const newline[3] = {"\n", "\r\n", "\r"};
	size_t crlf, cr, lf = count_newlines(g, &crlf, &cr);
	int kind = crlf >= lf && crlf >= cr ? 1 : lf >= cr ? 0 : 2;
	char last = g->bytes[g->len - 1];

	cut_lines(g, newline[kind]);
	g->framing = how[kind][g->whole && last != '\n' && last != '\r'];
	g->framing_why = (lf > 0) + (crlf > 0) + (cr > 0) > 1
	                     ? "guess: the commonest; decide: there are others, which refuse the file"
	                     : "guess: every line";
	return NULL;
}

/* ---- lengths ---- */

/* Each record's length stands before it: does that lead to the sample's end exactly? */
static bool
prefixed(struct guess *g, size_t bytes, bool rdw)
{
	const unsigned char *p = (const unsigned char *) g->bytes, *end = p + g->len;

	g->records = 0;
	while ((size_t) (end - p) >= bytes) {
		uint32_t len = (uint32_t) p[0] << 8 | p[1];

		if (bytes == 4 && !rdw)
			len = len << 16 | (uint32_t) p[2] << 8 | p[3];
		if (rdw && (len < 5 || p[2] != 0 || p[3] != 0))
			return false;
		if (rdw)
			len -= 4;
		if (len == 0 || len > (size_t) (end - p) - bytes)
			return len > 0 && !g->whole && g->records > 2;
		add(g, (const char *) p + bytes, len);
		p += bytes + len;
	}
	return p == end && g->records > 1;
}

static int
kind_of(unsigned char c)
{
	return c >= '0' && c <= '9' ? 1 : c == ' ' ? 2 : 3;
}

/* Without newlines: the length at which the same kinds of bytes come again. */
static uint32_t
best_period(const struct guess *g)
{
	uint32_t best = 0;
	size_t best_share = 800; /* per mille */

	for (uint32_t length = 16; length <= 4096 && 3 * (size_t) length <= g->len; length++) {
		size_t same = 0, most = g->len < 65536 ? g->len : 65536;

		if (g->whole && g->len % length != 0)
			continue;
		for (size_t i = 0; i + length < most; i++)
			same += kind_of((unsigned char) g->bytes[i]) == kind_of((unsigned char) g->bytes[i + length]);
		if (same * 1000 > best_share * (most - length)) {
			best = length;
			best_share = same * 1000 / (most - length) + 20; /* its multiples are no better */
		}
	}
	return best;
}

static const char *
lengths(struct guess *g)
{
	static char framing[48];
	uint32_t length;

	if (prefixed(g, 4, true)) {
		g->framing = "{prefix: rdw}";
		g->framing_why = "guess: record descriptors lead from record to record";
		return NULL;
	}
	if (prefixed(g, 2, false) || prefixed(g, 4, false)) {
		bool two = prefixed(g, 2, false);

		if (!two)
			(void) prefixed(g, 4, false);
		g->framing = two ? "{prefix: u16be}" : "{prefix: u32be}";
		g->framing_why = "guess: lengths lead from record to record";
		return NULL;
	}
	g->records = 0;
	length = best_period(g);
	if (length == 0)
		return "no newline, no record length that repeats, no lengths before records: there is nothing to "
		       "hold on to";
	for (size_t at = 0; at + length <= g->len; at += length)
		add(g, g->bytes + at, length);
	snprintf(framing, sizeof(framing), "{newline: none, record_length: %u}", length);
	g->framing = framing;
	g->framing_why = "guess: no newline, and the same kinds of bytes come again at the length below";
	return NULL;
}

const char *
guess_records(struct guess *g)
{
	size_t most = 0;

	g->record = sample_buffer(SAMPLE_RECORDS, sizeof(*g->record));
	for (size_t i = 0, at = 0; i < g->len; i++) {
		if (g->bytes[i] == '\n' || g->bytes[i] == '\r')
			at = i + 1;
		most = i + 1 - at > most ? i + 1 - at : most;
	}
	/* a line is no longer than a record may be */
	return most > LIMIT_RECORD_BYTES || most == g->len ? lengths(g) : lines(g);
}
