/*
 * Rows by binary COPY: millions of them, one buffer, no allocation for a row.
 *
 * In, with COPY ... FROM STDIN (FORMAT binary):
 *
 *     struct pg_copy *copy;
 *     pg_copy_begin(pg, sql, &copy);
 *     for (...) { pg_copy_row_begin(copy, 2); pg_copy_put_int64(copy, n); pg_copy_put_null(copy); }
 *     status = pg_copy_end(copy);
 *
 * The put calls cannot fail: what went wrong is kept and comes back from
 * pg_copy_end.  Each must match its column's type exactly (int2, int4, int8).
 *
 * Out, with COPY ... TO STDOUT (FORMAT binary): pg_read_begin, pg_read_row
 * until it says 0, the columns of each row in order, pg_read_end.
 *
 * While a COPY is open the connection takes nothing else.
 */
#ifndef HANDBACK_DB_PG_COPY_H
#define HANDBACK_DB_PG_COPY_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/db/pg.h"

#define PG_COPY_COLUMNS 64                      /* at most in one row */
#define PG_COPY_ROOM (2 + PG_COPY_COLUMNS * 20) /* a row of the widest fixed columns (uuid) */

#define PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 in µs since 1970 */
#define PG_EPOCH_DAYS 10957

/* Fields are this header's; len + PG_COPY_ROOM <= size holds between two calls. */
struct pg_copy {
	uint8_t *buf;
	size_t len, size;
	uint64_t rows;
	struct pg *pg;
	enum pg_status status;
};

enum pg_status pg_copy_begin(struct pg *pg, const char *sql, struct pg_copy **ret_copy);
/* Send the rest and end the statement; frees copy.  PG_OK only when the server took as many rows as we put.
 */
enum pg_status pg_copy_end(struct pg_copy *copy);
/* End the statement with an error, so that its transaction fails; frees copy.  NULL is fine. */
void pg_copy_abort(struct pg_copy *copy);
/* Used by the calls below: send what is there and have room for another need bytes. */
void pg_copy_make_room(struct pg_copy *copy, size_t need);
/* text, bytea */
void pg_copy_put_bytes(struct pg_copy *copy, const void *data, size_t len);

static inline void
pg_copy_raw16(struct pg_copy *copy, uint16_t v)
{
	v = htobe16(v);
	memcpy(copy->buf + copy->len, &v, sizeof(v));
	copy->len += sizeof(v);
}

static inline void
pg_copy_raw32(struct pg_copy *copy, uint32_t v)
{
	v = htobe32(v);
	memcpy(copy->buf + copy->len, &v, sizeof(v));
	copy->len += sizeof(v);
}

/* columns at most PG_COPY_COLUMNS */
static inline void
pg_copy_row_begin(struct pg_copy *copy, uint16_t columns)
{
	if (copy->size - copy->len < PG_COPY_ROOM)
		pg_copy_make_room(copy, PG_COPY_ROOM);
	pg_copy_raw16(copy, columns);
	copy->rows++;
}

static inline void
pg_copy_put_null(struct pg_copy *copy)
{
	pg_copy_raw32(copy, UINT32_MAX);
}

static inline void
pg_copy_put_bool(struct pg_copy *copy, bool v)
{
	pg_copy_raw32(copy, 1);
	copy->buf[copy->len++] = v;
}

static inline void
pg_copy_put_int16(struct pg_copy *copy, int16_t v)
{
	pg_copy_raw32(copy, 2);
	pg_copy_raw16(copy, (uint16_t) v);
}

static inline void
pg_copy_put_int32(struct pg_copy *copy, int32_t v)
{
	pg_copy_raw32(copy, 4);
	pg_copy_raw32(copy, (uint32_t) v);
}

static inline void
pg_copy_put_int64(struct pg_copy *copy, int64_t v)
{
	uint64_t be = htobe64((uint64_t) v);

	pg_copy_raw32(copy, 8);
	memcpy(copy->buf + copy->len, &be, sizeof(be));
	copy->len += sizeof(be);
}

static inline void
pg_copy_put_uuid(struct pg_copy *copy, const uint8_t uuid[16])
{
	pg_copy_raw32(copy, 16);
	memcpy(copy->buf + copy->len, uuid, 16);
	copy->len += 16;
}

/* µs since 1970 UTC, after year -290000 and before 290000 */
static inline void
pg_copy_put_time(struct pg_copy *copy, int64_t us)
{
	pg_copy_put_int64(copy, us - PG_EPOCH_US);
}

/* days since 1970-01-01 */
static inline void
pg_copy_put_date(struct pg_copy *copy, int32_t days)
{
	pg_copy_put_int32(copy, days - PG_EPOCH_DAYS);
}

static inline void
pg_copy_put_optional(struct pg_copy *copy, bool has, int64_t v)
{
	if (has)
		pg_copy_put_int64(copy, v);
	else
		pg_copy_put_null(copy);
}

/* NULL where it is empty */
static inline void
pg_copy_put_text(struct pg_copy *copy, const char *data, size_t len)
{
	if (len > 0)
		pg_copy_put_bytes(copy, data, len);
	else
		pg_copy_put_null(copy);
}

/* One row that came out; fields are this header's. */
struct pg_reader {
	const uint8_t *at, *end;
	int columns; /* of the row */
	struct pg *pg;
	char *row;
	bool begun;
	enum pg_status status;
};

enum pg_status pg_read_begin(struct pg *pg, const char *sql, struct pg_reader **ret_reader);
/* True while there is a row; after false pg_read_end says whether all came. */
bool pg_read_row(struct pg_reader *r);
/* Frees r.  Before the last row it breaks the statement off (the transaction fails); NULL is fine. */
enum pg_status pg_read_end(struct pg_reader *r);

/* The next column.  NULL and *ret_len 0 for SQL NULL; lives until the next pg_read_row. */
const uint8_t *pg_read_bytes(struct pg_reader *r, size_t *ret_len);

/* int2, int4 or int8; fallback for NULL. */
static inline int64_t
pg_read_int(struct pg_reader *r, int64_t fallback)
{
	size_t len;
	const uint8_t *p = pg_read_bytes(r, &len);
	uint64_t v = 0;

	if (p == NULL || len == 0)
		return fallback;
	for (size_t i = 0; i < len && i < 8; i++)
		v = v << 8 | p[i];
	return len == 2 ? (int16_t) v : len == 4 ? (int32_t) v : (int64_t) v;
}

/* timestamptz in µs since 1970 UTC; fallback for NULL. */
static inline int64_t
pg_read_time(struct pg_reader *r, int64_t fallback)
{
	int64_t v = pg_read_int(r, INT64_MIN);

	return v == INT64_MIN ? fallback : v + PG_EPOCH_US;
}

#endif
