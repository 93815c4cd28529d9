/* File-name patterns: the first line is the pattern, what is after it the name. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/profile/profile.h"

static const char profile_text[] =
    "profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: json_lines\nzone: UTC\n"
    "records:\n  item: {role: entry, path: /, verdict: accepted, fields: "
    "{partner_reference: {at: r, type: id}, points: {at: v}}}\n"
    "match: [partner_reference]\ncheck: none\nfile_name: \"";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[sizeof(profile_text) + 4 * 1024 + 3];
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t len = sizeof(profile_text) - 1, pattern = end != NULL ? (size_t) (end - data) : size;
	const char *name = (const char *) data + (end != NULL ? pattern + 1 : size), *why = NULL;
	struct problems *problems;
	struct profile *profile;
	struct name_facts facts;

	if (pattern > 1024)
		return 0;
	memcpy(text, profile_text, len);
	for (size_t i = 0; i < pattern; i++)
		len += (size_t) snprintf(text + len, 5, "\\x%02x", data[i]);
	memcpy(text + len, "\"\n", 2);
	problems = problems_new("fuzz.yaml");
	profile = profile_compile(text, len + 2, problems);
	assert((profile == NULL) == (problems_errors(problems) > 0));
	size -= (size_t) (name - (const char *) data);
	if (profile != NULL && size <= LIMIT_NAME_BYTES) {
		if (!profile_match_name(profile, name, size, &facts, &why))
			assert(why != NULL);
		else
			assert(memchr(facts.partner_id, '\0', sizeof(facts.partner_id)) != NULL &&
			       memchr(facts.set, '\0', sizeof(facts.set)) != NULL &&
			       (!facts.has_part || (facts.part >= 1 && facts.part <= facts.parts)));
	}
	profile_free(profile);
	problems_free(problems);
	return 0;
}
