/* audit head. */
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"

static const struct column head_columns[] = {
    {"head_no", "Head", COLUMN_NUMBER, 0, 0, NULL},
    {"made", "Made (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"file", "Of file", COLUMN_NUMBER, 0, 0, NULL},
    {"tree_size", "Records in its tree", COLUMN_NUMBER, 0, 0, NULL},
    {"root", "Root", COLUMN_TEXT, 0, 0, NULL},
    {"head_hash", "Hash", COLUMN_TEXT, 0, 0, NULL},
    {"previous", "Hash before", COLUMN_TEXT, 0, 0, NULL},
};

int
run_audit_head(struct session *s)
{
	int code = session_open(s, SESSION_READS);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("head", NULL);
	struct table *t = document_add(d, "head", NULL, TABLE_FACTS, COLUMNS(head_columns));
	table_empty(t, "no head yet: nothing was ever decided");
	code = query_fill(&s->query, t, sql_head, 0, NULL);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}
