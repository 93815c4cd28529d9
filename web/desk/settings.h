/* Pages that are a few statements and their columns: how things are set up. */
#ifndef HANDBACK_WEB_DESK_SETTINGS_H
#define HANDBACK_WEB_DESK_SETTINGS_H

#include "web/desk/pages.h"

/* A table of a page; the statement is given the second part of the path, where params says 1. */
struct part {
	const char *key, *title, *empty;
	enum table_shape shape;
	const struct column *columns;
	int column_count;
	const char *sql;
	int params;
};

struct setting_page {
	const char *name, *title;
	bool of_one; /* of what the path names: its title */
	const struct part *parts;
	size_t count;
	/* what may be done about it, above the tables, for who decides; NULL: nothing */
	void (*actions)(const struct page_of *p, const struct document *d);
};

#define PARTS(array) (array), sizeof(array) / sizeof((array)[0])

void settings_show(const struct page_of *p, const struct setting_page *page);

#endif
