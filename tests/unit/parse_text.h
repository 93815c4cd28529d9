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

#include "lib/profile/profile.h"
#include "parsers/assemble/assemble.h"

/* Aborts with its mistakes when the profile does not compile. */
struct profile *must_compile(const char *yaml);
/* The problems of a text that does not compile (or warnings of one that does), a line each. */
const char *problems_of(const char *yaml);

/* name NULL: no name is told.  step: at most so many bytes in one read, 0: all.  The caller frees. */
char *parse_text(const struct profile *profile, const char *name, const void *data, size_t len, size_t step);

/* What money depends on, without texts that say why: for comparing runs of a file of a few records. */
#define RESULT_RECORDS 64
struct parse_result {
	bool refused;
	uint64_t records;
	struct result_record {
		bool held;              /* a value is bad, or a reason of a reject holds it */
		uint8_t verdict;        /* the three that accept are one */
		uint32_t actions;       /* what its reasons do: enum reason_action as bits */
		uint64_t judged;        /* of what is looked at in the ledger */
		uint64_t informational; /* of the rest but the texts for people */
	} record[RESULT_RECORDS];
	bool is_test;
	uint64_t facts;
	const struct policy *policy;
};
void parse_result(const struct profile *profile, const char *name, const void *data, size_t len,
                  struct parse_result *ret);

/* What becomes of a file in which something was changed. */
enum fate {
	FATE_SAME, /* but for texts for people */
	FATE_REFUSED,
	FATE_HELD,
	FATE_SEEN,          /* another number, reference ... than the ledger has */
	FATE_INFORMATIONAL, /* another value that nobody judges */
	FATE_PASSED,        /* another verdict, other things done about a reject, a record more or less */
	FATES
};
enum fate parse_fate(const struct parse_result *good, const struct parse_result *changed);

#endif
