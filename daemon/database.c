/* Whether there is a database, which server it is, and since when: as the workers say. */
#include <string.h>

#include "daemon/engine.h"
#include "daemon/loop.h"
#include "lib/base/log.h"

size_t
engine_ready(const struct engine *e)
{
	size_t ready = 0;

	for (size_t i = 0; i < e->worker_count; i++)
		ready += worker_is_ready(e->workers[i]);
	return ready;
}

static void
lost(struct engine *e)
{
	if (engine_ready(e) > 0 || e->database.lost_ms != 0 || e->stopping)
		return;
	e->database.lost_ms = loop_now_ms();
	e->database.since_us = loop_wall_us();
	log_write(LOG_ERR, "no worker has the database: nothing is posted until it is back",
	          LOG_FIELDS(log_text("server", e->database.server[0] != '\0' ? e->database.server : NULL)));
}

static void
found(struct engine *e, const char *server, int64_t timeline)
{
	bool first = e->database.server[0] == '\0', other = strcmp(e->database.server, server) != 0;
	int64_t lost_ms = e->database.lost_ms;

	if (lost_ms == 0 && !other && e->database.timeline == timeline)
		return;
	snprintf(e->database.server, sizeof(e->database.server), "%s", server);
	e->database.timeline = timeline;
	e->database.since_us = loop_wall_us();
	e->database.lost_ms = 0;
	if (lost_ms != 0)
		log_write(LOG_NOTICE, "the database is back",
		          LOG_FIELDS(log_text("server", server), log_int("timeline", timeline),
		                     log_int("away_ms", loop_now_ms() - lost_ms)));
	else if (!first)
		log_write(LOG_NOTICE, "the database is served by another server",
		          LOG_FIELDS(log_text("server", server), log_int("timeline", timeline)));
}

void
engine_on_database(void *engine, const char *server, int64_t timeline)
{
	struct engine *e = engine;

	if (server != NULL)
		found(e, server, timeline);
	else
		lost(e);
	e->calls->changed(e->context);
}
