#include "fetch/fetch.h"
#include "fetch/reply.h"

bool
fetch_stop(struct fetch *f, const char *stage, const char *why)
{
	if (f->stopped)
		return false;
	if (f->job.mode == FETCH_POLL && !f->polled)
		REPLY(FETCH_LISTED, .result = FETCH_LISTING_FAILED, .why = why);
	REPLY(FETCH_FAILED, .stage = stage, .why = why);
	f->stopped = true;
	return false;
}
