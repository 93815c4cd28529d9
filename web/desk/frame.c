/* What all pages have: the head, the way between them, forms, and what is said where there is nothing. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "web/desk/pages.h"

static const struct {
	const char *path, *title;
	bool set_up; /* how things are set up: not looked at every day */
} rooms[] = {
    {"/", "Today", false},
    {"/reports/ageing", "Open items", false},
    {"/files", "Files", false},
    {"/holds", "Holds", false},
    {"/proposals", "Approvals", false},
    {"/reports", "Reports", false},
    {"/try", "Dry run", false},
    {"/partners", "Partners", true},
    {"/points", "Points", true},
    {"/marketplace", "Marketplace", true},
    {"/targets", "Targets", true},
    {"/credentials", "Credentials", true},
    {"/audit", "Audit", true},
    {"/people", "People", true},
};

const struct html_link frame_links[FRAME_LINKS] = {
    {"file", "/files/"},
    {"release_of", "/files/"},
    {"released_as", "/files/"},
    {"duplicate_of", "/files/"},
    {"again_of", "/files/"},
    {"right_version", "/files/"},
    {"hold", "/holds/"},
    {"proposal", "/proposals/"},
    {"redemption_id", "/explain?reference="},
    {"external_reference", "/explain?reference="},
    {"reason", "/holds?reason="},
    {NULL, NULL},
};

bool
frame_is_number(const char *text)
{
	int64_t number;

	return text != NULL && text_int(text, 1, INT64_MAX, &number);
}

/* The room that a path is in: the longest that it begins with. */
static size_t
room_of(const char *path)
{
	size_t found = sizeof(rooms) / sizeof(rooms[0]);

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		size_t len = strlen(rooms[i].path);
		bool in = strcmp(path, rooms[i].path) == 0 ||
		          (len > 1 && strncmp(path, rooms[i].path, len) == 0 && path[len] == '/');

		if (in && (found == sizeof(rooms) / sizeof(rooms[0]) || len > strlen(rooms[found].path)))
			found = i;
	}
	return found;
}

static void
put_rooms(FILE *out, const char *label, bool set_up, size_t here)
{
	page_put(out, "<nav aria-label=\"%t\">\n<ul>\n", label);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		if (rooms[i].set_up != set_up)
			continue;
		page_put(out, "<li><a href=\"%t\"", rooms[i].path);
		if (i == here)
			page_put(out, " aria-current=\"page\"");
		page_put(out, ">%t</a></li>\n", rooms[i].title);
	}
	page_put(out, "</ul>\n</nav>\n");
}

void
frame_begin(const struct page_of *p, const char *title)
{
	size_t here = room_of(p->request->path);
	FILE *out = p->reply->out;

	page_put(out,
	         "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	         "<title>%t – handback</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
	         "<link rel=\"icon\" href=\"/icon.svg\">\n<script src=\"/script.js\" defer></script>\n"
	         "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
	         "<header>\n",
	         title);
	put_rooms(out, "Pages", false, here);
	page_put(out, "<form class=\"search\" action=\"/explain\" role=\"search\"><label><span>Reference</span> "
	              "<input type=\"search\" name=\"reference\" placeholder=\"reference\" required></label> "
	              "<button type=\"submit\">Explain</button></form>\n");
	frame_form(p, "/logout", "who");
	page_put(out, "<span>%t</span> <button type=\"submit\">Log out</button></form>\n", p->desk->person);
	put_rooms(out, "Set-up", true, here);
	page_put(out, "</header>\n<main id=\"main\">\n<h1>%t</h1>\n", title);
}

void
frame_end(const struct page_of *p)
{
	page_put(p->reply->out, "</main>\n</body>\n</html>\n");
}

void
frame_form(const struct page_of *p, const char *action, const char *class)
{
	page_put(
	    p->reply->out,
	    "<form method=\"post\" action=\"%t\" class=\"%t\"><input type=\"hidden\" name=\"form\" value=\"%t\">",
	    action, class, desk_form(p->desk));
}

void
frame_form_of(const struct page_of *p, const char *action, const char *class, const char *id)
{
	page_put(
	    p->reply->out,
	    "<form method=\"post\" action=\"%t\" class=\"%t\" id=\"%t\"><input type=\"hidden\" name=\"form\" "
	    "value=\"%t\">",
	    action, class, id, desk_form(p->desk));
}

void
frame_sentence(const struct page_of *p, int64_t status, const char *title, const char *sentence)
{
	p->reply->status = status;
	frame_begin(p, title);
	page_put(p->reply->out, "<p class=\"sentence\" role=\"status\">%t</p>\n", sentence);
	frame_end(p);
}

bool
frame_failed(const struct page_of *p, int code, const struct document *d)
{
	if (d != NULL)
		return false;
	if (code == EXIT_UNAVAILABLE) {
		p->reply->ends = true;
		frame_sentence(p, 503, "The database does not answer", desk_said());
	} else if (code == EXIT_USAGE) {
		frame_sentence(p, 404, "Nothing found", desk_said());
	} else {
		frame_sentence(p, 500, "This page cannot be made", desk_said());
	}
	return true;
}

bool
frame_is_for_machines(const struct request *r)
{
	const char *format = request_field(r, "format");

	return format != NULL && (strcmp(format, "csv") == 0 || strcmp(format, "json") == 0);
}

void
frame_formats(const struct page_of *p)
{
	const char *query = p->request->query, *and = query[0] != '\0' ? "&" : "";

	page_put(p->reply->out,
	         "<p class=\"formats\">The same as <a href=\"%t?%t%tformat=csv\">CSV</a> or "
	         "<a href=\"%t?%t%tformat=json\">JSON</a></p>\n",
	         p->request->path, query, and, p->request->path, query, and);
}

void
frame_next(const struct page_of *p, const char *after)
{
	const struct request *r = p->request;
	FILE *out = p->reply->out;

	if (after == NULL)
		return;
	page_put(out, "<p class=\"next\"><a rel=\"next\" href=\"%t?", r->path);
	for (size_t i = 0; i < r->fields; i++)
		if (strcmp(r->field[i].name, "after") != 0)
			page_put(out, "%u=%u&amp;", r->field[i].name, r->field[i].value);
	page_put(out, "after=%u\">Next</a></p>\n", after);
}

void
frame_document(const struct page_of *p, const char *title, const struct html_link *links, struct document *d)
{
	const char *format = request_field(p->request, "format");

	if (!frame_is_for_machines(p->request)) {
		frame_begin(p, title);
		if (d->subtitle != NULL)
			page_put(p->reply->out, "<p class=\"subtitle\">%t</p>\n", d->subtitle);
		render_html_tables(p->reply->out, d, links);
		frame_formats(p);
		frame_end(p);
	} else if (strcmp(format, "json") == 0) {
		p->reply->type = "application/json";
		p->reply->name = mem_format("%s.json", d->key);
		render_json(p->reply->out, d);
	} else {
		const char *key = request_field(p->request, "table");
		const struct table *found = NULL;

		for (size_t i = 0; i < d->table_count && found == NULL; i++)
			if (key != NULL ? strcmp(d->tables[i]->key, key) == 0 : d->tables[i]->shape == TABLE_ROWS)
				found = d->tables[i];
		p->reply->type = "text/csv; charset=utf-8";
		p->reply->name = mem_format("%s.csv", d->key);
		if (found != NULL)
			render_csv(p->reply->out, found);
	}
	document_free(d);
}

void
frame_go_on(const struct page_of *p, char *path)
{
	p->reply->status = 303;
	p->reply->location = path;
}
