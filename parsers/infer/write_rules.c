/* The guess as a profile, second half: verdict, controls, match and check. */
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

static const char *
meaning(struct slice word)
{
	static const char *const words[][2] = {
	    {"OK", "accepted"},        {"ACCEPTED", "accepted"},  {"ACCP", "accepted"},
	    {"ACSC", "accepted"},      {"CONFIRMED", "accepted"}, {"SUCCESS", "accepted"},
	    {"APPROVED", "accepted"},  {"BOOKED", "accepted"},    {"KO", "rejected"},
	    {"REJECTED", "rejected"},  {"RJCT", "rejected"},      {"FAILED", "rejected"},
	    {"FAILURE", "rejected"},   {"DECLINED", "rejected"},  {"REFUSED", "rejected"},
	    {"ERROR", "rejected"},     {"PENDING", "pending"},    {"PDNG", "pending"},
	    {"WAITLISTED", "pending"}, {"PROCESSING", "pending"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i][0]) == word.len && strncasecmp(words[i][0], word.data, word.len) == 0)
			return words[i][1];
	return NULL;
}

void
write_verdict(const struct column *status)
{
	uint32_t known = 0;

	if (status == NULL || status->words == 0) {
		puts("# decide: what says whether a record was accepted, as in\n"
		     "# verdict: {field: status, words: {OK: accepted, KO: rejected}}");
		return;
	}
	for (uint32_t w = 0; w < status->words; w++)
		known += meaning(status->word[w].text) != NULL;
	if (known == 0)
		puts("# decide: what each word means: accepted, accepted_with_change, accepted_with_warning, "
		     "rejected, "
		     "pending");
	puts(known > 0 ? "verdict:\n  field: status\n  words:" : "# verdict:\n#   field: status\n#   words:");
	for (uint32_t w = 0; w < status->words; w++) {
		const char *means = meaning(status->word[w].text), *word = write_yaml(status->word[w].text);
		char why[64];

		snprintf(why, sizeof(why), "%s: %u times", means != NULL ? "guess: the word" : "decide",
		         status->word[w].times);
		if (means != NULL)
			write_line(why, "    %s: %s", word, means);
		else
			write_line(why, "#     %s:", word);
	}
}

void
write_controls(const struct guess *g)
{
	if (g->controls == 0) {
		puts(g->whole ? "# decide: no number of a header or trailer is a count or a sum of what is here"
		              : "# decide: control totals; the end of the file was not looked at");
		return;
	}
	puts("controls:");
	for (uint32_t i = 0; i < g->controls; i++) {
		const char *number = strchr(g->control[i], '\n');
		char equation[200], why[64];

		snprintf(equation, sizeof(equation), "%.*s", (int) (number - g->control[i]), g->control[i]);
		snprintf(why, sizeof(why), "guess: both are %s", number + 1);
		write_line(why, "  %.*s: %s", (int) strcspn(equation, " "), equation, equation);
	}
}

void
write_match(struct sample_type *answer)
{
	static const char *const keys[] = {"external_reference", "outbound_reference", "partner_reference", NULL};

	for (const char *const *k = keys; *k != NULL; k++)
		if (column_named(answer, *k) != NULL) {
			write_line(strcmp(*k, "external_reference") == 0
			               ? "guess: the only UUIDs; decide: are they ours?"
			               : "guess: no value twice; decide: is it our reference, or the partner's?",
			           "match: [%s]", *k);
			return;
		}
	puts(
	    "# decide: no column is there in every record and different in each; name what a record is found by\n"
	    "# match: [outbound_reference]");
}

/* Nothing of the redemption but its reference: a person says that the partner states no more. */
void
write_check(struct sample_type *answer)
{
	if (column_named(answer, "points") != NULL || column_named(answer, "member") != NULL)
		return;
	if (column_named(answer, "amount") != NULL)
		write_line("guess: nothing else of the redemption is stated", "check: [amount]");
	else
		puts("# decide: which field is the points, the member or the amount; call it so; where none is:\n"
		     "# check: none");
}
