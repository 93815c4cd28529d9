/*
 * Delimited files.  Framing cuts records; a record without quotes, or with none
 * but plainly around values, is cut at its delimiters.  Of every other one
 * libcsv decides, whose traps are fenced off here: a row counts only when its
 * newline ended it (libcsv hands out a cut row as well), nothing is asked of it
 * after an error, a bare CR never reaches it, it trims nothing (our own space
 * function), and its memory has a cap.
 */
#include <csv.h>

#include "lib/base/utf8.h"
#include "lib/profile/charset.h"
#include "lib/protocol/bytes.h"
#include "parsers/lines/columns.h"
#include "parsers/lines/framing.h"

struct delimited {
	const struct layout *layout;
	struct assemble *assemble;
	struct framer *framer;
	struct columns_reader reader;
	struct columns columns;
	struct charset *charset; /* NULL: UTF-8 or ASCII */
	bool ascii;
	bool plain;            /* see plain_rules */
	char delimiter, inner; /* as the file itself declares them */
	char quote;            /* as it stands in the file, in its encoding; 0 none */
	struct csv_parser csv;
	bool csv_ready;
	char *decoded, *unquoted; /* the record in UTF-8; its values without quotes */
	size_t unquoted_used, size;
	uint32_t rows; /* that libcsv saw in the record */
	bool too_many;
	const struct framed *record; /* that is being handed over */
	bool continues;              /* some type is a continuation */
	struct {
		bool any;
		uint16_t type;
		struct framed record;
		struct columns columns;
		char *text;
		size_t used;
		uint32_t len;
		bool ended; /* had its record_end */
	} held;
};

static const struct slice nothing = {NULL, 0};

static int
never_space(unsigned char c)
{
	(void) c;
	return 0;
}

/* More than one record's worth of memory is a record that never ends. */
static void *
capped_realloc(void *p, size_t size)
{
	return size > (size_t) 10 * 64 * 1024 + 1024 ? NULL : realloc(p, size);
}

static void
csv_start(struct delimited *d)
{
	const struct delimited_rule *r = &d->layout->delimited;

	if (d->csv_ready)
		csv_free(&d->csv);
	d->csv_ready = csv_init(&d->csv, CSV_STRICT | CSV_STRICT_FINI) == 0;
	if (!d->csv_ready)
		return;
	csv_set_delim(&d->csv, (unsigned char) *d->reader.delimiter);
	csv_set_quote(&d->csv, (unsigned char) r->quote);
	csv_set_space_func(&d->csv, never_space);
	csv_set_realloc_func(&d->csv, capped_realloc);
}

static void
csv_value(void *data, size_t len, void *context)
{
	struct delimited *d = context;
	char *to = d->unquoted + d->unquoted_used;

	if (d->columns.count == d->columns.most || len > d->size - d->unquoted_used) {
		d->too_many = true;
		return;
	}
	memcpy(to, data, len);
	d->unquoted_used += len;
	d->columns.at[d->columns.count++] = (struct slice){to, (uint32_t) len};
}

static void
csv_row(int c, void *context)
{
	struct delimited *d = context;

	if (c >= 0) /* -1: the input ended, not the row */
		d->rows++;
}

static int
bad_quote(struct delimited *d, const struct framed *record, uint32_t at, const char *why)
{
	(void) assemble_refuse(d->assemble, "quote", NULL, nothing, record->number, record->offset + at, "%s",
	                       why);
	assemble_break(d->assemble);
	return -1;
}

static int
split_by_csv(struct delimited *d, const struct framed *record, struct slice text)
{
	size_t parsed;

	if (!d->csv_ready)
		return bad_quote(d, record, 0, "no memory for the parser of quoted values");
	d->columns.count = 0;
	d->unquoted_used = 0;
	d->rows = 0;
	d->too_many = false;
	parsed = csv_parse(&d->csv, text.data, text.len, csv_value, csv_row, d);
	if (parsed == text.len && d->rows == 0)
		parsed += csv_parse(&d->csv, "\n", 1, csv_value, csv_row, d);
	if (parsed == (size_t) text.len + 1 && d->rows == 1 && !d->too_many)
		return 0;
	csv_start(d);
	if (d->too_many)
		return bad_quote(d, record, 0, "more columns than the limit columns");
	return bad_quote(d, record, (uint32_t) parsed, "a quote that neither begins nor ends a value");
}

static int
split_record(struct delimited *d, const struct framed *record, struct slice text, bool quoted)
{
	const struct delimited_rule *r = &d->layout->delimited;
	const struct split_rule rule = {d->reader.delimiter, d->reader.delimiter_len, r->quote,
	                                r->escape == r->quote ? 0 : r->escape, r->escape == r->quote};
	const char *why;
	uint32_t at;

	if (text.data == NULL)
		text.data = "";
	if (rule.escape != 0 || (quoted && rule.delimiter_len != 1)) {
		why = split_escaped(text, &rule, d->unquoted, &d->columns, &at);
		return why == NULL ? 0 : bad_quote(d, record, at, why);
	}
	if (rule.delimiter_len == 1 && split_quoted(text, *rule.delimiter, quoted ? r->quote : 0, &d->columns))
		return 0;
	if (quoted)
		return split_by_csv(d, record, text);
	if (rule.delimiter_len > 1 && split_plain(text, rule.delimiter, rule.delimiter_len, &d->columns))
		return 0;
	return bad_quote(d, record, 0, "more columns than the limit columns");
}

static int
bad_byte(struct delimited *d, const struct framed *record, const char *rule, uint32_t at, const char *why)
{
	(void) assemble_refuse(d->assemble, rule, NULL, (struct slice){record->bytes + at, 1}, record->number,
	                       record->offset + at, "%s", why);
	assemble_break(d->assemble);
	return -1;
}

/* The record as valid UTF-8 without NUL. */
static int
decode(struct delimited *d, const struct framed *record, struct slice *ret)
{
	uint32_t at = bytes_plain(record->bytes, record->len);
	const char *nul;
	size_t len, bad;

	*ret = (struct slice){record->bytes, record->len};
	if (at == record->len && (d->charset == NULL || charset_has_ascii(d->charset)))
		return 0;
	nul = memchr(record->bytes, 0, record->len);
	if (nul != NULL)
		return bad_byte(d, record, "nul", (uint32_t) (nul - record->bytes), "a NUL byte");
	if (d->charset != NULL) {
		if (!charset_decode(d->charset, record->bytes, record->len, d->decoded, &len, &bad))
			return bad_byte(d, record, "encoding", (uint32_t) bad,
			                "a byte that means nothing in the partner's encoding");
		*ret = (struct slice){d->decoded, (uint32_t) len};
		return 0;
	}
	if (d->ascii)
		return bad_byte(d, record, "not_ascii", at, "a byte that is no ASCII");
	len = utf8_valid_prefix(record->bytes, record->len);
	if (len < record->len)
		return bad_byte(d, record, "not_utf8", (uint32_t) len, "a byte that is no part of valid UTF-8");
	return 0;
}

static void
trim_columns(struct columns *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct slice *s = &c->at[i];

		while (s->len > 0 && (*s->data == ' ' || *s->data == '\t'))
			s->data++, s->len--;
		while (s->len > 0 && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
			s->len--;
	}
}

static bool
has_rest(const struct record_type *type)
{
	for (uint16_t i = 0; i < type->steps; i++)
		if (type->step[i].op == COLUMN_REST)
			return true;
	return false;
}

/* The byte of a value in the file, found again in the record as it was written. */
static uint64_t
locate(const struct row *row, uint16_t field)
{
	const struct delimited *d = row->context;
	const struct delimited_rule *r = &d->layout->delimited;
	const struct split_rule rule = {d->reader.delimiter, d->reader.delimiter_len, r->quote, r->escape,
	                                r->escape == r->quote};

	if (row->bytes == NULL)
		return row->offset;
	return row->offset +
	       split_locate((struct slice){row->bytes, row->in_memory}, &rule, d->reader.taken[field]);
}

static int
hand_over(struct delimited *d, const struct framed *record, uint16_t type, const struct columns *columns,
          bool ended)
{
	struct row row = {.length = record->len,
	                  .number = record->number,
	                  .offset = record->offset,
	                  .bytes = record->bytes,
	                  .in_memory = record->bytes == NULL ? 0 : record->len,
	                  .locate = locate,
	                  .context = d};

	if (!ended && !has_rest(&d->layout->type[type]))
		return assemble_refuse(d->assemble, "record_end", d->layout->type[type].name, nothing, record->number,
		                       record->offset + record->len, "%s record does not end in %s",
		                       d->layout->type[type].name, d->layout->delimited.record_end);
	return columns_row(&d->reader, type, columns, &row);
}

/* ---- records that go on in the next one ---- */

static int
flush_held(struct delimited *d)
{
	if (!d->held.any)
		return 0;
	d->held.any = false;
	return hand_over(d, &d->held.record, d->held.type, &d->held.columns, d->held.ended);
}

/* A copy of columns that outlives the record, behind those that are held. */
static int
hold_columns(struct delimited *d, const struct framed *record, const struct columns *c, uint32_t from,
             bool join)
{
	struct columns *held = &d->held.columns;

	for (uint32_t i = from; i < c->count; i++) {
		char *to = d->held.text + d->held.used;

		/* one byte each for the delimiter, so that what is left of a record is one piece */
		if (held->count == held->most || c->at[i].len + d->reader.delimiter_len > d->size - d->held.used)
			return bad_quote(d, record, 0, "a record that goes on for longer than the limits allow");
		if (join && i == from && held->count > 0) {
			to -= d->reader.delimiter_len;
			d->held.used -= d->reader.delimiter_len;
			held->at[held->count - 1].len += c->at[i].len;
		} else
			held->at[held->count++] = (struct slice){to, c->at[i].len};
		memcpy(to, c->at[i].data, c->at[i].len);
		memcpy(to + c->at[i].len, d->reader.delimiter, d->reader.delimiter_len);
		d->held.used += c->at[i].len + d->reader.delimiter_len;
	}
	return 0;
}

static int
hold(struct delimited *d, const struct framed *record, uint16_t type, bool ended)
{
	const struct record_type *t = &d->layout->type[type];

	if (t->role == ROLE_CONTINUATION) {
		if (!d->held.any)
			return assemble_refuse(d->assemble, "order", t->name, nothing, record->number, record->offset,
			                       "%s record has no record before it to go on with", t->name);
		d->held.record.len = (uint32_t) (record->offset + record->len - d->held.record.offset);
		d->held.ended = ended;
		return hold_columns(d, record, &d->columns, (uint32_t) t->continuation_column, t->continuation_joins);
	}
	if (flush_held(d) != 0)
		return -1;
	d->held.any = true;
	d->held.type = type;
	d->held.record = *record;
	d->held.record.bytes = NULL;
	d->held.columns.count = 0;
	d->held.used = 0;
	d->held.ended = ended;
	return hold_columns(d, record, &d->columns, 0, false);
}

/* ---- the file ---- */

static bool
take_end(struct slice *text, const char *end)
{
	size_t len = strlen(end);

	if (len == 0)
		return true;
	if (text->len < len || memcmp(text->data + text->len - len, end, len) != 0)
		return false;
	text->len -= (uint32_t) len;
	return true;
}

/* Framing let every newline but the file's own pass: outside of quotes none may stand. */
static int
check_newlines(struct delimited *d, const struct framed *record, bool quoted)
{
	const struct delimited_rule *r = &d->layout->delimited;
	char escape = r->escape == r->quote ? 0 : r->escape;
	bool open = false;

	for (uint32_t i = 0; i < record->len; i++) {
		char c = record->bytes[i];

		if (quoted && escape != 0 && c == escape)
			i++;
		else if (quoted && c == d->quote)
			open = !open;
		else if (!open && (c == '\r' || c == '\n'))
			return bad_byte(d, record, c == '\r' ? "bare_cr" : "newline", i,
			                c == '\r' ? "a CR that is no part of a newline, and not in quotes"
			                          : "a LF where the others are CRLF or CR, and not in quotes");
	}
	return 0;
}

/* Lines are added until its quotes are closed: a newline in quotes is part of the record. */
static int
complete(struct delimited *d, struct framed *record, bool *ret_quoted)
{
	const struct delimited_rule *r = &d->layout->delimited;

	*ret_quoted = d->quote != 0 && memchr(record->bytes, d->quote, record->len) != NULL;
	while (*ret_quoted && split_open((struct slice){record->bytes, record->len}, d->quote,
	                                 r->escape == r->quote ? d->quote : r->escape)) {
		if (!r->quoted_newlines)
			return bad_quote(d, record, 0, "a quoted value that does not end in its record");
		if (framer_extend(d->framer, record) <= 0)
			return -1;
	}
	return record->odd_newline ? check_newlines(d, record, *ret_quoted) : 0;
}

/* What the file says of itself, before its first record. */
static int
declared(struct delimited *d)
{
	const struct delimited_rule *r = &d->layout->delimited;
	int delimiter =
	    r->delimiter_declared_at < 0 ? 0 : framer_peek(d->framer, (uint32_t) r->delimiter_declared_at);
	int inner = r->inner_declared_at < 0 ? 0 : framer_peek(d->framer, (uint32_t) r->inner_declared_at);

	d->reader.delimiter = r->delimiter;
	d->reader.delimiter_len = r->delimiter_len;
	d->reader.inner = r->inner;
	d->reader.inner_len = r->inner_len;
	if (r->delimiter_declared_at >= 0) {
		d->delimiter = (char) delimiter;
		d->reader.delimiter = &d->delimiter;
		d->reader.delimiter_len = 1;
	}
	if (r->inner_declared_at >= 0) {
		d->inner = (char) inner;
		d->reader.inner = &d->inner;
		d->reader.inner_len = 1;
	}
	if (delimiter < 0 || inner < 0 || delimiter == '\n' || inner == '\n' ||
	    (delimiter != 0 && delimiter == inner)) {
		(void) assemble_refuse(d->assemble, "delimiter", NULL, nothing, 1, 0,
		                       "the file does not declare a delimiter where the profile says");
		assemble_break(d->assemble);
		return -1;
	}
	return 0;
}

/* Takes off what every record of this file ends in; false when this one does not. */
static bool
cut_end(const struct delimited *d, struct slice *text)
{
	const struct columns_reader *r = &d->reader;
	bool ended = take_end(text, d->layout->delimited.record_end);

	if (d->layout->delimited.ends_with_delimiter && text->len >= r->delimiter_len &&
	    memcmp(text->data + text->len - r->delimiter_len, r->delimiter, r->delimiter_len) == 0)
		text->len -= (uint32_t) r->delimiter_len;
	return ended;
}

/* Are the bytes of an ASCII record, its delimiter and its quote what they mean? */
static bool
plain_rules(const struct delimited *d)
{
	const struct delimited_rule *r = &d->layout->delimited;

	return d->reader.delimiter_len == 1 && (r->escape == 0 || r->escape == r->quote) &&
	       (d->charset == NULL || charset_has_ascii(d->charset));
}

/* Nearly every record: ASCII, with quotes plainly around values or none.  One that goes on in the next line
 * is never like that: its last quote is open. */
static bool
split_at_once(struct delimited *d, const struct framed *record, struct slice *ret_text, bool *ret_ended)
{
	if (!d->plain || record->odd_newline || record->len == 0 ||
	    bytes_plain(record->bytes, record->len) != record->len)
		return false;
	*ret_text = (struct slice){record->bytes, record->len};
	*ret_ended = cut_end(d, ret_text);
	return split_quoted(*ret_text, *d->reader.delimiter, d->layout->delimited.quote, &d->columns);
}

static int
split_slowly(struct delimited *d, struct framed *record, struct slice *ret_text, bool *ret_ended)
{
	bool quoted;

	if (complete(d, record, &quoted) != 0 || decode(d, record, ret_text) != 0)
		return -1;
	*ret_ended = cut_end(d, ret_text);
	return split_record(d, record, *ret_text, quoted);
}

static int
one_record(struct delimited *d, struct framed *record, bool *header)
{
	struct slice text;
	bool ended;
	int type;

	if (!split_at_once(d, record, &text, &ended) && split_slowly(d, record, &text, &ended) != 0)
		return -1;
	if (d->layout->delimited.trim)
		trim_columns(&d->columns);
	if (*header) {
		struct row where = {.number = record->number, .offset = record->offset};

		*header = false;
		return columns_header(&d->reader, &d->columns, &where);
	}
	type = columns_type(&d->reader, &d->columns, text.len);
	if (type < 0)
		return assemble_refuse(d->assemble, "record_type", NULL, d->columns.at[0], record->number,
		                       record->offset, "a record of a type that the profile does not know");
	if (d->continues)
		return hold(d, record, (uint16_t) type, ended);
	return hand_over(d, record, (uint16_t) type, &d->columns, ended);
}

static int
read_all(struct delimited *d)
{
	struct framed record;
	bool header = d->layout->delimited.header;
	int rc;

	if (declared(d) != 0)
		return -1;
	d->plain = plain_rules(d);
	csv_start(d);
	while ((rc = framer_next(d->framer, &record)) == 1)
		if (one_record(d, &record, &header) != 0)
			return -1;
	if (rc == 0 && d->continues)
		rc = flush_held(d);
	if (rc == 0 && header && framer_records(d->framer) == 0)
		return 0; /* an empty file: assemble says so */
	return rc;
}

static int
delimited_new(struct delimited *d, const struct layout *layout, struct input *in, struct assemble *a)
{
	size_t most = layout->limits.columns;

	d->layout = layout;
	d->assemble = a;
	d->quote = layout->delimited.quote_in_file;
	d->ascii = strcmp(layout->encoding, "ASCII") == 0;
	d->size = (size_t) CHARSET_GROWTH * layout->limits.record_bytes + 16;
	if (!charset_is_utf8(assemble_charset(a)))
		d->charset = assemble_charset(a);
	for (uint16_t t = 0; t < layout->types; t++)
		d->continues |= layout->type[t].role == ROLE_CONTINUATION;
	d->framer = framer_new(layout, in, a);
	d->columns.at = calloc(most + 1, sizeof(*d->columns.at));
	d->columns.most = (uint32_t) most;
	d->held.columns.at = calloc(most + 1, sizeof(*d->columns.at));
	d->held.columns.most = (uint32_t) most;
	d->decoded = malloc(d->size);
	d->unquoted = malloc(d->size);
	d->held.text = d->continues ? malloc(d->size) : NULL;
	if (d->framer == NULL || d->columns.at == NULL || d->held.columns.at == NULL || d->decoded == NULL ||
	    d->unquoted == NULL || (d->continues && d->held.text == NULL))
		return -1;
	return columns_init(&d->reader, layout, a);
}

static int
delimited_parse(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes)
{
	struct delimited *d = calloc(1, sizeof(*d));
	int rc = -1;

	*ret_bytes = 0;
	if (d == NULL)
		return input_no_memory(in);
	if (delimited_new(d, layout, in, a) != 0)
		(void) input_no_memory(in);
	else {
		rc = read_all(d);
		*ret_bytes = framer_bytes(d->framer);
		assemble_count(a, framer_records(d->framer));
	}
	if (d->csv_ready)
		csv_free(&d->csv);
	columns_free(&d->reader);
	framer_free(d->framer);
	free(d->columns.at);
	free(d->held.columns.at);
	free(d->held.text);
	free(d->decoded);
	free(d->unquoted);
	free(d);
	return rc;
}

const struct format delimited_format = {.name = "delimited", .parse = delimited_parse};
