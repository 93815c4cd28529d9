/* What is done: each is one statement, and the database says who may.  A page only repeats what it said. */
#include <string.h>
#include <time.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/people.h"
#include "lib/finance/view/view_sql.h"
#include "web/desk/desk_sql.h"
#include "web/desk/pages.h"

const char frame_log_in_again[] =
    "To approve, log in again: open a new link of `handbackctl web login`, and approve soon after (approve_within).";

#define PIECES_S 15 /* of a large proposal, before the page says that it goes on */

void
frame_refused(const struct page_of *p, enum pg_status status)
{
	const char *next, *sentence = people_sentence(pg_why(p->desk->query.pg), &next);

	if (status == PG_LOST || status == PG_DOUBT)
		p->reply->ends = true;
	frame_sentence(p, status == PG_ERROR ? 409 : 503,
	               status == PG_DOUBT ? "It is not known whether it was done" : "Nothing was done", sentence);
}

/* Runs a function that gives one number; false: the page says why not.  The caller frees r. */
static bool
run(const struct page_of *p, const char *sql, int params, const char *const *values, struct pg_result **ret)
{
	enum pg_status status = p->desk->decides ? pg_run(p->desk->query.pg, sql, params, values, ret) : PG_ERROR;

	if (status == PG_OK)
		return true;
	if (p->desk->decides)
		frame_refused(p, status);
	else
		frame_sentence(p, 403, "Nothing was done", "Only an operator decides.");
	return false;
}

void
frame_run(const struct page_of *p, const char *sql, int params, const char *const *values, const char *path)
{
	struct pg_result *result = NULL;

	if (run(p, sql, params, values, &result))
		frame_go_on(p, mem_text(path));
	pg_result_free(result);
}

bool
frame_is_fresh(const struct page_of *p)
{
	char within[24];
	const char *values[] = {p->desk->login, within};
	struct pg_result *r = NULL;
	bool fresh;

	snprintf(within, sizeof(within), "%lld", (long long) p->desk->approve_within_ms);
	fresh = pg_run(p->desk->query.pg, desk_fresh, 2, values, &r) == PG_OK && pg_rows(r) == 1 &&
	        pg_true_of(r, 0, "fresh");
	pg_result_free(r);
	return fresh;
}

bool
frame_may_approve(const struct page_of *p)
{
	if (!p->desk->decides || frame_is_fresh(p))
		return true; /* who does not decide is told so */
	frame_sentence(p, 403, "Nothing was done", frame_log_in_again);
	return false;
}

/* Is it still what the page showed?  Holds come and go while somebody writes why. */
static bool
is_as_shown(const struct page_of *p, const struct pg_result *r)
{
	const char *many = request_field(p->request, "many"), *points = request_field(p->request, "points");

	if ((many == NULL || strcmp(many, pg_text_of(r, 0, "many")) == 0) &&
	    (points == NULL || strcmp(points, pg_text_of(r, 0, "points")) == 0))
		return true;
	char *sentence =
	    mem_format("What the filter means has changed: it is now %s holds of %s points. Look at them again.",
	               pg_text_of(r, 0, "many"), pg_text_of(r, 0, "points"));
	frame_sentence(p, 409, "Nothing was done", sentence);
	free(sentence);
	return false;
}

void
page_propose(const struct page_of *p)
{
	const struct request *r = p->request;
	struct pg_result *holds = NULL, *result = NULL;

	if (request_field(r, "decision") == NULL || request_field(r, "why") == NULL) {
		frame_sentence(p, 400, "Nothing was done", "A decision and the reason for it are required.");
		return;
	}
	if (!p->desk->decides) {
		frame_sentence(p, 403, "Nothing was done", "Only an operator decides.");
		return;
	}
	if (!bulk_find(p, &holds))
		return;
	const char *values[] = {pg_text_of(holds, 0, "holds"), request_field(r, "decision"),
	                        request_field(r, "why"), request_field(r, "redemption"),
	                        request_field(r, "accept_difference") != NULL ? "true" : "false"};
	if (is_as_shown(p, holds) && run(p, sql_hold_propose, 5, values, &result))
		frame_go_on(p, mem_format("/proposals/%s", pg_text(result, 0, 0)));
	pg_result_free(result);
	pg_result_free(holds);
}

/* A note about a hold: back to its page. */
static void
note(const struct page_of *p, const char *sql, int params, const char *const *values)
{
	struct pg_result *result = NULL;

	if (values[1] == NULL)
		frame_sentence(p, 400, "Nothing was done", "The field is empty.");
	else if (run(p, sql, params, values, &result))
		frame_go_on(p, mem_format("/holds/%s", p->request->part[1]));
	pg_result_free(result);
}

void
page_comment(const struct page_of *p)
{
	const char *values[] = {p->request->part[1], request_field(p->request, "text")};

	note(p, sql_hold_comment, 2, values);
}

void
page_assign(const struct page_of *p)
{
	const char *values[] = {p->request->part[1], request_field(p->request, "who"), NULL};

	note(p, sql_hold_assign, 3, values);
}

/* Is it approved and not done to its end?  Then piece by piece, for as long as a page may take. */
static bool
finish(const struct page_of *p, const char *proposal)
{
	time_t until = time(NULL) + PIECES_S;
	bool remains = true;

	while (remains && time(NULL) < until) {
		struct pg_result *r = NULL;
		enum pg_status status = pg_run(p->desk->query.pg, sql_hold_unfinished, 1, &proposal, &r);

		remains = status == PG_OK && pg_rows(r) > 0;
		pg_result_free(r);
		if (status == PG_OK && remains) {
			struct pg_result *piece = NULL;

			status = pg_run(p->desk->query.pg, sql_hold_continue, 1, &proposal, &piece);
			pg_result_free(piece);
		}
		if (status != PG_OK && status != PG_RETRY) {
			frame_refused(p, status);
			return false;
		}
	}
	return true;
}

void
page_approve(const struct page_of *p)
{
	const char *proposal = p->request->part[1], *values[] = {proposal, request_field(p->request, "why")};
	struct pg_result *r = NULL, *event = NULL;
	bool approved;

	if (!frame_may_approve(p))
		return;
	approved = pg_run(p->desk->query.pg, sql_hold_unfinished, 1, &proposal, &r) == PG_OK && pg_rows(r) > 0;

	pg_result_free(r);
	if ((approved && p->desk->decides) || run(p, sql_hold_approve, 2, values, &event))
		if (finish(p, proposal))
			frame_go_on(p, mem_format("/proposals/%s", proposal));
	pg_result_free(event);
}

void
page_reject(const struct page_of *p)
{
	const char *values[] = {p->request->part[1], request_field(p->request, "why")};
	struct pg_result *result = NULL;

	if (values[1] == NULL)
		frame_sentence(p, 400, "Nothing was done", "A rejection requires a reason.");
	else if (run(p, sql_hold_reject, 2, values, &result))
		frame_go_on(p, mem_format("/proposals/%s", values[0]));
	pg_result_free(result);
}

/* The forms for the one who has to answer it. */
static void
put_answer(const struct page_of *p, const struct table *t)
{
	const char *proposal = p->request->part[1], *state = table_cell(t, 0, table_column(t, "state")),
	           *by = table_cell(t, 0, table_column(t, "proposed_by"));
	FILE *out = p->reply->out;

	if (strcmp(state, "proposed") != 0 && strcmp(state, "in_progress") != 0)
		return;
	page_put(out, "<section class=\"actions\">\n<h2>Approve or reject</h2>\n");
	if (strcmp(by, p->desk->person) == 0) {
		page_put(out, "<p>You proposed this; another person must approve it.</p>\n");
	} else if (!frame_is_fresh(p)) {
		page_put(out, "<p>%t</p>\n", frame_log_in_again);
	} else {
		char *approve = mem_format("/proposals/%s/approve", proposal);

		frame_form(p, approve, "decide");
		page_put(out,
		         "<label>Comment <input type=\"text\" name=\"why\"></label> <button type=\"submit\" "
		         "class=\"good\">%t</button></form>\n",
		         strcmp(state, "proposed") == 0 ? "Approve" : "Go on with what remains");
		free(approve);
	}
	if (strcmp(state, "proposed") == 0) {
		char *reject = mem_format("/proposals/%s/reject", proposal);

		frame_form(p, reject, "decide");
		page_put(out, "<label>Why <input type=\"text\" name=\"why\" required></label> <button "
		              "type=\"submit\">Reject</button></form>\n");
		free(reject);
	}
	page_put(out, "</section>\n");
}

void
page_proposal(const struct page_of *p)
{
	const char *proposal = p->request->part[1];
	char *title = mem_format("Proposal %s", proposal);
	struct document *d = NULL;
	int code = view_proposal(&p->desk->query, proposal, &d);

	if (!frame_failed(p, code, d)) {
		if (frame_is_for_machines(p->request)) {
			frame_document(p, title, frame_links, d);
		} else {
			frame_begin(p, title);
			if (p->desk->decides)
				put_answer(p, d->tables[0]);
			render_html_tables(p->reply->out, d, frame_links);
			frame_end(p);
			document_free(d);
		}
	}
	free(title);
}

void
page_logout(const struct page_of *p)
{
	p->reply->ends = true;
	frame_go_on(p, mem_text("/login"));
}
