/*
 * YAML as a tree with positions, and mistakes reported as
 *
 *     file:line:column: path: message
 *
 * several at a time.  The one wrapper of libyaml.  Refused: more than one
 * document, anchors and aliases, duplicate keys, depth over 16, tags.
 */
#ifndef HANDBACK_YAML_YAML_H
#define HANDBACK_YAML_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mistakes and warnings found in one file; stops taking at LIMIT_PROBLEMS, but counts on. */
struct problems;
struct problems *problems_new(const char *file_name);
void problems_free(struct problems *p); /* NULL is fine */
size_t problems_errors(const struct problems *p);
size_t problems_warnings(const struct problems *p);
/* Line i of what there is to print, in the file's order ("f.yaml:4:5: sources[0].inbax: unknown key"); NULL
 * past the end. */
const char *problems_line(const struct problems *p, size_t i);

/* For a second look at parts of the same file: an empty list of its problems, NULL when memory is out; and
 * back into p what is in it and not in p yet. */
struct problems *problems_aside(const struct problems *p);
void problems_take(struct problems *p, const struct problems *aside);

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int line, column;         /* of the value, from 1; of its key where the value is a list, a map or empty */
	int key_line, key_column; /* 0 where there is no key */
	const char *key;          /* of this node in its parent map, else NULL */
	const char *path;         /* "sources[0].inbound" */
	const char *text;         /* scalar: its text, NUL-terminated, no NUL inside */
	bool quoted;              /* scalar: was quoted, so never a number, a yes or a null */
	struct yaml_node *first;  /* list, map: children in order */
	struct yaml_node *next;
	bool used; /* set by yaml_get; yaml_unknown_keys reports the others */
};

/* The tree, or NULL with at least one error in p.  text need not be NUL-terminated. */
struct yaml_node *yaml_parse(const char *text, size_t len, struct problems *p);
/* NULL is fine.  (Not yaml_free: libyaml has a function of that name and would call ours.) */
void yaml_tree_free(struct yaml_node *root);

void yaml_error(struct problems *p, const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void yaml_warn(struct problems *p, const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The child of a map, or NULL; marks it used. */
struct yaml_node *yaml_get(struct yaml_node *map, const char *key);
/* An error for each key of the map that nobody asked for, with the nearest of the known ones as a hint. */
void yaml_unknown_keys(struct problems *p, struct yaml_node *map, const char *const *known);

/*
 * Typed readers: true and *ret set, or false with an error in p.  A bool is
 * exactly true/false/yes/no; integers are plain decimal within [min, max];
 * a duration is N followed by ms, s, m, h or d; a size N, NKiB, NMiB, NGiB.
 */
bool yaml_bool(struct problems *p, const struct yaml_node *n, bool *ret);
bool yaml_int(struct problems *p, const struct yaml_node *n, int64_t min, int64_t max, int64_t *ret);
bool yaml_duration_ms(struct problems *p, const struct yaml_node *n, int64_t *ret);
bool yaml_size(struct problems *p, const struct yaml_node *n, int64_t *ret);
/* The index of the word in a NULL-ended list. */
bool yaml_word(struct problems *p, const struct yaml_node *n, const char *const *words, int *ret);
bool yaml_text(struct problems *p, const struct yaml_node *n,
               const char **ret); /* not empty; lives as long as the tree */

#endif
