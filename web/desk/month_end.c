/* The end of a month: who signed its figures, what has changed since, and the next step for whoever may do it. */
#include "lib/finance/view/sign_off.h"

#include <string.h>

#include "lib/finance/output/memory.h"
#include "web/desk/pages.h"

#define TITLE "Month end"

static void
put_month(const struct page_of *p, const char *month)
{
	page_put(p->reply->out, "<form class=\"filter\" action=\"/month-end\">\n");
	page_input(p->reply->out, "month", "month", "Month", month);
	page_put(p->reply->out, "<button type=\"submit\">Show</button></form>\n");
}

/* The first step that nobody has done; NULL: it is signed. */
static const char *
next_step(const struct table *t)
{
	for (size_t row = 0; row < t->rows; row++)
		if (table_cell(t, row, table_column(t, "person")) == NULL)
			return sign_off_steps[row];
	return NULL;
}

static void
put_step(const struct page_of *p, const char *month, const char *seen, const char *step)
{
	FILE *out = p->reply->out;

	frame_form(p, "/month-end", "decide");
	page_put(out,
	         "<input type=\"hidden\" name=\"month\" value=\"%t\"><input type=\"hidden\" name=\"step\" value=\"%t\">"
	         "<input type=\"hidden\" name=\"seen\" value=\"%t\">"
	         "<label>Comment <input type=\"text\" name=\"why\"></label> <button type=\"submit\" class=\"good\">%t</button></form>\n",
	         month, step, seen,
	         strcmp(step, "prepared") == 0   ? "Prepare these figures"
	         : strcmp(step, "reviewed") == 0 ? "I have reviewed them"
	                                         : "Sign");
}

static void
put_steps(const struct page_of *p, const char *month, const char *seen, const struct document *d, bool changed)
{
	const char *next = next_step(d->tables[0]);

	page_put(p->reply->out, "<section class=\"actions\">\n<h2>%t</h2>\n", next != NULL ? "Next" : "Again");
	if (!frame_is_fresh(p))
		page_put(p->reply->out, "<p>%t</p>\n", frame_log_in_again);
	else
		put_step(p, month, seen, changed || next == NULL ? sign_off_steps[0] : next);
	page_put(p->reply->out, "</section>\n");
}

void
page_month_end(const struct page_of *p)
{
	const char *month = request_field(p->request, "month");
	char seen[SIGN_OFF_SEEN_SIZE];
	struct document *d = NULL;
	struct period period;

	if (month == NULL || !period_of_month(month, &period)) {
		p->reply->status = month == NULL ? 200 : 400;
		frame_begin(p, TITLE);
		page_put(p->reply->out, "<p class=\"sentence\" role=\"status\">Which month? As 2026-01.</p>\n");
		put_month(p, NULL);
		frame_end(p);
		return;
	}
	int code = sign_off_take(&p->desk->query, &period, seen, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		frame_document(p, TITLE, NULL, d);
		return;
	}
	frame_begin(p, TITLE);
	page_put(p->reply->out,
	         "<p class=\"subtitle\">%t <a href=\"/reports/roll-forward?from=%t-01&amp;to=%t\">Its figures</a></p>\n", d->subtitle,
	         month, period.last);
	if (code == EXIT_PROOF)
		page_put(p->reply->out, "<p class=\"bad\" role=\"alert\">%t</p>\n", desk_said());
	put_month(p, month);
	put_steps(p, month, seen, d, code == EXIT_PROOF);
	render_html_tables(p->reply->out, d, NULL);
	frame_formats(p);
	frame_end(p);
	document_free(d);
}

void
page_month_end_sign(const struct page_of *p)
{
	const char *month = request_field(p->request, "month"), *step = request_field(p->request, "step"),
	           *seen = request_field(p->request, "seen");
	struct period period;
	bool known = false;

	for (size_t i = 0; step != NULL && sign_off_steps[i] != NULL; i++)
		known = known || strcmp(step, sign_off_steps[i]) == 0;
	if (!known || month == NULL || seen == NULL || !period_of_month(month, &period)) {
		frame_sentence(p, 400, "Nothing was done", "Which month, and which step?");
		return;
	}
	if (!frame_is_fresh(p)) {
		frame_sentence(p, 403, "Nothing was done", frame_log_in_again);
		return;
	}
	int code = sign_off_do(&p->desk->query, &period, step, seen, request_field(p->request, "why"));
	if (code == EXIT_CLEAN) {
		frame_go_on(p, mem_format("/month-end?month=%s", month));
		return;
	}
	p->reply->ends = code == EXIT_UNAVAILABLE;
	frame_sentence(p, code == EXIT_UNAVAILABLE ? 503 : 409, "Nothing was done", desk_said());
}
