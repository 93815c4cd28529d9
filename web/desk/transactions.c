/* The transactional report: the ledger's entries by what finance filters for, page by page, and whole as a file. */
#include "lib/finance/view/transactions.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"

#define DAYS_BEFORE 6
#define TITLE "Transactions"

static const struct html_link links[] = {{"reference", "/explain?reference="},
                                         {"redemption", "/explain?reference="},
                                         {NULL, NULL}};

static bool
is_number_or_none(const char *text)
{
	return text == NULL || frame_is_number(text);
}

/* What the fields ask for; false: a page says what is none. */
static bool
ask(const struct page_of *p, struct transactions_asked *ret)
{
	const struct request *r = p->request;
	const char *from = request_field(r, "from"), *to = request_field(r, "to");
	int64_t type;

	*ret = (struct transactions_asked){.programme = request_field(r, "programme"),
	                                   .categories = request_field(r, "category"),
	                                   .partner = request_field(r, "partner"),
	                                   .member = request_field(r, "member"),
	                                   .type = request_field(r, "type"),
	                                   .merchant = request_field(r, "merchant"),
	                                   .state = request_field(r, "state"),
	                                   .fewest = request_field(r, "points-from"),
	                                   .most = request_field(r, "points-to"),
	                                   .columns = request_field(r, "columns"),
	                                   .after = request_field(r, "after")};
	if (period_read(from, to, &ret->period) != PERIOD_READ) {
		frame_sentence(p, 400, TITLE, "The period has to be from a day to the same or a later one.");
		return false;
	}
	if (from == NULL && to == NULL)
		period_of_days(DAYS_BEFORE, &ret->period);
	if ((ret->type != NULL && !text_int(ret->type, 1, INT32_MAX, &type)) ||
	    !is_number_or_none(ret->fewest) || !is_number_or_none(ret->most) || !is_number_or_none(ret->after)) {
		frame_sentence(p, 400, TITLE, "Type and points are whole numbers above 0.");
		return false;
	}
	if (transactions_check(&p->desk->query, ret) != EXIT_CLEAN) {
		frame_sentence(p, 400, TITLE, desk_said());
		return false;
	}
	return true;
}

static void
put_filter(const struct page_of *p, const struct transactions_asked *asked)
{
	const struct request *r = p->request;
	FILE *out = p->reply->out;

	page_put(out, "<form class=\"filter\" action=\"%t\">\n", r->path);
	choose_category(p, asked->categories);
	page_input(out, "text", "programme", "Programme", asked->programme);
	choose_partner(p, asked->partner);
	page_input(out, "text", "merchant", "Merchant", asked->merchant);
	page_input(out, "text", "member", "Member", asked->member);
	page_input(out, "number", "type", "Type", asked->type);
	page_select(out, "state", "State", transactions_states, asked->state, "any");
	page_input(out, "date", "from", "From", request_field(r, "from"));
	page_input(out, "date", "to", "To", request_field(r, "to"));
	page_input(out, "number", "points-from", "Points from", asked->fewest);
	page_input(out, "number", "points-to", "Points to", asked->most);
	page_input(out, "text", "columns", "Columns", asked->columns);
	page_put(out, "<button type=\"submit\">Show</button></form>\n");
}

/* The whole, straight into the reply: nothing of it is kept, and what is no whole report is none. */
static void
write_whole(const struct page_of *p, const struct transactions_asked *asked)
{
	FILE *out = p->reply->out;
	bool json = strcmp(request_field(p->request, "format"), "json") == 0;
	struct transactions_asked all = *asked;
	struct sink sink;

	all.after = NULL;
	sink_open(&sink, json ? FORMAT_JSON : FORMAT_CSV, out);
	if (transactions_write(&p->desk->query, &all, &sink, NULL) == EXIT_CLEAN && fflush(out) == 0) {
		p->reply->type = json ? "application/json" : "text/csv; charset=utf-8";
		p->reply->name = mem_format("transactions.%s", json ? "json" : "csv");
		return;
	}
	bool full = ferror(out);
	clearerr(out);
	rewind(out);
	if (ftruncate(fileno(out), 0) < 0)
		p->reply->ends = true;
	frame_sentence(p, 500, TITLE,
	               full || *desk_said() == '\0' ? "This report is too long for a page: ask for fewer days." : desk_said());
}

void
page_transactions(const struct page_of *p)
{
	struct transactions_asked asked;
	struct document *d = NULL;
	FILE *out = p->reply->out;

	if (!ask(p, &asked))
		return;
	if (frame_is_for_machines(p->request)) {
		write_whole(p, &asked);
		return;
	}
	int code = transactions_take(&p->desk->query, &asked, &d);
	if (frame_failed(p, code, d))
		return;
	const struct table *t = d->tables[0];
	frame_begin(p, TITLE);
	page_put(out, "<p class=\"subtitle\">%t</p>\n", d->subtitle);
	if (code == EXIT_PROOF)
		page_put(out, "<p class=\"bad\" role=\"alert\">%t</p>\n", desk_said());
	put_filter(p, &asked);
	render_html_tables(out, d, links);
	if (query_is_cut(&p->desk->query, t) && (asked.columns == NULL || strstr(asked.columns, "entry") != NULL))
		frame_next(p, table_cell(t, t->rows - 1, table_column(t, "entry")));
	frame_formats(p);
	frame_end(p);
	document_free(d);
}
