/* The whole story of one redemption or one record, as a timeline. */
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/archive.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column event_columns[] = {
    {"at", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"what", "What", COLUMN_TEXT, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 0, NULL},
    {"reversal_id", "Reversal", COLUMN_NUMBER, 0, 0, NULL},
    {"reference", "Reference", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"amount", "Amount (minor units)", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 0, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 0, 0, NULL},
    {"transaction_type", "Transaction type", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 0, NULL},
    {"partner_reference", "Partner's reference", COLUMN_TEXT, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "File's name", COLUMN_NAME, 0, 0, NULL},
    {"profile", "Profile", COLUMN_TEXT, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"byte_offset", "First byte", COLUMN_NUMBER, 0, 0, NULL},
    {"byte_length", "Bytes", COLUMN_NUMBER, 0, 0, NULL},
    {"content", "Which are", COLUMN_TEXT, 0, 0, NULL},
    {"verdict", "Partner said", COLUMN_WORD, 0, 0, NULL},
    {"codes", "Reason codes", COLUMN_TEXT, 0, 0, NULL},
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 0, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 0, 0, NULL},
    {"by", "By", COLUMN_TEXT, 0, 0, NULL},
    {"file_sha256", "File's SHA-256", COLUMN_TEXT, 0, 0, NULL},
    {"archived_as", "Kept as", COLUMN_NAME, 0, 0, NULL},
    {"purged", "Purged by retention (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"leaf_hash", "Leaf", COLUMN_TEXT, 0, 0, NULL},
    {"head_hash", "Hash of the head", COLUMN_TEXT, 0, 0, NULL},
};
#define EVENT_COLUMNS ((int) (sizeof(event_columns) / sizeof(event_columns[0])))

static const struct column candidate_columns[] = {
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 0, NULL},
    {"how", "Found by", COLUMN_TEXT, 0, 0, NULL},
    {"external_reference", "External reference", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 3, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 2, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redeemed_at", "Redeemed (UTC)", COLUMN_TIME, 0, 1, NULL},
};

/* What the story is of: a redemption, or a record of a file. */
struct subject {
	char *redemption, *file, *record;
};

/* "12:345" */
static bool
names_record(const char *text, struct subject *ret)
{
	const char *colon = strchr(text, ':');
	int64_t number;

	if (colon == NULL)
		return false;
	char *file = mem_part(text, (size_t) (colon - text));
	if (!text_int(file, 1, INT64_MAX, &number) || !text_int(colon + 1, 1, INT64_MAX, &number)) {
		free(file);
		return false;
	}
	ret->file = file;
	ret->record = mem_text(colon + 1);
	return true;
}

/* A record that is about a redemption is shown with all of that redemption's story. */
static int
find_record(const struct query *q, struct subject *subject)
{
	const char *values[] = {subject->file, subject->record};
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql_explain_record, 2, values, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	int code = EXIT_CLEAN;
	if (pg_rows(r) == 0) {
		q->say("file %s has no record %s", subject->file, subject->record);
		code = EXIT_USAGE;
	} else if (!pg_null_of(r, 0, "redemption_id"))
		subject->redemption = mem_text(pg_text_of(r, 0, "redemption_id"));
	pg_result_free(r);
	return code;
}

static int
candidates(const struct query *q, const char *reference, const char *const *values, struct document **ret)
{
	struct document *d = document_new("candidates", NULL);
	struct table *t = document_add(d, "candidates", NULL, TABLE_ROWS, COLUMNS(candidate_columns));
	int code = query_end(d, query_fill(q, t, sql_explain_find, 3, values), ret);

	q->say("%s fits several redemptions: take one by its external reference", reference);
	return code == EXIT_CLEAN ? EXIT_USAGE : code;
}

static int
find(const struct query *q, const char *reference, struct subject *ret, struct document **ret_candidates)
{
	int64_t number;
	const char *values[] = {reference, text_is_uuid(reference) ? reference : NULL,
	                        text_int(reference, 1, INT64_MAX, &number) ? reference : NULL};
	struct pg_result *r = NULL;

	if (names_record(reference, ret))
		return find_record(q, ret);
	enum pg_status status = pg_run(q->pg, sql_explain_find, 3, values, &r);
	if (status != PG_OK)
		return query_failed(q, status);
	int rows = pg_rows(r);
	if (rows == 1)
		ret->redemption = mem_text(pg_text_of(r, 0, "redemption_id"));
	pg_result_free(r);
	if (rows > 1)
		return candidates(q, reference, values, ret_candidates);
	if (rows == 0) {
		q->say("%s: no redemption has this reference; a record is named FILE:RECORD (`handbackctl show FILE "
		       "--records`), a points request that took nothing yet is shown by `handbackctl points show`",
		       reference);
		return EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

/* One event, with the bytes of its record between byte_length and verdict. */
static void
add_event(struct table *t, const struct pg_result *r, int row, int spool)
{
	const char *cells[EVENT_COLUMNS];
	int content = table_column(t, "content"), kept = table_column(t, "archived_as") - 1;
	char *bytes = NULL;

	for (int i = 0; i < EVENT_COLUMNS; i++) {
		int from = i > content ? i - 1 : i;
		cells[i] = i == content || pg_null(r, row, from) ? NULL : pg_text(r, row, from);
	}
	if (!pg_null(r, row, kept)) {
		bytes = archive_record(spool, pg_text(r, row, kept), cells[kept + 2], pg_int(r, row, content - 2),
		                       pg_int(r, row, content - 1));
		cells[content] = bytes;
	}
	table_row(t, cells);
	free(bytes);
}

static int
gather(const struct query *q, const struct subject *subject, struct document **ret)
{
	const char *values[] = {subject->redemption, subject->file, subject->record};
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql_explain_events, 3, values, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	struct document *d = document_new("story", NULL);
	struct table *t = document_add(d, "events", NULL, TABLE_TIMELINE, event_columns, EVENT_COLUMNS);
	for (int row = 0; row < pg_rows(r); row++)
		add_event(t, r, row, q->spool);
	pg_result_free(r);
	return query_end(d, EXIT_CLEAN, ret);
}

int
view_story(const struct query *q, const char *reference, struct document **ret)
{
	struct subject subject = {NULL, NULL, NULL};
	int code;

	*ret = NULL;
	code = find(q, reference, &subject, ret);
	if (code == EXIT_CLEAN)
		code = gather(q, &subject, ret);
	free(subject.redemption);
	free(subject.file);
	free(subject.record);
	return code;
}
