/* Today, files, and the story of a redemption or a record. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/views.h"
#include "web/desk/desk_sql.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"

void
page_today(const struct page_of *p)
{
	static const struct html_link links[] = {{"reason", "/holds?reason="},
	                                         {"partner", "/reports/ageing?partner="},
	                                         {"holds", "/holds?n="},
	                                         {"proposals", "/proposals?n="},
	                                         {"late", "/reports/deliveries?n="},
	                                         {"missing", "/reports/deliveries?rows=missing&n="},
	                                         {"unanswered", "/reports/overdue?n="},
	                                         {"lagging", "/targets?n="},
	                                         {"target", "/targets/"},
	                                         {NULL, NULL}};
	struct document *d = NULL;
	int code = view_today(&p->desk->query, &d);

	if (!frame_failed(p, code, d))
		frame_document(p, "Today", links, d);
}

void
page_files(const struct page_of *p)
{
	static const char *const states[] = {"posted", "held", "duplicate", "closed", NULL};
	const struct request *r = p->request;
	struct files_asked asked = {.partner = request_field(r, "partner"), .state = request_field(r, "state")};
	struct document *d = NULL;
	int code;

	if (period_read(request_field(r, "from"), request_field(r, "to"), &asked.period) != PERIOD_READ) {
		frame_sentence(p, 400, "Files", "The period has to be from a day to the same or a later one.");
		return;
	}
	code = view_files(&p->desk->query, &asked, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(r)) {
		frame_document(p, "Files", frame_links, d);
		return;
	}
	frame_begin(p, "Files");
	page_put(p->reply->out, "<form class=\"filter\" action=\"/files\">\n");
	choose_partner(p, asked.partner);
	page_select(p->reply->out, "state", "State", states, asked.state, "any");
	page_input(p->reply->out, "date", "from", "From", request_field(r, "from"));
	page_input(p->reply->out, "date", "to", "To", request_field(r, "to"));
	page_put(p->reply->out, "<button type=\"submit\">Show</button></form>\n");
	render_html_tables(p->reply->out, d, frame_links);
	frame_formats(p);
	frame_end(p);
	document_free(d);
}

/* Of a list of records that was cut, for the next rows; NULL: it was not. */
static const char *
last_record(const struct page_of *p, const struct document *d)
{
	for (size_t i = 0; i < d->table_count; i++) {
		const struct table *t = d->tables[i];

		if (strcmp(t->key, "records") == 0 && query_is_cut(&p->desk->query, t))
			return table_cell(t, t->rows - 1, table_column(t, "record"));
	}
	return NULL;
}

void
page_file(const struct page_of *p)
{
	static const char *const outcomes[] = {
	    "confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held", NULL};
	const char *file = p->request->part[1], *outcome = request_field(p->request, "outcome");
	const char *after = request_field(p->request, "after");
	struct file_asked asked = {.file = file, .records = true, .outcome = outcome, .after = after};
	char *records = mem_format("/explain?reference=%s%%3A", file), *title = mem_format("File %s", file);
	struct document *d = NULL;
	int code = after == NULL || frame_is_number(after) ? view_file(&p->desk->query, &asked, &d) : EXIT_USAGE;

	if (code == EXIT_CLEAN && d->tables[0]->rows == 0) {
		document_free(d);
		d = NULL;
		desk_say("There is no file %s.", file);
		code = EXIT_USAGE;
	}
	if (!frame_failed(p, code, d)) {
		struct html_link links[FRAME_LINKS + 1] = {{"record", records}};

		memcpy(links + 1, frame_links, FRAME_LINKS * sizeof(links[0]));
		if (!frame_is_for_machines(p->request)) {
			frame_begin(p, title);
			page_put(p->reply->out, "<form class=\"filter\" action=\"/files/%t\">\n", file);
			page_select(p->reply->out, "outcome", "Records with outcome", outcomes, outcome, "any");
			page_put(p->reply->out, "<button type=\"submit\">Show</button></form>\n");
			render_html_tables(p->reply->out, d, links);
			frame_next(p, last_record(p, d));
			frame_formats(p);
			frame_end(p);
			document_free(d);
		} else {
			frame_document(p, title, links, d);
		}
	}
	free(records);
	free(title);
}

void
page_explain(const struct page_of *p)
{
	const char *reference = request_field(p->request, "reference");
	struct document *d = NULL;
	int code;

	if (reference == NULL) {
		frame_sentence(p, 404, "Explain",
		               "Which redemption or record? By any reference that it has, or FILE:RECORD.");
		return;
	}
	code = view_story(&p->desk->query, reference, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		frame_document(p, "Explain", frame_links, d);
		return;
	}
	frame_begin(p, "Explain");
	page_put(p->reply->out, "<p class=\"subtitle\">%t</p>\n", reference);
	if (strcmp(d->key, "story") == 0)
		beside_put(p->reply->out, d->tables[0]);
	render_html_tables(p->reply->out, d, frame_links);
	frame_end(p);
	document_free(d);
}
