/* fields: where each stands, of what type it is, what its values mean. */
#include <strings.h>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/profile/profile_internal.h"
#include "lib/profile/dates.h"

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

/* "12", "3-38", "27-": from 1, both ends in it. */
bool
compile_range(const char *text, struct range *ret)
{
	char *end;
	unsigned long first, last;

	if (*text < '1' || *text > '9')
		return false;
	first = strtoul(text, &end, 10);
	last = first;
	if (*end == '-' && end[1] == '\0')
		last = 0;
	else if (*end == '-' && end[1] >= '1' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if ((*end != '\0' && last != 0) || first > INT32_MAX || last > INT32_MAX || (last != 0 && last < first))
		return false;
	*ret = (struct range){(uint32_t) first - 1, last == 0 ? 0 : (uint32_t) (last - first + 1)};
	return true;
}

/* Fixed width: ranges joined by '+'. */
static void
place_ranges(struct compile *c, const struct yaml_node *n, struct field *f)
{
	char one[32];

	for (const char *p = n->text; p != NULL; p = strchr(p, '+') == NULL ? NULL : strchr(p, '+') + 1) {
		size_t len = strcspn(p, "+");

		snprintf(one, sizeof(one), "%.*s", (int) (len < sizeof(one) ? len : sizeof(one) - 1), p);
		if (f->ranges == LAYOUT_RANGES || !compile_range(one, &f->range[f->ranges])) {
			yaml_error(c->problems, n,
			           "must be positions as in 3-38, 26, 27- or 1-2+10-12 (at most %d parts)",
			           LAYOUT_RANGES);
			return;
		}
		f->ranges++;
	}
}

/* JSON: "*" is the key of the object that is the record, whose path ends in any key. */
static void
place_key(struct compile *c, const struct yaml_node *at, const struct record_type *type, struct field *f)
{
	const struct path *path = &type->path;

	if (path->steps == 0 || path->step[path->steps - 1].name[0] != '\0' || path->step[path->steps - 1].array)
		yaml_error(c->problems, at, "* is the key of a record whose path ends in any key, as in /answers/*");
	f->path.attribute = "*";
}

/* Delimited: a number, number.part, or a column's name. */
static void
place_column(struct compile *c, const struct yaml_node *n, struct field *f)
{
	char *end;
	unsigned long column = 0, part = 0;

	f->column = f->part = -1;
	if (!n->quoted && *n->text >= '1' && *n->text <= '9') {
		column = strtoul(n->text, &end, 10);
		if (*end == '.' && end[1] >= '1' && end[1] <= '9')
			part = strtoul(end + 1, &end, 10);
		if (*end == '\0') {
			if (column > LAYOUT_FIELDS || part > LAYOUT_FIELDS)
				yaml_error(c->problems, n, "must be a column from 1 to %d", LAYOUT_FIELDS);
			f->column = (int16_t) (column - 1);
			f->part = (int16_t) ((int) part - 1);
			return;
		}
	}
	if (!c->layout->delimited.header)
		yaml_error(c->problems, n, "must be a column's number: names need delimited: header: names");
	f->column_name = compile_copy(c, n->text);
}

static void
place(struct compile *c, struct yaml_node *map, struct record_type *type, struct field *f)
{
	struct yaml_node *at = compile_child(c, map, "at", YAML_SCALAR);
	struct yaml_node *value = compile_child(c, map, "value", YAML_SCALAR);

	f->column = f->part = -1;
	if (value != NULL)
		f->constant = compile_slice(c, value->text);
	if (value != NULL && at != NULL)
		yaml_error(c->problems, value, "stands beside at: a field has the one or the other");
	if (at == NULL || value != NULL)
		return;
	switch ((enum layout_format) c->layout->format) {
	case FORMAT_FIXED:
		place_ranges(c, at, f);
		break;
	case FORMAT_DELIMITED:
		place_column(c, at, f);
		break;
	case FORMAT_JSON:
	case FORMAT_JSON_LINES:
		if (strcmp(at->text, "*") == 0) {
			place_key(c, at, type, f);
			break;
		}
		compile_path(c, at, at->text, &f->path);
		break;
	case FORMAT_XML:
		compile_path(c, at, at->text, &f->path);
		break;
	}
}

/* Words and what they stand for: yes and no for a flag, else our own words. */
static void
word_map(struct compile *c, struct yaml_node *map, struct field *f)
{
	struct yaml_node *n = yaml_get(map, "words");
	size_t count = compile_count(n);

	if (n == NULL)
		return;
	if (n->kind != YAML_MAP || count == 0 || count > UINT16_MAX) {
		yaml_error(c->problems, n, "must be a map from the partner's words to ours");
		return;
	}
	f->words.list = compile_alloc(c, count, sizeof(*f->words.list));
	for (struct yaml_node *w = n->first; f->words.list != NULL && w != NULL; w = w->next) {
		struct word *word = &f->words.list[f->words.count];
		bool flag = false;

		w->used = true;
		word->word = compile_slice(c, w->key);
		if (f->target == TARGET_TEST) {
			if (!yaml_bool(c->problems, w, &flag))
				continue;
			word->number = flag;
		} else if (w->kind != YAML_SCALAR) {
			yaml_error(c->problems, w, "must be one value");
			continue;
		} else
			word->text = compile_slice(c, w->text);
		f->words.count++;
	}
	words_sort(&f->words);
}

/* One of fixed words, or another field: a decimals field, a sign field. */
static int16_t
slot_of(struct compile *c, struct yaml_node *map, const char *key)
{
	struct yaml_node *n = compile_child(c, map, key, YAML_SCALAR);

	if (n == NULL)
		return -1;
	return (int16_t) compile_slot(c, n, n->text);
}

static void
sign_rule(struct compile *c, struct yaml_node *map, struct number_rule *r)
{
	static const char *const words[] = {"none",  "before", "after",           "overpunch", "overpunch_first",
	                                    "zoned", "packed", "packed_unsigned", "binary",    "parentheses",
	                                    NULL};
	static const uint8_t signs[] = {
	    SIGN_NONE,  SIGN_BEFORE, SIGN_AFTER,           SIGN_OVERPUNCH, SIGN_OVERPUNCH_FIRST,
	    SIGN_ZONED, SIGN_PACKED, SIGN_PACKED_UNSIGNED, SIGN_BINARY,    SIGN_PARENTHESES};
	struct yaml_node *n = yaml_get(map, "sign");

	r->sign_slot = -1;
	if (n == NULL)
		return;
	if (n->kind == YAML_MAP) {
		r->sign = SIGN_FIELD;
		r->sign_slot = slot_of(c, n, "field");
		compile_words(c, yaml_get(n, "minus"), &r->minus);
		compile_words(c, yaml_get(n, "plus"), &r->plus);
		compile_known(c, n, "records.*.fields.*.sign");
		if (r->sign_slot < 0 || r->minus.count == 0 || r->plus.count == 0)
			yaml_error(c->problems, n, "needs field, minus and plus");
		return;
	}
	r->sign = signs[compile_word(c, map, "sign", words, 0)];
}

/* decimals: 2, or 0-5. */
static void
decimals_rule(struct compile *c, struct yaml_node *map, struct number_rule *r)
{
	struct yaml_node *n = compile_child(c, map, "decimals", YAML_SCALAR);
	unsigned min, max;
	char end;

	r->decimals_min = r->decimals_max = r->minor;
	if (n == NULL)
		return;
	if (sscanf(n->text, "%2u-%2u%c", &min, &max, &end) != 2) {
		if (sscanf(n->text, "%2u%c", &min, &end) != 1)
			min = 99;
		max = min;
	}
	if (max > 12 || min > max)
		yaml_error(c->problems, n, "must be a number of decimals, as in 2 or 0-5, up to 12");
	else {
		r->decimals_min = (uint8_t) min;
		r->decimals_max = (uint8_t) max;
	}
	if (r->point == 0)
		yaml_error(c->problems, n,
		           "needs point: the mark before the decimals; see implied for decimals without one");
}

/* How many digits behind the point: a number, currency, or (implied) a field. */
static void
scale_rule(struct compile *c, struct yaml_node *map, const char *key, uint8_t *from, uint8_t *fixed,
           int16_t *slot)
{
	struct yaml_node *n = compile_child(c, map, key, YAML_SCALAR);
	int64_t value = 0;

	if (n == NULL)
		return;
	if (strcmp(n->text, "currency") == 0) {
		*from = DECIMALS_CURRENCY;
		*slot = (int16_t) compile_slot(c, n, "currency");
	} else if (strcmp(key, "implied") == 0 && (n->quoted || *n->text < '0' || *n->text > '9')) {
		*from = DECIMALS_FIELD;
		*slot = (int16_t) compile_slot(c, n, n->text);
	} else if (yaml_int(c->problems, n, 0, 12, &value)) {
		*from = DECIMALS_FIXED;
		*fixed = (uint8_t) value;
	}
}

/* One character, as it stands in the file once its encoding was read. */
static void
mark_rule(struct compile *c, struct yaml_node *map, const char *key, struct mark *ret)
{
	struct yaml_node *n = yaml_get(map, key);
	uint32_t code;

	if (n == NULL)
		return;
	ret->len = (uint8_t) compile_bytes(c, n, ret->bytes, sizeof(ret->bytes));
	if (ret->len > 0 && (utf8_next(ret->bytes, ret->len, &code) != ret->len ||
	                     (ret->bytes[0] >= '0' && ret->bytes[0] <= '9')))
		yaml_error(c->problems, n, "must be one character, and no digit");
}

static void
number_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	static const char *const zeros[] = {"take", "absent", "refuse", NULL};
	static const char *const units[] = {"minor", "major", NULL};
	static const char *const groupings[] = {"thousands", "indian", NULL};
	struct number_rule *r = &f->number;
	struct yaml_node *unit = yaml_get(map, "unit");

	sign_rule(c, map, r);
	r->negate = compile_bool(c, map, "negate", false);
	r->zero =
	    (uint8_t) compile_word(c, map, "zero", zeros, f->target == TARGET_POINTS ? ZERO_BAD : ZERO_TAKEN);
	if (f->target == TARGET_POINTS && r->zero == ZERO_TAKEN)
		yaml_error(c->problems, yaml_get(map, "zero"),
		           "take: no redemption has no points; say absent, or refuse");
	r->point = compile_byte(c, map, "point", 0);
	mark_rule(c, map, "thousands", &r->thousands);
	mark_rule(c, map, "minus_mark", &r->minus_mark);
	r->indian = compile_word(c, map, "grouping", groupings, 0) == 1;
	if (yaml_get(map, "grouping") != NULL && r->thousands.len == 0)
		yaml_error(c->problems, yaml_get(map, "grouping"), "does nothing without thousands");
	if (r->minus_mark.len > 0 && r->sign != SIGN_BEFORE && r->sign != SIGN_AFTER)
		yaml_error(c->problems, yaml_get(map, "minus_mark"), "does nothing without sign: before or after");
	r->minor = f->type == FIELD_AMOUNT ? 2 : 0;
	scale_rule(c, map, "minor", &r->minor_from, &r->minor, &r->minor_slot);
	decimals_rule(c, map, r);
	/* digits alone are in minor units, unless something else is said */
	if (compile_word(c, map, "unit", units, 0) == 0) {
		r->implied_from = r->minor_from;
		r->implied = r->minor;
		r->implied_slot = r->minor_slot;
	}
	scale_rule(c, map, "implied", &r->implied_from, &r->implied, &r->implied_slot);
	if (unit != NULL && (yaml_get(map, "implied") != NULL || r->point != 0))
		yaml_error(c->problems, unit, "stands beside point or implied, which say it already");
	if (r->point != 0 && ((r->thousands.len == 1 && r->point == r->thousands.bytes[0]) ||
	                      (r->point >= '0' && r->point <= '9')))
		yaml_error(c->problems, map, "point and thousands must be two marks, and no digits");
	r->min = compile_int(c, map, "min", INT64_MIN + 1, INT64_MAX, r->sign == SIGN_NONE ? 0 : INT64_MIN + 1);
	r->max = compile_int(c, map, "max", INT64_MIN + 1, INT64_MAX, INT64_MAX);
}

/* months: [janvier, ...]: the partner's own names, whole or cut. */
static void
month_names(struct compile *c, struct yaml_node *map, struct date_rule *r)
{
	struct yaml_node *n = compile_child(c, map, "months", YAML_LIST), *at;
	const char **names;
	bool named = false;
	int count = 0;

	if (n == NULL)
		return;
	for (int i = 0; i < r->parts; i++)
		named |= r->part[i].token == DATE_MONTH_SHORT || r->part[i].token == DATE_MONTH_LONG;
	if (!named || compile_count(n) != 12) {
		yaml_error(c->problems, n,
		           named ? "must be twelve names, from January on"
		                 : "does nothing without MON or MONTH in format");
		return;
	}
	names = compile_alloc(c, 12, sizeof(*names));
	for (at = n->first; names != NULL && at != NULL; at = at->next) {
		const char *text = at->kind == YAML_SCALAR ? at->text : "";

		if (*text == '\0')
			yaml_error(c->problems, at, "must be a month's name");
		for (int i = 0; i < count; i++)
			if (strcasecmp(names[i], text) == 0)
				yaml_error(c->problems, at, "is another month's name, too");
		names[count++] = compile_copy(c, text);
	}
	r->months = names;
}

static void
date_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	static const char *const rules[] = {"refuse", "accept", NULL};
	static const char *const hours_24[] = {"refuse", "same_day", "next_day", NULL};
	static const char *const of_time[] = {"cut_off", "second_60", "gap"};
	bool short_year = false;
	struct date_rule *r = compile_alloc(c, 1, sizeof(*r));
	struct yaml_node *format = compile_child(c, map, "format", YAML_SCALAR);
	struct yaml_node *cut_off = compile_child(c, map, "cut_off", YAML_SCALAR);
	const char *why;
	unsigned hour, minute;
	char end;

	if (r == NULL)
		return;
	f->date = r;
	if (format == NULL) {
		yaml_error(c->problems, map, "is a date and needs format, as in YYYY-MM-DD");
		return;
	}
	if (!date_compile(compile_copy(c, format->text), r, &why))
		yaml_error(c->problems, format, "%s", why);
	r->pivot = (int16_t) compile_int(c, map, "pivot", 0, 100, 70);
	r->cut_off = -1;
	if (cut_off != NULL) {
		if (sscanf(cut_off->text, "%2u:%2u%c", &hour, &minute, &end) != 2 || hour > 23 || minute > 59)
			yaml_error(c->problems, cut_off, "must be a time in quotes, as in \"17:30\"");
		else
			r->cut_off = (int32_t) (hour * 3600 + minute * 60);
	}
	r->second_60 = compile_word(c, map, "second_60", rules, 0) == 1;
	r->gap = compile_word(c, map, "gap", rules, 0) == 1;
	r->hour_24 = (uint8_t) compile_word(c, map, "hour_24", hours_24, HOUR_24_BAD);
	if (r->hour_24 != HOUR_24_BAD && (!r->has_time || r->half))
		yaml_error(c->problems, yaml_get(map, "hour_24"),
		           "does nothing without a time of 24 hours in format");
	for (size_t i = 0; i < sizeof(of_time) / sizeof(*of_time); i++)
		if (yaml_get(map, of_time[i]) != NULL && !r->has_time)
			yaml_error(c->problems, yaml_get(map, of_time[i]), "does nothing without a time in format");
	for (int i = 0; i < r->parts; i++)
		short_year |= r->part[i].token == DATE_YEAR2;
	if (yaml_get(map, "pivot") != NULL && !short_year)
		yaml_error(c->problems, yaml_get(map, "pivot"), "does nothing without YY in format");
	month_names(c, map, r);
}

static void
flags_rule(struct compile *c, struct yaml_node *map, struct field *f)
{
	struct yaml_node *flags = compile_child(c, map, "flags", YAML_MAP), *codes;
	size_t count;

	if (flags == NULL) {
		yaml_error(c->problems, map, "is of type flags and needs flags: {on: Y, codes: {1: CODE}}");
		return;
	}
	f->flag_on = compile_byte(c, flags, "on", 'Y');
	f->flag_off = compile_byte(c, flags, "off", ' ');
	codes = compile_child(c, flags, "codes", YAML_MAP);
	count = compile_count(codes);
	f->flags.list = count == 0 ? NULL : compile_alloc(c, count, sizeof(*f->flags.list));
	for (struct yaml_node *n = codes == NULL ? NULL : codes->first; f->flags.list != NULL && n != NULL;
	     n = n->next) {
		struct range place;

		n->used = true;
		if (n->kind != YAML_SCALAR || !compile_range(n->key, &place) || place.len != 1)
			yaml_error(c->problems, n, "must be a code for a position from 1");
		else
			f->flags.list[f->flags.count++] =
			    (struct word){.number = (int32_t) place.start, .text = compile_slice(c, n->text)};
	}
	compile_known(c, flags, "records.*.fields.*.flags");
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
	place(c, map, type, f);
	f->type = (uint8_t) compile_word(c, map, "type", type_words, default_type(map->key));
	f->optional = compile_bool(c, map, "optional", false);
	f->many = compile_bool(c, map, "many", false);
	f->hold_bad =
	    compile_word(c, map, "bad_value", (const char *const[]){"refuse", "hold", NULL}, c->hold_bad) == 1;
	trim_rule(c, map, f);
	length_rule(c, map, f);
	word_map(c, map, f);
	compile_words(c, yaml_get(map, "must_be"), &f->must_be);
	compile_words(c, yaml_get(map, "empty_is"), &f->empty_is);
	empty_bytes_rule(c, map, f);
	f->separator = compile_text(c, map, "separator", NULL);
	f->number.sign_slot = f->number.implied_slot = f->number.minor_slot = -1;
	if (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT)
		number_rule(c, map, f);
	if (f->type == FIELD_DATE)
		date_rule(c, map, f);
	if (f->type == FIELD_FLAGS)
		flags_rule(c, map, f);
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
