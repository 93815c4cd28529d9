/* profile show: how a profile reads files. */
#include "ctl/handlers.h"
#include "ctl/profile.h"
#include "lib/finance/output/memory.h"

static const struct column field_columns[] = {
    {"record", "Record", COLUMN_TEXT, 8, 0, NULL},      {"field", "Field", COLUMN_TEXT, 12, 0, NULL},
    {"place", "Where", COLUMN_TEXT, 12, 0, NULL},       {"type", "Type", COLUMN_TEXT, 12, 0, NULL},
    {"meaning", "Means", COLUMN_SENTENCE, 20, 0, NULL},
};

static void
add_field(void *context, const struct profile_row *r)
{
	const char *cells[] = {r->record, r->field, r->place, r->type, r->meaning};

	table_row(context, cells);
}

int
run_profile_show(struct session *s)
{
	struct problems *p = NULL;
	struct profile *profile = NULL;
	int code = profile_of_argument(s, s->arguments[0], &p, &profile);

	for (size_t i = 0; code == EXIT_CLEAN && problems_line(p, i) != NULL; i++)
		complain("%s", problems_line(p, i));
	if (code == EXIT_CLEAN && profile == NULL)
		code = EXIT_USAGE;
	if (code == EXIT_CLEAN) {
		struct document *d = document_new("profile", NULL);
		struct table *t = document_add(d, "fields", NULL, TABLE_ROWS, COLUMNS(field_columns));
		table_empty(t, "no fields");
		profile_describe(profile, add_field, t);
		code = session_show(s, d);
		document_free(d);
	}
	profile_free(profile);
	problems_free(p);
	return code;
}
