/* The bytes of one file, as they come. */
#ifndef HANDBACK_RECEIVE_BODY_H
#define HANDBACK_RECEIVE_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash/sha256.h"
#include "receive/corner.h"

enum body_end {
	BODY_WHOLE,
	BODY_CUT,     /* nobody is there to hear of it */
	BODY_REFUSED, /* *ret says why */
};

/* Takes exactly so many bytes from the connection into the file. */
enum body_end body_take(int connection, int file, int64_t bytes, uint8_t ret_sha256[SHA256_BYTES],
                        struct refusal *ret);

#endif
