/* One normalised record: its fields, what it inherits, its addenda, its verdict. */
#include "lib/base/codes.h"
#include "lib/base/limits.h"
#include "lib/protocol/bytes.h"
#include "parsers/assemble/assemble_internal.h"

/* The text of a record that a target fills in, -1 for none. */
static int
text_of_target(uint8_t target)
{
	static const int8_t texts[TARGETS] = {
	    [TARGET_FREE] = -1,
	    [TARGET_EXTERNAL_REFERENCE] = -1,
	    [TARGET_OUTBOUND_REFERENCE] = RECORD_OUTBOUND_REFERENCE,
	    [TARGET_PARTNER_REFERENCE] = RECORD_PARTNER_REFERENCE,
	    [TARGET_MEMBER] = RECORD_MEMBER,
	    [TARGET_PROGRAMME] = RECORD_PROGRAMME,
	    [TARGET_MERCHANT] = RECORD_MERCHANT,
	    [TARGET_CURRENCY] = RECORD_CURRENCY,
	    [TARGET_REASON] = RECORD_REASONS,
	    [TARGET_REASON_TEXT] = RECORD_REASON_TEXT,
	    [TARGET_CHANGE] = RECORD_CHANGE,
	    [TARGET_RECORD_ID] = RECORD_ID,
	    [TARGET_REPLACES] = RECORD_REPLACES,
	    [TARGET_REPLACES_FILE] = RECORD_REPLACES_FILE,
	    [TARGET_REPLACES_RECORD] = RECORD_REPLACES_RECORD,
	    [TARGET_POINTS] = -1,
	    [TARGET_AMOUNT] = -1,
	    [TARGET_TRANSACTION_TYPE] = -1,
	    [TARGET_DATE] = -1,
	    [TARGET_OUTBOUND_LINE] = -1,
	    [TARGET_SEQUENCE] = -1,
	    [TARGET_BUSINESS_DATE] = -1,
	    [TARGET_PARTNER_ID] = -1,
	    [TARGET_FILE_ID] = -1,
	    [TARGET_ORIGINAL_MESSAGE] = -1,
	    [TARGET_TEST] = -1,
	    [TARGET_LISTS] = -1,
	};

	return texts[target];
}

static bool
has_target(const struct record *r, uint8_t target)
{
	static const uint32_t has[TARGETS] = {
	    [TARGET_EXTERNAL_REFERENCE] = RECORD_HAS_EXTERNAL_REFERENCE,
	    [TARGET_POINTS] = RECORD_HAS_POINTS,
	    [TARGET_AMOUNT] = RECORD_HAS_AMOUNT,
	    [TARGET_TRANSACTION_TYPE] = RECORD_HAS_TRANSACTION_TYPE,
	    [TARGET_DATE] = RECORD_HAS_DATE,
	    [TARGET_OUTBOUND_LINE] = RECORD_HAS_OUTBOUND_LINE,
	};
	int text = text_of_target(target);

	if (target == TARGET_EXTERNAL_REFERENCE && r->text[RECORD_REFERENCE_SHOWN].len > 0)
		return true;
	return text >= 0 ? r->text[text].len > 0 : (r->has & has[target]) != 0;
}

static void
set_target(struct record *r, uint8_t target, const struct value *v)
{
	switch (target) {
	case TARGET_EXTERNAL_REFERENCE:
		r->text[RECORD_REFERENCE_SHOWN] = (struct slice){NULL, 0};
		r->has &= ~(uint32_t) RECORD_HAS_EXTERNAL_REFERENCE;
		if (v->is_uuid) {
			memcpy(r->external_reference, v->uuid, sizeof(r->external_reference));
			r->has |= RECORD_HAS_EXTERNAL_REFERENCE;
		} else
			r->text[RECORD_REFERENCE_SHOWN] = v->text;
		break;
	case TARGET_POINTS:
		r->points = v->number;
		r->has |= RECORD_HAS_POINTS;
		break;
	case TARGET_AMOUNT:
		r->amount = v->number;
		r->has |= RECORD_HAS_AMOUNT;
		break;
	case TARGET_TRANSACTION_TYPE:
		r->transaction_type = (int32_t) v->number;
		r->has |= RECORD_HAS_TRANSACTION_TYPE;
		break;
	case TARGET_DATE:
		r->date = (int32_t) v->number;
		r->has |= RECORD_HAS_DATE;
		break;
	case TARGET_OUTBOUND_LINE:
		r->outbound_line = v->number;
		r->has |= RECORD_HAS_OUTBOUND_LINE;
		break;
	default:
		if (text_of_target(target) >= 0)
			slice_copy(&r->text[text_of_target(target)], &v->text);
	}
}

static bool
in_values(const struct condition *c, struct slice text)
{
	for (uint16_t i = 0; i < c->values; i++)
		if (c->value[i].len == text.len && bytes_same(c->value[i].data, text.data, text.len))
			return true;
	return false;
}

static bool
condition_holds(struct assemble *a, const struct condition *c, uint8_t verdict)
{
	const struct value *v;

	if (c->kind == IF_VERDICT)
		return verdict == VERDICT_LATER ||
		       (verdict < 64 && ((c->number_min >> verdict & 1) != 0) != c->negate);
	if (c->kind != IF_FIELD)
		return true; /* a place: the format has looked */
	v = find_value(a, (uint16_t) c->slot);
	switch ((enum condition_test) c->test) {
	case TEST_BLANK:
		return v == NULL || !v->present;
	case TEST_FILLED:
		return v != NULL && v->present;
	case TEST_DIGITS:
		if (v == NULL || !v->present)
			return false;
		for (uint32_t i = 0; i < v->text.len; i++)
			if (v->text.data[i] < '0' || v->text.data[i] > '9')
				return false;
		return true;
	case TEST_ANY_OF:
		break;
	}
	return in_values(c, v == NULL || !v->present ? (struct slice){"", 0} : v->text) != c->negate;
}

bool
conditions_hold(struct assemble *a, const struct conditions *c, uint8_t verdict)
{
	for (uint16_t i = 0; i < c->count; i++)
		if (!condition_holds(a, &c->all[i], verdict))
			return false;
	return true;
}

bool
verdict_holds(const struct conditions *c, uint8_t verdict)
{
	for (uint16_t i = 0; i < c->count; i++)
		if (c->all[i].kind == IF_VERDICT && !condition_holds(NULL, &c->all[i], verdict))
			return false;
	return true;
}

/* Member by member: a memset of this size takes longer to begin than to do. */
static inline void
clear_record(struct record *r)
{
	r->number = r->offset = 0;
	r->length = r->has = 0;
	r->verdict = VERDICT_NONE;
	memset(r->external_reference, 0, sizeof(r->external_reference));
	r->points = r->amount = r->outbound_line = 0;
	r->transaction_type = r->date = 0;
	for (int i = 0; i < RECORD_TEXTS; i++) {
		r->text[i].data = NULL;
		r->text[i].len = 0;
	}
}

void
entry_begin(struct assemble *a, uint16_t type, struct place at, uint32_t length)
{
	struct entry *e = &a->entry;

	clear_record(&e->record);
	e->pending = true;
	e->ignored = e->bad = false;
	e->type = type;
	e->given = 0;
	e->addenda = 0;
	e->verdict = VERDICT_NONE;
	e->physical = at.number;
	e->record.offset = at.offset;
	e->record.length = length;
	if (e->appended)
		texts_reset(&e->reasons);
	e->appended = false;
	if (a->addenda) {
		texts_reset(&e->texts);
		for (uint16_t t = 0; t < a->layout->types; t++)
			if (a->layout->type[t].role == ROLE_ADDENDUM)
				a->type[t].count = 0;
	}
}

static int
no_memory(struct assemble *a)
{
	a->stopped = true;
	return -1;
}

/* A frame takes no more than our own limit, whatever the profile allows a record. */
static uint32_t
most_text(const struct assemble *a)
{
	uint32_t most = a->layout->limits.record_bytes;

	return most < LIMIT_RECORD_BYTES ? most : LIMIT_RECORD_BYTES;
}

int
entry_too_long(struct assemble *a, struct place at)
{
	(void) assemble_refuse(a, "record_too_long", NULL, (struct slice){NULL, 0}, at.number, at.offset,
	                       "a record whose texts are longer than the limit record_bytes (%u)",
	                       a->layout->limits.record_bytes);
	a->stopped = true;
	return -1;
}

/* Reasons are a set: those of addenda come to those of the entry. */
static int
add_reasons(struct assemble *a, const struct value *v)
{
	struct entry *e = &a->entry;
	struct slice *reasons = &e->record.text[RECORD_REASONS];

	if ((uint64_t) reasons->len + 1 + v->text.len > most_text(a))
		return entry_too_long(a, (struct place){e->physical, e->record.offset});
	if (!e->appended) /* they are the entry's own: from here on they grow */
		*reasons = texts_append(&e->reasons, (struct slice){NULL, 0}, 0, *reasons);
	e->appended = true;
	if (reasons->data != NULL)
		*reasons = texts_append(&e->reasons, *reasons, '\x1f', v->text);
	return reasons->data == NULL ? no_memory(a) : 0;
}

int
entry_fields(struct assemble *a, uint16_t type, bool addendum)
{
	const struct record_type *t = &a->layout->type[type];
	struct entry *e = &a->entry;

	for (uint16_t i = 0; i < t->fields; i++) {
		uint8_t target = t->field[i].target;
		const struct value *v = &a->type[type].value[i];

		if (target == TARGET_FREE || !v->present)
			continue;
		if (is_fact(target))
			continue; /* given already */
		if (target == TARGET_REASON && e->record.text[RECORD_REASONS].len > 0) {
			if (add_reasons(a, v) != 0)
				return -1;
			continue;
		}
		if ((!addendum && (e->given & 1u << target) != 0) ||
		    (addendum && t->keeps && has_target(&e->record, target)))
			continue;
		set_target(&e->record, target, v);
		if (addendum && !t->keeps)
			e->given |= 1u << target;
	}
	return 0;
}

/* The word of the verdict's field: the record's own, else of the nearest level. */
static int32_t
word_of_field(struct assemble *a)
{
	const struct value *v = find_value(a, (uint16_t) a->layout->verdict_slot);

	return v == NULL || !v->present ? VERDICT_NONE : (int32_t) v->number;
}

static int32_t
verdict_of(struct assemble *a)
{
	const struct layout *l = a->layout;
	const struct entry *e = &a->entry;

	if (e->verdict != VERDICT_NONE)
		return e->verdict;
	if (l->type[e->type].verdict != VERDICT_NONE)
		return l->type[e->type].verdict;
	if (l->verdict_slot >= 0)
		return word_of_field(a);
	for (uint16_t i = 0; i < l->verdict_rules; i++)
		if (conditions_hold(a, &l->verdict_rule[i].when, VERDICT_NONE))
			return l->verdict_rule[i].verdict;
	return VERDICT_NONE;
}

static void
inherit(struct assemble *a)
{
	struct record *r = &a->entry.record;

	for (uint16_t i = 0; i < a->inherits; i++) {
		const struct value *v;

		if (has_target(r, a->inherited[i].target))
			continue;
		v = find_value(a, a->inherited[i].slot);
		if (v != NULL && v->present)
			set_target(r, a->inherited[i].target, v);
	}
}

static int
too_many(struct assemble *a, struct place at)
{
	return assemble_refuse(a, "too_many_records", NULL, (struct slice){NULL, 0}, at.number, at.offset,
	                       "more records than the limit records (%lld)",
	                       (long long) a->layout->limits.records);
}

/* Out it goes, unless the file is refused already. */
static int
emit(struct assemble *a, struct place at)
{
	struct record *r = &a->entry.record;
	size_t texts = 0;

	if (a->records >= (uint64_t) a->layout->limits.records) {
		(void) too_many(a, at);
		a->stopped = true;
		return -1;
	}
	r->number = ++a->records;
	if (a->entry.bad) {
		r->has |= RECORD_BAD_VALUE;
		r->text[RECORD_REASON_TEXT] = (struct slice){a->entry.why, (uint32_t) strlen(a->entry.why)};
	}
	if ((r->has & RECORD_HAS_POINTS) != 0 && r->points == 0)
		r->has &= ~(uint32_t) RECORD_HAS_POINTS;
	for (int i = 0; i < RECORD_TEXTS; i++)
		texts += r->text[i].len;
	if (texts > most_text(a))
		return assemble_refuse(a, "record_too_long", NULL, (struct slice){NULL, 0}, at.number, at.offset,
		                       "a record whose texts are longer than the limit record_bytes (%u)",
		                       a->layout->limits.record_bytes);
	if (a->refused)
		return 0;
	if (a->sink->record(a->sink->context, r) == 0)
		return 0;
	a->stopped = true;
	return -1;
}

static int
check_addenda(struct assemble *a, struct place at)
{
	for (uint16_t t = 0; a->addenda && t < a->layout->types; t++) {
		const struct record_type *type = &a->layout->type[t];

		if (type->role != ROLE_ADDENDUM || (a->type[t].count >= type->min && a->type[t].count <= type->max))
			continue;
		if (assemble_refuse(a, "occurs", type->name, (struct slice){NULL, 0}, at.number, at.offset,
		                    "this %s has %u %s records, and the profile says from %u to %u",
		                    a->layout->type[a->entry.type].name, a->type[t].count, type->name, type->min,
		                    type->max) != 0)
			return -1;
	}
	return 0;
}

static int
no_verdict(struct assemble *a, struct place at)
{
	static const struct value_fault fault = {"verdict",
	                                         "has no verdict: no word and no rule of the profile fits"};
	struct field none = {.name = "verdict", .hold_bad = a->entry.bad || a->layout->hold_bad};

	return tell_bad_value(a, &none, (struct slice){"", 0}, &fault, at);
}

int
entry_flush(struct assemble *a)
{
	struct entry *e = &a->entry;
	struct place at = {e->physical, e->record.offset};
	int32_t verdict;

	if (!e->pending)
		return 0;
	e->pending = false;
	a->current = e->type;
	if (check_addenda(a, at) != 0)
		return -1;
	if (e->ignored)
		return totals_settle(a, VERDICT_IGNORE, at);
	verdict = verdict_of(a);
	if (verdict == VERDICT_NONE || verdict == VERDICT_REST_ACCEPTED) {
		if (no_verdict(a, at) != 0)
			return -1;
		verdict = VERDICT_PENDING; /* held, or refused */
	}
	if (totals_add(a, e->type, (uint8_t) verdict, at) != 0 || totals_settle(a, (uint8_t) verdict, at) != 0)
		return -1;
	e->addenda = 0;
	if (verdict == VERDICT_IGNORE)
		return 0;
	e->record.verdict = (uint8_t) verdict;
	if (a->inherits > 0)
		inherit(a);
	a->level[a->depth].named++;
	return emit(a, at);
}

/* Did the level name all of its transactions, by its own count? */
static bool
all_are_named(const struct assemble *a, int level)
{
	const struct record_type *type = &a->layout->type[a->current];
	const struct value *v = type->group_count < 0 ? NULL : &a->type[a->current].value[type->group_count];

	return v != NULL && v->present && v->number >= 0 && (uint64_t) v->number == a->level[level].named;
}

/* Has the level's own verdict something to say?  One that is rejected speaks for those that it does not name,
 * as rest_accepted does. */
static bool
speaks_for_the_rest(const struct assemble *a, int level, int32_t verdict)
{
	if (verdict == VERDICT_NONE || verdict == VERDICT_IGNORE)
		return false;
	if (a->level[level].named == 0 || verdict == VERDICT_REST_ACCEPTED)
		return true;
	return verdict == VERDICT_REJECTED && a->layout->type[a->current].group_record == GROUP_RECORD_REST &&
	       !all_are_named(a, level);
}

/* A level that says how all below it ended, and names none, or not all of them. */
int
entry_group(struct assemble *a, int level, struct place at)
{
	const struct layout *l = a->layout;
	const struct record_type *type = NULL;
	int32_t verdict;

	for (uint16_t t = 0; t < l->types; t++)
		if (l->type[t].role == ROLE_HEADER && l->type[t].level == level &&
		    l->type[t].group_record != GROUP_RECORD_NO && a->type[t].seen) {
			type = &l->type[t];
			a->current = t;
			at = (struct place){a->type[t].number, a->type[t].offset};
		}
	if (type == NULL)
		return 0;
	clear_record(&a->entry.record);
	a->entry.bad = false;
	a->entry.type = a->current;
	a->entry.verdict = VERDICT_NONE;
	verdict = verdict_of(a);
	if (!speaks_for_the_rest(a, level, verdict))
		return 0;
	a->entry.record.offset = at.offset;
	a->entry.record.length = a->type[a->current].length;
	a->entry.record.has = RECORD_WHOLE_MESSAGE;
	a->entry.record.verdict = verdict == VERDICT_REST_ACCEPTED ? VERDICT_ACCEPTED : (uint8_t) verdict;
	inherit(a);
	a->level[level].named++;
	return emit(a, at);
}
