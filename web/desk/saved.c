/* Filters of the holds' list that a person keeps under a name. */
#include <stdlib.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "web/desk/desk_sql.h"
#include "web/desk/pages.h"

static const char *const filters[] = {"state", "partner", "reason", "file", "owner", NULL};

/* The filter as it stands in an address, always in the same order; NULL: there is none.  The caller frees it. */
static char *
query_of(const struct request *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		mem_none();
	for (size_t i = 0; filters[i] != NULL; i++)
		if (request_field(r, filters[i]) != NULL)
			page_put(out, "&%t=%u", filters[i], request_field(r, filters[i]));
	if (fclose(out) != 0)
		mem_none();
	if (len > 0)
		memmove(text, text + 1, len); /* without the first "&" */
	else
		free(text);
	return len > 0 ? text : NULL;
}

static void
put_fields(const struct page_of *p)
{
	for (size_t i = 0; filters[i] != NULL; i++)
		if (request_field(p->request, filters[i]) != NULL)
			page_put(p->reply->out, "<input type=\"hidden\" name=\"%t\" value=\"%t\">", filters[i],
			         request_field(p->request, filters[i]));
}

void
saved_put(const struct page_of *p)
{
	FILE *out = p->reply->out;
	char *here = query_of(p->request);
	const char *kept = NULL;
	struct pg_result *r = NULL;

	page_put(out, "<nav class=\"views\" aria-label=\"Views\"><a href=\"/holds\">All open</a> "
	              "<a href=\"/holds?owner=%u\">Mine</a> <a href=\"/holds?state=ended\">Ended</a>",
	         p->desk->person);
	if (p->desk->decides && pg_run(p->desk->query.pg, desk_views, 0, NULL, &r) == PG_OK)
		for (int i = 0; i < pg_rows(r); i++) {
			page_put(out, " <a href=\"/holds?%t\">%t</a>", pg_text(r, i, 1), pg_text(r, i, 0));
			if (here != NULL && strcmp(here, pg_text(r, i, 1)) == 0)
				kept = pg_text(r, i, 0);
		}
	page_put(out, "</nav>\n");
	if (p->desk->decides && kept != NULL) {
		frame_form(p, "/holds/views/drop", "keep");
		page_put(out, "<input type=\"hidden\" name=\"name\" value=\"%t\"><button type=\"submit\">Forget "
		              "the view %t</button></form>\n",
		         kept, kept);
	} else if (p->desk->decides && here != NULL) {
		frame_form(p, "/holds/views", "keep");
		put_fields(p);
		page_put(out, "<label>Keep this filter as <input type=\"text\" name=\"name\" maxlength=\"60\" "
		              "required></label> <button type=\"submit\">Keep</button></form>\n");
	}
	pg_result_free(r);
	free(here);
}

void
page_view_save(const struct page_of *p)
{
	char *query = query_of(p->request), *path = mem_format("/holds?%s", query != NULL ? query : "");
	const char *values[] = {request_field(p->request, "name"), query};

	if (values[0] == NULL || query == NULL)
		frame_sentence(p, 400, "Nothing was done", "A view has a name and a filter.");
	else
		frame_run(p, desk_view_save, 2, values, path);
	free(path);
	free(query);
}

void
page_view_drop(const struct page_of *p)
{
	const char *values[] = {request_field(p->request, "name")};

	if (values[0] == NULL)
		frame_sentence(p, 400, "Nothing was done", "Which view?");
	else
		frame_run(p, desk_view_drop, 1, values, "/holds");
}
