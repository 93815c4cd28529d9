#include "fetch/fetch.h"
#include "fetch/reply.h"

bool
fetch_stop(struct fetch *f, const char *stage, const char *why)
{
	if (f->stopped)
		return false;
	if (f->job.mode == JOB_FETCH && !f->polled)
		REPLY("poll", {"result", "could_not"}, {"why", why});
	REPLY("failed", {"stage", stage}, {"why", why});
	f->stopped = true;
	return false;
}
