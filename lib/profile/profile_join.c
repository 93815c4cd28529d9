/* join: a field's value is put together of others of its record. */
#include "lib/profile/profile_internal.h"

static void
compile_join(struct compile *c, struct record_type *type, struct yaml_node *map, struct field *f)
{
	struct yaml_node *n = compile_child(c, map, "join", YAML_LIST);
	const char *between = compile_text(c, map, "between", "");
	int16_t *join = n == NULL ? NULL : compile_alloc(c, compile_count(n), sizeof(*join));

	if (join == NULL)
		return;
	if (compile_count(n) < 2)
		yaml_error(c->problems, n, "needs two fields or more");
	if (f->type != FIELD_TEXT && f->type != FIELD_ID && f->type != FIELD_UUID)
		yaml_error(c->problems, n, "is for a field of type text, id or uuid");
	if (yaml_get(map, "at") != NULL || f->constant.data != NULL || f->pattern != NULL || f->piece)
		yaml_error(c->problems, n,
		           "a field that is put together has no at, value or pattern, and is cut out of none");
	if (type->explicit_close && type->role == ROLE_HEADER)
		yaml_error(c->problems, n, "is not for a level's field, which holds as soon as it comes");
	for (struct yaml_node *at = n->first; at != NULL; at = at->next)
		if (at->kind != YAML_SCALAR || strcmp(at->text, f->name) == 0)
			yaml_error(c->problems, at, "must be the name of another field");
		else
			join[f->joins++] = (int16_t) compile_slot(c, at, at->text);
	f->join = join;
	f->between = (struct slice){between, (uint32_t) strlen(between)};
	f->piece = type->has_pattern = true; /* of what was read: it lies nowhere in the file */
	f->trims = f->trim_left = f->trim_right = false;
	f->simple = false;
}

void
compile_joins(struct compile *c, struct record_type *type, struct yaml_node *fields)
{
	for (uint16_t i = 0; i < type->fields; i++)
		if (fields->kind == YAML_MAP)
			compile_join(c, type, yaml_get(fields, type->field[i].name), &type->field[i]);
}

/* Can one of the fields of this name stand in a join: in front of another one, its end is seen by its length.
 */
static const char *
wrong_in_join(const struct field *part, bool needs_length)
{
	if (part->join != NULL)
		return "is put together itself";
	if (field_is_raw(part) || part->type == FIELD_FLAGS || part->type == FIELD_BLANK || part->many ||
	    part->separator != NULL)
		return "is no one text";
	if (needs_length && (part->min_bytes == 0 || part->min_bytes != part->max_bytes))
		return "may be of any length, so that two records could make one text: say its length, or between";
	return NULL;
}

static void
check_part(struct compile *c, const struct record_type *type, const struct field *f, uint16_t part,
           const struct yaml_node *at)
{
	const struct layout *l = c->layout;
	bool found = false;

	for (uint16_t t = 0; t < l->types; t++) {
		const struct record_type *other = &l->type[t];
		int16_t k = other->by_slot == NULL ? -1 : other->by_slot[f->join[part]];
		const char *why;

		if (k < 0 || (other != type && other->role != ROLE_NAME &&
		              (other->role != ROLE_HEADER || other->level > type->level)))
			continue;
		found = true;
		why = wrong_in_join(&other->field[k], f->between.len == 0 && part + 1 < f->joins);
		if (why != NULL)
			yaml_error(c->problems, at, "%s.%s %s", other->name, other->field[k].name, why);
	}
	if (!found)
		yaml_error(c->problems, at, "%s: neither this record nor a level above it has such a field",
		           l->slot_name[f->join[part]]);
}

void
check_joins(struct compile *c, const struct record_type *type, struct yaml_node *fields)
{
	for (uint16_t i = 0; i < type->fields && fields != NULL && fields->kind == YAML_MAP; i++) {
		struct yaml_node *n = yaml_get(yaml_get(fields, type->field[i].name), "join");

		for (uint16_t k = 0; type->field[i].join != NULL && k < type->field[i].joins; k++)
			check_part(c, type, &type->field[i], k, n);
	}
}
