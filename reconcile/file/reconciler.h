/*
 * What a program needs to serve one file after the other: the connection with its work tables, the spool, the
 * last profile, and the parser of the next file.
 */
#ifndef HANDBACK_RECONCILE_FILE_RECONCILER_H
#define HANDBACK_RECONCILE_FILE_RECONCILER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db/pg.h"
#include "lib/spool/spool.h"
#include "reconcile/file/parser_child.h"
#include "reconcile/file/profile_cache.h"

struct reconciler {
	struct pg *pg;
	bool ready;            /* the connection has its work tables */
	enum pg_status status; /* of the last statement that failed in a job */
	int64_t name_lock;     /* the key of the file at hand that this session holds; 0: none */
	bool refused;          /* for what was in it, and not for what the database lacks */
	int64_t staged;        /* records since the work tables were truncated */
	int64_t retries;       /* transactions run again and connections reopened; whoever reports them sets 0 */
	struct spool spool;
	int profiles; /* directory */
	struct profile_cache profile;
	char parser[4096], parser_xml[4096]; /* paths of handback-parse and handback-parse-xml */
	struct parser_child child;
	bool no_landlock; /* the operator wrote it off */
};

/* A connection that was opened (again) gets its work tables.  PG_OK, or what the database said. */
enum pg_status reconciler_prepare(struct reconciler *r);

/* The database keeps the text of the profile at hand and of the decision tables, before a file is judged by
 * them: once for each profile that was loaded.  Outside of a transaction. */
enum pg_status reconciler_keep_rules(struct reconciler *r);

/* Finds the programs that parse; NULL, or the name of one that is not installed, with errno. */
const char *reconciler_find_parsers(struct reconciler *r);

/* Starts the parser of the next file ahead: the one for files as the last, where it is not there.  0, or -1
 * with errno. */
int reconciler_start_parser(struct reconciler *r);

/* Statistics that the plans stand on, then the plans: on a connection that is new, and after a large file.
 * PG_OK, or what the database said. */
enum pg_status reconciler_warm_up(struct reconciler *r);

/* Between two files, when nobody waits. */
void reconciler_tidy(struct reconciler *r);

/*
 * Gives an open file to its parser, which begins; the job_read that comes next must be of the same file, or
 * reconciler_stop_given called.  0, or -1 with errno.
 */
int reconciler_give(struct reconciler *r, int file, const char *name);
void reconciler_stop_given(struct reconciler *r);

#endif
