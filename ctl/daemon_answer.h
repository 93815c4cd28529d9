/* What handbackd answers over its control socket, and how it becomes rows. */
#ifndef HANDBACK_CTL_DAEMON_ANSWER_H
#define HANDBACK_CTL_DAEMON_ANSWER_H

#include <stdbool.h>

#include "ctl/session.h"
#include "lib/finance/output/table.h"
#include "lib/json/json.h"

/* The answer to "status", the caller's to free; or an exit status, after it was said why. */
int daemon_status(const struct session *s, struct json **ret);

/* Has the daemon look everywhere now, at held files that may go too; false when none answers. */
bool daemon_rescan(const struct session *s);

/* A row of the members that the columns are named after; those of COLUMN_TIME are microseconds since 1970. */
void daemon_row(struct table *t, const struct json *node);

#endif
