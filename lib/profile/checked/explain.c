#include "lib/profile/checked/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/profile/checked/compared.h"

struct finding {
	enum caught caught;
	char by[1000];
	size_t len;
};

__attribute__((format(printf, 3, 4))) static void
find(struct finding *f, enum caught caught, const char *format, ...)
{
	va_list args;
	int n;

	if (f->len > 0 && f->len + 2 < sizeof(f->by))
		f->len += (size_t) snprintf(f->by + f->len, sizeof(f->by) - f->len, "; ");
	va_start(args, format);
	n = vsnprintf(f->by + f->len, sizeof(f->by) - f->len, format, args);
	va_end(args);
	if (n > 0)
		f->len = f->len + (size_t) n < sizeof(f->by) ? f->len + (size_t) n : sizeof(f->by) - 1;
	if (caught > f->caught)
		f->caught = caught;
}

static bool
names_field(const struct expression *e, int type, int field)
{
	for (uint16_t i = 0; i < e->count; i++)
		if (e->step[i].op == EXPR_FIELD && e->step[i].a == type && e->step[i].b == field)
			return true;
	return false;
}

/* Is the field what a count or sum looks at to choose its records? */
static bool
chooses(const struct total_rule *total, const struct field *f)
{
	if (total->by_type >= 0 && total->by_slot == f->slot)
		return true;
	for (uint16_t i = 0; i < total->where.count; i++)
		if (total->where.all[i].kind == IF_FIELD ? total->where.all[i].slot == f->slot
		                                         : total->where.all[i].kind == IF_VERDICT && f->is_verdict)
			return true;
	return false;
}

static void
by_controls(const struct layout *l, int t, int n, struct finding *found)
{
	const struct field *f = &l->type[t].field[n];

	for (uint16_t c = 0; c < l->controls; c++) {
		const struct control_rule *rule = &l->control[c];
		enum caught caught = rule->optional ? CAUGHT_PART : CAUGHT_ALL;
		bool seen = names_field(&rule->stated, t, n) || names_field(&rule->counted, t, n);

		for (uint16_t i = rule->first_total; i < rule->first_total + rule->totals; i++)
			seen |= (l->total[i].sum && names_field(&l->total[i].each, t, n)) ||
			        (l->total[i].type == t && chooses(&l->total[i], f)) ||
			        (l->total[i].by_type == t && l->total[i].by_field == n);
		if (seen)
			find(found, caught, "control %s refuses the file%s", rule->name,
			     rule->optional ? ", where it is stated" : "");
	}
}

static void
by_value(const struct field *f, struct finding *found)
{
	if (f->constant.data != NULL)
		find(found, CAUGHT_ALL, "it stands in the profile");
	if (f->runs)
		find(found, CAUGHT_ALL, "a running number refuses the file");
	if (f->type == FIELD_BLANK || f->must_be.count == 1)
		find(found, CAUGHT_ALL, "it can be one value only");
	else if (f->must_be.count > 0)
		find(found, CAUGHT_PART, "it can be one of %u values only", f->must_be.count);
	else if (f->words.count > 0)
		find(found, CAUGHT_PART, "it can be one of %u words only", f->words.count);
	else if (f->type == FIELD_DATE)
		find(found, CAUGHT_PART, "it can be a day only");
	else if (f->type == FIELD_UUID)
		find(found, CAUGHT_ALL, "one that is wrong is no redemption's");
	else if (f->min_bytes > 0 && f->min_bytes == f->max_bytes)
		find(found, CAUGHT_PART, "it has a length");
}

/* A fact of the file that its name says, too, or that is followed from file to file. */
static void
by_file(const struct layout *l, const struct policy *p, const struct field *f, struct finding *found)
{
	for (uint16_t t = 0; t < l->types; t++)
		for (uint16_t k = 0; l->type[t].role == ROLE_NAME && k < l->type[t].fields; k++)
			if (f->target >= TARGET_SEQUENCE && l->type[t].field[k].target == f->target &&
			    &l->type[t].field[k] != f)
				find(found, CAUGHT_ALL, "the file's name says it, too");
	if (f->target == TARGET_SEQUENCE && p->order_by == ORDER_SEQUENCE)
		find(found, CAUGHT_ALL, "files are posted in its order: another one is held");
	if (f->target == TARGET_PARTNER_ID)
		find(found, CAUGHT_ALL, "it is the partner's");
}

static void
by_redemption(const struct layout *l, const struct policy *p, const struct record_type *type,
              const struct field *f, struct finding *found)
{
	const uint32_t check = compared_target(f->target);
	const bool closed = type->role == ROLE_ENTRY || type->role == ROLE_ADDENDUM || type->role == ROLE_HEADER;

	if (closed && check != 0 && (compared_at_all(l, p) & check) != 0)
		find(found, CAUGHT_ALL, "compared with the redemption: held");
	if (f->target == TARGET_REASON && p->reasons > 0)
		find(found, CAUGHT_PART, "a code that reasons does not list is told apart");
	if (f->target == TARGET_OUTBOUND_REFERENCE || f->target == TARGET_PARTNER_REFERENCE ||
	    f->target == TARGET_OUTBOUND_LINE)
		find(found, (compared_at_all(l, p) & COMPARED_CORE) != 0 ? CAUGHT_PART : CAUGHT_NOTHING, "%s",
		     (compared_at_all(l, p) & COMPARED_CORE) != 0
		         ? "another redemption would have to agree in what is compared"
		         : "another redemption that has it would be taken");
}

void
explain_fields(const struct layout *l, const struct policy *p,
               void (*row)(void *context, const struct explained *e), void *context)
{
	for (uint16_t t = 0; t < l->types; t++)
		for (uint16_t n = 0; n < l->type[t].fields; n++) {
			const struct record_type *type = &l->type[t];
			const struct field *f = &type->field[n];
			struct finding found = {.len = 0};

			by_controls(l, t, n, &found);
			by_redemption(l, p, type, f, &found);
			by_file(l, p, f, &found);
			by_value(f, &found);
			row(context, &(struct explained){type->name, f->name, found.caught,
			                                 found.len > 0 ? found.by : "nothing: it is noted as it is"});
		}
}
