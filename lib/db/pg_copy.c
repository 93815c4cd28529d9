#include "lib/db/pg_copy.h"

#include <stdlib.h>

#include "lib/db/pg_state.h"

#define COPY_BUFFER (256 << 10)

/* PGCOPY\n\377\r\n\0, no flags, no header extension */
static const uint8_t copy_header[19] = "PGCOPY\n\377\r\n";

/* ---- in ---- */

enum pg_status
pg_copy_begin(struct pg *pg, const char *sql, struct pg_copy **ret_copy)
{
	struct pg_copy *copy = calloc(1, sizeof(*copy));
	enum pg_status status;

	if (copy == NULL || (copy->buf = malloc(COPY_BUFFER)) == NULL) {
		free(copy);
		pg_keep_why(pg, "", "out of memory");
		return PG_LOST;
	}
	status = pg_copy_in_start(pg, sql);
	if (status != PG_OK) {
		free(copy->buf);
		free(copy);
		return status;
	}
	copy->pg = pg;
	copy->size = COPY_BUFFER;
	memcpy(copy->buf, copy_header, sizeof(copy_header));
	copy->len = sizeof(copy_header);
	*ret_copy = copy;
	return PG_OK;
}

void
pg_copy_make_room(struct pg_copy *copy, size_t need)
{
	if (copy->status == PG_OK && copy->len > 0)
		copy->status = pg_copy_in_send(copy->pg, copy->buf, copy->len);
	copy->len = 0; /* after a failure what follows goes nowhere, but has its room */
	if (need > copy->size) {
		uint8_t *bigger = realloc(copy->buf, need);

		if (bigger != NULL) {
			copy->buf = bigger;
			copy->size = need;
		} else if (copy->status == PG_OK) {
			pg_keep_why(copy->pg, "", "out of memory");
			copy->status = PG_LOST;
		}
	}
}

void
pg_copy_put_bytes(struct pg_copy *copy, const void *data, size_t len)
{
	/* the row's later columns keep the room that pg_copy_row_begin made for them */
	if (copy->size - copy->len < 4 + len + PG_COPY_ROOM) {
		pg_copy_make_room(copy, 4 + len + PG_COPY_ROOM);
		if (copy->size < 4 + len + PG_COPY_ROOM)
			return;
	}
	pg_copy_raw32(copy, (uint32_t) len);
	if (len > 0)
		memcpy(copy->buf + copy->len, data, len);
	copy->len += len;
}

static void
copy_free(struct pg_copy *copy)
{
	free(copy->buf);
	free(copy);
}

enum pg_status
pg_copy_end(struct pg_copy *copy)
{
	enum pg_status status;
	uint64_t taken = 0;

	if (copy->size - copy->len < PG_COPY_ROOM)
		pg_copy_make_room(copy, PG_COPY_ROOM);
	pg_copy_raw16(copy, UINT16_MAX); /* the trailer: a row of -1 columns */
	pg_copy_make_room(copy, 0);
	status = copy->status;
	if (status != PG_OK) {
		pg_copy_abort(copy);
		return status;
	}
	status = pg_copy_in_finish(copy->pg, NULL, &taken);
	if (status == PG_OK && taken != copy->rows) {
		pg_keep_why(copy->pg, "", "COPY took another number of rows than it was given");
		status = PG_ERROR;
	}
	copy_free(copy);
	return status;
}

void
pg_copy_abort(struct pg_copy *copy)
{
	char why[PG_WHY_BYTES];

	if (copy == NULL)
		return;
	/* the first cause, rather than the answer to our giving up */
	memcpy(why, copy->pg->why, sizeof(why));
	pg_copy_in_finish(copy->pg, "given up by the client", NULL);
	if (copy->status != PG_OK)
		memcpy(copy->pg->why, why, sizeof(why));
	copy_free(copy);
}

/* ---- out ---- */

enum pg_status
pg_read_begin(struct pg *pg, const char *sql, struct pg_reader **ret_reader)
{
	struct pg_reader *r = calloc(1, sizeof(*r));
	enum pg_status status;

	if (r == NULL) {
		pg_keep_why(pg, "", "out of memory");
		return PG_LOST;
	}
	status = pg_copy_out_start(pg, sql);
	if (status != PG_OK) {
		free(r);
		return status;
	}
	r->pg = pg;
	*ret_reader = r;
	return PG_OK;
}

static uint32_t
take(struct pg_reader *r, size_t bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | *r->at++;
	return v;
}

static bool
broken(struct pg_reader *r)
{
	pg_keep_why(r->pg, "", "the server's binary COPY data cannot be read");
	r->status = PG_ERROR;
	return false;
}

bool
pg_read_row(struct pg_reader *r)
{
	size_t len = 0;
	uint32_t columns;

	if (r->status != PG_OK || r->columns < 0)
		return false;
	pg_copy_out_free(r->row);
	r->row = NULL;
	r->status = pg_copy_out_next(r->pg, &r->row, &len);
	r->at = (const uint8_t *) r->row;
	if (r->status != PG_OK || r->row == NULL) {
		r->begun = true;
		r->columns = -1;
		return false;
	}
	r->end = r->at + len;
	if (!r->begun) {
		/* the header comes with the first row, or with the trailer */
		r->begun = true;
		if (len < sizeof(copy_header) + 2 || memcmp(r->at, copy_header, sizeof(copy_header)) != 0)
			return broken(r);
		r->at += sizeof(copy_header);
	}
	if (r->end - r->at < 2)
		return broken(r);
	columns = take(r, 2);
	if (columns == UINT16_MAX) /* the trailer; the end of the data follows */
		return pg_read_row(r);
	r->columns = (int) columns;
	return true;
}

const uint8_t *
pg_read_bytes(struct pg_reader *r, size_t *ret_len)
{
	const uint8_t *p;
	uint32_t len;

	*ret_len = 0;
	if (r->status != PG_OK || r->columns <= 0 || r->end - r->at < 4) {
		broken(r);
		return NULL;
	}
	r->columns--;
	len = take(r, 4);
	if (len == UINT32_MAX)
		return NULL;
	if (len > (size_t) (r->end - r->at)) {
		broken(r);
		return NULL;
	}
	p = r->at;
	r->at += len;
	*ret_len = len;
	return p;
}

enum pg_status
pg_read_end(struct pg_reader *r)
{
	enum pg_status status;

	if (r == NULL)
		return PG_OK;
	status = r->status;
	if (r->columns >= 0 || status == PG_ERROR) {
		char why[PG_WHY_BYTES];

		memcpy(why, r->pg->why, sizeof(why));
		pg_copy_out_stop(r->pg);
		if (status != PG_OK)
			memcpy(r->pg->why, why, sizeof(why));
	}
	pg_copy_out_free(r->row);
	free(r);
	return status;
}
