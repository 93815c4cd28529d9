/* verdict and controls: what the partner said, and what must add up. */
#include "lib/base/codes.h"
#include "lib/profile/profile_internal.h"

/* Beyond the verdicts: a level's word that speaks of what it does not list, records that say nothing. */
static bool
verdict_of(struct compile *c, const struct yaml_node *n, int32_t *ret)
{
	if (n->kind == YAML_SCALAR) {
		*ret = strcmp(n->text, "rest_accepted") == 0 ? VERDICT_REST_ACCEPTED
		       : strcmp(n->text, "ignore") == 0      ? VERDICT_IGNORE
		                                             : verdict_from_name(n->text);
		if (*ret != VERDICT_NONE)
			return true;
	}
	yaml_error(
	    c->problems, n,
	    "must be accepted, accepted_with_change, accepted_with_warning, rejected, pending, rest_accepted "
	    "or ignore");
	return false;
}

static void
verdict_words(struct compile *c, struct yaml_node *map, struct words *ret)
{
	size_t count = compile_count(map);

	ret->list = compile_alloc(c, count + 1, sizeof(*ret->list));
	for (struct yaml_node *n = map->first; ret->list != NULL && n != NULL; n = n->next) {
		struct word *w = &ret->list[ret->count];

		n->used = true;
		if (!verdict_of(c, n, &w->number))
			continue;
		w->word = compile_slice(c, n->key);
		ret->count++;
	}
	words_sort(ret);
}

/* verdict: {field: status, words: {...}}: every field of that name, unless its record says other words. */
static void
by_field(struct compile *c, struct yaml_node *map)
{
	struct yaml_node *words = compile_child(c, map, "words", YAML_MAP);
	struct yaml_node *levels = compile_child(c, map, "levels", YAML_MAP);
	const char *name = compile_text(c, map, "field", NULL);
	struct layout *l = c->layout;
	struct words all = {.count = 0};

	if (words == NULL || name == NULL) {
		yaml_error(c->problems, map, "needs field and words, or must be a list of rules");
		return;
	}
	l->verdict_slot = (int16_t) compile_find_slot(c, name);
	if (l->verdict_slot < 0) {
		yaml_error(c->problems, yaml_get(map, "field"), "no field has this name");
		return;
	}
	verdict_words(c, words, &all);
	for (uint16_t t = 0; t < l->types; t++) {
		int16_t f = l->type[t].by_slot == NULL ? -1 : l->type[t].by_slot[l->verdict_slot];
		struct yaml_node *own = levels == NULL ? NULL : yaml_get(levels, l->type[t].name);

		if (f < 0)
			continue;
		l->type[t].field[f].is_verdict = true;
		l->type[t].field[f].words = all;
		if (own != NULL && own->kind == YAML_MAP) {
			l->type[t].field[f].words = (struct words){.count = 0};
			verdict_words(c, own, &l->type[t].field[f].words);
		}
	}
	if (levels != NULL)
		yaml_unknown_keys(c->problems, levels, (const char *const[]){NULL});
	compile_known(c, map, "verdict");
}

/* verdict: [{when: {cancelled: Y}, is: rejected}, ..., {is: accepted}] */
static void
by_rules(struct compile *c, struct yaml_node *list)
{
	struct layout *l = c->layout;

	l->verdict_rule = compile_alloc(c, compile_count(list) + 1, sizeof(*l->verdict_rule));
	for (struct yaml_node *n = list->first; l->verdict_rule != NULL && n != NULL; n = n->next) {
		struct verdict_rule *rule = &l->verdict_rule[l->verdict_rules];
		struct yaml_node *is = yaml_get(n, "is");
		int32_t verdict;

		if (is == NULL) {
			yaml_error(c->problems, n, "needs is: the verdict");
			continue;
		}
		compile_conditions(c, yaml_get(n, "when"), KEYS_FIELDS, &rule->when);
		compile_known(c, n, "verdict.*");
		if (!verdict_of(c, is, &verdict))
			continue;
		rule->verdict = (uint8_t) verdict;
		l->verdict_rules++;
	}
}

void
compile_verdict(struct compile *c)
{
	struct yaml_node *n = yaml_get(c->root, "verdict");
	bool needed = false;

	c->layout->verdict_slot = -1;
	for (uint16_t t = 0; t < c->layout->types; t++)
		needed |= c->layout->type[t].role == ROLE_ENTRY && c->layout->type[t].verdict == VERDICT_NONE;
	if (n == NULL) {
		if (needed)
			yaml_error(c->problems, c->root, "verdict is missing: which word of which field means what");
		return;
	}
	if (n->kind == YAML_MAP)
		by_field(c, n);
	else if (n->kind == YAML_LIST)
		by_rules(c, n);
	else
		yaml_error(c->problems, n, "must be a map with field and words, or a list of rules");
}

/* Which of the totals each type's records add to. */
static void
index_totals(struct compile *c)
{
	struct layout *l = c->layout;

	for (uint16_t t = 0; t < l->types; t++) {
		struct record_type *type = &l->type[t];

		type->total = compile_alloc(c, l->totals + 1u, sizeof(*type->total));
		for (uint16_t i = 0; type->total != NULL && i < l->totals; i++)
			if (l->total[i].type == t)
				type->total[type->totals++] = i;
	}
}

void
compile_controls(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "controls", YAML_MAP);
	size_t count = compile_count(map);
	struct layout *l = c->layout;

	if (count > LAYOUT_CONTROLS) {
		yaml_error(c->problems, map, "has more than %d controls", LAYOUT_CONTROLS);
		return;
	}
	l->total = compile_alloc(c, LAYOUT_TOTALS, sizeof(*l->total));
	l->control = compile_alloc(c, count + 1, sizeof(*l->control));
	if (l->total == NULL || l->control == NULL)
		return;
	for (struct yaml_node *n = map == NULL ? NULL : map->first; n != NULL; n = n->next) {
		struct control_rule *rule = &l->control[l->controls++];
		struct yaml_node *check = n->kind == YAML_MAP ? compile_child(c, n, "check", YAML_SCALAR) : n;

		n->used = true;
		rule->name = compile_copy(c, n->key);
		if (check == NULL || check->kind != YAML_SCALAR) {
			yaml_error(c->problems, n, "must be an equation, as in trailer.count = count(detail)");
			continue;
		}
		compile_control(c, check, check->text, rule);
		if (n->kind == YAML_MAP) {
			rule->optional = compile_bool(c, n, "optional", false);
			compile_known(c, n, "controls.*");
		}
	}
	index_totals(c);
}
