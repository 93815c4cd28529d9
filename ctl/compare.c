#include "ctl/compare.h"

#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"

static const struct column difference_columns[] = {
    {"table", "In", COLUMN_TEXT, 0, 0, NULL},    {"row", "Row", COLUMN_TEXT, 0, 0, NULL},
    {"value", "Value", COLUMN_TEXT, 0, 0, NULL}, {"expected", "Expected", COLUMN_TEXT, 12, 0, NULL},
    {"got", "Got", COLUMN_TEXT, 12, 0, NULL},
};

static void
differ(struct table *differences, const struct table *t, const char *row, const char *value,
       const char *expected, const char *got)
{
	const char *cells[] = {t->key, row, value, expected, got};

	table_row(differences, cells);
}

static const struct json_node *
member_node(const struct json_node *map, const char *key)
{
	return map->kind == JSON_MAP ? json_get(map, key) : NULL;
}

static void
compare_row(struct table *differences, const struct table *t, size_t row, const char *name,
            const struct json_node *expected)
{
	for (int c = 0; c < t->column_count; c++) {
		const struct column *column = &t->columns[c];
		const struct json_node *was = member_node(expected, column->key);
		const char *cell = table_cell(t, row, c);
		char *exact = cell == NULL ? NULL : cell_exact(column->kind, cell);
		const char *is = exact;

		if (is != NULL && column->kind == COLUMN_BOOL)
			is = strcmp(is, "t") == 0 ? "true" : "false";
		if (was != NULL &&
		    ((was->text == NULL) != (is == NULL) || (is != NULL && strcmp(was->text, is) != 0)))
			differ(differences, t, name, column->key, was->text, is);
		free(exact);
	}
}

/* The number that names a row, or where it stands when its table has none. */
static const char *
name_of(const char *named, size_t position, char buf[24])
{
	if (named != NULL)
		return named;
	snprintf(buf, 24, "%zu", position + 1);
	return buf;
}

/* Both in the order of their numbers. */
static int
order(const char *expected, const char *got)
{
	long long a = expected == NULL ? 0 : strtoll(expected, NULL, 10);
	long long b = got == NULL ? 0 : strtoll(got, NULL, 10);

	return (a > b) - (a < b);
}

static void
compare_rows(struct table *differences, const struct table *t, const struct json_node *list)
{
	/* records have numbers; rows of other tables are compared as they stand */
	const char *key = column_is_number(t->columns[0].kind) ? t->columns[0].key : NULL;
	const struct json_node *was = list->first;
	size_t row = 0;

	for (size_t position = 0; was != NULL || row < t->rows; position++) {
		const char *expected = was == NULL || key == NULL ? NULL : json_member(was, key);
		const char *got = row == t->rows || key == NULL ? NULL : table_cell(t, row, 0);
		int which = was == NULL ? 1 : row == t->rows ? -1 : key == NULL ? 0 : order(expected, got);
		char buf[24];

		if (which == 0)
			compare_row(differences, t, row, name_of(got, position, buf), was);
		else if (which < 0)
			differ(differences, t, name_of(expected, position, buf), NULL, "a row", NULL);
		else
			differ(differences, t, name_of(got, position, buf), NULL, NULL, "a row");
		if (which <= 0)
			was = was->next;
		if (which >= 0)
			row++;
	}
}

struct document *
document_compare(const struct document *now, const struct json_node *expected)
{
	struct document *d = document_new("differences", NULL);
	struct table *differences = document_add(d, "differences", NULL, TABLE_ROWS, COLUMNS(difference_columns));

	table_empty(differences, "Nothing differs.");
	for (size_t i = 0; i < now->table_count; i++) {
		const struct table *t = now->tables[i];
		const struct json_node *was = member_node(expected, t->key);

		if (was == NULL)
			continue;
		if (was->kind == JSON_LIST)
			compare_rows(differences, t, was);
		else if (was->kind == JSON_MAP && t->rows > 0)
			compare_row(differences, t, 0, NULL, was);
	}
	return d;
}
