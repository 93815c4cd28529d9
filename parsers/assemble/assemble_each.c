/* Sums for each value of a field, as one for each currency, and the notes that state them. */
#include "lib/base/text.h"
#include "lib/protocol/bytes.h"
#include "parsers/assemble/assemble_internal.h"

enum { EACH_MOST = 256 }; /* values, and notes, in one level */

void
each_start(struct assemble *a, int level)
{
	for (uint16_t i = 0; i < a->layout->totals; i++)
		if (a->layout->total[i].level == level)
			a->groups[i].count = 0;
	for (uint16_t t = 0; t < a->layout->types; t++)
		if (a->layout->type[t].level == level)
			a->type[t].stated_count = 0;
}

void
each_free(struct assemble *a)
{
	for (uint16_t i = 0; a->groups != NULL && i < a->layout->totals; i++)
		free(a->groups[i].list);
	for (uint16_t t = 0; a->type != NULL && t < a->layout->types; t++) {
		for (uint32_t i = 0; a->type[t].stated != NULL && i < EACH_MOST; i++)
			free(a->type[t].stated[i].value);
		free(a->type[t].stated);
	}
}

static int
no_memory(struct assemble *a)
{
	a->stopped = true;
	return -1;
}

static int
too_many(struct assemble *a, const char *what, struct place at)
{
	return assemble_refuse(a, "too_many_values", NULL, (struct slice){NULL, 0}, at.number, at.offset,
	                       "more than %d %s for which totals are stated", EACH_MOST, what);
}

static bool
same(struct slice a, struct slice b)
{
	return a.len == b.len && bytes_same(a.data, b.data, a.len);
}

static struct group *
find_group(struct groups *groups, struct slice key)
{
	for (uint32_t i = 0; i < groups->count; i++)
		if (same(groups->list[i].key, key))
			return &groups->list[i];
	return NULL;
}

/* The text of a value, as much as there is of it. */
static struct slice
key_of(const struct value *v)
{
	return v == NULL || !v->present || v->text.len == 0 ? (struct slice){"", 0} : v->text;
}

int
each_add(struct assemble *a, uint16_t total, sum_t one, struct place at)
{
	const struct total_rule *rule = &a->layout->total[total];
	struct groups *groups = &a->groups[total];
	struct slice key = key_of(find_value(a, (uint16_t) rule->by_slot));
	struct group *group = find_group(groups, key);
	const sum_t most = ((sum_t) 1 << 120) - 1;

	if (group == NULL) {
		if (groups->count == EACH_MOST)
			return too_many(a, "values", at);
		if (groups->list == NULL)
			groups->list = calloc(EACH_MOST, sizeof(*groups->list));
		if (groups->list == NULL)
			return no_memory(a);
		key = texts_keep(&a->level[rule->level].texts, key);
		if (key.data == NULL)
			return no_memory(a);
		group = &groups->list[groups->count++];
		*group = (struct group){.key = key};
	}
	group->sum += one;
	if (group->sum <= most && group->sum >= -most)
		return 0;
	group->sum = 0;
	return totals_refuse_overflow(a, at);
}

int
each_stated(struct assemble *a, uint16_t type, struct place at)
{
	const struct record_type *t = &a->layout->type[type];
	struct type_state *state = &a->type[type];
	struct stated *stated;

	if (state->stated_count == EACH_MOST)
		return too_many(a, t->name, at);
	if (state->stated == NULL)
		state->stated = calloc(EACH_MOST, sizeof(*state->stated));
	if (state->stated == NULL)
		return no_memory(a);
	stated = &state->stated[state->stated_count];
	if (stated->value == NULL)
		stated->value = calloc(t->fields + 1u, sizeof(*stated->value));
	if (stated->value == NULL || keep_values(a, type, &a->level[t->level].texts) != 0)
		return no_memory(a);
	memcpy(stated->value, state->value, t->fields * sizeof(*stated->value));
	stated->number = at.number;
	stated->offset = at.offset;
	state->stated_count++;
	return 0;
}

/* The sums of one note's value become those that the control compares. */
static void
load_sums(struct assemble *a, const struct control_rule *rule, const struct stated *stated)
{
	for (uint16_t i = rule->first_total; i < rule->first_total + rule->totals; i++) {
		const struct total_rule *total = &a->layout->total[i];
		struct group *group;

		if (total->by_type < 0)
			continue;
		group = find_group(&a->groups[i], key_of(&stated->value[total->by_field]));
		a->total[i] = group == NULL ? 0 : group->sum;
		if (group != NULL)
			group->stated = true;
	}
}

/* The first value that the control is for, as people read it. */
static const char *
value_shown(const struct assemble *a, const struct control_rule *rule, const struct stated *stated,
            char buf[TEXT_SHOWN_SIZE])
{
	for (uint16_t i = rule->first_total; i < rule->first_total + rule->totals; i++)
		if (a->layout->total[i].by_type >= 0) {
			struct slice key = key_of(&stated->value[a->layout->total[i].by_field]);

			return text_show(buf, key.data, key.len);
		}
	return "";
}

/* Records whose total nobody states are of no control. */
static int
refuse_unstated(struct assemble *a, const struct control_rule *rule, struct place at)
{
	char shown[TEXT_SHOWN_SIZE];

	for (uint16_t i = rule->first_total; i < rule->first_total + rule->totals; i++)
		for (uint32_t k = 0; a->layout->total[i].by_type >= 0 && k < a->groups[i].count; k++) {
			const struct group *group = &a->groups[i].list[k];

			if (group->stated || rule->optional)
				continue;
			if (assemble_refuse(a, "control_absent", rule->name, group->key, at.number, at.offset,
			                    "control %s: no %s states the total of \"%s\"", rule->name,
			                    a->layout->type[rule->by_type].name,
			                    text_show(shown, group->key.data, group->key.len)) != 0)
				return -1;
		}
	return 0;
}

int
each_compare(struct assemble *a, const struct control_rule *rule, struct place at)
{
	struct type_state *state = &a->type[rule->by_type];
	struct value *last = state->value;
	char shown[TEXT_SHOWN_SIZE];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < state->stated_count; i++) {
		const struct stated *stated = &state->stated[i];

		state->value = stated->value;
		state->number = stated->number;
		state->offset = stated->offset;
		load_sums(a, rule, stated);
		rc = control_compare(a, rule, value_shown(a, rule, stated, shown),
		                     (struct place){stated->number, stated->offset});
	}
	state->value = last;
	return rc != 0 ? rc : refuse_unstated(a, rule, at);
}
