/*
 * From the columns of a record to a record type and its fields: shared by the
 * ways in which a delimited record may be cut.
 */
#ifndef HANDBACK_PARSERS_LINES_COLUMNS_H
#define HANDBACK_PARSERS_LINES_COLUMNS_H

#include "parsers/assemble/assemble.h"
#include "parsers/lines/split.h"

/* Nested records that one record holds. */
#define GROUPS 256
struct group {
	int16_t type;
	uint32_t column; /* its first one */
};

struct columns_reader {
	const struct layout *layout;
	struct assemble *assemble;
	const char *delimiter, *inner; /* of this file */
	size_t delimiter_len, inner_len;
	uint32_t header_columns; /* 0: the file has no header */
	int16_t **column;        /* of each type's fields: where its name was found, -1 nowhere */
	int16_t *named;          /* of the conditions that name one: the same */
	struct slice *value;     /* of the fields of one record */
	struct slice *spare;     /* the same, for groups that are only stepped over */
	uint16_t *taken;         /* which column each came from */
	struct group group[GROUPS];
	uint32_t groups;
};

/* 0, or -1 when memory is out. */
int columns_init(struct columns_reader *r, const struct layout *layout, struct assemble *a);
void columns_free(struct columns_reader *r);

/* The columns' names: finds each field's.  0, or -1 with the refusal reported. */
int columns_header(struct columns_reader *r, const struct columns *c, const struct row *where);

/* The record's type, -1 for none. */
int columns_type(struct columns_reader *r, const struct columns *c, uint32_t len);

/* Checks how many there are, finds the values, hands the row (all but type and value set) and the groups in
 * it to assemble. */
int columns_row(struct columns_reader *r, uint16_t type, const struct columns *c, struct row *row);

#endif
