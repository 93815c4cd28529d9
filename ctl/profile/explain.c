/* profile explain: what would be seen if a field were wrong. */
#include <string.h>

#include "ctl/handlers.h"
#include "ctl/profile.h"
#include "lib/finance/output/memory.h"
#include "lib/profile/checked/explain.h"

static const struct column score_columns[] = {
    {"record", "Record", COLUMN_TEXT, 8, 0, NULL}, {"fields", "Fields", COLUMN_NUMBER, 0, 0, NULL},
    {"all", "Seen", COLUMN_NUMBER, 0, 0, NULL},    {"part", "In part", COLUMN_NUMBER, 0, 0, NULL},
    {"nothing", "Not", COLUMN_NUMBER, 0, 0, NULL}, {"score", "Score %", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column field_columns[] = {
    {"record", "Record", COLUMN_TEXT, 8, 0, NULL},
    {"field", "Field", COLUMN_TEXT, 12, 0, NULL},
    {"seen", "Seen", COLUMN_TEXT, 0, 0, NULL},
    {"by", "By what", COLUMN_SENTENCE, 30, 0, NULL},
};

struct counting {
	struct table *score, *fields;
	const char *record; /* of which the fields are counted; NULL none yet */
	unsigned count[CAUGHT_COUNT], all[CAUGHT_COUNT];
};

static void
add_score(struct table *t, const char *record, const unsigned count[CAUGHT_COUNT], bool total)
{
	const unsigned fields = count[CAUGHT_ALL] + count[CAUGHT_PART] + count[CAUGHT_NOTHING];
	char text[5][16];
	const char *cells[] = {record, text[0], text[1], text[2], text[3], text[4]};

	snprintf(text[0], sizeof(text[0]), "%u", fields);
	snprintf(text[1], sizeof(text[1]), "%u", count[CAUGHT_ALL]);
	snprintf(text[2], sizeof(text[2]), "%u", count[CAUGHT_PART]);
	snprintf(text[3], sizeof(text[3]), "%u", count[CAUGHT_NOTHING]);
	snprintf(text[4], sizeof(text[4]), "%u",
	         fields == 0 ? 100 : (200 * count[CAUGHT_ALL] + 100 * count[CAUGHT_PART]) / (2 * fields));
	if (total)
		table_totals(t, cells);
	else
		table_row(t, cells);
}

static void
end_record(struct counting *c)
{
	if (c->record != NULL)
		add_score(c->score, c->record, c->count, false);
	for (int i = 0; i < CAUGHT_COUNT; i++)
		c->all[i] += c->count[i];
	memset(c->count, 0, sizeof(c->count));
}

static void
add_field(void *context, const struct explained *e)
{
	static const char *const words[] = {
	    [CAUGHT_NOTHING] = "no", [CAUGHT_PART] = "in part", [CAUGHT_ALL] = "yes"};
	struct counting *c = context;
	const char *cells[] = {e->record, e->field, words[e->caught], e->by};

	if (c->record == NULL || strcmp(c->record, e->record) != 0)
		end_record(c);
	c->record = e->record;
	c->count[e->caught]++;
	table_row(c->fields, cells);
}

void
profile_explain(struct document *d, const struct profile *profile)
{
	struct counting c = {.score = document_add(d, "score", NULL, TABLE_ROWS, COLUMNS(score_columns)),
	                     .fields = document_add(d, "fields", NULL, TABLE_ROWS, COLUMNS(field_columns))};

	explain_fields(profile->layout, &profile->policy, add_field, &c);
	end_record(&c);
	add_score(c.score, "all", c.all, true);
}

int
run_profile_explain(struct session *s)
{
	struct problems *p = NULL;
	struct profile *profile = NULL;
	int code = profile_of_argument(s, s->arguments[0], &p, &profile);

	for (size_t i = 0; code == EXIT_CLEAN && profile == NULL && problems_line(p, i) != NULL; i++)
		complain("%s", problems_line(p, i));
	if (code == EXIT_CLEAN && profile == NULL)
		code = EXIT_USAGE;
	if (code == EXIT_CLEAN) {
		struct document *d = document_new("explained", NULL);

		profile_explain(d, profile);
		code = session_show(s, d);
		document_free(d);
	}
	profile_free(profile);
	problems_free(p);
	return code;
}
