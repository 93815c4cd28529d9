/* What a profile may say and had better not. */
#include "lib/base/codes.h"
#include "lib/profile/checked/compared.h"
#include "lib/profile/file_name.h"
#include "lib/profile/profile_internal.h"

/* Could one wrong byte turn one word into the other? */
static bool
one_byte_apart(struct slice a, struct slice b)
{
	uint32_t differ = 0;

	if (a.len != b.len)
		return false;
	for (uint32_t i = 0; i < a.len; i++)
		differ += a.data[i] != b.data[i];
	return differ == 1;
}

/* As the profile has it: also of those that no record has. */
static const char *
verdict_word(int32_t verdict)
{
	return verdict == VERDICT_IGNORE          ? "ignore"
	       : verdict == VERDICT_REST_ACCEPTED ? "rest_accepted"
	                                          : verdict_name((enum verdict) verdict);
}

/* Verdicts that do the same at the ledger are one. */
static int32_t
effect(int32_t verdict)
{
	return verdict == VERDICT_ACCEPTED_WITH_CHANGE || verdict == VERDICT_ACCEPTED_WITH_WARNING
	           ? VERDICT_ACCEPTED
	           : verdict;
}

/*
 * A text that means a verdict, and where it is looked for: only texts of one place can be taken for each
 * other.  Any other text there may mean one too: of a rule that says "not", or of the rule for the rest.
 */
struct meaning {
	struct slice text; /* len 0: blank */
	bool any_other;
	int32_t verdict;
	int place;
};

enum { OF_TYPE = 1 << 20, OF_FIELD = 1 << 24, ANYWHERE = -1 };

struct meanings {
	struct meaning list[LAYOUT_SLOTS];
	size_t count;
};

static void
add_meaning(struct meanings *t, const struct meaning *meaning)
{
	if (t->count < sizeof(t->list) / sizeof(*t->list))
		t->list[t->count++] = *meaning;
}

static void
add_conditions(struct meanings *t, const struct conditions *when, int32_t verdict, int place)
{
	for (uint16_t i = 0; i < when->count; i++) {
		const struct condition *one = &when->all[i];
		struct meaning meaning = {
		    .verdict = verdict,
		    .any_other = one->negate,
		    .place =
		        place + (one->kind == IF_FIELD    ? one->slot
		                 : one->kind == IF_COLUMN ? (one->column < 0 ? OF_TYPE / 2 + one->named : one->column)
		                                          : (int) one->range.start)};

		if (one->negate || one->test == TEST_BLANK)
			add_meaning(t, &meaning);
		for (uint16_t v = 0; v < one->values && !one->negate; v++) {
			meaning.text = one->value[v];
			add_meaning(t, &meaning);
		}
	}
}

/* Words of the verdict's field; conditions of rules, of what is left out, and of types that are a verdict. */
static void
all_meanings(const struct layout *l, struct meanings *t)
{
	for (uint16_t i = 0; i < l->types; i++) {
		const struct record_type *type = &l->type[i];

		for (uint16_t f = 0; f < type->fields; f++)
			for (uint16_t w = 0; type->field[f].is_verdict && w < type->field[f].words.count; w++)
				add_meaning(t, &(struct meaning){.text = type->field[f].words.list[w].word,
				                                 .verdict = type->field[f].words.list[w].number,
				                                 .place = i});
		if (type->verdict != VERDICT_NONE)
			add_conditions(t, &type->when, type->verdict, OF_TYPE);
		add_conditions(t, &type->ignore_when, VERDICT_IGNORE, OF_FIELD);
	}
	for (uint16_t i = 0; i < l->verdict_rules; i++) {
		const struct verdict_rule *rule = &l->verdict_rule[i];

		add_conditions(t, &rule->when, rule->verdict, OF_FIELD);
		if (rule->when.count == 0)
			add_meaning(t, &(struct meaning){.any_other = true, .verdict = rule->verdict, .place = ANYWHERE});
	}
}

/* May the place have no other texts than those that the profile lists?  Then a wrong byte is mostly a bad
 * value. */
static bool
is_closed(const struct layout *l, int place)
{
	for (uint16_t i = 0; i < l->types; i++)
		for (uint16_t f = 0; f < l->type[i].fields; f++)
			if (OF_FIELD + l->type[i].field[f].slot == place &&
			    l->type[i].field[f].must_be.count + l->type[i].field[f].words.count == 0)
				return false;
	return true;
}

/* Could one wrong byte make b of a? */
static bool
is_next_to(const struct layout *l, const struct meaning *a, const struct meaning *b)
{
	if (a->any_other || effect(a->verdict) == effect(b->verdict))
		return false;
	if (b->any_other)
		return a->place >= OF_FIELD && (b->place == ANYWHERE || b->place == a->place) &&
		       !is_closed(l, a->place);
	return a->place == b->place &&
	       (one_byte_apart(a->text, b->text) || (a->text.len == 1 && b->text.len == 0));
}

static void
warn_of_turns(struct compile *c)
{
	struct meanings t = {.count = 0};

	all_meanings(c->layout, &t);
	for (size_t i = 0; i < t.count; i++)
		for (size_t k = 0; k < t.count; k++) {
			const struct meaning *a = &t.list[i], *b = &t.list[k];
			struct slice other = b->any_other      ? (struct slice){"something else", 14}
			                     : b->text.len > 0 ? b->text
			                                       : (struct slice){"blank", 5};

			if (!is_next_to(c->layout, a, b))
				continue;
			yaml_warn(
			    c->problems, c->root,
			    "a one-byte error can turn %.*s (%s) into %.*s (%s) and no control total would catch it",
			    (int) a->text.len, a->text.data, verdict_word(a->verdict), (int) other.len, other.data,
			    verdict_word(b->verdict));
			return;
		}
}

static bool
waits(enum reason_action action)
{
	return action == REASON_HOLD || action == REASON_RETRY;
}

/* Does each reason stand at a position of its own, to be set or not? */
static bool
reasons_are_flags(const struct layout *l)
{
	for (uint16_t i = 0; i < l->types; i++)
		for (uint16_t f = 0; f < l->type[i].fields; f++)
			if (l->type[i].field[f].target == TARGET_REASON && l->type[i].field[f].type == FIELD_FLAGS)
				return true;
	return false;
}

/* A code that is read as another does other things with the reject. */
static void
warn_of_reasons(struct compile *c)
{
	const struct policy *p = c->policy;
	bool flags = reasons_are_flags(c->layout);

	for (size_t i = 0; i < p->reasons; i++)
		for (size_t k = 0; k < p->reasons; k++) {
			const struct reason_rule *a = &p->reason[i], *b = &p->reason[k];
			struct slice from = {a->code, (uint32_t) strlen(a->code)},
			             to = {b->code, (uint32_t) strlen(b->code)};

			/* what is made to wait by a wrong byte is looked at by a person */
			if (a->action == b->action || waits(b->action) || !(flags || one_byte_apart(from, to)))
				continue;
			yaml_warn(
			    c->problems, c->root,
			    "a one-byte error can turn reason %s (%s) into %s (%s) and no control total would catch it",
			    a->code, reason_action_words[a->action], b->code, reason_action_words[b->action]);
			return;
		}
}

/* Does a sum guard the references' digits? */
static bool
references_are_summed(const struct layout *l)
{
	for (uint16_t i = 0; i < l->totals; i++)
		for (uint16_t s = 0; l->total[i].sum && s < l->total[i].each.count; s++) {
			const struct expression_step *step = &l->total[i].each.step[s];
			uint8_t target = step->op == EXPR_FIELD ? l->type[step->a].field[step->b].target : TARGET_FREE;

			if (target == TARGET_OUTBOUND_REFERENCE || target == TARGET_PARTNER_REFERENCE ||
			    target == TARGET_OUTBOUND_LINE)
				return true;
		}
	return false;
}

/* An answer of which nothing but its reference is read confirms whatever the redemption says: only where the
 * profile itself says what is compared. */
static void
refuse_blind(struct compile *c)
{
	const uint32_t at_all = compared_at_all(c->layout, c->policy);

	/* what only acknowledges our requests posts nothing */
	if (c->policy->acknowledges == ACKNOWLEDGES_NOTHING && yaml_get(c->root, "check") == NULL &&
	    (at_all & COMPARED_CORE) == 0)
		yaml_error(c->problems, c->root,
		           "neither member nor points nor amount is compared with the redemption: have one of them "
		           "read (amount stands in check, too), or say what is compared, as in check: [merchant] or "
		           "check: none");
}

/* What a list of check names has to be stated somewhere. */
static void
refuse_idle_checks(struct compile *c)
{
	struct yaml_node *list = yaml_get(c->root, "check");
	const uint32_t stated = compared_at_all(c->layout, c->policy);

	if (list == NULL || list->kind != YAML_LIST)
		return;
	for (struct yaml_node *n = list->first; n != NULL; n = n->next)
		if ((check_of_word(n->text) & stated) == 0)
			yaml_error(c->problems, n, "%s does nothing: no record states it", n->text);
}

static void
warn_of_references(struct compile *c)
{
	const uint32_t references = KEY_OUTBOUND_REFERENCE | KEY_PARTNER_REFERENCE | KEY_OUTBOUND_LINE;
	bool alone = false;

	for (int i = 0; i < c->policy->keys; i++)
		alone |= (c->policy->key[i] & ~references) == 0;
	if (alone && (compared_at_all(c->layout, c->policy) & COMPARED_CORE) == 0 &&
	    !references_are_summed(c->layout))
		yaml_warn(
		    c->problems, c->root,
		    "nothing but a reference says which redemption is meant: a wrong digit could name another one; "
		    "have points, member or amount read and checked where the partner states them");
}

/* A reference that is unknown is mostly one that is not on the ledger yet. */
static void
warn_of_weaker_keys(struct compile *c)
{
	bool any_day = false;

	for (int i = 0; i < c->policy->keys; i++)
		any_day |= policy_references(c->policy->key[i]) == 0 && (c->policy->key[i] & KEY_DATE) == 0;
	if (any_day && c->policy->match_days < 0)
		yaml_warn(
		    c->problems, c->root,
		    "a key without a reference looks at all redemptions that there ever were: an old one could be "
		    "taken for the one that is meant; say match_days");
	if (c->policy->weaker_key)
		yaml_warn(
		    c->problems, c->root,
		    "unknown_reference: weaker_key: an answer that comes before its redemption is taken for another "
		    "one that a weaker key fits and that has no such reference; its points could be reversed");
}

/* What confirms a debit of more than was fulfilled leaves the rest with nobody. */
static void
warn_of_tolerance(struct compile *c)
{
	const struct policy *p = c->policy;

	if (p->points_tolerance.most > 0 || p->points_tolerance.permille > 0 || p->amount_tolerance.most > 0 ||
	    p->amount_tolerance.permille > 0)
		yaml_warn(c->problems, yaml_get(c->root, "tolerance"),
		          "a debit is confirmed by an accepted record that states less: the member is short of the "
		          "difference unless somebody credits it; the report lists each file's");
}

static void
warn_of_lines(struct compile *c)
{
	if (c->policy->split == SPLIT_LINE)
		yaml_warn(
		    c->problems, yaml_get(c->root, "split"),
		    "a part that comes again in another file counts again: a redemption could be confirmed of which "
		    "half was fulfilled; where the partner numbers its parts, say split: partner_reference");
}

static void
warn_of_groups(struct compile *c)
{
	if (c->policy->group > 0 &&
	    (compile_find_slot(c, "points") < 0 || (c->policy->checks & CHECK_POINTS) == 0))
		yaml_warn(
		    c->problems, yaml_get(c->root, "group"),
		    "no points are compared: a redemption of the group that is not on the ledger yet is not missed");
}

static void
warn_of_cuts(struct compile *c)
{
	const struct layout *l = c->layout;
	bool proof = l->format == FORMAT_XML || l->format == FORMAT_JSON || l->container.count > 0, sums = false,
	     split = false;

	for (uint16_t i = 0; i < l->controls; i++) {
		proof |= l->control[i].counts && !l->control[i].optional;
		split |= l->control[i].by_verdict;
	}
	for (uint16_t i = 0; i < l->totals; i++)
		sums |= l->total[i].sum;
	for (uint16_t t = 0; t < l->types; t++)
		proof |= l->type[t].role == ROLE_TRAILER && l->type[t].level == 0 && !l->type[t].optional;
	if (!proof)
		yaml_warn(c->problems, c->root,
		          "no control total and no trailer: a file that was cut between two records "
		          "could pass");
	if (!sums && compile_find_slot(c, "points") >= 0)
		yaml_warn(c->problems, c->root,
		          "no sum of points among the controls: a wrong digit is found at the ledger only");
	if (!split)
		warn_of_turns(c);
}

/* A number of few digits in the name: more files may come than it can count. */
static void
warn_of_digits(struct compile *c)
{
	/* so many digits are too few: for a daily file, and some years without a period */
	static const uint16_t few[] = {
	    [RESETS_NEVER] = 4, [RESETS_DAILY] = 1, [RESETS_MONTHLY] = 1, [RESETS_YEARLY] = 2};
	const struct layout *l = c->layout;

	for (const struct name_pattern *n = l->name; n != NULL && c->policy->number_after == 0; n = n->next)
		for (uint8_t i = 0; i < n->parts; i++) {
			const struct name_part *part = &n->part[i];

			if (part->kind != NAME_FIXED || part->field < 0 ||
			    l->type[0].field[part->field].target != TARGET_SEQUENCE ||
			    part->width > few[c->policy->resets])
				continue;
			yaml_warn(
			    c->problems, c->root,
			    "file_name has %u digits for the sequence: when numbers begin again, every file is held; "
			    "say sequence: {after: %.*s}, or what it resets by",
			    part->width, (int) part->width, "9999");
			return;
		}
}

/* Who lists rejects alone has files of nothing else. */
static void
warn_of_shares(struct compile *c)
{
	const struct policy *p = c->policy;

	if (p->lists == LISTS_REJECTS && p->guard_share >= 0 && p->guard_of == GUARD_OF_FILE)
		yaml_warn(
		    c->problems, c->root,
		    "guard.share is of the file's records, and with lists: rejects all of them are: every file of "
		    "more than guard.least is held; say of: open_items");
}

static bool
is_optional(const struct layout *l, int16_t slot)
{
	for (uint16_t i = 0; i < l->types; i++)
		for (uint16_t f = 0; f < l->type[i].fields; f++)
			if (l->type[i].field[f].slot == slot && l->type[i].field[f].optional)
				return true;
	return false;
}

/* A verdict by whether something is there: where names are not all known, a name that changes takes it away.
 */
static void
warn_of_presence(struct compile *c)
{
	const struct layout *l = c->layout;
	bool names_change = l->format >= FORMAT_XML || (l->delimited.header && l->delimited.extra_columns);

	for (uint16_t i = 0; i < l->verdict_rules && names_change; i++)
		for (uint16_t k = 0; k < l->verdict_rule[i].when.count; k++) {
			const struct condition *one = &l->verdict_rule[i].when.all[k];

			if (one->kind != IF_FIELD || (one->test != TEST_FILLED && one->test != TEST_BLANK) ||
			    !is_optional(l, one->slot))
				continue;
			yaml_warn(
			    c->problems, yaml_get(c->root, "verdict"),
			    "whether %s is there makes a record %s: if the partner renames it, every record is read as "
			    "if "
			    "it were not, and no control total would catch it; have a field say the verdict, or make %s "
			    "required",
			    l->slot_name[one->slot], verdict_word(l->verdict_rule[i].verdict), l->slot_name[one->slot]);
			return;
		}
}

void
compile_warn(struct compile *c)
{
	refuse_blind(c);
	refuse_idle_checks(c);
	warn_of_presence(c);
	warn_of_shares(c);
	warn_of_digits(c);
	warn_of_cuts(c);
	warn_of_reasons(c);
	warn_of_references(c);
	warn_of_weaker_keys(c);
	warn_of_tolerance(c);
	warn_of_lines(c);
	warn_of_groups(c);
	if (c->layout->framing.kind == FRAME_LINES && !c->layout->framing.last_newline_required &&
	    c->layout->format == FORMAT_DELIMITED && c->layout->controls == 0)
		yaml_warn(c->problems, c->root,
		          "last_newline is not required: a cut within the last record could pass");
	if (c->policy->programme == NULL && compile_find_slot(c, "programme") < 0)
		yaml_warn(c->problems, c->root,
		          "neither programme: nor a field programme: a record cannot say which programme it is of");
	if (c->policy->reasons == 0 && c->policy->unknown_reason == REASON_HOLD &&
	    compile_find_slot(c, "reason") >= 0)
		yaml_warn(c->problems, c->root, "no reasons: every reject with a code will be held");
}
