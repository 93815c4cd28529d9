/* A hold, with everything that helps a person to decide. */
#include "lib/finance/output/memory.h"
#include "lib/finance/view/archive.h"
#include "lib/finance/view/file_tables.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column fact_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 0, 0, NULL},
    {"meaning", "That means", COLUMN_SENTENCE, 0, 0, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 0, 0, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"ended", "Ended (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"ended_by", "by", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"sequence", "Partner's number", COLUMN_NUMBER, 0, 0, NULL},
    {"business_date", "Partner's date", COLUMN_TEXT, 0, 0, NULL},
    {"release_of", "Was held as file", COLUMN_NUMBER, 0, 0, NULL},
    {"released_as", "Released as file", COLUMN_NUMBER, 0, 0, NULL},
    {"verdict", "Partner said", COLUMN_WORD, 0, 0, NULL},
    {"codes", "Reason codes", COLUMN_TEXT, 0, 0, NULL},
    {"stated_points", "Points stated", COLUMN_NUMBER, 0, 0, NULL},
    {"reference", "Reference named", COLUMN_TEXT, 0, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 0, 0, NULL},
    {"byte_offset", "First byte", COLUMN_NUMBER, 0, 0, NULL},
    {"byte_length", "Bytes", COLUMN_NUMBER, 0, 0, NULL},
    {"content", "which are", COLUMN_TEXT, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 0, NULL},
    {"external_reference", "External reference", COLUMN_TEXT, 0, 0, NULL},
    {"redemption_state", "It is", COLUMN_WORD, 0, 0, NULL},
    {"points", "Points taken", COLUMN_NUMBER, 0, 0, NULL},
    {"answered_points", "of which are answered", COLUMN_NUMBER, 0, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 0, 0, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 0, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 0, NULL},
    {"partner_reference", "Partner's reference", COLUMN_TEXT, 0, 0, NULL},
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"question", "Partner was asked", COLUMN_SENTENCE, 0, 0, NULL},
    {"archived_as", "Kept as", COLUMN_NAME, 0, 0, NULL},
    {"purged", "Purged by retention (UTC)", COLUMN_TIME, 0, 0, NULL},
};
#define FACTS ((int) (sizeof(fact_columns) / sizeof(fact_columns[0])))

static const struct column step_columns[] = {
    {"at", "At (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"who", "Who", COLUMN_TEXT, 8, 0, NULL},
    {"what", "What", COLUMN_WORD, 0, 0, NULL},
    {"proposal", "Proposal", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Comment", COLUMN_SENTENCE, 20, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 20, 1, NULL},
    {"rules_sha256", "Decision tables' SHA-256", COLUMN_NAME, 0, 9, NULL},
};

static const struct column sibling_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 3, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 4, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"verdict", "Partner said", COLUMN_WORD, 0, 0, NULL},
    {"stated_points", "Points stated", COLUMN_NUMBER, 0, 0, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 5, NULL},
};

static const struct column correction_columns[] = {
    {"relation", "Which", COLUMN_SENTENCE, 14, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 4, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"verdict", "Partner said", COLUMN_WORD, 0, 0, NULL},
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 10, 3, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 2, NULL},
    {"state", "It is", COLUMN_WORD, 0, 0, NULL},
    {"external_reference", "External reference", COLUMN_TEXT, 0, 5, NULL},
};

static const struct column candidate_columns[] = {
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 0, NULL},
    {"external_reference", "External reference", COLUMN_TEXT, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 8, 3, NULL},
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"state", "It is", COLUMN_WORD, 0, 0, NULL},
    {"speaks_for", "For it", COLUMN_SENTENCE, 16, 0, NULL},
    {"speaks_against", "Against it", COLUMN_SENTENCE, 16, 1, NULL},
};

/* The facts, with the record's bytes between byte_length and redemption_id; *ret_file is that of a file that
 * is on hold. */
static int
add_facts(const struct query *q, struct document *d, const char *hold, char **ret_file)
{
	const char *cells[FACTS];
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql_hold_facts, 1, &hold, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	if (pg_rows(r) == 0) {
		q->say("no hold %s (`handbackctl holds`)", hold);
		pg_result_free(r);
		return EXIT_USAGE;
	}
	struct table *t = document_add(d, "hold", NULL, TABLE_FACTS, fact_columns, FACTS);
	int content = table_column(t, "content"), kept = table_column(t, "archived_as") - 1;
	char *bytes = NULL;
	for (int i = 0; i < FACTS; i++) {
		int from = i > content ? i - 1 : i;
		cells[i] = i == content || pg_null(r, 0, from) ? NULL : pg_text(r, 0, from);
	}
	if (!pg_null(r, 0, kept) && !pg_null(r, 0, content - 1)) {
		bytes = archive_record(q->spool, pg_text(r, 0, kept), cells[kept + 2], pg_int(r, 0, content - 2),
		                       pg_int(r, 0, content - 1));
		cells[content] = bytes;
	}
	table_row(t, cells);
	if (cells[table_column(t, "record")] == NULL) {
		*ret_file = mem_text(cells[table_column(t, "file")]);
		if (strcmp(cells[table_column(t, "state")], "open") == 0)
			table_note(t,
			           mem_format("`handbackctl try --hold %s` shows what its release would do now", hold));
	}
	free(bytes);
	pg_result_free(r);
	return EXIT_CLEAN;
}

/* Why the file was held: the first of its refusals, and its totals, as when it was held. */
static int
add_file(const struct query *q, struct document *d, char *file)
{
	const char *const value = file;
	int code = query_fill(
	    q, document_add(d, "refusals", "Why it was held", TABLE_ROWS, COLUMNS(file_refusal_columns)),
	    sql_file_refusals, 1, &value);

	if (code == EXIT_CLEAN)
		code = query_fill(
		    q, document_add(d, "controls", "Control totals", TABLE_ROWS, COLUMNS(file_control_columns)),
		    sql_file_controls, 1, &value);
	/* what came again while it waited, and where else its bytes came */
	if (code == EXIT_CLEAN)
		code = query_fill(q,
		                  document_add(d, "same_bytes", "Other files with these bytes", TABLE_ROWS,
		                               file_same_bytes_columns, FILE_SAME_BYTES),
		                  sql_file_same_bytes, 1, &value);
	return code;
}

static int
fill_hold(const struct query *q, struct document *d, const char *hold)
{
	char *file = NULL;
	int code = add_facts(q, d, hold, &file);

	if (code == EXIT_CLEAN && file != NULL)
		code = add_file(q, d, file);
	free(file);
	if (code == EXIT_CLEAN)
		code = query_fill(q,
		                  document_add(d, "siblings", "Other open holds of this redemption", TABLE_ROWS,
		                               COLUMNS(sibling_columns)),
		                  sql_hold_siblings, 1, &hold);
	if (code == EXIT_CLEAN)
		code = query_fill(q,
		                  document_add(d, "corrections", "What it replaces, or is replaced by", TABLE_ROWS,
		                               COLUMNS(correction_columns)),
		                  sql_hold_corrections, 1, &hold);
	if (code == EXIT_CLEAN)
		code = query_fill(
		    q, document_add(d, "candidates", "What it could mean", TABLE_ROWS, COLUMNS(candidate_columns)),
		    sql_hold_candidates, 1, &hold);
	if (code == EXIT_CLEAN)
		code = query_fill(q, document_add(d, "steps", "What people did", TABLE_ROWS, COLUMNS(step_columns)),
		                  sql_hold_steps, 1, &hold);
	return code;
}

int
view_hold(const struct query *q, const char *hold, struct document **ret)
{
	struct document *d = document_new("hold", NULL);

	return query_end(d, fill_hold(q, d, hold), ret);
}
