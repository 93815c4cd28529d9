/* The configuration reader: a text is taken whole, or refused with a reason. */
#include <assert.h>
#include <string.h>

#include "lib/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems *problems = problems_new("fuzz.yaml");
	struct config *config = config_parse("/nowhere/handback.yaml", (const char *) data, size, problems);

	assert((config == NULL) == (problems_errors(problems) > 0));
	if (config != NULL) {
		assert(config->spool[0] == '/' && config->profiles[0] == '/');
		assert((config->database_embedded == NULL) != (config->database_conninfo == NULL));
		for (size_t i = 0; i < config->source_count; i++)
			assert(config_source(config, config->sources[i].name) == &config->sources[i]);
		assert(config_needs_restart(config, config) == NULL);
	}
	config_free(config);
	problems_free(problems);
	return 0;
}
