/* fields: how their values are written (numbers, dates, flags), and what their words mean. */
#include <strings.h>

#include "lib/base/utf8.h"
#include "lib/profile/dates.h"
#include "lib/profile/profile_internal.h"

/* Words and what they stand for: yes and no for a flag, else our own words. */
void
compile_word_map(struct compile *c, struct yaml_node *map, struct field *f)
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

void
compile_number(struct compile *c, struct yaml_node *map, struct field *f)
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

void
compile_date(struct compile *c, struct yaml_node *map, struct field *f)
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

void
compile_flags(struct compile *c, struct yaml_node *map, struct field *f)
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
