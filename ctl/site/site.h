/* What a site needs before it runs: its database, the logins of its programs and people, its directories. */
#ifndef HANDBACK_CTL_SITE_SITE_H
#define HANDBACK_CTL_SITE_SITE_H

#include "ctl/session.h"
#include "lib/finance/output/table.h"

/* Makes the database where there is none yet; the session is open in another one of its server.  done: a row for
 * what was made, or NULL. */
int site_database(struct session *s, const char *name, struct table *done);

#endif
