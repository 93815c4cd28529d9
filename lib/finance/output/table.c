#include "lib/finance/output/table.h"

#include <assert.h>

#include "lib/finance/output/memory.h"

struct document *
document_new(const char *key, const char *title)
{
	struct document *d = mem_new(1, sizeof(*d));

	d->key = key;
	d->title = mem_text(title);
	return d;
}

static void
free_cells(char **cells, size_t count)
{
	for (size_t i = 0; cells != NULL && i < count; i++)
		free(cells[i]);
	free(cells);
}

static void
free_table(struct table *t)
{
	free_cells(t->cells, t->rows * (size_t) t->column_count);
	free_cells(t->totals, (size_t) t->column_count);
	free_cells(t->notes, t->note_count);
	free(t->title);
	free(t->empty);
	free(t);
}

void
document_free(struct document *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->table_count; i++)
		free_table(d->tables[i]);
	free(d->tables);
	free(d->title);
	free(d->subtitle);
	free(d);
}

void
document_subtitle(struct document *d, char *text)
{
	free(d->subtitle);
	d->subtitle = text;
}

struct table *
document_add(struct document *d, const char *key, const char *title, enum table_shape shape,
             const struct column *columns, int column_count)
{
	struct table *t = mem_new(1, sizeof(*t));

	*t = (struct table){.key = key,
	                    .title = mem_text(title),
	                    .shape = shape,
	                    .columns = columns,
	                    .column_count = column_count};
	d->tables = mem_grow(d->tables, d->table_count + 1, sizeof(struct table *));
	d->tables[d->table_count++] = t;
	return t;
}

void
document_drop(struct document *d, struct table *t)
{
	size_t at = 0;

	while (d->tables[at] != t)
		at++;
	free_table(t);
	d->table_count--;
	memmove(&d->tables[at], &d->tables[at + 1], (d->table_count - at) * sizeof(*d->tables));
}

void
table_row(struct table *t, const char *const *cells)
{
	size_t width = (size_t) t->column_count;

	if (t->rows == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->cells = mem_grow(t->cells, t->room * width, sizeof(char *));
	}
	for (size_t i = 0; i < width; i++)
		t->cells[t->rows * width + i] = mem_text(cells[i]);
	t->rows++;
}

void
table_totals(struct table *t, const char *const *cells)
{
	size_t width = (size_t) t->column_count;

	free_cells(t->totals, width);
	t->totals = mem_new(width, sizeof(char *));
	for (size_t i = 0; i < width; i++)
		t->totals[i] = mem_text(cells[i]);
}

void
table_last_is_total(struct table *t)
{
	size_t width = (size_t) t->column_count;

	if (t->rows == 0)
		return;
	t->rows--;
	if (t->rows > 0)
		table_totals(t, (const char *const *) (t->cells + t->rows * width));
	for (size_t i = 0; i < width; i++)
		free(t->cells[t->rows * width + i]);
}

void
table_note(struct table *t, char *text)
{
	t->notes = mem_grow(t->notes, t->note_count + 1, sizeof(char *));
	t->notes[t->note_count++] = text;
}

void
table_empty(struct table *t, const char *text)
{
	free(t->empty);
	t->empty = mem_text(text);
}

const char *
table_cell(const struct table *t, size_t row, int column)
{
	assert(row < t->rows && column < t->column_count);
	return t->cells[row * (size_t) t->column_count + (size_t) column];
}

int
table_column(const struct table *t, const char *key)
{
	int i = 0;

	while (i < t->column_count && strcmp(t->columns[i].key, key) != 0)
		i++;
	assert(i < t->column_count);
	return i;
}
