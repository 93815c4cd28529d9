/*
 * Control totals as text: "trailer.count = count(detail where rejected) + 2".
 *
 *     control    = sum "=" sum
 *     sum        = product { ("+" | "-") product }
 *     product    = factor { ("*" | "/" | "mod") factor }
 *     factor     = number [ "^" number ] | "lines" | record.field | "(" sum ")" | "-" factor
 *                | "count" "(" (record | "*") [where] ")" | "sum" "(" sum [where] ")"
 *     where      = "where" test { "and" test }
 *     test       = verdict | field ("=" | "!=") value | field "in" "(" value { "," value } ")"
 *                | field "=" note.field: compared for each of these notes, with the records of its value
 */
#include "lib/profile/profile_internal.h"

struct parser {
	struct compile *c;
	const struct yaml_node *at;
	const char *p;
	int inner;     /* within sum(): the type that is summed, -1 none yet; -2: outside */
	uint8_t level; /* deepest of the fields that are named */
	uint16_t first_total;
	struct control_rule *control;
	bool failed;
};

static void sum(struct parser *ps, struct expression *e, int depth);

static void
fail(struct parser *ps, const char *why)
{
	if (!ps->failed)
		yaml_error(ps->c->problems, ps->at, "%s at \"%.40s\"", why, ps->p);
	ps->failed = true;
}

static void
skip(struct parser *ps)
{
	while (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\t')
		ps->p++;
}

static bool
take(struct parser *ps, const char *symbol)
{
	size_t len = strlen(symbol);

	skip(ps);
	if (strncmp(ps->p, symbol, len) != 0)
		return false;
	/* a word ends where it ends */
	if (*symbol >= 'a' && *symbol <= 'z' &&
	    ((ps->p[len] >= 'a' && ps->p[len] <= 'z') || (ps->p[len] >= '0' && ps->p[len] <= '9') ||
	     ps->p[len] == '_'))
		return false;
	ps->p += len;
	return true;
}

static void
need(struct parser *ps, const char *symbol)
{
	char why[32];

	if (ps->failed || take(ps, symbol))
		return;
	snprintf(why, sizeof(why), "expected %s", symbol);
	fail(ps, why);
}

static size_t
word_length(const char *p)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return *p >= 'a' && *p <= 'z' ? strspn(p, fine) : 0;
}

static void
emit(struct parser *ps, struct expression *e, uint8_t op, int a, int b, int64_t value)
{
	if (e->count == EXPRESSION_OPS) {
		fail(ps, "the expression is too long");
		return;
	}
	e->step[e->count++] =
	    (struct expression_step){.op = op, .a = (int16_t) a, .b = (int16_t) b, .value = value};
}

static int64_t
number(struct parser *ps)
{
	int64_t value = 0;

	skip(ps);
	if (*ps->p < '0' || *ps->p > '9')
		fail(ps, "expected a number");
	while (*ps->p >= '0' && *ps->p <= '9')
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *ps->p++ - '0', &value)) {
			fail(ps, "the number is too large");
			break;
		}
	return value;
}

static void
number_factor(struct parser *ps, struct expression *e)
{
	int64_t value = number(ps), power;

	if (take(ps, "^")) {
		int64_t base = value;

		power = number(ps);
		for (value = 1; power > 0 && !ps->failed; power--)
			if (__builtin_mul_overflow(value, base, &value))
				fail(ps, "the number is too large");
	}
	emit(ps, e, EXPR_NUMBER, 0, 0, value);
}

/* The value of a test: 'text', or letters and digits. */
static bool
value_of_test(struct parser *ps, struct slice *ret)
{
	char buf[256];
	const char *from;
	size_t len;

	skip(ps);
	if (*ps->p == '\'') {
		from = ++ps->p;
		len = strcspn(from, "'");
		ps->p += len + (from[len] == '\'');
	} else {
		from = ps->p;
		while ((*ps->p >= 'a' && *ps->p <= 'z') || (*ps->p >= 'A' && *ps->p <= 'Z') ||
		       (*ps->p >= '0' && *ps->p <= '9') || *ps->p == '_')
			ps->p++;
		len = (size_t) (ps->p - from);
	}
	if (len >= sizeof(buf) || ps->p == from) {
		fail(ps, "expected a value, as in 'D'");
		return false;
	}
	memcpy(buf, from, len);
	buf[len] = '\0';
	*ret = compile_slice(ps->c, buf);
	return true;
}

/* "where currency = total.currency", behind the "=".  False where there is a value. */
static bool
other_records_field(struct parser *ps, struct total_rule *t, int slot)
{
	const struct layout *l = ps->c->layout;
	size_t len, name;
	int type, field;

	skip(ps);
	len = word_length(ps->p);
	if (len == 0 || ps->p[len] != '.')
		return false;
	type = compile_find_type(ps->c, ps->p, len);
	name = word_length(ps->p + len + 1);
	field = type < 0 ? -1 : compile_find_field(&l->type[type], ps->p + len + 1, name);
	if (field < 0 || l->type[type].role != ROLE_NOTE)
		fail(ps, field < 0 ? "no record has this field"
		                   : "a total for each value stands in a record of role note");
	else if (t->type >= 0 && l->type[t->type].role == ROLE_ADDENDUM)
		fail(ps, "a total for each value is of entries, not of addenda");
	else if (t->by_type >= 0 || (ps->control->by_type >= 0 && ps->control->by_type != type))
		fail(ps, "only one record says for which value a total is");
	else if (l->type[type].field[field].optional)
		fail(ps, "the field that says for which value a total is may not be optional");
	else {
		t->by_slot = (int16_t) slot;
		ps->control->by_type = t->by_type = (int16_t) type;
		t->by_field = (int16_t) field;
		l->type[type].states_each = true;
		ps->p += len + 1 + name;
	}
	return true;
}

/* One test more of a total, where it is not what the total is for. */
static void
test(struct parser *ps, struct total_rule *t)
{
	struct condition *cond = &t->where.all[t->where.count++];
	size_t len;
	char name[64];

	skip(ps);
	len = word_length(ps->p);
	cond->slot = -1;
	if (len > 0 && verdict_mask(ps->p, len, &cond->number_min)) {
		cond->kind = IF_VERDICT;
		ps->p += len;
		ps->control->by_verdict = true;
		return;
	}
	if (len == 0 || len >= sizeof(name)) {
		fail(ps, "expected accepted, rejected, pending or a field");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int) len, ps->p);
	cond->kind = IF_FIELD;
	cond->slot = (int16_t) compile_find_slot(ps->c, name);
	if (cond->slot < 0) {
		fail(ps, "no field has this name");
		return;
	}
	ps->p += len;
	cond->value = compile_alloc(ps->c, LAYOUT_ENTRIES, sizeof(*cond->value));
	if (cond->value == NULL)
		return;
	cond->negate = take(ps, "!=");
	if (!cond->negate && take(ps, "=")) {
		if (other_records_field(ps, t, cond->slot))
			t->where.count--;
		else
			cond->values = value_of_test(ps, &cond->value[0]);
		return;
	}
	if (cond->negate) {
		cond->values = value_of_test(ps, &cond->value[0]);
		return;
	}
	need(ps, "in");
	need(ps, "(");
	do {
		if (cond->values == LAYOUT_ENTRIES)
			fail(ps, "too many values");
		else if (!ps->failed && value_of_test(ps, &cond->value[cond->values]))
			cond->values++;
	} while (!ps->failed && take(ps, ","));
	need(ps, ")");
}

static void
where(struct parser *ps, struct total_rule *t)
{
	if (!take(ps, "where"))
		return;
	t->where.all = compile_alloc(ps->c, 8, sizeof(*t->where.all));
	if (t->where.all == NULL)
		return;
	do {
		if (t->where.count == 8)
			fail(ps, "more than 8 tests");
		else
			test(ps, t);
	} while (!ps->failed && take(ps, "and"));
}

/* Entries have a verdict, and addenda that of their entry; what has none would never be counted. */
static void
need_verdict(struct parser *ps, struct total_rule *t)
{
	const uint8_t role = t->type < 0 ? ROLE_ENTRY : ps->c->layout->type[t->type].role;
	bool verdict = false;

	for (uint16_t i = 0; i < t->where.count; i++)
		verdict |= t->where.all[i].kind == IF_VERDICT;
	t->waits = verdict && role == ROLE_ADDENDUM;
	if (verdict && role != ROLE_ENTRY && role != ROLE_ADDENDUM)
		fail(ps, "only entries and their addenda have a verdict: count or sum these");
}

static struct total_rule *
new_total(struct parser *ps, int type)
{
	struct layout *l = ps->c->layout;
	struct total_rule *t;

	if (l->totals == LAYOUT_TOTALS) {
		fail(ps, "the profile has too many counts and sums");
		return NULL;
	}
	t = &l->total[l->totals++];
	t->type = (int16_t) type;
	t->by_slot = t->by_type = t->by_field = -1;
	return t;
}

static void
count_factor(struct parser *ps, struct expression *e)
{
	struct total_rule *t;
	size_t len;
	int type = -1;

	need(ps, "(");
	if (!take(ps, "*")) {
		skip(ps);
		len = word_length(ps->p);
		type = compile_find_type(ps->c, ps->p, len);
		if (type < 0) {
			fail(ps, "no record has this name");
			return;
		}
		ps->p += len;
	}
	t = new_total(ps, type);
	if (t == NULL)
		return;
	emit(ps, e, EXPR_TOTAL, (int) (t - ps->c->layout->total), 0, 0);
	where(ps, t);
	need_verdict(ps, t);
	need(ps, ")");
	ps->control->counts = true;
}

static void
sum_factor(struct parser *ps, struct expression *e, int depth)
{
	struct total_rule *t;
	int outside = ps->inner;

	need(ps, "(");
	if (outside != -2) {
		fail(ps, "sum within sum");
		return;
	}
	t = new_total(ps, -1);
	if (t == NULL)
		return;
	t->sum = true;
	emit(ps, e, EXPR_TOTAL, (int) (t - ps->c->layout->total), 0, 0);
	ps->inner = -1;
	sum(ps, &t->each, depth + 1);
	if (ps->inner < 0)
		fail(ps, "sum needs a field, as in sum(detail.points)");
	t->type = (int16_t) ps->inner;
	ps->inner = outside;
	where(ps, t);
	need_verdict(ps, t);
	need(ps, ")");
}

static bool
is_number(const struct field *f)
{
	return f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT || f->type == FIELD_DIGITS;
}

/* record.field: a stated value, or within sum() that of each record. */
static void
field_factor(struct parser *ps, struct expression *e)
{
	const struct record_type *type;
	size_t len = word_length(ps->p), name;
	int t = len == 0 ? -1 : compile_find_type(ps->c, ps->p, len), f;

	if (t < 0 || ps->p[len] != '.') {
		fail(ps, "expected a number, lines, count(...), sum(...) or record.field");
		return;
	}
	type = &ps->c->layout->type[t];
	name = word_length(ps->p + len + 1);
	f = compile_find_field(type, ps->p + len + 1, name);
	if (f < 0 || !is_number(&type->field[f])) {
		fail(ps, f < 0 ? "this record has no such field"
		               : "this field is no number (type: integer, amount or digits)");
		return;
	}
	ps->p += len + 1 + name;
	if (ps->inner == -2) {
		if (type->level > ps->level)
			ps->level = type->level;
	} else if (ps->inner >= 0 && ps->inner != t) {
		fail(ps, "sum takes fields of one record");
		return;
	} else
		ps->inner = t;
	emit(ps, e, EXPR_FIELD, t, f, 0);
}

static void
factor(struct parser *ps, struct expression *e, int depth)
{
	skip(ps);
	if (ps->failed)
		return;
	if (depth > 16)
		fail(ps, "nested too deep");
	else if (*ps->p >= '0' && *ps->p <= '9')
		number_factor(ps, e);
	else if (take(ps, "(")) {
		sum(ps, e, depth + 1);
		need(ps, ")");
	} else if (take(ps, "-")) {
		factor(ps, e, depth + 1);
		emit(ps, e, EXPR_NEGATE, 0, 0, 0);
	} else if (ps->inner == -2 && take(ps, "lines")) {
		ps->control->counts = true;
		emit(ps, e, EXPR_LINES, 0, 0, 0);
	} else if (ps->inner == -2 && take(ps, "count"))
		count_factor(ps, e);
	else if (take(ps, "sum"))
		sum_factor(ps, e, depth);
	else
		field_factor(ps, e);
}

static void
product(struct parser *ps, struct expression *e, int depth)
{
	factor(ps, e, depth);
	while (!ps->failed) {
		uint8_t op = take(ps, "*")     ? EXPR_MULTIPLY
		             : take(ps, "/")   ? EXPR_DIVIDE
		             : take(ps, "mod") ? EXPR_MODULO
		                               : 0;

		if (op == 0)
			return;
		factor(ps, e, depth);
		emit(ps, e, op, 0, 0, 0);
	}
}

static void
sum(struct parser *ps, struct expression *e, int depth)
{
	product(ps, e, depth);
	while (!ps->failed) {
		uint8_t op = take(ps, "+") ? EXPR_ADD : take(ps, "-") ? EXPR_SUBTRACT : 0;

		if (op == 0)
			return;
		product(ps, e, depth);
		emit(ps, e, op, 0, 0, 0);
	}
}

/* What a control compares is stated once: of several, the last alone would be compared. */
static void
state_once(struct parser *ps, const struct expression *e)
{
	for (uint16_t i = 0; i < e->count && !ps->failed; i++) {
		struct record_type *type = &ps->c->layout->type[e->step[i].a];

		if (e->step[i].op != EXPR_FIELD || type->role != ROLE_NOTE || e->step[i].a == ps->control->by_type)
			continue;
		if (type->max != UINT32_MAX && type->max > 1)
			yaml_error(ps->c->problems, ps->at,
			           "%s may come more than once: a control cannot say which is meant", type->name);
		type->max = 1;
	}
}

void
compile_control(struct compile *c, const struct yaml_node *at, const char *text, struct control_rule *ret)
{
	struct parser ps = {.c = c, .at = at, .p = text, .inner = -2, .control = ret};

	ret->text = compile_copy(c, text);
	ret->by_type = -1;
	ret->first_total = ps.first_total = c->layout->totals;
	sum(&ps, &ret->stated, 0);
	need(&ps, "=");
	sum(&ps, &ret->counted, 0);
	skip(&ps);
	if (!ps.failed && *ps.p != '\0')
		fail(&ps, "expected the end");
	state_once(&ps, &ret->stated);
	state_once(&ps, &ret->counted);
	ret->level = ps.level;
	ret->totals = (uint16_t) (c->layout->totals - ret->first_total);
	if (ret->by_type >= 0 && c->layout->type[ret->by_type].level != ret->level)
		yaml_error(c->problems, at,
		           "a total for each value, and all that it is compared with, stand in one level");
	for (uint16_t i = ps.first_total; i < c->layout->totals; i++)
		c->layout->total[i].level = ps.level;
}
