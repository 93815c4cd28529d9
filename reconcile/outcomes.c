#include "reconcile/outcomes.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/leaf_row.h"
#include "reconcile/pg_copy.h"
#include "reconcile_sql.h"

/* What becomes of each row, and of each chunk of them. */
struct sink {
	enum pg_status (*chunk)(struct sink *sink, const struct pg_result *rows);
	struct pg *pg;
	int64_t file_id;
	bool large; /* taken in the order of an index, piece by piece */
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct merkle *tree;
	struct leaf_writer writer;
	uint64_t written;
	void (*show)(void *context, const struct leaf *leaf);
	void *context;
};

static void
put_text(struct pg_copy *copy, struct leaf_text text)
{
	if (text.len > 0)
		pg_copy_put_bytes(copy, text.data, text.len);
	else
		pg_copy_put_null(copy);
}

static void
put_id(struct pg_copy *copy, bool has, int64_t id)
{
	if (has)
		pg_copy_put_int64(copy, id);
	else
		pg_copy_put_null(copy);
}

static void
put_outcome(struct pg_copy *copy, int64_t file_id, const struct leaf *leaf, const uint8_t hash[SHA256_BYTES])
{
	pg_copy_row_begin(copy, 17);
	pg_copy_put_int64(copy, file_id);
	pg_copy_put_int64(copy, leaf->record_no);
	pg_copy_put_int16(copy, (int16_t) leaf->revision);
	pg_copy_put_int16(copy, (int16_t) leaf->verdict);
	pg_copy_put_int16(copy, (int16_t) leaf->outcome);
	pg_copy_put_int32(copy, (int32_t) leaf->byte_length);
	pg_copy_put_int64(copy, leaf->byte_offset);
	put_id(copy, leaf->has_redemption, leaf->redemption.id);
	put_id(copy, leaf->has_reversal, leaf->reversal.id);
	put_id(copy, leaf->has_points, leaf->points);
	put_text(copy, leaf->hold_reason);
	put_text(copy, leaf->reference);
	put_text(copy, leaf->reasons);
	put_text(copy, leaf->detail);
	pg_copy_put_time(copy, leaf->decided_at);
	pg_copy_put_null(copy); /* act_id: no person has decided anything yet */
	pg_copy_put_bytes(copy, hash, SHA256_BYTES);
}

static enum pg_status
write_chunk(struct sink *sink, const struct pg_result *rows)
{
	struct pg_copy *copy;
	enum pg_status status = pg_copy_begin(sink->pg, sql_outcome_copy, &copy);

	if (status != PG_OK)
		return status;
	for (int i = 0; i < pg_rows(rows); i++) {
		uint8_t hash[SHA256_BYTES];
		struct leaf leaf;

		leaf_from_row(rows, i, sink->sha256, &leaf);
		if (!leaf_write(&sink->writer, &leaf)) {
			pg_copy_abort(copy);
			return PG_LOST; /* no memory: as good as no database */
		}
		merkle_leaf_hash(sink->tree, sink->writer.text, sink->writer.len, hash);
		merkle_add(sink->tree, hash);
		put_outcome(copy, sink->file_id, &leaf, hash);
	}
	sink->written += (uint64_t) pg_rows(rows);
	return pg_copy_end(copy);
}

static enum pg_status
show_chunk(struct sink *sink, const struct pg_result *rows)
{
	for (int i = 0; i < pg_rows(rows); i++) {
		struct leaf leaf;

		leaf_from_row(rows, i, sink->sha256, &leaf);
		sink->show(sink->context, &leaf);
	}
	return PG_OK;
}

static enum pg_status
all_at_once(struct sink *sink)
{
	struct pg_result *rows;
	enum pg_status status = pg_fetch_prepared(sink->pg, sql_decided_whole, 0, NULL, &rows);

	if (status != PG_OK)
		return status;
	status = sink->chunk(sink, rows);
	pg_result_free(rows);
	return status;
}

/* Of a large file in the order of an index, which is faster than to sort. */
static enum pg_status
open_cursor(struct sink *sink)
{
	const char *off = "off", *on = "on";
	enum pg_status status = PG_OK;

	if (sink->large)
		status = pg_run(sink->pg, sql_decided_order, 0, NULL, NULL);
	if (status == PG_OK && sink->large)
		status = pg_run(sink->pg, sql_decided_sort, 1, &off, NULL);
	if (status == PG_OK)
		status = pg_run(sink->pg, sql_decided_cursor, 0, NULL, NULL);
	if (status == PG_OK && sink->large)
		status = pg_run(sink->pg, sql_decided_sort, 1, &on, NULL);
	return status;
}

static enum pg_status
each_chunk(struct sink *sink)
{
	struct pg_result *rows;
	enum pg_status status = open_cursor(sink);
	bool more = true;

	while (status == PG_OK && more) {
		status = pg_fetch_prepared(sink->pg, sql_decided_fetch, 0, NULL, &rows);
		if (status != PG_OK)
			return status;
		more = pg_rows(rows) > 0;
		if (more)
			status = sink->chunk(sink, rows);
		pg_result_free(rows);
	}
	if (status == PG_OK)
		status = pg_run_prepared(sink->pg, sql_decided_close, 0, NULL, NULL);
	if (status == PG_OK && sink->large)
		status = pg_run(sink->pg, sql_decided_unorder, 0, NULL, NULL);
	return status;
}

enum pg_status
outcomes_write(struct pg *pg, int64_t file_id, const uint8_t sha256[SHA256_BYTES], bool large,
               struct merkle *tree, uint64_t *ret_written)
{
	struct sink sink = {.chunk = write_chunk, .pg = pg, .file_id = file_id, .large = large, .tree = tree};
	enum pg_status status;

	text_hex(sink.sha256, sha256, SHA256_BYTES);
	leaf_writer_open(&sink.writer);
	status = large ? each_chunk(&sink) : all_at_once(&sink);
	leaf_writer_close(&sink.writer);
	if (status == PG_OK)
		*ret_written = sink.written;
	return status;
}

enum pg_status
outcomes_show(struct pg *pg, const uint8_t sha256[SHA256_BYTES],
              void (*show)(void *context, const struct leaf *leaf), void *context)
{
	struct sink sink = {.chunk = show_chunk, .pg = pg, .show = show, .context = context};

	text_hex(sink.sha256, sha256, SHA256_BYTES);
	return each_chunk(&sink);
}
