/* Levels: what opens one, what may stand in it, what closes it. */
#include "parsers/assemble/assemble_internal.h"

static const struct slice nothing = {NULL, 0};

static const struct record_type *
type_of(const struct assemble *a, uint16_t type)
{
	return &a->layout->type[type];
}

static int
out_of_order(struct assemble *a, uint16_t type, struct place at, const char *why)
{
	return assemble_refuse(a, "order", type_of(a, type)->name, nothing, at.number, at.offset, "%s record %s",
	                       type_of(a, type)->name, why);
}

/* Is the type, or another version of it, in this instance of its level? */
static bool
version_seen(const struct assemble *a, uint16_t type)
{
	const struct layout *l = a->layout;
	int16_t first = l->type[type].instead_of < 0 ? (int16_t) type : l->type[type].instead_of;

	for (uint16_t t = 0; t < l->types; t++)
		if (a->type[t].seen && (t == (uint16_t) first || l->type[t].instead_of == first))
			return true;
	return false;
}

static bool
must_have(const struct assemble *a, enum role role, int level)
{
	for (uint16_t t = 0; t < a->layout->types; t++) {
		const struct record_type *type = type_of(a, t);

		if (type->role == role && type->level == level && !type->optional)
			return true;
	}
	return false;
}

/* All headers (or trailers) of a level that are not optional must have been seen. */
static int
must_have_seen(struct assemble *a, enum role role, int level, struct place at)
{
	for (uint16_t t = 0; t < a->layout->types; t++) {
		const struct record_type *type = type_of(a, t);

		if (type->role != role || type->level != level || type->optional || version_seen(a, t) ||
		    type->instead_of >= 0)
			continue;
		if (role == ROLE_TRAILER)
			return assemble_refuse(a, "trailer_missing", type->name, nothing, at.number, at.offset,
			                       "the %s record of this %s is missing: the file may have been cut",
			                       type->name, a->layout->level_name[level]);
		return assemble_refuse(a, "header_missing", type->name, nothing, at.number, at.offset,
		                       "the %s record of this %s is missing", type->name,
		                       a->layout->level_name[level]);
	}
	return 0;
}

static void
open_level(struct assemble *a, int level, struct place at)
{
	struct level_state *l = &a->level[level];

	l->open = true;
	l->closing = l->settled = false;
	l->instance++;
	l->first_number = l->last_number = at.number;
	l->named = l->records = 0;
	texts_reset(&l->texts);
	memset(l->slot, 0, a->layout->slots * sizeof(*l->slot));
	for (uint16_t t = 0; t < a->layout->types; t++) {
		const struct record_type *type = type_of(a, t);

		if (type->level != level || type->role == ROLE_NAME || type->role == ROLE_ADDENDUM)
			continue;
		a->type[t].seen = false;
		a->type[t].count = 0;
	}
	for (uint16_t t = 0; t < a->layout->types; t++)
		for (uint16_t f = 0; f < type_of(a, t)->fields; f++)
			if (type_of(a, t)->field[f].runs && type_of(a, t)->field[f].runs_level == level)
				a->type[t].run[f] = 0;
	totals_start(a, level);
	a->depth = level;
}

void
level_begin(struct assemble *a, struct place at)
{
	open_level(a, 0, at);
}

/* How often the types of a level came. */
static int
check_occurs(struct assemble *a, int level, struct place at)
{
	for (uint16_t t = 0; t < a->layout->types; t++) {
		const struct record_type *type = type_of(a, t);

		if (type->level != level || type->role == ROLE_ADDENDUM || type->role == ROLE_NAME ||
		    a->type[t].count >= type->min)
			continue;
		if (assemble_refuse(a, "occurs", type->name, nothing, at.number, at.offset,
		                    "this %s has %u %s records, and the profile says %u at least",
		                    a->layout->level_name[level], a->type[t].count, type->name, type->min) != 0)
			return -1;
	}
	return 0;
}

static int
close_one(struct assemble *a, struct place at)
{
	int level = a->depth;
	struct level_state *l = &a->level[level];
	int rc;

	if (entry_flush(a) != 0 || entry_group(a, level, at) != 0)
		return -1;
	rc = !l->settled ? must_have_seen(a, ROLE_HEADER, level, at) : 0;
	if (rc == 0)
		rc = must_have_seen(a, ROLE_TRAILER, level, at);
	if (rc == 0)
		rc = check_occurs(a, level, at);
	if (rc == 0)
		rc = totals_compare(a, level, at);
	if (level > 0) {
		a->level[level - 1].named += l->named;
		a->level[level - 1].last_number = l->last_number;
	} else if (l->closing)
		a->whole = true;
	l->open = false;
	a->depth = level - 1;
	return rc;
}

int
level_close(struct assemble *a, int level, struct place at)
{
	while (a->depth >= level)
		if (close_one(a, at) != 0)
			return -1;
	return 0;
}

/* Levels up to this one are open, those below it closed: their headers may be missing where the profile says
 * so. */
static int
stand_in(struct assemble *a, uint16_t type, int level, struct place at)
{
	if (level_close(a, level + 1, at) != 0)
		return -1;
	if (a->depth >= 0 && a->level[a->depth].closing) {
		if (a->depth == 0)
			return out_of_order(a, type, at, "stands after the trailer");
		if (level_close(a, a->depth, at) != 0)
			return -1;
	}
	while (a->depth < level) {
		if (must_have(a, ROLE_HEADER, a->depth + 1))
			return out_of_order(a, type, at, "stands before the header of its level");
		open_level(a, a->depth + 1, at);
	}
	return 0;
}

/* One more record in a level that is open. */
static int
count_in(struct assemble *a, uint16_t type, struct place at)
{
	struct level_state *l = &a->level[a->depth];

	a->type[type].seen = true;
	a->type[type].number = at.number;
	a->type[type].offset = at.offset;
	l->last_number = at.number;
	if (++a->type[type].count > type_of(a, type)->max)
		return assemble_refuse(a, "occurs", type_of(a, type)->name, nothing, at.number, at.offset,
		                       "%s record more than the %u that the profile says", type_of(a, type)->name,
		                       type_of(a, type)->max);
	return 0;
}

int
level_stand(struct assemble *a, uint16_t type, struct place at)
{
	int level = type_of(a, type)->level;
	struct level_state *l = &a->level[level];

	if (a->depth != level || l->closing) {
		if (stand_in(a, type, level, at) != 0)
			return -1;
		if (a->depth != level)
			return 0; /* reported, and the file is read on */
	}
	if (!l->settled) {
		l->settled = true;
		if (must_have_seen(a, ROLE_HEADER, level, at) != 0)
			return -1;
	}
	l->records++;
	return count_in(a, type, at);
}

int
level_header(struct assemble *a, uint16_t type, struct place at)
{
	const struct record_type *t = type_of(a, type);
	int level = t->level;

	if (a->depth >= level && a->level[level].open) {
		struct level_state *l = &a->level[level];
		bool another =
		    !version_seen(a, type) && !l->settled && !l->closing && l->records == 0 && a->depth == level;

		if (another)
			return count_in(a, type, at);
		if (level == 0)
			return out_of_order(a, type, at,
			                    a->level[0].closing ? "stands after the trailer"
			                                        : "stands within the file: it is its first");
		if (level_close(a, level, at) != 0)
			return -1;
	}
	if (level > 0) {
		if (stand_in(a, type, level - 1, at) != 0)
			return -1;
		if (a->depth != level - 1)
			return 0;
		a->level[level - 1].records++;
		a->level[level - 1].last_number = at.number;
	}
	open_level(a, level, at);
	return count_in(a, type, at);
}

int
level_trailer(struct assemble *a, uint16_t type, struct place at)
{
	int level = type_of(a, type)->level;

	if (level_close(a, level + 1, at) != 0)
		return -1;
	if (a->depth < level) {
		if (stand_in(a, type, level, at) != 0)
			return -1;
		if (a->depth != level)
			return 0;
	}
	if (entry_flush(a) != 0)
		return -1;
	if (a->type[type].seen || version_seen(a, type))
		return out_of_order(a, type, at, "stands here twice");
	a->level[level].closing = true;
	return count_in(a, type, at);
}

int
level_say(struct assemble *a, uint16_t type, uint16_t field)
{
	const struct field *f = &type_of(a, type)->field[field];
	struct value *v = &a->type[type].value[field];
	struct level_state *l = &a->level[type_of(a, type)->level];

	if (!v->present)
		return 0;
	v->text = texts_keep(&l->texts, v->text);
	if (v->text.data == NULL && v->text.len > 0) {
		a->stopped = true;
		return -1;
	}
	l->slot[f->slot] = v;
	return 0;
}
