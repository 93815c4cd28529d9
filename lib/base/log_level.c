/* The words for syslog's levels: apart from log.c, so that they link without libsystemd. */
#include "lib/base/log.h"

const char *const log_level_words[] = {"error", "warning", "notice", "info", "debug", NULL};
static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};

bool
log_level_from_word(const char *word, int *ret_level)
{
	for (size_t i = 0; log_level_words[i] != NULL; i++)
		if (strcmp(word, log_level_words[i]) == 0) {
			*ret_level = levels[i];
			return true;
		}
	return false;
}

const char *
log_level_word(int level)
{
	for (size_t i = 0; log_level_words[i] != NULL; i++)
		if (level <= levels[i])
			return log_level_words[i];
	return "debug";
}
