/*
 * What is guessed of a sample, step by step: its bytes, its records, their
 * types and cells, what each column holds, what the totals say.  Each step
 * fills in its part of one struct guess and reads only what is above it; the
 * last one writes a profile.  Nothing is freed: the process ends with its one
 * sample.
 *
 * A guess is never shown without what it rests on, and what the sample cannot
 * tell is left to a person in so many words.
 */
#ifndef HANDBACK_PARSERS_INFER_INFER_INTERNAL_H
#define HANDBACK_PARSERS_INFER_INFER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/protocol/record.h"

enum {
	SAMPLE_BYTES = 8 << 20, /* looked at; of a longer file, its beginning */
	SAMPLE_RECORDS = 50000,
	SAMPLE_CELLS = 1 << 20,
	SAMPLE_TYPES = 16, /* record types that are kept apart */
	SAMPLE_COLUMNS = LIMIT_COLUMNS,
	SAMPLE_NAME_BYTES = 48,
	SAMPLE_WORDS = 12, /* a column of more different words is no set of words */
	SAMPLE_NODES = 2000,
	SAMPLE_CONTROLS = 16,
};

enum family { FAMILY_DELIMITED, FAMILY_FIXED, FAMILY_XML, FAMILY_JSON, FAMILY_JSON_LINES };

enum holds { HOLDS_NOTHING, HOLDS_UUID, HOLDS_DATE, HOLDS_INTEGER, HOLDS_DECIMAL, HOLDS_ID, HOLDS_TEXT };

struct shape_word {
	struct slice text;
	uint32_t times;
};

struct column {
	char name[SAMPLE_NAME_BYTES]; /* of the field */
	struct slice heading;         /* as the partner calls it; empty when it does not */
	uint32_t from, to;            /* fixed width: positions from 1 */
	bool many;                    /* nested: came more than once in a record */
	enum holds holds;
	uint32_t filled, different; /* of the rows; different is counted up to the sample's bound */
	uint32_t shortest, longest; /* bytes */
	bool digits;                /* nothing else, in any cell */
	bool negative, zeros;       /* a '-' before some number; some number with zeros before it */
	char point, thousands;      /* 0: none */
	bool either;                /* point or thousands: nothing in the sample tells */
	uint16_t ways, ways_seen;   /* marks.c: in which its cells can be read, and which of them had all marks */
	uint8_t way;                /* that was chosen */
	uint8_t decimals_least, decimals_most;
	const char *date, *other_date; /* the pattern that fits every value, and another that does, too */
	struct shape_word word[SAMPLE_WORDS];
	uint32_t words; /* 0: too many to be a set */
	bool runs;      /* each is one more than the one before it */
	int64_t first;
	bool sum_known; /* of integers */
	int64_t sum;
};

enum sample_role { SAMPLE_HEADER, SAMPLE_ENTRY, SAMPLE_OTHER, SAMPLE_TRAILER };

struct sample_type {
	enum sample_role role;
	char name[SAMPLE_NAME_BYTES];
	char mark[16];    /* what stands first in each of its records; "" when nothing tells it from others */
	const char *path; /* nested */
	uint32_t rows, columns;
	uint32_t first_row; /* the physical record, from 0, that is its first one */
	struct slice *cell; /* rows x columns; no data: absent */
	struct column *column;
};

struct guess {
	const char *file_name;
	size_t file_name_len;
	int64_t file_bytes;

	/* sample.c */
	const char *bytes; /* in UTF-8 where the encoding is known */
	size_t len;
	bool whole;  /* bytes are all of the file */
	bool marked; /* a byte-order mark was taken off */
	const char *encoding, *encoding_why;

	/* records.c */
	const char *framing; /* the YAML of the key, NULL for nested formats */
	const char *framing_why;
	struct slice *record;
	uint32_t records;

	/* cells.c, nested.c */
	enum family family;
	char family_why[160];
	const char *delimiter;        /* NULL: fixed width */
	char quote;                   /* 0: none seen */
	uint32_t mark_from, mark_len; /* fixed width: where a record's type stands */
	bool headings;
	uint32_t length;  /* fixed width: of every record; 0: not the same */
	uint32_t fillers; /* fixed width: records of one character at the end, left out of the types */
	char *name_space; /* XML, of the root; NULL none */
	struct sample_type type[SAMPLE_TYPES];
	uint32_t types;

	/* totals.c */
	char control[SAMPLE_CONTROLS][200];
	uint32_t controls;
};

/* guess.c: everything but the writing.  NULL, or why nothing can be proposed (static text). */
const char *guess_sample(struct guess *g, int fd);

/* buffer.c: memory, zeroed; ends the process when there is none. */
void *sample_buffer(size_t count, size_t size);
void sample_free(void *newest); /* but for this, of a step that is taken again and again */

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){text, (uint32_t) strlen(text)};
}

/* sample.c: reads from fd.  NULL, or why nothing can be said of it (static text). */
const char *sample_read(struct guess *g, int fd);
void sample_prepare(void); /* before the lock-down: opens encodings */

/* records.c: cuts lines, fixed lengths or prefixed records. */
const char *guess_records(struct guess *g);

/* cells.c: cells of a line-based sample. */
const char *guess_cells(struct guess *g);
/* Cells of a record into at[SAMPLE_COLUMNS]; quotes around a value are taken off. */
uint32_t split_cells(struct slice record, const char *delimiter, struct slice *at, bool *ret_quoted);

/* types.c: the types of its records from `from` on, with roles; type_of[record] says which. */
void guess_types(struct guess *g, uint32_t from, int *type_of);
uint32_t columns_of_record(const struct guess *g, uint32_t i); /* fixed width: 1 */

/* nested.c: is it XML or JSON, and if so its cells. */
bool nested_looks_so(const struct guess *g);
const char *guess_nested(struct guess *g);

/* column.c: what each column holds. */
void column_prepare(void); /* before the lock-down: compiles date patterns */
void guess_columns(struct sample_type *t);

/*
 * marks.c: the marks of numbers.  marks_look for each filled cell, before filled counts it; then for each
 * column of the type marks_settle, false when it holds no numbers (is_points: nothing but whole numbers can
 * be meant), and marks_add for each cell again.
 */
void marks_look(struct column *c, struct slice cell);
bool marks_settle(const struct sample_type *t, struct column *c, bool is_points);
void marks_add(struct column *c, struct slice cell, bool first);

/* positions.c: fixed width.  type_of[record] from record `from` on; fills column[SAMPLE_COLUMNS], returns how
 * many. A cell without the blanks around it. */
uint32_t guess_positions(const struct guess *g, const int *type_of, int t, uint32_t from,
                         struct column *column);
struct slice position_cell(struct slice record, const struct column *c);

/* naming.c: each column's field. */
void name_columns(struct sample_type *t);
bool named_as_points(const struct column *c); /* its heading says so */
/* The column of a type that fills in one of our fields; NULL none. */
struct column *column_named(struct sample_type *t, const char *name);

/* totals.c: which numbers of headers and trailers are counts or sums of the entries. */
void guess_totals(struct guess *g);

/* write_text.c: texts of the sample, escaped, good until four calls later; a line with the reason for it beside it. */
const char *write_quoted(struct slice s);
const char *write_yaml(struct slice s);
void write_line(const char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* write_rules.c */
void write_verdict(const struct column *status);
void write_controls(const struct guess *g);
void write_match(struct sample_type *answer);
void write_check(struct sample_type *answer);

/* write.c: the profile, ASCII, on stdout.  0, or -1 when it cannot be written. */
int guess_write(const struct guess *g);

#endif
