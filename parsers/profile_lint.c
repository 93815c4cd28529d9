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

static void
warn_of_words(struct compile *c, const struct words *words)
{
	for (uint16_t i = 0; i < words->count; i++)
		for (uint16_t k = (uint16_t) (i + 1); k < words->count; k++) {
			const struct word *a = &words->list[i], *b = &words->list[k];

			if (accepts(a->number) == accepts(b->number) || !one_byte_apart(a->word, b->word))
				continue;
			yaml_warn(
			    c->problems, yaml_get(c->root, "verdict"),
			    "one wrong byte makes %.*s of %.*s, and no control counts accepted or rejected records: it "
			    "could pass",
			    (int) b->word.len, b->word.data, (int) a->word.len, a->word.data);
			return;
		}
}

static void
warn_of_cuts(struct compile *c)
{
	const struct layout *l = c->layout;
	bool proof = l->format == FORMAT_XML || l->format == FORMAT_JSON, sums = false, split = false;

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
	for (uint16_t t = 0; t < l->types && !split; t++)
		for (uint16_t f = 0; f < l->type[t].fields; f++)
			if (l->type[t].field[f].is_verdict)
				warn_of_words(c, &l->type[t].field[f].words);
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
