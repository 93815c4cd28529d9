/* The compiled layout as rows for a table: what a person checks a profile by. */
#include <stdarg.h>

#include "lib/base/codes.h"
#include "lib/profile/dates.h"
#include "lib/profile/file_name.h"
#include "lib/profile/layout.h"
#include "lib/profile/profile.h"

struct show {
	const struct layout *layout;
	void (*row)(void *context, const struct profile_row *r);
	void *context;
	char place[256], type[256], meaning[512];
};

static void __attribute__((format(printf, 3, 4))) add(char *buf, size_t size, const char *format, ...)
{
	size_t used = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + used, size - used, format, args);
	va_end(args);
}

#define ADD(s, member, ...) add((s)->member, sizeof(s)->member, __VA_ARGS__)

static void
put(struct show *s, const char *record, const char *field)
{
	const struct profile_row r = {record, field, s->place, s->type, s->meaning};

	s->row(s->context, &r);
	s->place[0] = s->type[0] = s->meaning[0] = '\0';
}

static void
add_range(struct show *s, const struct range *r)
{
	if (r->len == 0)
		ADD(s, place, "%u-", r->start + 1);
	else if (r->len == 1)
		ADD(s, place, "%u", r->start + 1);
	else
		ADD(s, place, "%u-%u", r->start + 1, r->start + r->len);
}

static void
add_path(struct show *s, const struct path *path, const char *before)
{
	ADD(s, place, "%s", before);
	for (uint16_t i = 0; i < path->steps; i++) {
		const struct path_step *step = &path->step[i];

		ADD(s, place, "%s%s%s", i > 0 ? "/" : "", *step->name == '\0' ? "*" : step->name,
		    step->array ? "[]" : "");
		if (step->attribute_name != NULL)
			ADD(s, place, "[@%s='%s']", step->attribute_name, step->attribute_value);
	}
	if (path->attribute != NULL)
		ADD(s, place, "%s@%s", path->steps > 0 ? "/" : "", path->attribute);
	else if (path->steps == 0 && *before == '\0')
		ADD(s, place, ".");
}

static void
place_of(struct show *s, const struct record_type *type, const struct field *f)
{
	if (f->constant.data != NULL)
		ADD(s, place, "always \"%.*s\"", (int) f->constant.len, f->constant.data);
	else if (f->join != NULL)
		ADD(s, place, "of %u fields", f->joins);
	else if (f->piece)
		ADD(s, place, "within %s", type->field[f->piece_of].name);
	else if (type->role == ROLE_NAME)
		ADD(s, place, "{%s}", f->name);
	else if (s->layout->format >= FORMAT_XML)
		add_path(s, &f->path, "");
	else if (f->column_name != NULL)
		ADD(s, place, "column \"%s\"", f->column_name);
	else if (f->column >= 0 && f->part >= 0)
		ADD(s, place, "column %d.%d", f->column + 1, f->part + 1);
	else if (f->column >= 0)
		ADD(s, place, "column %d", f->column + 1);
	else if (f->ranges == 0)
		ADD(s, place, "in order");
	for (uint8_t i = 0; i < f->ranges; i++) {
		if (i > 0)
			ADD(s, place, "+");
		add_range(s, &f->range[i]);
	}
}

static void
number_of(struct show *s, const struct layout *l, const struct number_rule *r)
{
	static const char *const signs[] = {
	    "",        " sign before",     " sign after", " overpunch", " overpunch first", " zoned",
	    " packed", " packed unsigned", " binary",     "",           " parentheses"};

	ADD(s, type, "%s", signs[r->sign]);
	if (r->sign == SIGN_FIELD)
		ADD(s, type, " sign by %s", l->slot_name[r->sign_slot]);
	if (r->negate)
		ADD(s, type, " negated");
	if (r->point != 0)
		ADD(s, type, " point %c %u-%u", r->point, r->decimals_min, r->decimals_max);
	if (r->thousands.len != 0)
		ADD(s, type, " thousands %.*s%s", r->thousands.len, r->thousands.bytes, r->indian ? " indian" : "");
	if (r->minus_mark.len != 0)
		ADD(s, type, " minus %.*s", r->minus_mark.len, r->minus_mark.bytes);
	if (r->implied_from == DECIMALS_FIELD)
		ADD(s, type, " decimals by %s", l->slot_name[r->implied_slot]);
	else if (r->minor_from == DECIMALS_CURRENCY)
		ADD(s, type, " minor by currency");
	else if (r->point == 0 && r->implied != r->minor)
		ADD(s, type, " implied %u", r->implied);
}

static void
type_of(struct show *s, const struct field *f)
{
	static const char *const types[] = {"text",   "id",   "uuid",  "integer", "amount",
	                                    "digits", "date", "flags", "blank"};

	ADD(s, type, "%s", types[f->type]);
	if (f->type == FIELD_DATE && f->date != NULL)
		ADD(s, type, " %s", f->date->pattern);
	if (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT)
		number_of(s, s->layout, &f->number);
	if (f->separator != NULL)
		ADD(s, type, " set by \"%s\"", f->separator);
	if (f->max_bytes > 0)
		ADD(s, type, " length %u-%u", f->min_bytes, f->max_bytes);
	ADD(s, type, "%s%s%s%s", f->many ? " many" : "", f->runs ? " running number" : "",
	    f->optional ? " optional" : "", f->hold_bad ? " hold" : "");
}

static void
words_of(struct show *s, const struct field *f)
{
	for (uint16_t i = 0; i < f->words.count; i++) {
		const struct word *w = &f->words.list[i];
		const char *verdict = !f->is_verdict                       ? NULL
		                      : w->number == VERDICT_REST_ACCEPTED ? "rest_accepted"
		                      : w->number == VERDICT_IGNORE        ? "ignore"
		                                                           : verdict_name(w->number);

		ADD(s, meaning, "%s%.*s", i > 0 ? ", " : "", (int) w->word.len, w->word.data);
		if (verdict != NULL)
			ADD(s, meaning, " = %s", verdict);
		else if (f->target == TARGET_TEST)
			ADD(s, meaning, " = %s", w->number != 0 ? "test" : "live");
		else if (w->text.data != NULL)
			ADD(s, meaning, " = %.*s", (int) w->text.len, w->text.data);
	}
	for (uint16_t i = 0; i < f->must_be.count; i++)
		ADD(s, meaning, "%s%.*s", i > 0 ? " or " : "must be ", (int) f->must_be.list[i].word.len,
		    f->must_be.list[i].word.data);
	if (f->target != TARGET_FREE && f->words.count == 0 && f->must_be.count == 0)
		ADD(s, meaning, "%s", f->target >= TARGET_SEQUENCE ? "of the file" : "of the record");
}

static void
condition_of(struct show *s, const struct condition *c)
{
	static const char *const tests[] = {"", "blank", "filled", "digits"};

	if (s->place[0] != '\0')
		ADD(s, place, ", ");
	switch ((enum condition_kind) c->kind) {
	case IF_RANGE:
		add_range(s, &c->range);
		break;
	case IF_COLUMN:
		if (c->column_name != NULL)
			ADD(s, place, "column \"%s\"", c->column_name);
		else if (c->part >= 0)
			ADD(s, place, "column %d.%d", c->column + 1, c->part + 1);
		else
			ADD(s, place, "column %d", c->column + 1);
		break;
	case IF_FIELD:
		ADD(s, place, "%s", s->layout->slot_name[c->slot]);
		break;
	case IF_LENGTH:
	case IF_COLUMNS:
		ADD(s, place, "%s from %llu", c->kind == IF_LENGTH ? "length" : "columns",
		    (unsigned long long) c->number_min);
		return;
	case IF_VERDICT:
		return;
	}
	ADD(s, place, " %s ", c->negate ? "is not" : "is");
	if (c->test != TEST_ANY_OF)
		ADD(s, place, "%s", tests[c->test]);
	for (uint16_t i = 0; i < c->values; i++)
		ADD(s, place, "%s%.*s", i > 0 ? " or " : "", c->value[i].len > 12 ? 12 : (int) c->value[i].len,
		    c->value[i].data);
}

static void
record_of(struct show *s, const struct record_type *type)
{
	static const char *const roles[] = {"header",  "entry", "addendum", "continuation",
	                                    "trailer", "note",  "name",     "filler"};

	if (s->layout->format >= FORMAT_XML && type->role != ROLE_NAME)
		add_path(s, &type->path, "/");
	for (uint16_t i = 0; i < type->when.count; i++)
		condition_of(s, &type->when.all[i]);
	for (const struct name_pattern *p = type->role == ROLE_NAME ? s->layout->name : NULL; p != NULL;
	     p = p->next)
		ADD(s, place, "%s%s", s->place[0] != '\0' ? " or " : "", p->text);
	if (type->role == ROLE_ADDENDUM || type->role == ROLE_NAME || type->role == ROLE_FILLER)
		ADD(s, type, "%s", roles[type->role]);
	else
		ADD(s, type, "%s of %s", roles[type->role], s->layout->level_name[type->level]);
	if (type->optional)
		ADD(s, type, " optional");
	if (type->nested)
		ADD(s, type, " nested");
	if (type->verdict != VERDICT_NONE)
		ADD(s, meaning, "%s", verdict_name(type->verdict));
	put(s, type->name, "");
	for (uint16_t f = 0; f < type->fields; f++) {
		place_of(s, type, &type->field[f]);
		type_of(s, &type->field[f]);
		words_of(s, &type->field[f]);
		put(s, type->name, type->field[f].name);
	}
}

static void
file_of(struct show *s)
{
	static const char *const formats[] = {"delimited", "fixed", "xml", "json", "json_lines"};
	const struct layout *l = s->layout;

	ADD(s, type, "%s %s", formats[l->format],
	    l->utf16 == UTF16_NO        ? l->encoding
	    : l->utf16 == UTF16_BY_MARK ? "UTF-16"
	    : l->utf16 == UTF16_LE      ? "UTF-16LE"
	                                : "UTF-16BE");
	if (l->format == FORMAT_DELIMITED && l->delimited.delimiter_declared_at >= 0)
		ADD(s, place, "delimiter at byte %d", l->delimited.delimiter_declared_at + 1);
	else if (l->format == FORMAT_DELIMITED)
		ADD(s, place, "delimiter %s",
		    strcmp(l->delimited.delimiter, "\t") == 0 ? "tab" : l->delimited.delimiter);
	if (l->format == FORMAT_DELIMITED && l->delimited.quote != 0)
		ADD(s, place, ", quote %c", l->delimited.quote);
	if (l->format == FORMAT_FIXED && l->fixed.length > 0)
		ADD(s, place, "length %u", l->fixed.length);
	ADD(s, meaning, "dates in %s", l->zone);
	put(s, "file", "");
}

void
profile_describe(const struct profile *profile, void (*row)(void *context, const struct profile_row *r),
                 void *context)
{
	struct show s = {.layout = profile->layout, .row = row, .context = context};

	file_of(&s);
	for (uint16_t t = 0; t < s.layout->types; t++)
		record_of(&s, &s.layout->type[t]);
	for (uint16_t i = 0; i < s.layout->controls; i++) {
		const struct control_rule *rule = &s.layout->control[i];

		ADD(&s, place, "%s", s.layout->level_name[rule->level]);
		ADD(&s, type, "%s", rule->optional ? "control optional" : "control");
		ADD(&s, meaning, "%s", rule->text);
		put(&s, "controls", rule->name);
	}
}
