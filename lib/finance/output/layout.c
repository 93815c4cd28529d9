#include "lib/finance/output/layout.h"

#include "lib/finance/output/memory.h"

static int
total_width(const struct layout *l, int columns)
{
	int total = -COLUMN_GAP;

	for (int i = 0; i < columns; i++)
		if (l->shown[i])
			total += l->width[i] + COLUMN_GAP;
	return total;
}

/* The least width that a column may be shortened to. */
static int
least(const struct column *c, int natural)
{
	bool text = !column_is_number(c->kind) && c->kind != COLUMN_TIME && c->min_width > 0;

	return text && c->min_width < natural ? c->min_width : natural;
}

/* Takes one column from the widest that can be shortened; false when none can. */
static bool
shorten_widest(struct layout *l, const struct table *t, const int *natural)
{
	int widest = -1;

	for (int i = 0; i < t->column_count; i++)
		if (l->shown[i] && l->width[i] > least(&t->columns[i], natural[i]) &&
		    (widest < 0 || l->width[i] > l->width[widest]))
			widest = i;
	if (widest < 0)
		return false;
	l->width[widest]--;
	return true;
}

/* Leaves out all columns of the highest drop; false when there is none left. */
static bool
drop_some(struct layout *l, const struct table *t)
{
	int highest = 0;

	for (int i = 0; i < t->column_count; i++)
		if (l->shown[i] && t->columns[i].drop > highest)
			highest = t->columns[i].drop;
	if (highest == 0)
		return false;
	for (int i = 0; i < t->column_count; i++)
		if (t->columns[i].drop == highest || t->columns[i].drop == -highest)
			l->shown[i] = t->columns[i].drop < 0;
	return true;
}

void
layout_fit(struct layout *ret, const struct table *t, const int *natural, int width)
{
	size_t count = (size_t) t->column_count;

	ret->shown = mem_new(count, sizeof(bool));
	ret->width = mem_new(count, sizeof(int));
	for (size_t i = 0; i < count; i++)
		ret->shown[i] = t->columns[i].drop >= 0 && t->columns[i].drop != FOR_MACHINES;
	do {
		memcpy(ret->width, natural, count * sizeof(int));
		ret->fits = width == 0 || total_width(ret, t->column_count) <= width;
		while (!ret->fits && shorten_widest(ret, t, natural))
			ret->fits = total_width(ret, t->column_count) <= width;
	} while (!ret->fits && drop_some(ret, t));
}

void
layout_clear(struct layout *l)
{
	free(l->shown);
	free(l->width);
	*l = (struct layout){.fits = false};
}
