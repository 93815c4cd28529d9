/* levels and records: the types of physical records and how they stand to each other. */
#include "lib/base/codes.h"
#include "lib/profile/profile_internal.h"

static const char *const roles[] = {"header", "entry",  "addendum", "continuation", "trailer", "note",
                                    "level",  "filler", NULL};
static const uint8_t role_of[] = {ROLE_HEADER,  ROLE_ENTRY, ROLE_ADDENDUM, ROLE_CONTINUATION,
                                  ROLE_TRAILER, ROLE_NOTE,  ROLE_HEADER,   ROLE_FILLER};

static bool
nested_format(const struct compile *c)
{
	return c->layout->format >= FORMAT_XML;
}

int
compile_find_type(const struct compile *c, const char *name, size_t len)
{
	for (int i = 0; i < c->layout->types; i++)
		if (strlen(c->layout->type[i].name) == len && memcmp(c->layout->type[i].name, name, len) == 0)
			return i;
	return -1;
}

/* A name that expressions can use. */
static bool
is_word(const char *name)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return *name >= 'a' && *name <= 'z' && strspn(name, fine) == strlen(name);
}

static void
compile_levels(struct compile *c)
{
	struct yaml_node *levels = compile_child(c, c->root, "levels", YAML_LIST);
	struct layout *l = c->layout;

	l->levels = 0;
	for (struct yaml_node *n = levels == NULL ? NULL : levels->first; n != NULL; n = n->next) {
		if (n->kind != YAML_SCALAR || !is_word(n->text) || l->levels == LAYOUT_LEVELS)
			yaml_error(c->problems, n, "must be at most %d names of a-z, 0-9 and _, the file's first",
			           LAYOUT_LEVELS);
		else
			l->level_name[l->levels++] = compile_copy(c, n->text);
	}
	if (l->levels == 0)
		l->level_name[l->levels++] = "file";
}

/* The level that a type opens, closes or stands in. */
static uint8_t
level_of(struct compile *c, struct yaml_node *map, uint8_t absent)
{
	struct yaml_node *n = compile_child(c, map, "level", YAML_SCALAR);

	if (n == NULL)
		return absent;
	for (uint8_t i = 0; i < c->layout->levels; i++)
		if (strcmp(c->layout->level_name[i], n->text) == 0)
			return i;
	yaml_error(c->problems, n, "must be one of the profile's levels");
	return absent;
}

/* occurs: 1, 0-1, 2- */
static void
occurs_of(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *n = compile_child(c, map, "occurs", YAML_SCALAR);
	unsigned min, max;
	char end;
	int got;

	type->max = UINT32_MAX;
	if (n == NULL)
		return;
	got = sscanf(n->text, "%9u-%9u%c", &min, &max, &end);
	if (got == 2 && min <= max) {
		type->min = min;
		type->max = max;
	} else if (sscanf(n->text, "%9u%c", &min, &end) == 1)
		type->min = type->max = min;
	else if (sscanf(n->text, "%9u%c", &min, &end) == 2 && end == '-' && n->text[strlen(n->text) - 1] == '-')
		type->min = min;
	else
		yaml_error(c->problems, n, "must be how often, as in 1, 0-1 or 2-");
}

/* columns: 3, or 3-5: how many there are. */
static void
column_count(struct compile *c, struct yaml_node *n, struct record_type *type)
{
	struct range range;

	if (!compile_range(n->text, &range) || (uint64_t) range.start + range.len > LAYOUT_FIELDS) {
		yaml_error(c->problems, n, "must be a number of columns, as in 5, 3-5 or 3-, or a list of fields");
		return;
	}
	type->min_columns = (uint16_t) (range.start + 1);
	type->max_columns = range.len == 0 ? LAYOUT_FIELDS : (uint16_t) (range.start + range.len);
}

static struct column_step *
add_step(struct compile *c, const struct yaml_node *at, struct record_type *type)
{
	if (type->steps == LAYOUT_FIELDS) {
		yaml_error(c->problems, at, "has more than %d parts", LAYOUT_FIELDS);
		return NULL;
	}
	type->step[type->steps] = (struct column_step){.a = -1, .type = -1, .times_field = -1};
	return &type->step[type->steps++];
}

static void compile_steps(struct compile *c, struct yaml_node *list, struct record_type *type, int depth);

static int16_t
field_named(struct compile *c, const struct yaml_node *n, const struct record_type *type)
{
	int field = compile_find_field(type, n->text, strlen(n->text));

	if (field < 0)
		yaml_error(c->problems, n, "%s: no field of this record has that name", n->text);
	return (int16_t) field;
}

/* {if: {kind: V}, columns: [...]}, {repeat: type, times: n, columns: n}, {rest: field} */
static void
compile_group(struct compile *c, struct yaml_node *map, struct record_type *type, int depth)
{
	struct yaml_node *condition = yaml_get(map, "if"), *repeat = compile_child(c, map, "repeat", YAML_SCALAR);
	struct yaml_node *rest = compile_child(c, map, "rest", YAML_SCALAR), *times = yaml_get(map, "times");
	struct column_step *step = add_step(c, map, type);
	uint16_t at = (uint16_t) (type->steps - 1);

	if (step == NULL)
		return;
	if (rest != NULL) {
		step->op = COLUMN_REST;
		step->a = field_named(c, rest, type);
	} else if (repeat != NULL) {
		int other = compile_find_type(c, repeat->text, strlen(repeat->text));

		step->op = COLUMN_REPEAT;
		step->type = (int16_t) other;
		step->times = times == NULL ? -1 : 0;
		if (other < 0)
			yaml_error(c->problems, repeat, "%s: no record has this name", repeat->text);
		else
			c->layout->type[other].nested = true;
		if (times != NULL && times->kind == YAML_SCALAR && *times->text >= '0' && *times->text <= '9')
			step->times = (int32_t) compile_int(c, map, "times", 0, LAYOUT_FIELDS, 1);
		else if (times != NULL && times->kind == YAML_SCALAR)
			step->times_field = field_named(c, times, type);
	} else if (condition != NULL) {
		step->op = COLUMN_IF;
		compile_conditions(c, condition, KEYS_FIELDS, &step->when);
		compile_steps(c, compile_child(c, map, "columns", YAML_LIST), type, depth + 1);
		type->step[at].a = (int16_t) type->steps;
	} else
		yaml_error(c->problems, map, "must be a field's name, or have if, repeat or rest");
	compile_known(c, map, "records.*.columns.*");
}

/* A list: fields in the order of the columns, with parts that depend on what stands there. */
static void
compile_steps(struct compile *c, struct yaml_node *list, struct record_type *type, int depth)
{
	if (depth > 4) {
		yaml_error(c->problems, list, "is nested too deep");
		return;
	}
	for (struct yaml_node *n = list == NULL ? NULL : list->first; n != NULL; n = n->next) {
		struct column_step *step;

		n->used = true;
		if (n->kind == YAML_MAP) {
			compile_group(c, n, type, depth);
			continue;
		}
		step = add_step(c, n, type);
		if (step == NULL || n->kind != YAML_SCALAR)
			return;
		step->op = COLUMN_TAKE;
		if (strcmp(n->text, "-") == 0)
			continue;
		step->a = field_named(c, n, type);
		if (step->a >= 0 && depth > 0)
			type->field[step->a].conditional = true;
	}
}

static void
compile_columns(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *n = yaml_get(map, "columns");

	if (n == NULL)
		return;
	if (n->kind == YAML_SCALAR) {
		column_count(c, n, type);
		return;
	}
	if (n->kind != YAML_LIST || c->layout->format != FORMAT_DELIMITED) {
		yaml_error(c->problems, n, "must be a number or, in a delimited file, a list");
		return;
	}
	type->step = compile_alloc(c, LAYOUT_FIELDS, sizeof(*type->step));
	if (type->step != NULL)
		compile_steps(c, n, type, 0);
}

/* repeat: [{record: item, at: 20-29, times: 5}] in a fixed-width record. */
static void
compile_repeats(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *list = compile_child(c, map, "repeat", YAML_LIST);
	size_t count = compile_count(list);

	if (count == 0)
		return;
	type->repeat = compile_alloc(c, count, sizeof(*type->repeat));
	for (struct yaml_node *n = list->first; type->repeat != NULL && n != NULL; n = n->next) {
		struct repeat *r = &type->repeat[type->repeats++];
		const char *name = compile_text(c, n, "record", ""), *at = compile_text(c, n, "at", "");
		struct yaml_node *times = yaml_get(n, "times");
		struct range range = {0, 0};
		int other = compile_find_type(c, name, strlen(name));

		r->times = -1;
		r->times_field = -1;
		if (other < 0 || !compile_range(at, &range) || range.len == 0) {
			yaml_error(c->problems, n, "needs record: a record's name, and at: the place of the first one");
			continue;
		}
		c->layout->type[other].nested = true;
		r->type = (int16_t) other;
		r->start = range.start;
		r->length = range.len;
		r->skip_blank = compile_bool(c, n, "skip_blank", false);
		if (times != NULL && times->kind == YAML_SCALAR && *times->text >= '0' && *times->text <= '9')
			r->times = (int32_t) compile_int(c, n, "times", 0, 100000, 1);
		else if (times != NULL && times->kind == YAML_SCALAR)
			r->times_field = field_named(c, times, type);
		compile_known(c, n, "records.*.repeat.*");
	}
}

/* Where a continuation begins in the record: a column, or a range. */
static void
compile_continuation(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *from = compile_child(c, map, "from", YAML_SCALAR);

	type->continuation_column = 1;
	type->continuation_joins = compile_bool(c, map, "joins", false);
	if (from == NULL) {
		if (type->role == ROLE_CONTINUATION && c->layout->format == FORMAT_FIXED)
			yaml_error(c->problems, map,
			           "is a continuation and needs from: the bytes that go on, as in 4-80");
		return;
	}
	if (c->layout->format == FORMAT_DELIMITED)
		type->continuation_column = (int16_t) (compile_int(c, map, "from", 1, LAYOUT_FIELDS, 2) - 1);
	else if (!compile_range(from->text, &type->continuation))
		yaml_error(c->problems, from, "must be a place as in 4-80 or 4-");
}

/* What can be said of a type before the others are known. */
static void
declare_type(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	uint8_t inner = (uint8_t) (c->layout->levels - 1);
	int role;

	type->name = compile_copy(c, map->key);
	type->instead_of = -1;
	if (!is_word(map->key) || strcmp(map->key, "name") == 0)
		yaml_error(c->problems, map,
		           "must be named with a-z, 0-9 and _, beginning with a letter, and not name");
	if (map->kind != YAML_MAP) {
		yaml_error(c->problems, map, "must be a map with role and fields");
		return;
	}
	role = compile_word(c, map, "role", roles, -1);
	if (role < 0) {
		yaml_error(c->problems, map, "needs role: what these records are");
		role = 1;
	}
	type->role = role_of[role];
	type->explicit_close = nested_format(c);
	if (strcmp(roles[role], "level") == 0 && !nested_format(c))
		yaml_error(c->problems, map, "is a level: XML and JSON have those; here it is a header");
	type->level = level_of(c, map, type->role == ROLE_HEADER || type->role == ROLE_TRAILER ? 0 : inner);
	type->optional = compile_bool(c, map, "optional", false);
	occurs_of(c, map, type);
}

static void
group_count_of(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *n = compile_child(c, map, "group_count", YAML_SCALAR);

	type->group_count = -1;
	if (n == NULL)
		return;
	type->group_count = (int16_t) compile_find_field(type, n->text, strlen(n->text));
	if (type->group_record != GROUP_RECORD_REST)
		yaml_error(c->problems, n, "goes with group_record: yes");
	else if (type->group_count < 0 || type->field[type->group_count].type != FIELD_INTEGER)
		yaml_error(c->problems, n, "%s: must be a field of this level, type: integer", n->text);
}

static void
compile_type(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *path = compile_child(c, map, "path", YAML_SCALAR);
	struct yaml_node *instead = compile_child(c, map, "instead_of", YAML_SCALAR);
	struct yaml_node *verdict = compile_child(c, map, "verdict", YAML_SCALAR);
	static const char *const groups[] = {"no", "yes", "empty", NULL};

	if (nested_format(c) && path == NULL)
		yaml_error(c->problems, map, "needs path: where it is, from the root");
	else if (nested_format(c))
		compile_path(c, path, path->text, &type->path);
	compile_fields(c, type, yaml_get(map, "fields"));
	if (instead != NULL) {
		type->instead_of = (int16_t) compile_find_type(c, instead->text, strlen(instead->text));
		if (type->instead_of < 0)
			yaml_error(c->problems, instead, "%s: no record has this name", instead->text);
	}
	if (verdict != NULL) {
		type->verdict = (uint8_t) verdict_from_name(verdict->text);
		if (type->verdict == VERDICT_NONE)
			yaml_error(c->problems, verdict,
			           "must be a verdict: accepted, accepted_with_change, "
			           "accepted_with_warning, rejected or pending");
	}
	type->group_record = (uint8_t) compile_word(c, map, "group_record", groups, GROUP_RECORD_NO);
	group_count_of(c, map, type);
	type->keeps = compile_bool(c, map, "keeps", false);
	compile_continuation(c, map, type);
}

/* What needs all types and fields to be known. */
static void
connect_type(struct compile *c, struct yaml_node *map, struct record_type *type)
{
	struct yaml_node *length = compile_child(c, map, "length", YAML_SCALAR);
	uint16_t by_length = 0;
	struct range range;

	compile_conditions(c, yaml_get(map, "when"),
	                   type->role == ROLE_ENTRY ? KEYS_PLACES_OF_ENTRY : KEYS_PLACES, &type->when);
	if (type->when.count > 0 && nested_format(c))
		yaml_error(c->problems, yaml_get(map, "when"),
		           "is for delimited and fixed files; see path and ignore_when");
	for (uint16_t i = 0; i < type->when.count; i++)
		by_length = (uint16_t) (by_length + (type->when.all[i].kind == IF_LENGTH));
	if (by_length > 0 && by_length == type->when.count && c->layout->format == FORMAT_DELIMITED)
		yaml_error(c->problems, yaml_get(map, "when"),
		           "length alone tells no record from another that is as long: say what stands in it");
	compile_conditions(c, yaml_get(map, "ignore_when"), KEYS_FIELDS, &type->ignore_when);
	if (type->ignore_when.count > 0 && (type->role == ROLE_HEADER || type->role == ROLE_TRAILER))
		yaml_error(c->problems, yaml_get(map, "ignore_when"), "a header or trailer cannot be left out");
	compile_columns(c, map, type);
	compile_repeats(c, map, type);
	if (length != NULL && !compile_range(length->text, &range))
		yaml_error(c->problems, length, "must be a number of bytes, as in 94, 80-94 or 80-");
	else if (length != NULL) {
		type->min_length = range.start + 1;
		type->max_length = range.len == 0 ? UINT32_MAX : range.start + range.len;
	}
	compile_known_of(c, map, "records.*", type->role);
}

/* Fields of each type by name; and types without a condition come last. */
static void
index_types(struct compile *c)
{
	struct layout *l = c->layout;

	for (uint16_t t = 0; t < l->types; t++) {
		struct record_type *type = &l->type[t];

		type->by_slot = compile_alloc(c, l->slots + 1u, sizeof(*type->by_slot));
		if (type->by_slot == NULL)
			return;
		memset(type->by_slot, -1, (l->slots + 1u) * sizeof(*type->by_slot));
		for (uint16_t f = 0; f < type->fields; f++)
			type->by_slot[type->field[f].slot] = (int16_t) f;
	}
}

static void
check_types(struct compile *c, const struct yaml_node *records)
{
	const struct layout *l = c->layout;
	int entries = 0, open = 0;

	for (uint16_t t = 0; t < l->types; t++) {
		const struct record_type *type = &l->type[t];

		entries += type->role == ROLE_ENTRY || type->group_record != GROUP_RECORD_NO;
		open += !type->nested && type->when.count == 0 && type->role != ROLE_NAME;
		for (uint16_t f = 0; f < type->fields; f++) {
			const struct field *field = &type->field[f];
			bool placed = field->constant.data != NULL || type->step != NULL || field->ranges > 0 ||
			              field->column >= 0 || field->column_name != NULL || l->format >= FORMAT_XML ||
			              type->role == ROLE_NAME || field->piece;

			if (!placed)
				yaml_error(c->problems, records, "%s.%s needs at: where it stands", type->name, field->name);
		}
	}
	if (entries == 0)
		yaml_error(c->problems, records, "has no record with role: entry");
	if (open > 1 && l->format < FORMAT_XML)
		yaml_error(c->problems, records, "has %d records without when: at most one can be what fits no other",
		           open);
}

void
compile_records(struct compile *c)
{
	struct yaml_node *records = compile_child(c, c->root, "records", YAML_MAP);
	size_t count = compile_count(records);
	struct layout *l = c->layout;
	uint16_t first = l->types; /* the file's name is a type already */

	if (count == 0 || count + first > LAYOUT_TYPES) {
		yaml_error(c->problems, records == NULL ? c->root : records,
		           "records must be a map of 1 to %d records", LAYOUT_TYPES - first);
		return;
	}
	compile_levels(c);
	for (struct yaml_node *n = records->first; n != NULL; n = n->next) {
		n->used = true;
		declare_type(c, n, &l->type[l->types++]);
	}
	for (struct yaml_node *n = records->first; n != NULL; n = n->next)
		compile_type(c, n, &l->type[compile_find_type(c, n->key, strlen(n->key))]);
	for (struct yaml_node *n = records->first; n != NULL; n = n->next)
		connect_type(c, n, &l->type[compile_find_type(c, n->key, strlen(n->key))]);
	index_types(c);
	check_types(c, records);
	for (struct yaml_node *n = records->first; n != NULL; n = n->next)
		check_joins(c, &l->type[compile_find_type(c, n->key, strlen(n->key))], yaml_get(n, "fields"));
}
