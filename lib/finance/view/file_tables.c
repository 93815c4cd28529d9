#include "lib/finance/view/file_tables.h"

#include "lib/finance/view/view_sql.h"

const struct column file_refusal_columns[] = {
    {"rule", "Rule", COLUMN_TEXT, 10, 1, NULL},         {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"byte_offset", "Byte", COLUMN_NUMBER, 0, 0, NULL}, {"field", "Field", COLUMN_TEXT, 8, 2, NULL},
    {"value", "Value", COLUMN_TEXT, 10, 3, NULL},       {"message", "Why", COLUMN_SENTENCE, 30, 0, NULL},
};

const struct column file_outcome_columns[] = {
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
};

const struct column file_control_columns[] = {
    {"name", "Total", COLUMN_TEXT, 10, 0, NULL},     {"place", "In", COLUMN_TEXT, 6, 1, NULL},
    {"stated", "Stated", COLUMN_NUMBER, 0, 0, NULL}, {"counted", "Counted", COLUMN_NUMBER, 0, 0, NULL},
    {"agrees", "Agrees", COLUMN_BOOL, 0, 0, NULL},   {"difference", "Difference", COLUMN_ZERO, 0, 0, NULL},
};

const struct column file_failure_columns[] = {
    {"failed", "Failed (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"release_of", "As a release of file", COLUMN_NUMBER, 0, 1, NULL},
    {"why", "Why", COLUMN_SENTENCE, 30, 0, NULL},
};

const struct column file_same_bytes_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"seen", "Seen (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 1, NULL},
    {"name", "Name", COLUMN_NAME, 14, 3, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Held for", COLUMN_TEXT, 10, 4, NULL},
    {"relation", "Which is", COLUMN_SENTENCE, 12, 0, NULL},
    {"ended", "Hold ended", COLUMN_WORD, 0, 4, NULL},
};

static const struct column release_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 1, NULL},
    {"name", "Name", COLUMN_NAME, 14, 4, NULL},
    {"reason", "Held for", COLUMN_TEXT, 10, 5, NULL},
    {"approved", "Approved (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"approved_by", "By", COLUMN_TEXT, 6, 3, NULL},
    {"failed", "Failed (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"why", "Why it has not gone", COLUMN_SENTENCE, 24, 0, NULL},
};

int
file_releases(const struct query *q, struct document *d, const char *partner, size_t *ret_rows)
{
	struct table *t =
	    document_add(d, "releases", "Approved, not yet released", TABLE_ROWS, COLUMNS(release_columns));
	int code = query_fill(q, t, sql_releases, 1, &partner);

	if (ret_rows != NULL)
		*ret_rows = t->rows;
	return code;
}
