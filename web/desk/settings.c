/* How things are set up: partners, targets, credentials, batches of points, the audit trail and people.  Each
 * page is a few statements and their columns. */
#include "lib/finance/output/memory.h"
#include "web/desk/pages.h"
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
    {"file", "Request file", COLUMN_NAME, 0, 0, NULL},
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
static const struct column chain_columns[] = {
    {"head_no", "Heads of the chain", COLUMN_NUMBER, 0, 0, NULL},
    {"made", "Newest (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"checked", "Hashed again just now", COLUMN_NUMBER, 0, 0, NULL},
    {"broken", "that are not as they were", COLUMN_ZERO, 0, 0, NULL},
    {"head_hash", "Hash of the newest", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column event_columns[] = {
    {"event", "Event", COLUMN_NUMBER, 0, 0, NULL},     {"at", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"who", "Who", COLUMN_TEXT, 0, 0, NULL},           {"what", "What", COLUMN_WORD, 0, 0, NULL},
    {"subject", "Of", COLUMN_TEXT, 0, 0, NULL},        {"why", "Comment", COLUMN_SENTENCE, 0, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 0, 0, NULL},
};
static const struct column people_columns[] = {
    {"person", "Person", COLUMN_TEXT, 0, 0, NULL},
    {"may", "May", COLUMN_WORD, 0, 0, NULL},
    {"pages", "Last opened the pages (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"acted", "Last decided or said something (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"events", "Events", COLUMN_NUMBER, 0, 0, NULL},
};

/* A table of a page; the statement is given the second part of the path, where params says 1. */
struct part {
	const char *key, *title, *empty;
	enum table_shape shape;
	const struct column *columns;
	int column_count;
	const char *sql;
	int params;
};

struct setting_page {
	const char *name, *title;
	bool of_one; /* of what the path names: its title */
	const struct part *parts;
	size_t count;
};

#define PARTS(array) (array), sizeof(array) / sizeof((array)[0])

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

static void
show(const struct page_of *p, const struct setting_page *page)
{
	static const struct html_link links[] = {{"partner", "/partners/", NULL}, {"target", "/targets/", NULL},
	                                         {"person", "/audit?who=", NULL}, {"who", "/audit?who=", NULL},
	                                         {"file", "/files/", NULL},       {NULL, NULL, NULL}};
	struct document *d = NULL;

	if (fill(p, page, &d))
		frame_document(p, page->of_one ? p->request->part[1] : page->title, links, d);
}

void
page_partners(const struct page_of *p)
{
	static const struct part parts[] = {{"partners", NULL, "no partner has sent a file yet", TABLE_ROWS,
	                                     COLUMNS(partner_columns), settings_partners, 0}};
	static const struct setting_page page = {"partners", "Partners", false, PARTS(parts)};

	show(p, &page);
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

	show(p, &page);
}

void
page_targets(const struct page_of *p)
{
	static const struct part parts[] = {{"targets", NULL, "no target: nothing is told to other systems",
	                                     TABLE_ROWS, COLUMNS(target_columns), settings_targets, 0}};
	static const struct setting_page page = {"targets", "Targets", false, PARTS(parts)};

	show(p, &page);
}

void
page_target(const struct page_of *p)
{
	static const struct part parts[] = {
	    {"parity", "What it has, as it was asked", "it was not asked for what it has yet", TABLE_ROWS,
	     COLUMNS(parity_columns), settings_target_parity, 1},
	    {"differences", "What the newest read-back found", "nothing is missing, and nothing differs",
	     TABLE_ROWS, COLUMNS(difference_columns), settings_target_differences, 1},
	    {"held", "What it did not take", "nothing is held", TABLE_ROWS, COLUMNS(held_columns),
	     settings_target_held, 1}};
	static const struct setting_page page = {"target", "Target", true, PARTS(parts)};

	show(p, &page);
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

	show(p, &page);
}

void
page_points(const struct page_of *p)
{
	static const struct part parts[] = {{"batches", "Batches", "no partner was asked for points yet",
	                                     TABLE_ROWS, COLUMNS(batch_columns), settings_batches, 0},
	                                    {"unanswered", "Not answered", "every request is answered",
	                                     TABLE_ROWS, COLUMNS(unanswered_columns), settings_unanswered, 0}};
	static const struct setting_page page = {"points", "Points requests", false, PARTS(parts)};

	show(p, &page);
}

void
page_people(const struct page_of *p)
{
	static const struct part parts[] = {
	    {"people", NULL, "nobody", TABLE_ROWS, COLUMNS(people_columns), settings_people, 0}};
	static const struct setting_page page = {"people", "People", false, PARTS(parts)};

	show(p, &page);
}

void
page_audit(const struct page_of *p)
{
	const char *before = request_field(p->request, "after"),
	           *values[] = {request_field(p->request, "who"), before};
	struct document *d = document_new("audit", "Audit");
	struct table *chain = document_add(d, "chain", NULL, TABLE_FACTS, COLUMNS(chain_columns)),
	             *events = document_add(d, "events", "What was done", TABLE_ROWS, COLUMNS(event_columns));
	int code = EXIT_CLEAN;

	table_empty(chain, "nothing was ever decided");
	table_empty(events, "nobody did anything");
	if (before != NULL && !frame_is_number(before)) {
		desk_say("That is no number.");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = query_fill(&p->desk->query, chain, settings_chain, 0, NULL);
	if (code == EXIT_CLEAN)
		code = query_fill(&p->desk->query, events, settings_events, 2, values);
	code = query_end(d, code, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		frame_document(p, "Audit", frame_links, d);
		return;
	}
	frame_begin(p, "Audit");
	page_put(p->reply->out, "<form class=\"filter\" action=\"/audit\">\n");
	page_input(p->reply->out, "text", "who", "Who", values[0]);
	page_put(p->reply->out, "<button type=\"submit\">Show</button></form>\n");
	render_html_tables(p->reply->out, d, frame_links);
	frame_next(p, query_is_cut(&p->desk->query, events)
	                  ? table_cell(events, events->rows - 1, table_column(events, "event"))
	                  : NULL);
	page_put(p->reply->out,
	         "<p class=\"note\">This page hashes the newest heads of the chain. <code>handbackctl audit "
	         "verify</code> proves all of them, down to every kept byte.</p>\n");
	frame_formats(p);
	frame_end(p);
	document_free(d);
}
