/* Fields that are cut out of another field's value. */
#include "lib/profile/pattern.h"
#include "parsers/assemble/assemble_internal.h"

static const struct slice nothing = {NULL, 0};

/* Where a part of a field's value stands; of one that does not lie in the file as it is, where the whole
 * does. */
static struct place
part_place(const struct assemble *a, uint16_t whole, const char *part, const struct slice *value,
           place_of *place, const void *context)
{
	struct place at = place(a, context, whole);
	const char *from = value[whole].data;

	if (part != NULL && from != NULL && part >= from && part <= from + value[whole].len)
		at.offset += (uint64_t) (part - from);
	return at;
}

/* The fields that are cut, into their pieces. */
static int
cut_fields(struct assemble *a, const struct slice *value, place_of *place, const void *context)
{
	static const struct value_fault misfit = {"pattern", "does not fit the profile's pattern"};
	const struct record_type *t = &a->layout->type[a->current];
	struct type_state *state = &a->type[a->current];

	memset(state->piece, 0, t->fields * sizeof(*state->piece));
	for (uint16_t i = 0; i < t->fields; i++) {
		struct value *v = &state->value[i];
		uint32_t misfits;

		if (t->field[i].pattern == NULL || !v->present ||
		    pattern_cut(t->field[i].pattern, v->text, state->piece, &misfits))
			continue;
		v->present = false;
		for (uint16_t k = 0; k < t->fields; k++)
			if (t->field[k].piece && t->field[k].piece_of == i)
				state->piece[k] = nothing;
		if (tell_bad_value(a, &t->field[i], v->text, &misfit,
		                   part_place(a, i, v->text.data + misfits, value, place, context)) != 0)
			return -1;
	}
	return 0;
}

/* The values of several fields as one text; nothing where one of them is absent, or all are too long. */
static struct slice
join_fields(struct assemble *a, const struct field *f)
{
	char *to = a->reader.scratch + a->reader.scratch_used, *p = to;
	size_t room = a->reader.scratch_size - a->reader.scratch_used;

	for (uint16_t i = 0; i < f->joins; i++) {
		const struct value *v = find_value(a, (uint16_t) f->join[i]);
		const struct slice between = i == 0 ? nothing : f->between;

		if (v == NULL || !v->present || v->text.len + between.len > room - (size_t) (p - to))
			return nothing;
		if (between.len > 0)
			p = mempcpy(p, between.data, between.len);
		if (v->text.len > 0)
			p = mempcpy(p, v->text.data, v->text.len);
	}
	a->reader.scratch_used += (size_t) (p - to);
	return (struct slice){to, (uint32_t) (p - to)};
}

int
read_pieces(struct assemble *a, const struct slice *value, place_of *place, const void *context)
{
	const struct record_type *t = &a->layout->type[a->current];
	struct charset *charset = a->reader.charset;

	if (cut_fields(a, value, place, context) != 0)
		return -1;
	for (uint16_t k = t->cut_from; k < t->fields; k++) {
		uint16_t i = t->order[k];
		bool piece = t->field[i].piece;
		struct slice in = t->field[i].join != NULL ? join_fields(a, &t->field[i])
		                  : piece                  ? a->type[a->current].piece[i]
		                                           : value[i];

		a->reader.charset = piece ? NULL : charset; /* what is cut is decoded */
		if (read_field(a, i, in,
		               part_place(a, piece ? t->field[i].piece_of : i, in.data, value, place, context)) != 0)
			return -1;
	}
	return 0;
}
