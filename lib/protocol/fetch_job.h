/*
 * What handbackd and handbackctl (who ask) and a handback-fetch send each other: one run of one source, as
 * packets over descriptor 3 (lib/protocol/channel.h, message.h).  Descriptors go with their packets, so that
 * the fetcher learns no path.
 */
#ifndef HANDBACK_PROTOCOL_FETCH_JOB_H
#define HANDBACK_PROTOCOL_FETCH_JOB_H

#include "lib/base/limits.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/contract.h"

#define FETCH_PINS 8
#define FETCH_GLOBS 32
#define FETCH_PATH_BYTES 1024   /* a remote directory */
#define FETCH_ANSWER_BYTES 4096 /* the template of an answer */
#define FETCH_STAGE_BYTES 31

enum fetch_turn {
	FETCH_TURN_NEW,       /* nothing was sent yet */
	FETCH_TURN_FILLING,   /* the job came, its lists and descriptors come */
	FETCH_TURN_STARTED,   /* `go`: it works */
	FETCH_TURN_CONNECTED, /* and is logged in */
	FETCH_TURN_POLLED,    /* and has the listing */
	FETCH_TURN_FAILING,   /* it reported that it will not come to a listing */
	FETCH_TURN_ENDED,     /* the last message was sent */
};

enum fetch_message {
	/* to the fetcher */
	FETCH_SEND_JOB,
	FETCH_SEND_PIN,
	FETCH_SEND_PATTERN,
	FETCH_SEND_IGNORE,
	FETCH_SEND_SPOOL, /* these five with a descriptor each */
	FETCH_SEND_KEY,
	FETCH_SEND_PASSPHRASE,
	FETCH_SEND_PASSWORD,
	FETCH_SEND_KNOWN_HOSTS,
	FETCH_SEND_GO,
	/* from it */
	FETCH_NOTED,             /* the news of archived files were taken in */
	FETCH_CONNECTED,         /* trusted, logged in */
	FETCH_HOST_KEY_MISMATCH, /* nothing was sent */
	FETCH_LISTED,            /* the listing was read, or could not be */
	FETCH_REFUSED,           /* a name that is not taken */
	FETCH_WAITING,           /* a file that is not taken yet */
	FETCH_FILE_FAILED,
	FETCH_PROGRESS, /* of a long download */
	FETCH_FILE,     /* whole, synced, in the spool under `stored` */
	FETCH_AFTER_DONE,
	FETCH_AFTER_FAILED,
	FETCH_ANSWERED,
	FETCH_ANSWER_FAILED,
	FETCH_FACT, /* these three of a probe */
	FETCH_HOST_KEY,
	FETCH_LINE,
	FETCH_FAILED, /* these two end a run */
	FETCH_DONE,
	FETCH_MESSAGES
};

enum fetch_mode {
	FETCH_POLL,  /* poll, bring, then what is due afterwards */
	FETCH_AFTER, /* only what is due afterwards: moves, deletes, answers */
	FETCH_PROBE, /* report what the server offers; change nothing of ours */
};
enum fetch_after { FETCH_LEAVE, FETCH_MOVE, FETCH_DELETE };
enum fetch_sidecar { FETCH_NO_SIDECAR, FETCH_MARKER, FETCH_SHA256 };

/* Texts that are NULL and numbers that are 0 are not sent; fetch_job_receive puts what stands beside them
 * then. */
struct fetch_job {
	enum fetch_mode mode;
	enum fetch_after after;
	enum fetch_sidecar sidecar; /* with a sidecar file NAME + suffix beside it no settling is needed, without
	                               it no fetching */
	bool may_write;             /* probe: try writing and renaming */
	bool no_landlock;           /* the operator wrote it off */
	const char *source, *host, *user, *directory, *sidecar_suffix, *after_directory;
	const char *answer, *answer_name, *answer_directory; /* answer NULL: none */
	const char *requests_directory;                      /* for request files; NULL: there are none */
	const char *kex, *ciphers, *macs, *host_key_types;   /* comma lists in OpenSSH's words; NULL: ours */
	int64_t port;                                        /* 22 */
	int64_t connect_ms, stall_ms, run_ms;                /* LIMIT_CONNECT_S, LIMIT_STALL_S, an hour */
	int64_t rate_per_s, settle_ms, reread_ms;            /* none; not at all; never */
	int64_t file_bytes, listing;                         /* LIMIT_FILE_BYTES, LIMIT_LISTING */
	const char *pins[FETCH_PINS], *patterns[FETCH_GLOBS], *ignores[FETCH_GLOBS];
	size_t pin_count, pattern_count, ignore_count;
	int spool_fd, key_fd, passphrase_fd, password_fd, known_hosts_fd; /* -1: none */

	const char *item;               /* for the contract alone: of a list */
	struct channel_packets packets; /* of a received job: what its texts point into */
};

/* A job without anything: descriptors -1. */
void fetch_job_init(struct fetch_job *job);
/* Closes its descriptors, and frees the texts of one that was received. */
void fetch_job_free(struct fetch_job *job);

/*
 * The job as packets, to be sent in this order; *turn steps as if they were.  The descriptors are the
 * packets' then, also when it fails: false, with a sentence in why[], for a job that does not fit, or without
 * memory.
 */
bool fetch_job_encode(struct channel_packets *ret, int *turn, struct fetch_job *job, char *why,
                      size_t why_size);

/* One packet into a job that began as fetch_job_init's; passed (-1: none) is taken over.  An enum
 * fetch_message; or -1 with a sentence in why[].  With FETCH_SEND_GO it is whole. */
int fetch_job_decode(struct fetch_job *job, int *turn, const char *line, int passed, char *why,
                     size_t why_size);

/* Receives packets up to `go`.  False with a sentence in why[] for anything that does not fit, or when the
 * other end is gone.  The caller frees the job in either case. */
bool fetch_job_receive(int channel, struct fetch_job *ret, int *turn, char *why, size_t why_size);

enum fetch_listing { FETCH_FILES, FETCH_EMPTY, FETCH_LISTING_FAILED };

/* Whatever a fetcher reports; the message's fields name the members.  Texts may be NULL where a field is
 * optional. */
struct fetch_report {
	const char *name, *why, *stage, *host_key, *type, *server, *kex, *cipher, *expected, *got;
	const char *stored, *sha256, *what, *as, *value, *fingerprint, *text;
	enum fetch_listing result;
	bool partial;
	int64_t archived, names, matching, fresh, waiting, refused, bytes, size, mtime;
	int64_t files, failed, after_done, after_failed, answered;
};

extern const struct contract fetch_contract;

bool fetch_report_encode(struct message_line *ret, int *turn, enum fetch_message message,
                         const struct fetch_report *report);
/* An enum fetch_message, or -1 with a sentence in why[].  Texts point into the line, which is written into.
 */
int fetch_report_decode(struct fetch_report *ret, int *turn, char *line, char *why, size_t why_size);

#endif
