#include "api/rate.h"

#include <stdio.h>
#include <string.h>

#define CALL 1000
#define MINUTE_MS 60000

static struct rate_caller *
find(struct rate *r, const char *name)
{
	struct rate_caller *oldest = &r->caller[0];

	for (int i = 0; i < RATE_CALLERS; i++) {
		if (strcmp(r->caller[i].name, name) == 0)
			return &r->caller[i];
		if (r->caller[i].at_ms < oldest->at_ms)
			oldest = &r->caller[i];
	}
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	oldest->left = -1; /* full */
	return oldest;
}

bool
rate_take(struct rate *r, const char *name, int64_t per_minute, int64_t now_ms)
{
	int64_t most = per_minute / 10 > 0 ? per_minute / 10 * CALL : CALL, passed;
	struct rate_caller *c;

	if (per_minute <= 0)
		return true;
	c = find(r, name);
	if (c->left < 0) {
		c->left = most;
	} else {
		passed = now_ms - c->at_ms < MINUTE_MS ? now_ms - c->at_ms : MINUTE_MS;
		c->left += passed * per_minute * CALL / MINUTE_MS;
		c->left = c->left < most ? c->left : most;
	}
	c->at_ms = now_ms;
	if (c->left < CALL)
		return false;
	c->left -= CALL;
	return true;
}
