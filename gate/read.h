/*
 * How the bodies and queries of endpoints are read.  Each gives NULL, or the code by which it is refused and
 * *ret_why, a word for the log or a sentence that lives as long as the call.  Private to gate/endpoint.c and
 * to the three files below.
 */
#ifndef HANDBACK_GATE_READ_H
#define HANDBACK_GATE_READ_H

#include "gate/body.h"
#include "gate/endpoint.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The body's fields; a merchant that is too long has a code of its own. */
const char *read_body(struct asked *a, const struct body_field *fields, size_t count, const char **ret_why);
/* "999", for a value that is not right. */
const char *wrong(const char **ret_why, const char *why);

/* gate/contract.c */
const char *read_token(struct asked *a, const char **ret_why);
const char *read_available(struct asked *a, const char **ret_why);
const char *read_redeem(struct asked *a, const char **ret_why);
const char *read_reverse(struct asked *a, const char **ret_why);

/* gate/reports.c */
const char *read_entries(struct asked *a, const char **ret_why);

/* gate/catalogue.c */
const char *read_enter(struct asked *a, const char **ret_why);
const char *read_exchange(struct asked *a, const char **ret_why);
const char *read_rate(struct asked *a, const char **ret_why);
const char *read_session(struct asked *a, const char **ret_why);
const char *read_order(struct asked *a, const char **ret_why);
const char *read_refund(struct asked *a, const char **ret_why);
const char *read_deliver(struct asked *a, const char **ret_why);

#endif
