/* The reports: the documents that handbackctl writes, and the rows behind their figures. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/finance.h"
#include "lib/finance/view/report.h"
#include "lib/finance/view/views.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"

#define DAYS_BEFORE 6

void
page_reports(const struct page_of *p)
{
	FILE *out = p->reply->out;

	frame_begin(p, "Reports");
	page_put(out,
	         "<ul class=\"list\">\n<li><a href=\"/reports/reconciliation\">Reconciliation: every file, and "
	         "whether it ties out</a></li>\n<li><a href=\"/reports/overdue\">Unanswered redemptions past "
	         "their response SLA</a></li>\n<li><a href=\"/month-end\">Month end: who prepared, reviewed and signed it, and what has changed since</a></li>\n<li><a href=\"/reports/transactions\">Transactions: every entry of "
	         "the ledger, by category, merchant, member</a></li>\n");
	for (size_t i = 0; finance_reports[i] != NULL; i++)
		page_put(out, "<li><a href=\"/reports/%u\">%t</a></li>\n", finance_reports[i]->name,
		         finance_reports[i]->title);
	page_put(out, "</ul>\n");
	frame_end(p);
}

/* One of these words, or NULL. */
static const char *
word_of(const char *word, const char *const *words)
{
	for (; word != NULL && words != NULL && *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return *words;
	return NULL;
}

static void
put_filter(const struct page_of *p, const struct finance_report *report, const struct finance_asked *asked)
{
	const struct request *r = p->request;
	FILE *out = p->reply->out;

	page_put(out, "<form class=\"filter\" action=\"%t\">\n", r->path);
	choose_partner(p, asked->partner);
	if (report == NULL || !report->of_a_moment)
		page_input(out, "date", "from", "From", request_field(r, "from"));
	page_input(out, "date", "to", report != NULL && report->of_a_moment ? "At the end of" : "To",
	           request_field(r, "to"));
	if (report != NULL && report->by != NULL)
		page_select(out, "by", "By", report->by, asked->by, NULL);
	if (report != NULL && report->rows != NULL && report->figures != NULL)
		page_select(out, "rows", "Rows behind", report->figures, asked->rows, "no figure: the figures");
	page_put(out, "<button type=\"submit\">Show</button></form>\n");
}

static int
take(const struct page_of *p, const char *name, const struct finance_report *report,
     const struct finance_asked *asked, struct document **ret)
{
	const struct query *q = &p->desk->query;
	const struct report_asked reconciliation = {.partner = asked->partner, .period = asked->period};

	if (report != NULL)
		return finance_take(q, report, asked, ret);
	if (strcmp(name, "overdue") == 0)
		return view_overdue(q, asked->partner, ret);
	return report_take(q, &reconciliation, ret);
}

void
page_report(const struct page_of *p)
{
	const struct request *r = p->request;
	const char *name = r->part[1], *from = request_field(r, "from"), *to = request_field(r, "to");
	const struct finance_report *report = finance_find(name);
	struct finance_asked asked = {.partner = request_field(r, "partner")};
	struct document *d = NULL;
	int code;

	if (report == NULL && strcmp(name, "reconciliation") != 0 && strcmp(name, "overdue") != 0) {
		frame_sentence(p, 404, "Reports", "There is no such report.");
		return;
	}
	if (report != NULL) {
		asked.by = word_of(request_field(r, "by"), report->by);
		asked.rows = report->figures != NULL ? word_of(request_field(r, "rows"), report->figures)
		                                     : request_field(r, "rows");
	}
	if (period_read(report != NULL && report->of_a_moment ? NULL : from, to, &asked.period) != PERIOD_READ) {
		frame_sentence(p, 400, "Reports", "The period has to be from a day to the same or a later one.");
		return;
	}
	if ((report == NULL || !report->of_a_moment) && from == NULL && to == NULL)
		period_of_days(DAYS_BEFORE, &asked.period);
	code = take(p, name, report, &asked, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(r)) {
		frame_document(p, "Reports", frame_links, d);
		return;
	}
	frame_begin(p, report != NULL ? report->title : d->title != NULL ? d->title : "Unanswered redemptions");
	if (d->subtitle != NULL)
		page_put(p->reply->out, "<p class=\"subtitle\">%t</p>\n", d->subtitle);
	if (code == EXIT_PROOF)
		page_put(p->reply->out, "<p class=\"bad\" role=\"alert\">%t</p>\n", desk_said());
	put_filter(p, report, &asked);
	render_html_tables(p->reply->out, d, frame_links);
	page_put(
	    p->reply->out,
	    "<p class=\"formats\">The same as <a href=\"%t?%t%tformat=json\">JSON</a>, or a table of it as CSV:",
	    r->path, r->query, r->query[0] != '\0' ? "&" : "");
	for (size_t i = 0; i < d->table_count; i++)
		if (d->tables[i]->rows > 0)
			page_put(p->reply->out, " <a href=\"%t?%t%tformat=csv&amp;table=%u\">%t</a>", r->path, r->query,
			         r->query[0] != '\0' ? "&" : "", d->tables[i]->key, d->tables[i]->key);
	page_put(p->reply->out, "</p>\n");
	frame_end(p);
	document_free(d);
}
