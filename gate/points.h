/*
 * Points requests: a list of up to API_ROWS, of which each row is a call of handback-api.  Rows are taken one
 * by one, and durable by themselves: whoever asks again has the same requests, since each has its key.
 */
#ifndef HANDBACK_GATE_POINTS_H
#define HANDBACK_GATE_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/backend.h"

struct points_rows;

/* NULL, or the code by which the whole is refused, and *ret_why.  *ret_rows is the caller's to free. */
const char *points_read(const char *body, size_t len, struct points_rows **ret_rows, const char **ret_why);
void points_rows_free(struct points_rows *rows); /* NULL is fine */

/* Sends each row with the call's request id and token, which may go then.  Answered exactly once, by code
 * "202" and what each row was answered, or by the code that all of them had; perhaps within this call.  The
 * rows stay until then. */
void points_ask(struct points_rows *rows, struct backend *b, const struct api_call *call,
                backend_answered answered, void *context);

#endif
