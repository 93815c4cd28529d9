/*
 * Points requests: a list of up to API_ROWS, of which each row is a call of handback-api.  Rows are taken one
 * by one, and durable by themselves: whoever asks again has the same requests, since each has its key.
 */
#ifndef HANDBACK_GATE_POINTS_H
#define HANDBACK_GATE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/backend.h"

struct points_rows;

/* A row; a text that is NULL is not there. */
struct points_said {
	char *key, *member, *account, *partner, *reason, *not_before, *sponsor;
	int64_t points;
};

/* Rows that come otherwise than as JSON.  NULL without memory. */
struct points_rows *points_rows_new(void);
/* Takes its texts over, also where they are too many rows (false).  wrong: what is wrong with it, a word that
 * lasts; NULL: what is looked at here. */
bool points_rows_add(struct points_rows *rows, struct points_said *said, const char *wrong);
size_t points_rows_count(const struct points_rows *rows);
/* Once they were answered: NULL where each is in effect, else the code of the first that is not, and
 * *ret_why. */
const char *points_rows_undone(const struct points_rows *rows, const char **ret_why);

/* NULL, or the code by which the whole is refused, and *ret_why.  *ret_rows is the caller's to free. */
const char *points_read(const char *body, size_t len, struct points_rows **ret_rows, const char **ret_why);
void points_rows_free(struct points_rows *rows); /* NULL is fine */

/* Sends each row with the call's request id and token, which may go then.  Answered exactly once, by code
 * "202" and what each row was answered, or by the code that all of them had; perhaps within this call.  The
 * rows stay until then. */
void points_ask(struct points_rows *rows, struct backend *b, const struct api_call *call,
                backend_answered answered, void *context);

#endif
