/* JSON as a tree, for what handbackd answers: one value in one buffer, strict and bounded. */
#ifndef HANDBACK_FINANCE_OUTPUT_JSON_TREE_H
#define HANDBACK_FINANCE_OUTPUT_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_MAP };

struct json_node {
	enum json_kind kind;
	char *key;               /* in its map, else NULL */
	char *text;              /* "true", "12", the string; NULL for JSON_NULL, lists and maps */
	struct json_node *first; /* of a list or map, in order */
	struct json_node *next;
};

/* NULL for what is no JSON, deeper than 16 or has text behind it. */
struct json_node *json_parse(const char *text);
void json_free(struct json_node *node); /* NULL is fine */

/* A member of a map; NULL when it is not there, or node is no map (NULL is fine). */
const struct json_node *json_get(const struct json_node *node, const char *key);
/* The text of a member, NULL when it is null, not there or no plain value. */
const char *json_member(const struct json_node *node, const char *key);

#endif
