/* What a profile demands of a file that we write, and the totals that its controls are of. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile/file_name.h"
#include "outbound/compose/compose_internal.h"

/* ---- what can be written ---- */

static bool
check_type(struct composing *c, size_t i, size_t *entries)
{
	const struct record_type *t = &c->profile->layout->type[i];

	if (t->role == ROLE_ENTRY) {
		c->entry = i;
		++*entries;
	} else if (t->role != ROLE_HEADER && t->role != ROLE_TRAILER && t->role != ROLE_NAME && t->min > 0) {
		return compose_fails(c, "records such as %s cannot be written", t->name);
	}
	if (t->repeats > 0 || t->steps > 0 || t->nested)
		return compose_fails(c, "%s has parts that depend on its content", t->name);
	return true;
}

bool
compose_check(struct composing *c)
{
	const struct layout *l = c->profile->layout;
	size_t entries = 0;

	if (l->format == FORMAT_JSON_LINES)
		return compose_fails(c, "request files are delimited, fixed, xml or json");
	if (strcmp(l->encoding, "UTF-8") != 0 && strcmp(l->encoding, "ASCII") != 0)
		return compose_fails(c, "request files are of UTF-8 or ASCII");
	if (l->levels != 1 || l->framing.kind != FRAME_LINES || l->framing.end_count > 0 || l->framing.skip > 0 ||
	    l->framing.bom == 2 || l->framing.multiple > 0 || l->framing.end_mark)
		return compose_fails(c, "request files are plain lines of one level");
	if (l->container.count > 0)
		return compose_fails(c, "request files have no container");
	if (l->format == FORMAT_DELIMITED &&
	    (l->delimited.ends_with_delimiter || l->delimited.record_end[0] != '\0' ||
	     l->delimited.delimiter_declared_at >= 0))
		return compose_fails(c, "such delimiters cannot be written");
	for (size_t i = 0; i < l->types; i++)
		if (!check_type(c, i, &entries))
			return false;
	if (entries != 1)
		return compose_fails(c, "a request file has one kind of entry");
	return !compose_is_nested(c) || compose_check_nested(c);
}

int
compose_column(const struct composing *c, const struct record_type *t, const struct field *f)
{
	int column = 0;

	if (f->constant.data != NULL || f->piece)
		return -1;
	if (f->column >= 0 || !c->profile->layout->delimited.header)
		return f->column;
	/* known by its heading: in the profile's order */
	for (const struct field *before = t->field; before < f; before++)
		column += before->constant.data == NULL && !before->piece;
	return column;
}

/* ---- totals ---- */

static int64_t
field_of_row(struct composing *c, const struct field *f)
{
	const char *value = c->rows->value(c->rows->context, c->row, f->name);

	return value != NULL ? strtoll(value, NULL, 10) : 0;
}

/* The value of an expression over totals, lines and (in a sum) fields of the row. */
static bool
evaluate(struct composing *c, const struct expression *e, bool of_row, int64_t *ret)
{
	int64_t stack[EXPRESSION_OPS];
	size_t top = 0;
	bool over = false;

	for (uint16_t i = 0; i < e->count; i++) {
		const struct expression_step *s = &e->step[i];

		if (s->op == EXPR_NUMBER)
			stack[top++] = s->value;
		else if (s->op == EXPR_TOTAL)
			stack[top++] = c->total[s->a];
		else if (s->op == EXPR_LINES)
			stack[top++] = (int64_t) c->lines;
		else if (s->op == EXPR_FIELD && of_row && s->a == (int16_t) c->entry)
			stack[top++] = field_of_row(c, &c->profile->layout->type[s->a].field[s->b]);
		else if (s->op == EXPR_NEGATE && top >= 1)
			over |= __builtin_sub_overflow(0, stack[top - 1], &stack[top - 1]);
		else if (s->op == EXPR_ADD && top >= 2 && top--)
			over |= __builtin_add_overflow(stack[top - 1], stack[top], &stack[top - 1]);
		else if (s->op == EXPR_SUBTRACT && top >= 2 && top--)
			over |= __builtin_sub_overflow(stack[top - 1], stack[top], &stack[top - 1]);
		else if (s->op == EXPR_MULTIPLY && top >= 2 && top--)
			over |= __builtin_mul_overflow(stack[top - 1], stack[top], &stack[top - 1]);
		else if (s->op == EXPR_MODULO && top >= 2 && stack[top - 1] > 0 && top--)
			stack[top - 1] %= stack[top];
		else
			return false;
	}
	if (top != 1 || over)
		return false;
	*ret = stack[0];
	return true;
}

/* How many records of a type there are in the file; -1: all. */
static int64_t
records_of(const struct composing *c, int16_t type)
{
	const struct record_type *t = c->profile->layout->type;

	if (type < 0)
		return (int64_t) c->lines;
	return type == (int16_t) c->entry
	           ? (int64_t) c->rows->count
	           : (t[type].role == ROLE_HEADER || t[type].role == ROLE_TRAILER) && !t[type].optional;
}

bool
compose_totals(struct composing *c)
{
	const struct layout *l = c->profile->layout;

	for (uint16_t i = 0; i < l->types; i++)
		c->lines += l->type[i].role != ROLE_NAME && i != c->entry ? (size_t) records_of(c, (int16_t) i) : 0;
	c->lines += c->rows->count;
	for (uint16_t i = 0; i < l->totals; i++) {
		const struct total_rule *t = &l->total[i];

		if (t->where.count > 0 || (t->sum && t->type != (int16_t) c->entry))
			return compose_fails(c, "a total of some of the records cannot be computed");
		if (!t->sum)
			c->total[i] = records_of(c, t->type);
		for (c->row = 0; t->sum && c->row < c->rows->count; c->row++) {
			int64_t each;

			if (!evaluate(c, &t->each, true, &each) ||
			    __builtin_add_overflow(c->total[i], each, &c->total[i]))
				return compose_fails(c, "a sum of the controls cannot be computed");
		}
	}
	c->row = 0;
	return true;
}

static bool
states(const struct expression *e, size_t type, size_t field)
{
	return e->count == 1 && e->step[0].op == EXPR_FIELD && e->step[0].a == (int16_t) type &&
	       e->step[0].b == (int16_t) field;
}

bool
compose_control(struct composing *c, size_t type, size_t field, int64_t *ret)
{
	const struct layout *l = c->profile->layout;

	if (type == c->entry)
		return false;
	for (uint16_t i = 0; i < l->controls; i++) {
		const struct control_rule *k = &l->control[i];
		bool left = states(&k->stated, type, field);

		if (!left && !states(&k->counted, type, field))
			continue;
		if (!evaluate(c, left ? &k->counted : &k->stated, false, ret))
			return compose_fails(c, "the control %s cannot be computed", k->text);
		return true;
	}
	return false;
}

/* ---- the name ---- */

bool
compose_name(const struct profile *profile, const struct compose_facts *facts, char *ret, size_t size,
             char *why, size_t why_size)
{
	const struct layout *l = profile->layout;
	const struct name_pattern *pattern = l->name;
	static const char *const suffix[] = {"csv", "txt", "xml", "json", "json"};
	const struct record_type *name = NULL;
	int year, month, day;
	size_t len = 0;

	for (uint16_t i = 0; i < l->types; i++)
		if (l->type[i].role == ROLE_NAME)
			name = &l->type[i];
	date_to_civil(facts->day, &year, &month, &day);
	for (uint8_t i = 0; pattern != NULL && i < pattern->parts; i++) {
		const struct name_part *p = &pattern->part[i];
		const struct field *f = p->field >= 0 && name != NULL ? &name->field[p->field] : NULL;
		const char *date = f != NULL && f->date != NULL ? f->date->pattern : "";
		int wrote = -1;

		if (p->kind == NAME_LITERAL)
			wrote =
			    snprintf(ret + len, size - len, "%.*s", (int) p->literal.len, (const char *) p->literal.data);
		else if (f != NULL && f->target == TARGET_SEQUENCE)
			wrote = snprintf(ret + len, size - len, "%0*" PRId64, p->width, facts->sequence);
		else if (f != NULL && f->target == TARGET_BUSINESS_DATE && strcmp(date, "YYYYMMDD") == 0)
			wrote = snprintf(ret + len, size - len, "%04d%02d%02d", year, month, day);
		else if (f != NULL && f->target == TARGET_BUSINESS_DATE && strcmp(date, "YYYY-MM-DD") == 0)
			wrote = snprintf(ret + len, size - len, "%04d-%02d-%02d", year, month, day);
		if (wrote < 0 || (size_t) wrote >= size - len || (p->kind == NAME_FIXED && wrote != p->width)) {
			snprintf(why, why_size, "a name cannot be made by the pattern %s", pattern->text);
			return false;
		}
		len += (size_t) wrote;
	}
	if (pattern == NULL)
		snprintf(ret, size, "%s_%06" PRId64 ".%s", profile->name, facts->sequence, suffix[l->format]);
	return true;
}
