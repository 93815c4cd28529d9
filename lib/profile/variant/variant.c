#include "lib/profile/variant/variant.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

bool
variant_fits(const struct variant_rule *rule, const char *name, const char *first, size_t len)
{
	bool named = rule->files == NULL, begins = rule->beginnings == 0;

	for (const char *const *p = rule->files; !named && *p != NULL; p++)
		named = fnmatch(*p, name, 0) == 0;
	for (size_t i = 0; named && !begins && i < rule->beginnings; i++)
		begins = rule->begins[i].len <= len && memcmp(rule->begins[i].bytes, first, rule->begins[i].len) == 0;
	return named && begins;
}

/* A copy without children; NULL when memory is out. */
static struct yaml_node *
copy_one(const struct yaml_node *n)
{
	struct yaml_node *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *n;
	copy->first = copy->next = NULL;
	copy->used = false;
	copy->key = n->key == NULL ? NULL : strdup(n->key);
	copy->path = n->path == NULL ? NULL : strdup(n->path);
	copy->text = n->text == NULL ? NULL : strdup(n->text);
	if ((n->key == NULL) == (copy->key == NULL) && (n->path == NULL) == (copy->path == NULL) &&
	    (n->text == NULL) == (copy->text == NULL))
		return copy;
	yaml_tree_free(copy);
	return NULL;
}

static const struct yaml_node *
child_of(const struct yaml_node *map, const char *key)
{
	for (const struct yaml_node *n = map == NULL ? NULL : map->first; n != NULL; n = n->next)
		if (n->key != NULL && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* A node with what another says over it; the depth of trees is bounded by LIMIT_YAML_DEPTH. */
static struct yaml_node *
merge(const struct yaml_node *base, const struct yaml_node *over)
{
	bool maps = over != NULL && over->kind == YAML_MAP && base->kind == YAML_MAP;
	const struct yaml_node *own = over != NULL && !maps ? over : base;
	struct yaml_node *made = copy_one(own), **to = made == NULL ? NULL : &made->first;

	for (const struct yaml_node *n = own->first; to != NULL && n != NULL; n = n->next) {
		*to = merge(n, maps ? child_of(over, n->key) : NULL);
		to = *to == NULL ? NULL : &(*to)->next;
	}
	for (const struct yaml_node *n = maps ? over->first : NULL; to != NULL && n != NULL; n = n->next) {
		if (child_of(base, n->key) != NULL)
			continue;
		*to = merge(n, NULL);
		to = *to == NULL ? NULL : &(*to)->next;
	}
	if (to != NULL)
		return made;
	yaml_tree_free(made);
	return NULL;
}

struct yaml_node *
variant_tree(const struct yaml_node *profile, const struct yaml_node *variant)
{
	static const char *const own[] = {"variants", "files", "begins"};
	struct yaml_node *root = merge(profile, variant);

	for (size_t i = 0; root != NULL && i < sizeof(own) / sizeof(*own); i++)
		for (struct yaml_node **at = &root->first; *at != NULL;) {
			struct yaml_node *n = *at;

			if (strcmp(n->key, own[i]) != 0) {
				at = &n->next;
				continue;
			}
			*at = n->next;
			n->next = NULL;
			yaml_tree_free(n);
		}
	return root;
}
