/* The profile reader: a text compiles, and can be told as a table, or is refused with a reason. */
#include <assert.h>
#include <string.h>

#include "lib/profile/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
row(void *context, const struct profile_row *r)
{
	size_t *bytes = context;

	*bytes += strlen(r->record) + strlen(r->field) + strlen(r->place) + strlen(r->type) + strlen(r->meaning);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems *problems = problems_new("fuzz.yaml");
	struct profile *profile = profile_compile((const char *) data, size, problems);
	struct name_facts facts;
	const char *why;
	size_t bytes = 0;

	assert((profile == NULL) == (problems_errors(problems) > 0));
	for (size_t i = 0; problems_line(problems, i) != NULL; i++)
		bytes += strlen(problems_line(problems, i));
	if (profile != NULL) {
		profile_describe(profile, row, &bytes);
		assert(bytes > 0);
		(void) profile_match_name(profile, "ANSWERS_20261121_000001.csv", 27, &facts, &why);
	}
	profile_free(profile);
	problems_free(problems);
	return 0;
}
