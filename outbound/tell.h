/* What the database is asked and told: the statements of outbox.sql. */
#ifndef HANDBACK_OUTBOUND_TELL_H
#define HANDBACK_OUTBOUND_TELL_H

#include <stdint.h>

#include "lib/connector/connector.h"
#include "lib/db/pg.h"

struct delivery;

struct tell {
	struct pg *pg;
};

/* name, version of each that is told. */
enum pg_status tell_targets(struct tell *t, struct pg_result **ret_rows);
/* No row: it is another version by now. */
enum pg_status tell_connector(struct tell *t, const char *name, const char *version,
                              struct pg_result **ret_rows);
/* No row: there is nothing to tell now, or another handback-outbox tells it. */
enum pg_status tell_claim(struct tell *t, const char *name, const struct connector *c,
                          struct pg_result **ret_rows);
/* No row: it is not to be asked for anything now. */
enum pg_status tell_claim_read(struct tell *t, const char *name, const struct connector *c,
                               struct pg_result **ret_rows);
enum pg_status tell_end(struct tell *t, struct delivery *d);
enum pg_status tell_refuse(struct tell *t, const char *name, int64_t version, const char *why);

#endif
