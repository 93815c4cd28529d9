/*
 * What the files that compile a profile share.  Private to profile*.c and
 * expression.c.
 *
 * Everything that a profile owns lies in its memory and goes with it.  A
 * mistake is reported and compiling goes on, so that several are reported at a time;
 * what could not be read keeps its default.
 */
#ifndef HANDBACK_PROFILE_PROFILE_INTERNAL_H
#define HANDBACK_PROFILE_PROFILE_INTERNAL_H

#include "lib/profile/layout.h"
#include "lib/profile/profile.h"
#include "lib/profile/values.h"
#include "lib/yaml/yaml.h"

struct compile {
	struct problems *problems;
	struct profile_memory *memory;
	struct layout *layout;
	struct policy *policy;
	struct yaml_node *root;
	bool hold_bad;
};

/* Zeroed memory of the profile; NULL, with an error reported, when there is none. */
void *compile_alloc(struct compile *c, size_t count, size_t size);
/* A copy of the text in the profile's memory; "" when there is none left. */
const char *compile_copy(struct compile *c, const char *text);
struct slice compile_slice(struct compile *c, const char *text);

/* Errors for the keys of the map at a place of profile_options that are none, and for those that would do
 * nothing: in files of this format, or (compile_known_of) in what is of this kind (enum framing, role or
 * field_type).  A map that is checked when other things are known is checked once. */
void compile_known(struct compile *c, struct yaml_node *map, const char *where);
void compile_known_of(struct compile *c, struct yaml_node *map, const char *where, int kind);
/* The child if it is there and of the kind, else NULL, with an error when it is of another. */
struct yaml_node *compile_child(struct compile *c, struct yaml_node *map, const char *key,
                                enum yaml_kind kind);

/* Children of a map, read by type; what is not there, or wrong (then reported), is the default. */
bool compile_bool(struct compile *c, struct yaml_node *map, const char *key, bool absent);
int64_t compile_int(struct compile *c, struct yaml_node *map, const char *key, int64_t min, int64_t max,
                    int64_t absent);
const char *compile_text(struct compile *c, struct yaml_node *map, const char *key, const char *absent);
int compile_word(struct compile *c, struct yaml_node *map, const char *key, const char *const *words,
                 int absent);
/* One byte: a character, or 0x1A, or tab, blank, none (0). */
char compile_byte(struct compile *c, struct yaml_node *map, const char *key, char absent);
/* A few bytes, by the same spelling; returns how many, 0 for none. */
size_t compile_bytes(struct compile *c, const struct yaml_node *n, char *buf, size_t size);

/* One value, or a list of them, in turn: at = compile_first(n); at != NULL; at = compile_next(n, at). */
struct yaml_node *compile_first(struct yaml_node *n);
struct yaml_node *compile_next(const struct yaml_node *n, struct yaml_node *at);
size_t compile_count(const struct yaml_node *list_or_map);
/* A scalar, or a list of scalars, as words (numbers 0); counts[0] when absent. */
void compile_words(struct compile *c, struct yaml_node *n, struct words *ret);

/* profile_fields.c */
int compile_slot(struct compile *c, const struct yaml_node *at, const char *name);
int compile_find_slot(const struct compile *c, const char *name);
int compile_find_type(const struct compile *c, const char *name, size_t len);
int compile_find_field(const struct record_type *type, const char *name, size_t len);
void compile_fields(struct compile *c, struct record_type *type, struct yaml_node *map);
enum target target_of(const char *name);

/* profile_place.c: where a field stands */
bool compile_range(const char *text, struct range *ret);
void compile_place(struct compile *c, struct yaml_node *map, struct record_type *type, struct field *f);

/* profile_values.c: how a field's values are written, and what its words mean */
void compile_word_map(struct compile *c, struct yaml_node *map, struct field *f);
void compile_number(struct compile *c, struct yaml_node *map, struct field *f);
void compile_date(struct compile *c, struct yaml_node *map, struct field *f);
void compile_flags(struct compile *c, struct yaml_node *map, struct field *f);

void compile_path(struct compile *c, const struct yaml_node *at, const char *text, struct path *ret);

/* profile_pattern.c */
void compile_patterns(struct compile *c, struct record_type *type, struct yaml_node *fields);

/* profile_join.c */
void compile_joins(struct compile *c, struct record_type *type, struct yaml_node *fields);
/* When all types are known: do the fields that are joined make one text only? */
void check_joins(struct compile *c, const struct record_type *type, struct yaml_node *fields);

/* profile_when.c */
/* How the keys of a condition are meant: places in a record, or names of fields. */
enum condition_keys { KEYS_PLACES, KEYS_PLACES_OF_ENTRY, KEYS_FIELDS };
void compile_conditions(struct compile *c, struct yaml_node *map, enum condition_keys keys,
                        struct conditions *ret);
bool verdict_mask(const char *word, size_t len, uint64_t *ret);

/* profile_records.c */
void compile_records(struct compile *c);
/* profile_framing.c */
void compile_format(struct compile *c);
/* profile_policy.c */
void compile_policy(struct compile *c);
/* profile_answer.c */
void compile_answer(struct compile *c);
/* profile_verdict.c: verdict and controls */
void compile_verdict(struct compile *c);
void compile_controls(struct compile *c);
/* expression.c */
void compile_control(struct compile *c, const struct yaml_node *at, const char *text,
                     struct control_rule *ret);
/* file_name.c */
void compile_file_name(struct compile *c);
/* profile_lint.c: what is allowed and still not wise */
void compile_warn(struct compile *c);

#endif
