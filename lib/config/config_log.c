#include "lib/base/log.h"
#include "lib/config/config.h"

/* Takes the problems over. */
static struct config *
logged(struct config *config, struct problems *p)
{
	for (size_t i = 0; config == NULL && problems_line(p, i) != NULL; i++)
		log_write(LOG_ERR, "configuration", LOG_FIELDS(log_text("problem", problems_line(p, i))));
	problems_free(p);
	return config;
}

struct config *
config_load_logged(const char *path)
{
	struct problems *p = problems_new(path);

	return logged(config_load(path, p), p);
}

struct config *
config_read_given_logged(int fd, const char *path)
{
	struct problems *p = problems_new(path);

	return logged(config_read_given(fd, path, p), p);
}
