/*
 * A file through a profile, in memory, and what came out as text:
 *
 *     record 1 at 93+91 accepted reference=7c9e... points=25000 member=NS1 date=2026-11-18
 *     control records file 2 = 2
 *     control points file 5 <> 6
 *     refused order record 3 at 182: a detail record stands after the trailer
 *     facts sequence=41 business_date=2026-11-18
 *     end records=2 bytes=300 whole
 */
#ifndef HANDBACK_TESTS_PARSE_TEXT_H
#define HANDBACK_TESTS_PARSE_TEXT_H

#include "parsers/assemble.h"
#include "parsers/profile.h"

/* Aborts with its mistakes when the profile does not compile. */
struct profile *must_compile(const char *yaml);
/* The problems of a text that does not compile (or warnings of one that does), a line each. */
const char *problems_of(const char *yaml);

/* name NULL: no name is told.  step: at most so many bytes in one read, 0: all.  The caller frees. */
char *parse_text(const struct profile *profile, const char *name, const void *data, size_t len, size_t step);

/* What money depends on, without texts that say why: records, facts, whether refused.  For comparing runs. */
struct parse_result {
	bool refused, whole;
	uint64_t records;
	uint64_t money;    /* a hash of what each record says, but its texts for people */
	uint64_t verdicts; /* a hash of the verdicts alone */
	char rule[64];     /* of the first refusal */
};
void parse_result(const struct profile *profile, const char *name, const void *data, size_t len,
                  struct parse_result *ret);

#endif
