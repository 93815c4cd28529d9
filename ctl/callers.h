/* What the commands share that change who calls, or by which settings: one function of the schema, one
 * answer. */
#ifndef HANDBACK_CTL_CALLERS_H
#define HANDBACK_CTL_CALLERS_H

#include "ctl/session.h"

/* Connects as one who decides, and asks a function that gives one number.  *ret is the caller's to free. */
int callers_change(struct session *s, const char *sql, int params, const char *const *values,
                   struct pg_result **ret);

/* The same with a new secret, whose hash becomes values[at]; shows the secret under the name of the first
 * argument, with the function's column "generation". */
int callers_secret(struct session *s, const char *sql, int params, const char **values, int at);

/* What was done, as facts. */
int callers_show(struct session *s, const struct column *columns, int count, const char *const *cells);

/* A row for each; the columns are the statement's. */
int callers_list_of(struct session *s, const char *key, const struct column *columns, int count,
                    const char *sql, int params, const char *const *values, const char *none);
int callers_list(struct session *s, const char *key, const struct column *columns, int count, const char *sql,
                 const char *none);

#endif
