/* One proposal for many holds: those that were ticked in the list, or all that its filter means.  What it is
 * about is shown, with counts and points, before it is proposed. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"
#include "lib/finance/view/people.h"
#include "lib/finance/view/view_sql.h"
#include "web/desk/desk_sql.h"
#include "web/desk/pages.h"

/* What a filter of the list means, as fields of a form. */
static const char *const filters[] = {"partner", "reason", "file", NULL};

bool
bulk_has_filter(const struct request *r)
{
	for (size_t i = 0; filters[i] != NULL; i++)
		if (request_field(r, filters[i]) != NULL)
			return true;
	return false;
}

static void
put_filter(const struct page_of *p)
{
	for (size_t i = 0; filters[i] != NULL; i++)
		if (request_field(p->request, filters[i]) != NULL)
			page_put(p->reply->out, "<input type=\"hidden\" name=\"%t\" value=\"%t\">", filters[i],
			         request_field(p->request, filters[i]));
}

void
bulk_put_bar(const struct page_of *p, bool many)
{
	FILE *out = p->reply->out;

	frame_form_of(p, "/holds/bulk", "bulk", "pick");
	put_filter(p);
	page_select(out, "decision", "Propose to", hold_decisions, NULL, NULL);
	page_put(out,
	         "<button type=\"submit\" name=\"which\" value=\"ticked\">the holds that are ticked</button>\n");
	if (many && bulk_has_filter(p->request))
		page_put(out,
		         "<button type=\"submit\" name=\"which\" value=\"all\">all that the filter means</button>\n");
	page_put(out,
	         "<label>Or give those that are ticked to <input type=\"text\" name=\"who\" value=\"%t\"></label>\n"
	         "<button type=\"submit\" name=\"which\" value=\"assign\">Assign</button></form>\n",
	         p->desk->person);
}

bool
bulk_find(const struct page_of *p, struct pg_result **ret)
{
	const struct request *r = p->request;
	const char *file = request_field(r, "file"), *which = request_field(r, "which"),
	           *values[] = {request_field(r, "partner"), request_field(r, "reason"), file,
	                        request_field(r, "decision"), NULL};
	bool all = which != NULL && strcmp(which, "all") == 0;
	char *numbers = all ? NULL : request_numbers(r, "hold");
	const char *named[] = {numbers};
	enum pg_status status = PG_OK;

	*ret = NULL;
	if (all && bulk_has_filter(r) && (file == NULL || frame_is_number(file)))
		status = pg_run(p->desk->query.pg, sql_hold_select, 5, values, ret);
	else if (numbers != NULL)
		status = pg_run(p->desk->query.pg, sql_hold_count, 1, named, ret);
	free(numbers);
	if (status != PG_OK)
		frame_refused(p, status);
	else if (*ret == NULL || strcmp(pg_text_of(*ret, 0, "many"), "0") == 0)
		frame_sentence(p, 400, "Nothing was done",
		               *ret != NULL && which != NULL && strcmp(which, "all") == 0
		                   ? "No open hold is meant of which this is possible."
		                   : "No hold was ticked, and no filter names any.");
	else
		return true;
	pg_result_free(*ret);
	*ret = NULL;
	return false;
}

/* Those that were ticked, again, for the form that follows. */
static void
put_ticked(const struct page_of *p)
{
	const struct request *r = p->request;

	for (size_t i = 0; i < r->fields; i++)
		if (strcmp(r->field[i].name, "hold") == 0)
			page_put(p->reply->out, "<input type=\"hidden\" name=\"hold\" value=\"%t\">", r->field[i].value);
}

/* Those that were ticked, given to somebody: the list of that person's is shown. */
static void
assign(const struct page_of *p)
{
	char *numbers = request_numbers(p->request, "hold"), *text = NULL;
	const char *values[] = {numbers, request_field(p->request, "who")};
	size_t len = 0;
	FILE *path;

	if (values[0] == NULL || values[1] == NULL) {
		frame_sentence(p, 400, "Nothing was done", "No hold was ticked, or nobody was named.");
	} else if ((path = open_memstream(&text, &len)) == NULL) {
		mem_none();
	} else {
		page_put(path, "/holds?owner=%u", values[1]);
		if (fclose(path) != 0)
			mem_none();
		frame_run(p, desk_assign_many, 2, values, text);
	}
	free(text);
	free(numbers);
}

void
page_bulk(const struct page_of *p)
{
	const char *decision = request_field(p->request, "decision"), *which = request_field(p->request, "which");
	bool all = which != NULL && strcmp(which, "all") == 0, files;
	struct pg_result *r = NULL;
	FILE *out = p->reply->out;
	char *many, *points;

	if (which != NULL && strcmp(which, "assign") == 0) {
		assign(p);
		return;
	}
	if (decision == NULL) {
		frame_sentence(p, 400, "Nothing was done", "A decision is required.");
		return;
	}
	if (!bulk_find(p, &r))
		return;
	/* nobody has judged the records of a file on hold: its points are not known */
	files = all && strcmp(decision, "release") == 0;
	many = number_shown(pg_text_of(r, 0, "many"));
	points = number_shown(pg_text_of(r, 0, files ? "records" : "points"));
	frame_begin(p, "Propose for several holds");
	page_put(out,
	         "<dl class=\"tiles\"><div><dt>Decision</dt><dd>%t</dd></div><div><dt>Holds</dt><dd>%t</dd></div>"
	         "<div><dt>%t</dt><dd>%t</dd></div></dl>\n<section class=\"actions\">\n",
	         decision, many, files ? "Records" : "Points", points);
	frame_form(p, "/holds/propose", "decide");
	page_put(out,
	         "<input type=\"hidden\" name=\"decision\" value=\"%t\"><input type=\"hidden\" name=\"which\" "
	         "value=\"%t\"><input type=\"hidden\" name=\"many\" value=\"%t\"><input type=\"hidden\" "
	         "name=\"points\" value=\"%t\">",
	         decision, which, pg_text_of(r, 0, "many"), pg_text_of(r, 0, "points"));
	if (all)
		put_filter(p);
	else
		put_ticked(p);
	if (all && strcmp(pg_text_of(r, 0, "left_out"), "0") != 0)
		page_put(out, "<p>It is not possible for %t more, and those are left out: %t</p>\n",
		         pg_text_of(r, 0, "left_out"), pg_text_of(r, 0, "against"));
	page_put(out,
	         "<label>Why <textarea name=\"why\" rows=\"2\" required autofocus></textarea></label>\n"
	         "<label><input type=\"checkbox\" name=\"accept_difference\" value=\"yes\"> though record and "
	         "redemption differ</label>\n<button type=\"submit\">Propose</button></form>\n"
	         "<p class=\"note\">Another person approves it. Nothing is done before that.</p>\n</section>\n");
	frame_end(p);
	free(many);
	free(points);
	pg_result_free(r);
}
