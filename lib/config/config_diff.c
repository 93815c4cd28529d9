/* What a reload would change although it cannot. */
#include "lib/config/config.h"

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_value(const struct config_option *o, const void *a, const void *b)
{
	switch (o->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		return same_text(*(const char *const *) a, *(const char *const *) b);
	case CONFIG_INT:
	case CONFIG_DURATION:
		return *(const int64_t *) a == *(const int64_t *) b;
	case CONFIG_WORD:
		return *(const int *) a == *(const int *) b;
	case CONFIG_TEXTS:
		break; /* no list needs a restart */
	}
	return true;
}

const char *
config_needs_restart(const struct config *before, const struct config *after)
{
	size_t count;
	const struct config_option *options = config_options(&count);

	/* everything of a source can be reloaded: their offsets are of another struct */
	for (size_t i = 0; i < count; i++)
		if (!options[i].reloadable && !same_value(&options[i], (const char *) before + options[i].offset,
		                                          (const char *) after + options[i].offset))
			return options[i].name;
	return NULL;
}
