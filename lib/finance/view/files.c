/* What was delivered and what became of it. */
#include "lib/finance/output/memory.h"
#include "lib/finance/view/file_tables.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column file_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 3, NULL},
    {"name", "Name", COLUMN_NAME, 16, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Why", COLUMN_TEXT, 10, 5, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 2, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 1, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 1, NULL},
    {"bytes", "Bytes", COLUMN_NUMBER, 0, 8, NULL},
    {"source", "Source", COLUMN_TEXT, 6, 9, NULL},
    {"sequence", "Sequence", COLUMN_NUMBER, 0, 10, NULL},
    {"business_date", "Date", COLUMN_TEXT, 0, 10, NULL},
    {"duplicate_of", "Repeats", COLUMN_NUMBER, 0, 7, NULL},
    {"release_of", "Was held as", COLUMN_NUMBER, 0, 7, NULL},
    {"right_version", "Posted since as", COLUMN_NUMBER, 0, 7, NULL},
    {"sha256", "SHA-256", COLUMN_TEXT, 12, FOR_MACHINES, NULL},
    {"archived_as", "Kept as", COLUMN_NAME, 20, FOR_MACHINES, NULL},
};

int
view_files(const struct query *q, const struct files_asked *asked, struct document **ret)
{
	struct document *d = document_new("files", NULL);
	struct table *t = document_add(d, "files", NULL, TABLE_ROWS, COLUMNS(file_columns));
	const char *values[] = {asked->partner, asked->state, text_or_null(asked->period.from),
	                        text_or_null(asked->period.to), q->limit};
	int code;

	table_empty(t, "no files");
	code = query_fill(q, t, sql_file_list, 5, values);
	if (query_is_cut(q, t))
		query_note_cut(q, t, "the newest", "--all shows every file");
	return query_end(d, code, ret);
}

static const struct column fact_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"source", "Source", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Held for", COLUMN_TEXT, 0, 0, NULL},
    {"meaning", "That means", COLUMN_SENTENCE, 0, 0, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 0, 0, NULL},
    {"closed", "Closed by two people (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"duplicate_of", "Duplicate of file", COLUMN_NUMBER, 0, 0, NULL},
    {"again_of", "Closed before as file", COLUMN_NUMBER, 0, 0, NULL},
    {"release_of", "Was held as file", COLUMN_NUMBER, 0, 0, NULL},
    {"released_as", "Released as file", COLUMN_NUMBER, 0, 0, NULL},
    {"right_version", "Right version posted since as file", COLUMN_NUMBER, 0, 0, NULL},
    {"in_place_of", "Right version of file on hold", COLUMN_TEXT, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"bytes", "Bytes", COLUMN_NUMBER, 0, 0, NULL},
    {"sha256", "SHA-256", COLUMN_TEXT, 0, 0, NULL},
    {"profile", "Profile", COLUMN_TEXT, 0, 0, NULL},
    {"profile_sha256", "Profile's SHA-256", COLUMN_TEXT, 0, 0, NULL},
    {"rules_sha256", "Decision tables' SHA-256", COLUMN_TEXT, 0, 0, NULL},
    {"sequence", "Partner's number", COLUMN_NUMBER, 0, 0, NULL},
    {"business_date", "Partner's date", COLUMN_TEXT, 0, 0, NULL},
    {"statement", "Its name states", COLUMN_TEXT, 0, 0, NULL},
    {"partner_file_id", "Partner's file id", COLUMN_TEXT, 0, 0, NULL},
    {"original_message", "Answers message", COLUMN_TEXT, 0, 0, NULL},
    {"seen", "Seen (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"archived", "Archived (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"archived_as", "Kept as", COLUMN_NAME, 0, 0, NULL},
    {"purged", "Purged by retention (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"head_no", "Audit head", COLUMN_NUMBER, 0, 0, NULL},
    {"root", "Root of its records", COLUMN_TEXT, 0, 0, NULL},
    {"head_hash", "Hash of the head", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column hold_columns[] = {
    {"reason", "Held for", COLUMN_TEXT, 10, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 20, 1, NULL},
};

static const struct column record_columns[] = {
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"verdict", "Partner said", COLUMN_TEXT, 8, 1, NULL},
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Why", COLUMN_TEXT, 10, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"reference", "Reference", COLUMN_NAME, 0, 0, NULL},
    {"codes", "Codes", COLUMN_TEXT, 6, 2, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 16, 3, NULL},
    {"byte_offset", "Byte", COLUMN_NUMBER, 0, 4, NULL},
    {"byte_length", "Bytes", COLUMN_NUMBER, 0, 5, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 6, NULL},
    {"reversal_id", "Reversal", COLUMN_NUMBER, 0, 6, NULL},
    {"revision", "Revision", COLUMN_NUMBER, 0, 7, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 8, NULL},
};

/* The records, when they are asked for: all of them, or those of one outcome. */
static int
add_records(const struct query *q, struct document *d, const struct file_asked *asked)
{
	struct table *t = document_add(d, "records", "Records", TABLE_ROWS, COLUMNS(record_columns));
	const char *values[] = {asked->file, asked->outcome, q->limit, asked->after};
	int code;

	table_empty(t, "no records");
	code = query_fill(q, t, sql_file_records, 4, values);
	if (query_is_cut(q, t))
		query_note_cut(q, t, "the first", "--all shows every record");
	return code;
}

static const struct column rule_columns[] = {{"line", "Line", COLUMN_TEXT, 0, 0, NULL}};

/* What judged it, as it was then, where that was kept. */
static int
add_rules(const struct query *q, struct document *d, const struct file_asked *asked)
{
	struct table *profile =
	    document_add(d, "profile_text", "The profile that judged it", TABLE_ROWS, COLUMNS(rule_columns));
	struct table *tables = document_add(d, "decision_tables", "The decision tables that judged it",
	                                    TABLE_ROWS, COLUMNS(rule_columns));
	int code;

	table_empty(profile, "not kept: it was judged before profiles were");
	table_empty(tables, "not kept: it was judged before they were");
	code = query_fill(q, profile, sql_file_profile_text, 1, &asked->file);
	return code == EXIT_CLEAN ? query_fill(q, tables, sql_file_decision_tables, 1, &asked->file) : code;
}

static int
fill_file(const struct query *q, struct document *d, const struct file_asked *asked)
{
	const struct {
		const char *key, *title;
		enum table_shape shape;
		const struct column *columns;
		int count;
		const char *sql;
	} parts[] = {
	    {"file", NULL, TABLE_FACTS, COLUMNS(fact_columns), sql_file_facts},
	    {"refusals", "Why it was refused", TABLE_ROWS, COLUMNS(file_refusal_columns), sql_file_refusals},
	    {"controls", "Control totals", TABLE_ROWS, COLUMNS(file_control_columns), sql_file_controls},
	    {"outcomes", "Records by outcome", TABLE_ROWS, COLUMNS(file_outcome_columns), sql_file_tie_out},
	    {"holds", "What waits", TABLE_ROWS, COLUMNS(hold_columns), sql_file_holds},
	    {"failures", "Tries that failed by its own doing", TABLE_ROWS, file_failure_columns, FILE_FAILURE,
	     sql_file_failures},
	    {"same_bytes", "Other files with these bytes", TABLE_ROWS, file_same_bytes_columns, FILE_SAME_BYTES,
	     sql_file_same_bytes},
	};
	int code = EXIT_CLEAN;

	for (size_t i = 0; code == EXIT_CLEAN && i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct table *t =
		    document_add(d, parts[i].key, parts[i].title, parts[i].shape, parts[i].columns, parts[i].count);
		code = query_fill(q, t, parts[i].sql, 1, &asked->file);
	}
	if (code == EXIT_CLEAN && (asked->records || asked->outcome != NULL))
		code = add_records(q, d, asked);
	if (code == EXIT_CLEAN && asked->rules)
		code = add_rules(q, d, asked);
	return code;
}

int
view_file(const struct query *q, const struct file_asked *asked, struct document **ret)
{
	struct document *d = document_new("file", NULL);

	return query_end(d, fill_file(q, d, asked), ret);
}
