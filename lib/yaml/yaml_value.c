/* Reading a YAML tree: lookup, unknown keys with a hint, typed values.  No libyaml here. */
#include "lib/base/limits.h"
#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/yaml/yaml.h"

struct yaml_node *
yaml_get(struct yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (struct yaml_node *child = map->first; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0) {
			child->used = true;
			return child;
		}
	return NULL;
}

void
yaml_unknown_keys(struct problems *p, struct yaml_node *map, const char *const *known)
{
	if (map == NULL || map->kind != YAML_MAP)
		return;
	for (const struct yaml_node *child = map->first; child != NULL; child = child->next) {
		struct yaml_node at = {.line = child->key_line, .column = child->key_column, .path = child->path};
		const char *hint;

		if (child->used)
			continue;
		hint = nearest_word(child->key, known);
		if (hint != NULL)
			yaml_error(p, &at, "unknown key; did you mean %s?", hint);
		else
			yaml_error(p, &at, "unknown key");
	}
}

/* False, with the error reported, unless n is one value (and, for a number or a bool, not quoted). */
static bool
is_value(struct problems *p, const struct yaml_node *n, bool plain, const char *wanted)
{
	if (n->kind != YAML_SCALAR) {
		yaml_error(p, n, "must be %s, not a %s", wanted, n->kind == YAML_LIST ? "list" : "map");
		return false;
	}
	if (plain && n->quoted) {
		yaml_error(p, n, "must be %s, without quotes", wanted);
		return false;
	}
	return true;
}

static void
wrong_value(struct problems *p, const struct yaml_node *n, const char *wanted)
{
	yaml_error(p, n, "must be %s, not \"%.*s\"", wanted, LIMIT_SHOWN_BYTES, n->text);
}

bool
yaml_bool(struct problems *p, const struct yaml_node *n, bool *ret)
{
	static const char wanted[] = "true or false";

	if (!is_value(p, n, true, wanted))
		return false;
	if (strcmp(n->text, "true") == 0 || strcmp(n->text, "yes") == 0)
		*ret = true;
	else if (strcmp(n->text, "false") == 0 || strcmp(n->text, "no") == 0)
		*ret = false;
	else {
		wrong_value(p, n, wanted);
		return false;
	}
	return true;
}

bool
yaml_int(struct problems *p, const struct yaml_node *n, int64_t min, int64_t max, int64_t *ret)
{
	char wanted[96];

	snprintf(wanted, sizeof(wanted), "a whole number from %lld to %lld", (long long) min, (long long) max);
	if (!is_value(p, n, true, wanted))
		return false;
	if (!text_int(n->text, min, max, ret)) {
		wrong_value(p, n, wanted);
		return false;
	}
	return true;
}

struct unit {
	const char *name;
	int64_t factor;
};

/* N followed by one of the units. */
static bool
with_unit(struct problems *p, const struct yaml_node *n, const struct unit *units, const char *wanted,
          int64_t *ret)
{
	char number[24];
	size_t len;
	int64_t value;

	if (!is_value(p, n, true, wanted))
		return false;
	len = strspn(n->text, "0123456789");
	if (len > 0 && len < sizeof(number)) {
		memcpy(number, n->text, len);
		number[len] = '\0';
		for (; units->name != NULL; units++)
			if (strcmp(units->name, n->text + len) == 0 && text_int(number, 0, INT64_MAX, &value) &&
			    !__builtin_mul_overflow(value, units->factor, &value)) {
				*ret = value;
				return true;
			}
	}
	wrong_value(p, n, wanted);
	return false;
}

bool
yaml_duration_ms(struct problems *p, const struct yaml_node *n, int64_t *ret)
{
	static const struct unit units[] = {
	    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", 24 * 60 * 60 * 1000},
	    {NULL, 0},
	};

	return with_unit(p, n, units, "a duration (a number and ms, s, m, h or d, as in 30s)", ret);
}

bool
yaml_size(struct problems *p, const struct yaml_node *n, int64_t *ret)
{
	static const struct unit units[] = {
	    {"", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {NULL, 0},
	};

	return with_unit(p, n, units, "a size (a number, with KiB, MiB or GiB, as in 64KiB)", ret);
}

bool
yaml_word(struct problems *p, const struct yaml_node *n, const char *const *words, int *ret)
{
	char wanted[512] = "one of";
	size_t len = strlen(wanted);
	const char *hint;

	for (int i = 0; words[i] != NULL && len < sizeof(wanted); i++)
		len += (size_t) snprintf(wanted + len, sizeof(wanted) - len, "%s %s", i > 0 ? "," : "", words[i]);
	if (!is_value(p, n, false, wanted))
		return false;
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(n->text, words[i]) == 0) {
			*ret = i;
			return true;
		}
	hint = nearest_word(n->text, words);
	yaml_error(p, n, "must be %s, not \"%.*s\"%s%s%s", wanted, LIMIT_SHOWN_BYTES, n->text,
	           hint != NULL ? "; did you mean " : "", hint != NULL ? hint : "", hint != NULL ? "?" : "");
	return false;
}

bool
yaml_text(struct problems *p, const struct yaml_node *n, const char **ret)
{
	if (!is_value(p, n, false, "a text"))
		return false;
	if (n->text[0] == '\0') {
		yaml_error(p, n, "must not be empty");
		return false;
	}
	*ret = n->text;
	return true;
}
