/*
 * What a run says, as packets on descriptor 3; docs/architecture.md, "Fetch
 * protocol".  When nobody listens any more the process ends: without its parent
 * there is nobody whom a fetched file would help.
 */
#ifndef HANDBACK_FETCH_REPLY_H
#define HANDBACK_FETCH_REPLY_H

#include <stdint.h>

/* A field is a text or, with text NULL, a number. */
struct reply_field {
	const char *key, *text;
	int64_t number;
};

void reply_open(int channel);
/* The last field has a NULL key. */
void reply_send(const char *verb, const struct reply_field *fields);
#define REPLY(verb, ...) reply_send(verb, (const struct reply_field[]){__VA_ARGS__, {NULL, NULL, 0}})

#endif
