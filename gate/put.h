/* The head of a PUT of a file, read strictly: anything that has a second reading is refused. */
#ifndef HANDBACK_GATE_PUT_H
#define HANDBACK_GATE_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol/receive_job.h"

struct put {
	char *source, *name, *token; /* freed by put_free; token "": none */
	int64_t bytes;
	char sha256[RECEIVE_SHA256_BYTES + 1]; /* of Content-Digest, hex; "": none */
	bool waits;                            /* for 100 Continue */
};

/* head: from "PUT " to the empty line, that included; written into.  NULL; or the code by which it is
 * refused, and *ret_why. */
const char *put_read(char *head, size_t len, struct put *ret, const char **ret_why);
void put_free(struct put *p); /* not p itself */

#endif
