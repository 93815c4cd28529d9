/* Counts and sums in 128 bits, and what the partner says that they are. */
#include "lib/base/codes.h"
#include "parsers/assemble/assemble_internal.h"

#define SUM_MOST (((sum_t) 1 << 120) - 1)

void
totals_start(struct assemble *a, int level)
{
	for (uint16_t i = 0; i < a->layout->totals; i++)
		if (a->layout->total[i].level == level)
			a->total[i] = a->waiting[i] = 0;
	each_start(a, level);
}

static bool
in_range(sum_t v)
{
	return v <= SUM_MOST && v >= -SUM_MOST;
}

/* One operation on the two topmost; false when the result is none. */
static bool
operate(uint8_t op, sum_t *left, sum_t right)
{
	switch ((enum expression_op) op) {
	case EXPR_ADD:
		*left += right;
		break;
	case EXPR_SUBTRACT:
		*left -= right;
		break;
	case EXPR_MULTIPLY:
		if (*left != 0 && (right > SUM_MOST / (*left < 0 ? -*left : *left) ||
		                   right < -(SUM_MOST / (*left < 0 ? -*left : *left))))
			return false;
		*left *= right;
		break;
	case EXPR_DIVIDE:
		if (right == 0)
			return false;
		*left /= right;
		break;
	case EXPR_MODULO:
		if (right == 0)
			return false;
		*left %= right;
		break;
	case EXPR_NUMBER:
	case EXPR_FIELD:
	case EXPR_TOTAL:
	case EXPR_LINES:
	case EXPR_NEGATE:
		return false;
	}
	return in_range(*left);
}

enum evaluated { EVALUATED, ABSENT, NO_RESULT };

/* The field that an expression names: a stated value counts only where its record was in this level. */
static bool
field_value(const struct assemble *a, const struct expression_step *s, sum_t *ret)
{
	const struct type_state *state = &a->type[s->a];

	if (!state->seen || !state->value[s->b].present)
		return false;
	*ret = state->value[s->b].number;
	return true;
}

static sum_t
lines(const struct assemble *a, int level)
{
	const struct level_state *l = &a->level[level];

	if (level == 0)
		return (sum_t) a->physical;
	return (sum_t) l->last_number - (sum_t) l->first_number + 1;
}

/* each: the expression is of one record, whose values are at hand whether "seen" or not. */
static enum evaluated
evaluate(const struct assemble *a, const struct expression *e, int level, bool each, sum_t *ret)
{
	sum_t stack[EXPRESSION_OPS];
	int top = 0;

	for (uint16_t i = 0; i < e->count; i++) {
		const struct expression_step *s = &e->step[i];

		switch ((enum expression_op) s->op) {
		case EXPR_NUMBER:
			stack[top++] = s->value;
			break;
		case EXPR_FIELD:
			if (each) {
				const struct value *v = &a->type[s->a].value[s->b];

				stack[top++] = v->present ? v->number : 0;
			} else if (!field_value(a, s, &stack[top++]))
				return ABSENT;
			break;
		case EXPR_TOTAL:
			stack[top++] = a->total[s->a];
			break;
		case EXPR_LINES:
			stack[top++] = lines(a, level);
			break;
		case EXPR_NEGATE:
			stack[top - 1] = -stack[top - 1];
			break;
		case EXPR_ADD:
		case EXPR_SUBTRACT:
		case EXPR_MULTIPLY:
		case EXPR_DIVIDE:
		case EXPR_MODULO:
			if (!operate(s->op, &stack[top - 2], stack[top - 1]))
				return NO_RESULT;
			top--;
			break;
		}
	}
	*ret = top == 1 ? stack[0] : 0;
	return top == 1 ? EVALUATED : NO_RESULT;
}

int
totals_refuse_overflow(struct assemble *a, struct place at)
{
	return assemble_refuse(a, "overflow", NULL, (struct slice){NULL, 0}, at.number, at.offset,
	                       "a sum of the controls passes 120 bits, or divides by zero");
}

static int
add_to(struct assemble *a, sum_t *total, sum_t one, struct place at)
{
	*total += one;
	if (in_range(*total))
		return 0;
	*total = 0;
	return totals_refuse_overflow(a, at);
}

static int
add_one(struct assemble *a, uint16_t i, uint8_t verdict, struct place at)
{
	const struct total_rule *rule = &a->layout->total[i];
	sum_t one = 1;

	if (rule->where.count > 0 && !conditions_hold(a, &rule->where, rule->waits ? VERDICT_LATER : verdict))
		return 0;
	if (rule->sum) {
		if (rule->each.count == 1 && rule->each.step[0].op == EXPR_FIELD) {
			const struct value *v = &a->type[rule->each.step[0].a].value[rule->each.step[0].b];

			one = v->present ? v->number : 0;
		} else if (evaluate(a, &rule->each, 0, true, &one) != EVALUATED)
			one = SUM_MOST + 1;
	}
	if (rule->by_type >= 0)
		return in_range(one) ? each_add(a, i, one, at) : totals_refuse_overflow(a, at);
	return add_to(a, rule->waits ? &a->waiting[i] : &a->total[i], one, at);
}

int
totals_settle(struct assemble *a, uint8_t verdict, struct place at)
{
	for (uint16_t i = 0; a->addenda && i < a->layout->totals; i++) {
		sum_t one = a->waiting[i];

		if (!a->layout->total[i].waits || one == 0)
			continue;
		a->waiting[i] = 0;
		if (verdict_holds(&a->layout->total[i].where, verdict) && add_to(a, &a->total[i], one, at) != 0)
			return -1;
	}
	return 0;
}

int
totals_add(struct assemble *a, uint16_t type, uint8_t verdict, struct place at)
{
	const struct record_type *t = &a->layout->type[type];

	for (uint16_t i = 0; i < t->totals; i++)
		if (add_one(a, t->total[i], verdict, at) != 0)
			return -1;
	return 0;
}

static struct slice
text_of(sum_t v, char buf[SUM_TEXT_SIZE])
{
	const char *text = sum_text(buf, v);

	return (struct slice){text, (uint32_t) strlen(text)};
}

/* The record that states a control: where a person looks first. */
static struct place
stated_at(const struct assemble *a, const struct control_rule *rule, struct place at)
{
	for (uint16_t i = 0; i < rule->stated.count; i++)
		if (rule->stated.step[i].op == EXPR_FIELD)
			return (struct place){a->type[rule->stated.step[i].a].number,
			                      a->type[rule->stated.step[i].a].offset};
	return at;
}

/* A control speaks of records that are not in this file, and may be. */
static bool
may_be_absent(const struct assemble *a, const struct control_rule *rule)
{
	for (int side = 0; side < 2; side++) {
		const struct expression *e = side == 0 ? &rule->stated : &rule->counted;

		for (uint16_t i = 0; i < e->count; i++) {
			const struct record_type *type = &a->layout->type[e->step[i].a];

			if (e->step[i].op != EXPR_FIELD)
				continue;
			if (type->role == ROLE_NAME ||
			    (!a->type[e->step[i].a].seen && (type->optional || type->role == ROLE_NOTE)))
				return true;
		}
	}
	return rule->optional;
}

/* of: of which value, NULL of all. */
int
control_compare(struct assemble *a, const struct control_rule *rule, const char *of, struct place at)
{
	char stated_text[SUM_TEXT_SIZE], counted_text[SUM_TEXT_SIZE], where[160];
	struct control c = {.name = {rule->name, (uint32_t) strlen(rule->name)}};
	sum_t stated = 0, counted = 0;
	enum evaluated left = evaluate(a, &rule->stated, rule->level, false, &stated);
	enum evaluated right = evaluate(a, &rule->counted, rule->level, false, &counted);
	bool reported = a->records_lack;

	at = stated_at(a, rule, at);
	if (left == ABSENT || right == ABSENT) {
		if (may_be_absent(a, rule))
			return 0;
		return assemble_refuse(a, "control_absent", rule->name, (struct slice){NULL, 0}, at.number, at.offset,
		                       "control %s: a total that it needs is not stated", rule->name);
	}
	if (left == NO_RESULT || right == NO_RESULT)
		return assemble_refuse(a, "overflow", rule->name, (struct slice){NULL, 0}, at.number, at.offset,
		                       "control %s passes 120 bits, or divides by zero", rule->name);
	if (rule->level == 0 && a->files == 0)
		snprintf(where, sizeof(where), "%s%s%s", a->layout->level_name[0], of != NULL ? " " : "",
		         of != NULL ? of : "");
	else
		snprintf(where, sizeof(where), "%s %llu%s%s", a->layout->level_name[rule->level],
		         (unsigned long long) a->level[rule->level].instance, of != NULL ? " " : "",
		         of != NULL ? of : "");
	c.where = (struct slice){where, (uint32_t) strlen(where)};
	c.stated = text_of(stated, stated_text);
	c.counted = text_of(counted, counted_text);
	c.agrees = stated == counted;
	c.record = at.number;
	c.offset = at.offset;
	a->whole |= c.agrees && rule->counts && rule->level == 0;
	if (a->sink->control(a->sink->context, &c) != 0) {
		a->stopped = true;
		return -1;
	}
	/* once a record was refused its numbers are missing from the sums: that says nothing new */
	if (c.agrees || reported)
		return 0;
	return assemble_refuse(a, "control_total", rule->name, c.stated, at.number, at.offset,
	                       "control %s of %s: the file says %.*s, its records make %.*s", rule->name, where,
	                       (int) c.stated.len, c.stated.data, (int) c.counted.len, c.counted.data);
}

int
totals_compare(struct assemble *a, int level, struct place at)
{
	for (uint16_t i = 0; i < a->layout->controls; i++) {
		const struct control_rule *rule = &a->layout->control[i];

		if (rule->level == level &&
		    (rule->by_type >= 0 ? each_compare(a, rule, at) : control_compare(a, rule, NULL, at)) != 0)
			return -1;
	}
	return 0;
}
