/* What the database is asked and told: the statements of outbox.sql. */
#ifndef HANDBACK_OUTBOUND_TELL_H
#define HANDBACK_OUTBOUND_TELL_H

#include <stdint.h>

#include "lib/connector/connector.h"
#include "lib/db/pg.h"

struct delivery;
struct part;

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
/* Of a delivery that nobody ended and that has jobs: its rows, each with the job of its kind and how far that
 * came.  No row: there is none. */
enum pg_status tell_resume(struct tell *t, const char *name, struct pg_result **ret_rows);
/* What was done of a part's job. */
enum pg_status tell_job(struct tell *t, const struct delivery *d, const struct part *p, const char *step);
enum pg_status tell_end(struct tell *t, struct delivery *d);
/* Stops a target of this version, whoever sends to it, and says so in the log: a person has to see to it. */
enum pg_status tell_refuse(struct pg *pg, const char *name, int64_t version, const char *why);

#endif
