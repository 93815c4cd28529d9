/* What is held: the list, and one hold with both sides and what may be decided. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/people.h"
#include "lib/finance/view/views.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"

const char *const hold_decisions[] = {"confirm", "reverse", "reinstate", "credit",
                                      "close",   "release", "reopen",    NULL};

static void
put_filter(const struct page_of *p, const struct holds_asked *asked)
{
	static const char *const states[] = {"ended", NULL};
	FILE *out = p->reply->out;

	page_put(out, "<form class=\"filter\" action=\"/holds\">\n");
	page_select(out, "state", "State", states, asked->ended ? "ended" : NULL, "open");
	choose_partner(p, asked->partner);
	choose_reason(p, asked->reason);
	page_input(out, "text", "file", "File", asked->file);
	page_input(out, "text", "owner", "With", asked->owner);
	page_put(out, "<button type=\"submit\">Show</button></form>\n");
	saved_put(p);
}

/* The fields of a decision. */
static void
put_decision(const struct page_of *p)
{
	FILE *out = p->reply->out;

	page_select(out, "decision", "Decision", hold_decisions, NULL, NULL);
	page_put(out, "<label>Why <textarea name=\"why\" rows=\"2\" required></textarea></label>\n");
	page_put(out, "<label>Redemption, where the record names none <input type=\"text\" name=\"redemption\" "
	              "pattern=\"[0-9a-fA-F-]{36}\"></label>\n");
	page_put(out,
	         "<label><input type=\"checkbox\" name=\"accept_difference\" value=\"yes\"> though record and "
	         "redemption differ</label>\n<button type=\"submit\">Propose</button>\n");
}

/* Of open holds, each with a box for those who decide. */
static void
put_list(const struct page_of *p, const struct holds_asked *asked, const struct document *d)
{
	struct html_link links[FRAME_LINKS + 1] = {{"hold", "/holds/", "hold"}};
	const struct table *t = d->tables[0];
	bool cut = !asked->ended && query_is_cut(&p->desk->query, t),
	     picks = p->desk->decides && !asked->ended && t->rows > 0;

	memcpy(links + 1, frame_links, FRAME_LINKS * sizeof(links[0]));
	if (picks)
		bulk_put_bar(p, asked->owner == NULL && asked->after == NULL);
	render_html_tables(p->reply->out, d, picks ? links : frame_links);
	frame_next(p, cut ? table_cell(t, t->rows - 1, table_column(t, "hold")) : NULL);
}

void
page_holds(const struct page_of *p)
{
	const struct request *r = p->request;
	const char *state = request_field(r, "state");
	struct holds_asked asked = {.partner = request_field(r, "partner"),
	                            .reason = request_field(r, "reason"),
	                            .file = request_field(r, "file"),
	                            .owner = request_field(r, "owner"),
	                            .after = request_field(r, "after"),
	                            .ended = state != NULL && strcmp(state, "ended") == 0};
	struct document *d = NULL;
	int code;

	if ((asked.file != NULL && !frame_is_number(asked.file)) ||
	    (asked.after != NULL && !frame_is_number(asked.after))) {
		frame_sentence(p, 400, "Holds", "That is no number.");
		return;
	}
	code = view_holds(&p->desk->query, &asked, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(r)) {
		frame_document(p, "Holds", frame_links, d);
		return;
	}
	frame_begin(p, "Holds");
	put_filter(p, &asked);
	put_list(p, &asked, d);
	frame_formats(p);
	frame_end(p);
	document_free(d);
}

/* What may be done about it, by who decides. */
static void
put_actions(const struct page_of *p, const char *hold, bool open)
{
	FILE *out = p->reply->out;
	char *comment = mem_format("/holds/%s/comment", hold), *assign = mem_format("/holds/%s/assign", hold);

	page_put(out, "<section class=\"actions\">\n<h2>%t</h2>\n",
	         open ? "Propose a decision; another person approves it" : "It has ended; it can be reopened");
	frame_form(p, "/holds/propose", "decide");
	page_put(out, "<input type=\"hidden\" name=\"hold\" value=\"%t\">\n", hold);
	put_decision(p);
	page_put(out, "</form>\n");
	frame_form(p, comment, "decide");
	page_put(out, "<label>Comment <input type=\"text\" name=\"text\" required></label> <button "
	              "type=\"submit\">Comment</button></form>\n");
	frame_form(p, assign, "decide");
	page_put(out,
	         "<label>Assign to <input type=\"text\" name=\"who\" value=\"%t\" required></label> "
	         "<button type=\"submit\">Assign</button></form>\n",
	         p->desk->person);
	page_put(out, "</section>\n");
	free(comment);
	free(assign);
}

void
page_hold(const struct page_of *p)
{
	const char *hold = p->request->part[1];
	char *title = mem_format("Hold %s", hold);
	struct document *d = NULL;
	int code = view_hold(&p->desk->query, hold, &d);

	if (!frame_failed(p, code, d)) {
		if (frame_is_for_machines(p->request)) {
			frame_document(p, title, frame_links, d);
		} else {
			const struct table *t = d->tables[0];
			bool open = strcmp(table_cell(t, 0, table_column(t, "state")), "open") == 0;

			frame_begin(p, title);
			beside_put(p->reply->out, t);
			difference_put(p->reply->out, t);
			if (p->desk->decides)
				put_actions(p, hold, open);
			render_html_tables(p->reply->out, d, frame_links);
			frame_end(p);
			document_free(d);
		}
	}
	free(title);
}

void
page_proposals(const struct page_of *p)
{
	bool all = request_field(p->request, "all") != NULL;
	struct document *d = NULL;
	int code = view_proposals(&p->desk->query, all, &d);

	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		frame_document(p, "Approvals", frame_links, d);
		return;
	}
	frame_begin(p, "Approvals");
	render_html_tables(p->reply->out, d, frame_links);
	frame_formats(p);
	page_put(p->reply->out, "<p><a href=\"/proposals%t\">%t</a></p>\n", all ? "" : "?all=yes",
	         all ? "Only those that wait" : "All that was ever proposed");
	frame_end(p);
	document_free(d);
}
