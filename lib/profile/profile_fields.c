/* fields: where each stands, of what type it is, what its values mean. */
#include "lib/profile/profile_internal.h"

/* What a field's name makes of it when the profile does not say. */
static const struct {
	const char *name;
	uint8_t target, type;
} targets[] = {
    {"external_reference", TARGET_EXTERNAL_REFERENCE, FIELD_UUID},
    {"outbound_reference", TARGET_OUTBOUND_REFERENCE, FIELD_ID},
    {"partner_reference", TARGET_PARTNER_REFERENCE, FIELD_ID},
    {"member", TARGET_MEMBER, FIELD_ID},
    {"programme", TARGET_PROGRAMME, FIELD_TEXT},
    {"merchant", TARGET_MERCHANT, FIELD_TEXT},
    {"currency", TARGET_CURRENCY, FIELD_TEXT},
    {"reason", TARGET_REASON, FIELD_TEXT},
    {"reason_text", TARGET_REASON_TEXT, FIELD_TEXT},
    {"change", TARGET_CHANGE, FIELD_TEXT},
    {"record_id", TARGET_RECORD_ID, FIELD_ID},
    {"replaces", TARGET_REPLACES, FIELD_ID},
    {"replaces_file", TARGET_REPLACES_FILE, FIELD_DIGITS},
    {"replaces_record", TARGET_REPLACES_RECORD, FIELD_DIGITS},
    {"points", TARGET_POINTS, FIELD_INTEGER},
    {"amount", TARGET_AMOUNT, FIELD_AMOUNT},
    {"transaction_type", TARGET_TRANSACTION_TYPE, FIELD_INTEGER},
    {"date", TARGET_DATE, FIELD_DATE},
    {"outbound_line", TARGET_OUTBOUND_LINE, FIELD_INTEGER},
    {"sequence", TARGET_SEQUENCE, FIELD_INTEGER},
    {"business_date", TARGET_BUSINESS_DATE, FIELD_DATE},
    {"partner_id", TARGET_PARTNER_ID, FIELD_ID},
    {"file_id", TARGET_FILE_ID, FIELD_ID},
    {"original_message", TARGET_ORIGINAL_MESSAGE, FIELD_ID},
    {"test", TARGET_TEST, FIELD_TEXT},
    {"lists", TARGET_LISTS, FIELD_TEXT},
};

static const char *const type_words[] = {"text",   "id",   "uuid",  "integer", "amount",
                                         "digits", "date", "flags", "blank",   NULL};

enum target
target_of(const char *name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			return targets[i].target;
	return TARGET_FREE;
}

static int
default_type(const char *name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			return targets[i].type;
	return FIELD_TEXT;
}

int
compile_find_slot(const struct compile *c, const char *name)
{
	for (int i = 0; i < c->layout->slots; i++)
		if (strcmp(c->layout->slot_name[i], name) == 0)
			return i;
	return -1;
}

int
compile_slot(struct compile *c, const struct yaml_node *at, const char *name)
{
	int slot = compile_find_slot(c, name);

	if (slot >= 0)
		return slot;
	if (c->layout->slots == LAYOUT_SLOTS) {
		yaml_error(c->problems, at, "is one field name too many: a profile has at most %d", LAYOUT_SLOTS);
		return 0;
	}
	c->layout->slot_name[c->layout->slots] = compile_copy(c, name);
	return c->layout->slots++;
}

int
compile_find_field(const struct record_type *type, const char *name, size_t len)
{
	for (int i = 0; i < type->fields; i++)
		if (strlen(type->field[i].name) == len && memcmp(type->field[i].name, name, len) == 0)
			return i;
	return -1;
}

static void
runs_rule(struct compile *c, struct yaml_node *map, const struct record_type *type, struct field *f)
{
	struct yaml_node *runs = compile_child(c, map, "runs", YAML_MAP);
	const char *level;

	if (runs == NULL)
		return;
	f->runs = true;
	f->runs_from = compile_int(c, runs, "from", INT64_MIN / 2, INT64_MAX / 2, 1);
	f->runs_step = compile_int(c, runs, "step", -1000000, 1000000, 1);
	level = compile_text(c, runs, "per", c->layout->level_name[0]);
	f->runs_all = compile_bool(c, runs, "all_records", false);
	for (f->runs_level = 0; f->runs_level < c->layout->levels; f->runs_level++)
		if (strcmp(c->layout->level_name[f->runs_level], level) == 0)
			break;
	if (f->runs_level == c->layout->levels) {
		yaml_error(c->problems, runs, "per must be one of the profile's levels");
		f->runs_level = 0;
	}
	if (f->type != FIELD_INTEGER)
		yaml_error(c->problems, runs, "needs type: integer");
	compile_known(c, runs, "records.*.fields.*.runs");
	(void) type;
}

static void
trim_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	static const char *const words[] = {"none", "left", "right", "both", NULL};
	bool padded =
	    c->layout->format == FORMAT_FIXED || c->layout->format == FORMAT_XML || c->layout->delimited.trim;
	int trim = compile_word(c, map, "trim", words, padded ? 3 : 0);

	f->trim_left = (trim & 1) != 0;
	f->trim_right = (trim & 2) != 0;
	f->zeros = compile_bool(c, map, "strip_zeros", false) ? '0' : 0;
}

/* length: 5, or 5-10. */
static void
length_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	struct yaml_node *n = compile_child(c, map, "length", YAML_SCALAR);
	unsigned min, max;
	char end;

	if (n == NULL)
		return;
	if (sscanf(n->text, "%6u-%6u%c", &min, &max, &end) != 2) {
		if (sscanf(n->text, "%6u%c", &min, &end) != 1)
			min = 0;
		max = min;
	}
	if (max == 0 || min > max)
		yaml_error(c->problems, n, "must be a number of bytes, as in 12 or 5-10");
	f->min_bytes = min;
	f->max_bytes = max;
}

/* empty_bytes: blank, low, high: as they stand in the file. */
static void
empty_bytes_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	struct yaml_node *n = yaml_get(map, "empty_bytes");

	if (n == NULL)
		return;
	if (c->layout->format != FORMAT_FIXED)
		yaml_error(c->problems, n, "is for format: fixed");
	else if (!f->optional)
		yaml_error(c->problems, n, "does nothing without optional: yes");
	for (struct yaml_node *at = compile_first(n); at != NULL; at = compile_next(n, at)) {
		const char *text = at->kind == YAML_SCALAR ? at->text : "";
		char byte;

		at->used = true;
		if (strcmp(text, "blank") == 0)
			byte = c->layout->fixed.blank;
		else if (strcmp(text, "low") == 0)
			byte = 0;
		else if (strcmp(text, "high") == 0)
			byte = (char) 0xff;
		else {
			yaml_error(c->problems, at, "must be blank, low (0x00) or high (0xff)");
			return;
		}
		if (f->empty_bytes == sizeof(f->empty_byte)) {
			yaml_error(c->problems, n, "has a value twice");
			return;
		}
		f->empty_byte[f->empty_bytes++] = byte;
	}
}

static void
compile_field(struct compile *c, struct record_type *type, struct yaml_node *map, struct field *f)
{
	f->name = compile_copy(c, map->key);
	f->slot = (uint16_t) compile_slot(c, map, map->key);
	f->target = (uint8_t) target_of(map->key);
	/* "points" of a trailer is a total: no redemption's points, and it may be zero */
	if (type->role == ROLE_TRAILER && f->target == TARGET_POINTS)
		f->target = TARGET_FREE;
	if (map->kind != YAML_MAP) {
		yaml_error(c->problems, map, "must be a map, as in {at: 3-12, type: id}");
		return;
	}
	compile_place(c, map, type, f);
	f->type = (uint8_t) compile_word(c, map, "type", type_words, default_type(map->key));
	f->optional = compile_bool(c, map, "optional", false);
	f->many = compile_bool(c, map, "many", false);
	f->hold_bad =
	    compile_word(c, map, "bad_value", (const char *const[]){"refuse", "hold", NULL}, c->hold_bad) == 1;
	trim_rule(c, map, f);
	length_rule(c, map, f);
	compile_word_map(c, map, f);
	compile_words(c, yaml_get(map, "must_be"), &f->must_be);
	compile_words(c, yaml_get(map, "empty_is"), &f->empty_is);
	empty_bytes_rule(c, map, f);
	f->separator = compile_text(c, map, "separator", NULL);
	f->number.sign_slot = f->number.implied_slot = f->number.minor_slot = -1;
	if (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT)
		compile_number(c, map, f);
	if (f->type == FIELD_DATE)
		compile_date(c, map, f);
	if (f->type == FIELD_FLAGS)
		compile_flags(c, map, f);
	runs_rule(c, map, type, f);
	(void) yaml_get(map, "pattern"); /* known, and for compile_patterns when all fields are there */
	(void) yaml_get(map, "join");
	(void) yaml_get(map, "between");
	if ((f->target == TARGET_TEST || f->target == TARGET_LISTS) && f->words.count == 0)
		yaml_error(c->problems, map, "needs words: what each of the partner's words means");
	f->trims = f->trim_left || f->trim_right;
	f->simple = f->constant.data == NULL && f->zeros == 0 && f->empty_is.count == 0 && f->separator == NULL &&
	            f->empty_bytes == 0 && f->type != FIELD_BLANK && !field_is_raw(f);
	compile_known_of(c, map, "records.*.fields.*", f->type);
}

/* Fields that need another one's value come after it: pieces after what is cut, then those that need another
 * field's sign or decimals, then what is put together. */
static void
order_fields(struct compile *c, struct record_type *type)
{
	uint16_t count = 0;

	type->order = compile_alloc(c, type->fields + 1u, sizeof(*type->order));
	type->cut_from = type->fields;
	for (int round = 0; type->order != NULL && round < 4; round++) {
		if (round == 1 && type->has_pattern)
			type->cut_from = count;
		for (uint16_t i = 0; i < type->fields; i++) {
			const struct number_rule *r = &type->field[i].number;
			bool needs = r->sign_slot >= 0 || r->implied_slot >= 0 || r->minor_slot >= 0;

			type->has_dependents |= needs;
			if (round == (type->field[i].join != NULL ? 3 : needs ? 2 : type->field[i].piece ? 1 : 0))
				type->order[count++] = i;
		}
	}
}

void
compile_fields(struct compile *c, struct record_type *type, struct yaml_node *map)
{
	size_t count = compile_count(map);

	if (map != NULL && (map->kind != YAML_MAP || count > LAYOUT_FIELDS)) {
		yaml_error(c->problems, map, "must be a map of at most %d fields", LAYOUT_FIELDS);
		return;
	}
	type->field = compile_alloc(c, count + 1, sizeof(*type->field));
	for (struct yaml_node *n = map == NULL ? NULL : map->first; type->field != NULL && n != NULL;
	     n = n->next) {
		n->used = true;
		compile_field(c, type, n, &type->field[type->fields++]);
		type->has_runs |= type->field[type->fields - 1].runs;
	}
	compile_patterns(c, type, map);
	compile_joins(c, type, map);
	order_fields(c, type);
}
