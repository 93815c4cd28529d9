/* How often a caller asks: a bucket for each, in this process alone. */
#ifndef HANDBACK_API_RATE_H
#define HANDBACK_API_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Callers that are remembered; of more the one that asked longest ago is forgotten, and begins with a full
 * bucket. */
#define RATE_CALLERS 256

struct rate {
	struct rate_caller {
		char name[64]; /* "": none */
		int64_t left;  /* thousandths of a call */
		int64_t at_ms;
	} caller[RATE_CALLERS];
};

/* May the caller ask now?  per_minute 0: always; the bucket holds a tenth of it, and one call at least. */
bool rate_take(struct rate *r, const char *name, int64_t per_minute, int64_t now_ms);

#endif
