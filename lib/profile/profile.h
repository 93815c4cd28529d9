/*
 * A partner's profile: YAML compiled into how its files are read (layout) and
 * how its answers are judged (policy).  The language is docs/profiles.md.
 */
#ifndef HANDBACK_PROFILE_PROFILE_H
#define HANDBACK_PROFILE_PROFILE_H

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/profile/policy.h"
#include "lib/profile/variant/variant.h"
#include "lib/yaml/yaml.h"

struct layout; /* lib/profile/layout.h: the parser's half */

/* Files that are read by another layout, and judged as all others. */
struct profile_variant {
	const char *name;
	struct variant_rule rule;
	struct layout *layout;
};

struct profile {
	const char *name;
	struct layout *layout; /* of what is of no variant */
	struct policy policy;
	size_t variants;
	struct profile_variant *variant; /* the first that fits is taken */
	struct profile_memory *memory;   /* profile.c's */
};

/*
 * NULL with at least one error in p; warnings may come with either.  text need
 * not be NUL-terminated, nor outlive the call.
 */
struct profile *profile_compile(const char *text, size_t len, struct problems *p);
void profile_free(struct profile *profile); /* NULL is fine */

/* The layout that a file is read by: see variant_fits. */
const struct layout *profile_layout(const struct profile *profile, const char *name, const char *first,
                                    size_t len);
/* Bytes of content that a file of this size can have at most, by whichever layout; and is the content of any
 * other than the file itself? */
int64_t profile_content_most(const struct profile *profile, int64_t packed);
bool profile_packed(const struct profile *profile);

/* The program that reads its files: "handback-parse", or "handback-parse-xml" for XML. */
const char *profile_program(const struct profile *profile);

#define NAME_SET_SIZE TEXT_ESCAPED_SIZE(LIMIT_NAME_BYTES)
#define NAME_STATEMENT_SIZE (2 * NAME_SET_SIZE + 192)

/* What a file's name says, by the profile's file_name pattern. */
struct name_facts {
	bool has_sequence, has_business_date, has_count, has_part;
	int64_t sequence, count;
	int64_t part, parts;                /* part of so many */
	int32_t business_date;              /* days since 1970-01-01 */
	char partner_id[64];                /* "" when the name has none */
	char file_id[LIMIT_NAME_BYTES + 1]; /* "" when the name has none */
	char set[NAME_SET_SIZE]; /* of which it is a part: the name, escaped, with * for part and parts; or "" */
};
/* True and *ret_facts when the name fits, or the profile has no pattern; else false and *ret_why, static
 * text. */
bool profile_match_name(const struct profile *profile, const char *name, size_t len,
                        struct name_facts *ret_facts, const char **ret_why);

/*
 * What a name says that makes equal bytes another file: number, day, id and part, in a text of their own, ""
 * where it says none of them.  Two names with one statement name the same file.  Returns statement.
 */
const char *name_statement(const struct name_facts *facts, char statement[NAME_STATEMENT_SIZE]);

/*
 * The compiled layout as rows for a table: record type, field, where it stands
 * ("1-12", "column 3", "Member/@id"), type ("date YYYYMMDD"), meaning.  Calls
 * back in order; texts live for the call.
 */
struct profile_row {
	const char *record, *field, *place, *type, *meaning;
};
void profile_describe(const struct profile *profile, void (*row)(void *context, const struct profile_row *r),
                      void *context);

/* Every key that a profile may have, and where: NULL-ended.  docs/profiles.md is tested against it. */
struct profile_option {
	const char *where; /* "framing", "records.*.fields.*" */
	const char *key;
	const char *values; /* "lf, crlf, cr or a list of these; default lf" */
	/* where it does something; elsewhere a profile that says it does not compile */
	uint8_t formats;  /* 1 << enum layout_format, or'ed; 0: all */
	uint16_t kinds;   /* the same of enum framing, enum role or enum field_type, by where it stands; 0: all */
	const char *with; /* the key beside it that it needs; NULL: none */
};
extern const struct profile_option profile_options[];

#endif
