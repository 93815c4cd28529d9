/* Systems that are told: how far each is, and what may be done about one: paused, resumed, asked now for what it
 * has, sent again what it did not take, and its differences given to somebody. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "web/desk/settings.h"
#include "web/desk/settings_sql.h"

static const struct column target_columns[] = {
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Reason", COLUMN_SENTENCE, 0, 0, NULL},
    {"last", "Last delivery (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"later", "To be sent again", COLUMN_NUMBER, 0, 0, NULL},
    {"held", "Held", COLUMN_ZERO, 0, 0, NULL},
    {"waiting_since", "Waiting since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 0, 0, NULL},
};
static const struct column parity_columns[] = {
    {"started", "Started (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"ended", "Ended (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"objects", "Read", COLUMN_NUMBER, 0, 0, NULL},
    {"missing", "Missing", COLUMN_ZERO, 0, 0, NULL},
    {"differing", "Differing", COLUMN_ZERO, 0, 0, NULL},
    {"unread", "Not read", COLUMN_NUMBER, 0, 0, NULL},
    {"resent", "Told again", COLUMN_NUMBER, 0, 0, NULL},
    {"open", "Open", COLUMN_ZERO, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 0, 0, NULL},
};
static const struct column break_columns[] = {
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},
    {"difference", "Difference", COLUMN_SENTENCE, 0, 0, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"owner", "With", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column difference_columns[] = {
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},
    {"difference", "Difference", COLUMN_SENTENCE, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
};
static const struct column held_columns[] = {
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},
    {"since", "Held since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"tries", "Tries", COLUMN_NUMBER, 0, 0, NULL},
    {"status", "Status", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 0, 0, NULL},
};

/* ---- what may be done ---- */

/* The field that an act requires, or NULL; its label stands before the field. */
static const struct act {
	const char *name, *button, *field, *label;
	bool when_paused; /* else when it is active; NULL state: whatever it is */
	bool always;
	const char *sql;
} acts[] = {
    {"pause", "Pause", "why", "Why", false, false, settings_target_pause},
    {"resume", "Resume", NULL, NULL, true, false, settings_target_resume},
    {"parity", "Ask now for what it has", NULL, NULL, false, true, settings_target_parity_begin},
    {"replay", "Send again what it did not take", NULL, NULL, false, true, settings_target_replay},
    {"assign", "Assign", "who", "Give its differences to", false, true, settings_target_assign},
};

static void
put_act(const struct page_of *p, const struct act *act)
{
	char *action = mem_format("%s/%s", p->request->path, act->name);

	frame_form(p, action, "decide");
	if (act->field != NULL)
		page_put(p->reply->out, "<label>%t <input type=\"text\" name=\"%t\" value=\"%t\" required></label> ",
		         act->label, act->field, strcmp(act->name, "assign") == 0 ? p->desk->person : "");
	page_put(p->reply->out, "<button type=\"submit\">%t</button></form>\n", act->button);
	free(action);
}

static void
put_actions(const struct page_of *p, const struct document *d)
{
	const struct table *now = d->tables[0];
	const char *state = now->rows > 0 ? table_cell(now, 0, table_column(now, "state")) : NULL;

	if (state == NULL)
		return;
	page_put(p->reply->out, "<section class=\"actions\">\n<h2>What may be done</h2>\n");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (acts[i].always || acts[i].when_paused == (strcmp(state, "active") != 0))
			put_act(p, &acts[i]);
	page_put(p->reply->out, "</section>\n");
}

void
page_target_act(const struct page_of *p)
{
	const struct request *r = p->request;
	const char *slash = strrchr(r->path, '/');

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		const char *values[] = {r->part[1], acts[i].field != NULL ? request_field(r, acts[i].field) : NULL};
		char *path;

		if (strcmp(acts[i].name, r->part[2]) != 0)
			continue;
		if (acts[i].field != NULL && values[1] == NULL) {
			frame_sentence(p, 400, "Nothing was done", "The field is empty.");
			return;
		}
		path = mem_part(r->path, (size_t) (slash - r->path)); /* of the target itself, as it is encoded */
		frame_run(p, acts[i].sql, acts[i].field != NULL ? 2 : 1, values, path);
		free(path);
		return;
	}
	frame_sentence(p, 404, "Nothing was done", "There is no such page.");
}

/* ---- the pages ---- */

void
page_targets(const struct page_of *p)
{
	static const struct part parts[] = {{"targets", NULL, "no target: nothing is told to other systems",
	                                     TABLE_ROWS, COLUMNS(target_columns), settings_targets, 0}};
	static const struct setting_page page = {"targets", "Targets", false, PARTS(parts)};

	settings_show(p, &page);
}

void
page_target(const struct page_of *p)
{
	static const struct part parts[] = {
	    {"now", NULL, "there is no such target", TABLE_FACTS, COLUMNS(target_columns), settings_target_now, 1},
	    {"breaks", "What a person has to see to", NULL, TABLE_ROWS, COLUMNS(break_columns),
	     settings_target_breaks, 1},
	    {"parity", "What it has, as it was asked", "it was not asked for what it has yet", TABLE_ROWS,
	     COLUMNS(parity_columns), settings_target_parity, 1},
	    {"differences", "What the newest read-back found", "nothing is missing, and nothing differs",
	     TABLE_ROWS, COLUMNS(difference_columns), settings_target_differences, 1},
	    {"held", "What it did not take", "nothing is held", TABLE_ROWS, COLUMNS(held_columns),
	     settings_target_held, 1}};
	static const struct setting_page page = {"target", "Target", true, PARTS(parts), put_actions};

	settings_show(p, &page);
}
