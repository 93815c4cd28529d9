/* The settings of the shops to which members are handed over: one proposes a change, another approves it. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"
#include "web/desk/settings_sql.h"

static const struct column setting_columns[] = {
    {"setting", "Setting", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"rate_points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"rate_minor", "are minor units", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "of", COLUMN_TEXT, 0, 0, NULL},
    {"minimum_balance", "From a balance of", COLUMN_NUMBER, 0, 0, NULL},
    {"shop", "Shop", COLUMN_TEXT, 0, 0, NULL},
    {"address", "Address", COLUMN_NAME, 0, 0, NULL},
    {"permitted", "May know", COLUMN_TEXT, 0, 0, NULL},
    {"valid_from", "From (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"valid_until", "Until (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 0, 0, NULL},
    {"proposed_by", "Proposed by", COLUMN_TEXT, 0, 0, NULL},
    {"ended_by", "Answered by", COLUMN_TEXT, 0, 0, NULL},
    {"answer", "Response", COLUMN_SENTENCE, 0, 0, NULL},
};

/* The forms of one that waits, for who may answer it. */
static void
put_answer(const struct page_of *p, const char *setting, const char *programme, const char *by)
{
	FILE *out = p->reply->out;

	page_put(out, "<section class=\"actions\">\n<h2>Setting %t of %t, proposed by %t</h2>\n", setting,
	         programme, by);
	if (strcmp(by, p->desk->person) == 0) {
		page_put(out, "<p>You proposed this; another person must approve it.</p>\n");
	} else if (!frame_is_fresh(p)) {
		page_put(out, "<p>%t</p>\n", frame_log_in_again);
	} else {
		frame_form(p, "/marketplace/approve", "decide");
		page_put(out,
		         "<input type=\"hidden\" name=\"setting\" value=\"%t\"><label>Comment <input "
		         "name=\"why\"></label> "
		         "<button type=\"submit\" class=\"good\">Approve</button></form>\n",
		         setting);
	}
	frame_form(p, "/marketplace/reject", "decide");
	page_put(
	    out,
	    "<input type=\"hidden\" name=\"setting\" value=\"%t\"><label>Why <input type=\"text\" name=\"why\" "
	    "required></label> "
	    "<button type=\"submit\">Reject</button></form>\n</section>\n",
	    setting);
}

static void
put_proposal(const struct page_of *p)
{
	FILE *out = p->reply->out;

	page_put(out, "<section class=\"actions\">\n<h2>Propose a change; another person approves it</h2>\n");
	frame_form(p, "/marketplace/propose", "decide");
	choose_programme(p);
	page_put(out,
	         "<label>Points <input type=\"text\" name=\"points\" inputmode=\"numeric\" size=\"8\"></label>\n"
	         "<label>for units of its currency <input type=\"text\" name=\"units\" inputmode=\"numeric\" "
	         "size=\"6\"></label>\n"
	         "<label>From a balance of <input type=\"text\" name=\"minimum_balance\" inputmode=\"numeric\" "
	         "size=\"8\"></label>\n"
	         "<label>Shop <input type=\"text\" name=\"shop\"></label>\n"
	         "<label>Address <input type=\"url\" name=\"address\" "
	         "placeholder=\"https://\"></label>\n"
	         "<label>Why <textarea name=\"why\" rows=\"2\" required></textarea></label>\n"
	         "<button type=\"submit\">Propose</button></form>\n<p class=\"note\">What is left empty stays as "
	         "it is. A change is "
	         "for "
	         "sessions that begin after it was approved.</p>\n</section>\n");
}

void
page_marketplace(const struct page_of *p)
{
	struct document *d = document_new("marketplace", "Marketplace");
	struct table *t = document_add(d, "settings", NULL, TABLE_ROWS, COLUMNS(setting_columns));
	struct pg_result *proposed = NULL;
	int code;

	table_empty(t, "no programme has a catalogue");
	code = query_fill(&p->desk->query, t, settings_settings, 0, NULL);
	if (code == EXIT_CLEAN && p->desk->decides) {
		enum pg_status status = pg_run(p->desk->query.pg, settings_settings_proposed, 0, NULL, &proposed);

		code = status == PG_OK ? EXIT_CLEAN : query_failed(&p->desk->query, status);
	}
	code = query_end(d, code, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		pg_result_free(proposed);
		frame_document(p, "Marketplace", frame_links, d);
		return;
	}
	frame_begin(p, "Marketplace");
	for (int i = 0; proposed != NULL && i < pg_rows(proposed); i++)
		put_answer(p, pg_text(proposed, i, 0), pg_text(proposed, i, 1), pg_text(proposed, i, 2));
	render_html_tables(p->reply->out, d, frame_links);
	if (p->desk->decides)
		put_proposal(p);
	frame_formats(p);
	frame_end(p);
	pg_result_free(proposed);
	document_free(d);
}

static bool
is_number_or_none(const char *text)
{
	return text == NULL || frame_is_number(text) || strcmp(text, "0") == 0;
}

void
page_marketplace_propose(const struct page_of *p)
{
	const struct request *r = p->request;
	const char *points = request_field(r, "points"), *units = request_field(r, "units");
	const char *values[] = {request_field(r, "programme"),
	                        request_field(r, "why"),
	                        points,
	                        points != NULL && units == NULL ? "1" : units,
	                        request_field(r, "minimum_balance"),
	                        request_field(r, "shop"),
	                        request_field(r, "address")};

	if (values[0] == NULL || values[1] == NULL)
		frame_sentence(p, 400, "Nothing was done", "A programme and the reason for the change are required.");
	else if (!is_number_or_none(values[2]) || !is_number_or_none(values[3]) || !is_number_or_none(values[4]))
		frame_sentence(p, 400, "Nothing was done", "Points, units and balance are whole numbers.");
	else
		frame_run(p, settings_setting_propose, 7, values, "/marketplace");
}

void
page_marketplace_answer(const struct page_of *p)
{
	const char *values[] = {request_field(p->request, "setting"), request_field(p->request, "why")};
	bool approves = strcmp(p->request->part[1], "approve") == 0;

	if (!frame_is_number(values[0]) || strlen(values[0]) > 9)
		frame_sentence(p, 400, "Nothing was done", "Which setting?");
	else if (!approves && values[1] == NULL)
		frame_sentence(p, 400, "Nothing was done", "A rejection requires a reason.");
	else if (!approves || frame_may_approve(p))
		frame_run(p, approves ? settings_setting_approve : settings_setting_reject, 2, values,
		          "/marketplace");
}
