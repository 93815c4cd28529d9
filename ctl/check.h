/* check: how what was found is told, by whatever part of it. */
#ifndef HANDBACK_CTL_CHECK_H
#define HANDBACK_CTL_CHECK_H

#include "ctl/session.h"
#include "lib/finance/output/table.h"

struct checks {
	struct session *session;
	struct table *table;
	int code; /* the worst so far */
};

enum finding { FINE, WARNING, WRONG };

/* One line of the answer.  code: what it means for the whole when it is wrong. */
void check_found(struct checks *c, const char *what, enum finding finding, int code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The database, its schema, and who logs in. */
void check_database(struct checks *c);
/* What everyone can read, the clock, the sockets, what runs, and what the units are shut off from. */
void check_machine(struct checks *c);
/* The same of the senders' unit, where the database, which is open, has targets. */
void check_targets(struct checks *c);

#endif
