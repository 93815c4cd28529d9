/* How things are set up: partners, credentials, batches of points and people.  Each page is a few statements and
 * their columns. */
#include "web/desk/settings.h"

#include "web/desk/settings_sql.h"

static const struct column partner_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"first", "First file (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"last", "Last posted (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"posted", "Files posted", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting", "Files with holds", COLUMN_NUMBER, 0, 0, NULL},
    {"due", "Next due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"missing", "Missing in 7 days", COLUMN_ZERO, 0, 0, NULL},
    {"terms", "Answers within", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column step_columns[] = {
    {"step", "Step", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"at", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"evidence", "Evidence", COLUMN_SENTENCE, 0, 0, NULL},
};
static const struct column calendar_columns[] = {
    {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL}, {"late", "Late from (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},   {"source", "Source", COLUMN_TEXT, 0, 0, NULL},
    {"kind", "Kind", COLUMN_TEXT, 0, 0, NULL},     {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column window_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"schedule", "Window", COLUMN_TEXT, 0, 0, NULL},
    {"zone", "Zone", COLUMN_TEXT, 0, 0, NULL},
    {"account", "Account", COLUMN_WORD, 0, 0, NULL},
    {"request_points", "Most points a request", COLUMN_NUMBER, 0, 0, NULL},
    {"person_points", "Most points a person", COLUMN_NUMBER, 0, 0, NULL},
    {"person_days", "in days", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column route_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"type", "Transaction type", COLUMN_NUMBER, 0, 0, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 0, 0, NULL},
    {"prefix", "Prefix", COLUMN_TEXT, 0, 0, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
};
static const struct column credential_columns[] = {
    {"client", "Client", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"source", "Source", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},
    {"calls_per_minute", "Calls a minute", COLUMN_NUMBER, 0, 0, NULL},
    {"points_per_day", "Points a day", COLUMN_NUMBER, 0, 0, NULL},
    {"scopes", "For", COLUMN_TEXT, 0, 0, NULL},
    {"made_at", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"made_by", "By", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column token_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},         {"scope", "For", COLUMN_WORD, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},     {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"made_at", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},         {"made_by", "By", COLUMN_TEXT, 0, 0, NULL},
    {"expires_at", "Good until (UTC)", COLUMN_TIME, 0, 0, NULL},
};
static const struct column batch_columns[] = {
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"sequence", "Number", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"cut_off", "Cut off (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"request_file", "Request file", COLUMN_NAME, 0, 0, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 0, NULL},
    {"requested", "Requested", COLUMN_NUMBER, 0, 0, NULL},
    {"credited", "Credited", COLUMN_NUMBER, 0, 0, NULL},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 0, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"unknown", "Unknown", COLUMN_ZERO, 0, 0, NULL},
};
static const struct column unanswered_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL}, {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"sequence", "Number", COLUMN_NUMBER, 0, 0, NULL},   {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 0, NULL}, {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column people_columns[] = {
    {"person", "Person", COLUMN_TEXT, 0, 0, NULL},
    {"may", "May", COLUMN_WORD, 0, 0, NULL},
    {"pages", "Last opened the pages (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"acted", "Last decided or said something (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"events", "Events", COLUMN_NUMBER, 0, 0, NULL},
};

static bool
fill(const struct page_of *p, const struct setting_page *page, struct document **ret)
{
	const char *values[] = {page->of_one ? p->request->part[1] : NULL};
	struct document *d = document_new(page->name, page->title);
	int code = EXIT_CLEAN;

	for (size_t i = 0; code == EXIT_CLEAN && i < page->count; i++) {
		const struct part *part = &page->parts[i];
		struct table *t =
		    document_add(d, part->key, part->title, part->shape, part->columns, part->column_count);

		if (part->empty != NULL)
			table_empty(t, part->empty);
		code = query_fill(&p->desk->query, t, part->sql, part->params, values);
	}
	code = query_end(d, code, ret);
	return !frame_failed(p, code, *ret);
}

void
settings_show(const struct page_of *p, const struct setting_page *page)
{
	static const struct html_link links[] = {{"partner", "/partners/", NULL}, {"target", "/targets/", NULL},
	                                         {"person", "/audit?who=", NULL}, {"who", "/audit?who=", NULL},
	                                         {"file", "/files/", NULL},       {NULL, NULL, NULL}};
	const char *title = page->of_one ? p->request->part[1] : page->title;
	struct document *d = NULL;

	if (!fill(p, page, &d))
		return;
	if (page->actions == NULL || !p->desk->decides || frame_is_for_machines(p->request)) {
		frame_document(p, title, links, d);
		return;
	}
	frame_begin(p, title);
	page->actions(p, d);
	render_html_tables(p->reply->out, d, links);
	frame_formats(p);
	frame_end(p);
	document_free(d);
}

void
page_partners(const struct page_of *p)
{
	static const struct part parts[] = {{"partners", NULL, "no partner has sent a file yet", TABLE_ROWS,
	                                     COLUMNS(partner_columns), settings_partners, 0}};
	static const struct setting_page page = {"partners", "Partners", false, PARTS(parts)};

	settings_show(p, &page);
}

void
page_partner(const struct page_of *p)
{
	static const struct part parts[] = {
	    {"steps", "Onboarding", NULL, TABLE_ROWS, COLUMNS(step_columns), settings_partner_steps, 1},
	    {"calendar", "Calendar", "it is not known when files of it are due", TABLE_ROWS,
	     COLUMNS(calendar_columns), settings_partner_calendar, 1},
	    {"windows", "Points requests", NULL, TABLE_ROWS, COLUMNS(window_columns), settings_partner_windows,
	     1},
	    {"routes", "Redemptions by the API", NULL, TABLE_ROWS, COLUMNS(route_columns),
	     settings_partner_routes, 1}};
	static const struct setting_page page = {"partner", "Partner", true, PARTS(parts)};

	settings_show(p, &page);
}

void
page_credentials(const struct page_of *p)
{
	static const struct part parts[] = {{"credentials", "The redemption API",
	                                     "nobody may call the redemption API", TABLE_ROWS,
	                                     COLUMNS(credential_columns), settings_credentials, 0},
	                                    {"tokens", "Tokens of shops", "no shop has a token", TABLE_ROWS,
	                                     COLUMNS(token_columns), settings_tokens, 0}};
	static const struct setting_page page = {"credentials", "Credentials", false, PARTS(parts)};

	settings_show(p, &page);
}

void
page_points(const struct page_of *p)
{
	static const struct part parts[] = {{"batches", "Batches", "no partner was asked for points yet",
	                                     TABLE_ROWS, COLUMNS(batch_columns), settings_batches, 0},
	                                    {"unanswered", "Not answered", "every request is answered",
	                                     TABLE_ROWS, COLUMNS(unanswered_columns), settings_unanswered, 0}};
	static const struct setting_page page = {"points", "Points requests", false, PARTS(parts)};

	settings_show(p, &page);
}

void
page_people(const struct page_of *p)
{
	static const struct part parts[] = {
	    {"people", NULL, "nobody", TABLE_ROWS, COLUMNS(people_columns), settings_people, 0}};
	static const struct setting_page page = {"people", "People", false, PARTS(parts)};

	settings_show(p, &page);
}
