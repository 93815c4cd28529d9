/*
 * What the programs of the service's batch share: how they are called, the
 * configuration, the database as a role of their own, what they show.
 *
 * Functions that return int give EXIT_CLEAN, or what the program must end with
 * after they have said why on stderr.
 */
#ifndef HANDBACK_NIGHTLY_BATCH_H
#define HANDBACK_NIGHTLY_BATCH_H

#include "lib/db/connect.h"
#include "lib/finance/output/render.h"
#include "lib/finance/view/query.h"

struct config;

struct batch {
	const char *path;        /* of the configuration */
	bool path_given;         /* it was named */
	const char *conninfo;    /* another database than the configuration's, or NULL */
	const char *head;        /* --head, or NULL */
	const char *checkpoints; /* --checkpoints, or NULL */
	bool plan;               /* --plan */
	enum format format;
	struct terminal terminal;
	struct config *config;
	struct connection connection;
	struct query query;
};

/* "PROGRAM: ..." on stderr; control characters are escaped. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The beginning of each of them: gives up what it never needs, and reads the options that each takes and the
 * one that only it takes ("plan", "head"; --checkpoints comes with --head).  *ret_go: there is something to
 * do; else the status is what it ends with.
 */
int batch_start(struct batch *b, int argc, char **argv, const char *own, bool *ret_go);
void batch_end(struct batch *b);

/* The configuration, read once; root becomes the spool's owner by it (lib/base/owner.h). */
int batch_config(struct batch *b);

/* Connects as the first of these roles ("{handback_verify,handback_finance}") that the login may take; user:
 * who logs in to an embedded cluster.  posts: not where a guard of our tables is switched off. */
int batch_open(struct batch *b, const char *roles, const char *user, bool posts);

/* Writes the document to stdout in the format that was asked for. */
int batch_show(const struct batch *b, const struct document *d);

#endif
