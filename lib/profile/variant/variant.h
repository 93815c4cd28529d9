/*
 * One profile for files of several framings, encodings or containers: before anything is compiled, the
 * profile's tree with what a variant says in place of what the profile says.  Which variant a file is of is
 * told by its name or by its first bytes, as it comes.
 */
#ifndef HANDBACK_PROFILE_VARIANT_VARIANT_H
#define HANDBACK_PROFILE_VARIANT_VARIANT_H

#include "lib/yaml/yaml.h"

#define VARIANTS 8       /* of one profile */
#define VARIANT_BYTES 16 /* of a file that are looked at */

struct variant_bytes {
	char bytes[VARIANT_BYTES];
	size_t len;
};

/* How a variant's files are known; both, where both are said. */
struct variant_rule {
	const char *const *files; /* NULL-ended shell patterns of names; NULL: any */
	const struct variant_bytes *begins;
	size_t beginnings; /* 0: any */
};

/* name ends in NUL; first are the file's first bytes, fewer than VARIANT_BYTES only where it has no more. */
bool variant_fits(const struct variant_rule *rule, const char *name, const char *first, size_t len);

/*
 * A tree of its own (yaml_tree_free), or NULL when memory is out: maps are put together key by key, anything
 * else is the variant's where it says it.  The keys variants, files and begins are in it no more.
 */
struct yaml_node *variant_tree(const struct yaml_node *profile, const struct yaml_node *variant);

#endif
