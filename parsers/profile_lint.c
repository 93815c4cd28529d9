/* What a profile may say and had better not. */
#include "base/codes.h"
#include "parsers/compile.h"

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

static bool
accepts(int32_t verdict)
{
	return verdict == VERDICT_ACCEPTED || verdict == VERDICT_ACCEPTED_WITH_CHANGE ||
	       verdict == VERDICT_ACCEPTED_WITH_WARNING;
}

/* A text that tells a verdict, and where it is looked for: only texts of one place can be taken for each
 * other. */
struct telling {
	struct slice text;
	int32_t verdict;
	int place;
};

struct tellings {
	struct telling list[LAYOUT_SLOTS];
	size_t count;
};

static void
add_telling(struct tellings *t, struct slice text, int32_t verdict, int place)
{
	if (t->count < sizeof t->list / sizeof *t->list)
		t->list[t->count++] = (struct telling){text, verdict, place};
}

static void
add_conditions(struct tellings *t, const struct conditions *when, int32_t verdict, int place)
{
	for (uint16_t i = 0; i < when->count; i++)
		for (uint16_t v = 0; v < when->all[i].values && !when->all[i].negate; v++)
			add_telling(t, when->all[i].value[v], verdict,
			            place + (when->all[i].kind == IF_FIELD    ? when->all[i].slot
			                     : when->all[i].kind == IF_COLUMN ? when->all[i].column
			                                                      : (int) when->all[i].range.start));
}

/* Words of the verdict's field, conditions of rules, conditions of types that are a verdict by themselves. */
static void
all_tellings(const struct layout *l, struct tellings *t)
{
	for (uint16_t i = 0; i < l->types; i++) {
		const struct record_type *type = &l->type[i];

		for (uint16_t f = 0; f < type->fields; f++)
			for (uint16_t w = 0; type->field[f].is_verdict && w < type->field[f].words.count; w++)
				add_telling(t, type->field[f].words.list[w].word, type->field[f].words.list[w].number, i);
		if (type->verdict != VERDICT_NONE)
			add_conditions(t, &type->when, type->verdict, 1 << 20);
	}
	for (uint16_t i = 0; i < l->verdict_rules; i++)
		add_conditions(t, &l->verdict_rule[i].when, l->verdict_rule[i].verdict, 1 << 24);
}

static void
warn_of_flips(struct compile *c)
{
	struct tellings t = {.count = 0};

	all_tellings(c->layout, &t);
	for (size_t i = 0; i < t.count; i++)
		for (size_t k = i + 1; k < t.count; k++) {
			const struct telling *a = &t.list[i], *b = &t.list[k];

			if (a->place != b->place || accepts(a->verdict) == accepts(b->verdict) ||
			    !one_byte_apart(a->text, b->text))
				continue;
			yaml_warn(
			    c->problems, c->root,
			    "one wrong byte makes %.*s of %.*s, and no control counts accepted or rejected records: it "
			    "could pass",
			    (int) b->text.len, b->text.data, (int) a->text.len, a->text.data);
			return;
		}
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
		warn_of_flips(c);
}

void
compile_warn(struct compile *c)
{
	warn_of_cuts(c);
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
