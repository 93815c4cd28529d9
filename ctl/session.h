/*
 * One run of one command: what was asked, where it goes, and the database.
 *
 * Functions that return int give EXIT_CLEAN, or what the program must end with
 * after they have said why on stderr.
 */
#ifndef HANDBACK_CTL_SESSION_H
#define HANDBACK_CTL_SESSION_H

#include <sys/types.h>

#include "ctl/command.h"
#include "lib/base/exit_codes.h"
#include "lib/db/connect.h"
#include "lib/base/limits.h"
#include "lib/finance/output/render.h"
#include "lib/finance/view/query.h"

struct config;

struct session {
	const struct command *command;
	const char *value[OPT_COUNT]; /* NULL: not given; "" for a flag */
	char *const *arguments;
	int argument_count;
	struct terminal terminal;
	enum format format;
	struct config *config;
	char why_closed[LIMIT_MESSAGE_BYTES]; /* of the last session_open that failed */
	struct connection connection;
	struct query query; /* what a view may see of all this */
	uid_t person;       /* who called us: it decides, whoever we become for the work */
};

/* Frees what the session holds; stops the embedded cluster where it was started for us. */
void session_end(struct session *s);

/* "handbackctl: ..." on stderr; control characters are escaped. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The configuration, read as whoever calls us: for what is done before root becomes somebody else. */
int session_read(struct session *s);
/* The configuration, read once; root becomes the spool's owner by it (lib/base/owner.h). */
int session_config(struct session *s);

/* Who we have to be in the database for a command: the least role that will do. */
enum session_role {
	SESSION_OWNER,   /* migrates */
	SESSION_MAKES,   /* the same, where the database itself is not there yet */
	SESSION_READS,   /* finance, or the service that proves: a role that only reads */
	SESSION_NOW,     /* the same on the primary, also where others read elsewhere (database.read) */
	SESSION_DECIDES, /* operator */
	SESSION_PERSON,  /* finance or operator, as the person: an embedded database's user of the same name */
	SESSION_POSTS,   /* daemon: reads files, as try does */
	SESSION_NIGHT,   /* the nightly run */
};
/* Connects and takes the role; checks the schema's version except for the owner. */
int session_open(struct session *s, enum session_role role);
/* Leaves the database, so that session_open may be called again. */
void session_close(struct session *s);

/*
 * The spool's directory, for the bytes that are kept there; -1 where no
 * configuration says where it is or it cannot be read: then it goes without.
 */
int session_spool(struct session *s);

/* Opens a regular file that is named as an argument, for reading; the descriptor is the caller's. */
int session_file(const char *path, int *ret_fd);

/* What became of writing to stdout: EXIT_INTERNAL, and said, with errno for what failed. */
int session_written(bool written);

/* Writes the document to stdout in the format that was asked for. */
int session_show(const struct session *s, const struct document *d);

#endif
