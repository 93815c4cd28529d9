/*
 * What handbackd (the one that asks) and a handback-reconcile say to each other: lines in packets over
 * descriptor 3 (lib/protocol/channel.h, message.h).  Anything out of turn is a broken worker or a broken
 * daemon.
 */
#ifndef HANDBACK_PROTOCOL_WORKER_JOB_H
#define HANDBACK_PROTOCOL_WORKER_JOB_H

#include "lib/base/limits.h"
#include "lib/protocol/contract.h"

/* Of the conversation: both sides keep it, each as far as it has heard. */
enum worker_turn { WORKER_TURN_STARTING, WORKER_TURN_IDLE, WORKER_TURN_BUSY };

enum worker_message {
	WORKER_JOB,     /* handle this file; the inbound directory's descriptor goes with it */
	WORKER_RELEASE, /* handle the next held file that may go */
	WORKER_READY,   /* once at start, and after each reconnect */
	WORKER_WAITING, /* the database is gone: it connects again, and takes no job until it is ready */
	WORKER_RETRIED, /* the database made it begin again */
	WORKER_TAKEN,   /* of a release: which file it is about to read */
	WORKER_STAGE,   /* how far a job is */
	WORKER_DONE,    /* the four ends of a job, as enum job_end */
	WORKER_GONE,
	WORKER_BUSY_FILE,
	WORKER_FAILED,
	WORKER_MESSAGES
};

enum job_end {
	JOB_DONE,   /* decided and archived */
	JOB_GONE,   /* no longer there, or another owner has it; no held file may go */
	JOB_BUSY,   /* not settled after all */
	JOB_FAILED, /* ours: it stays; why says it */
	JOB_LOST,   /* as JOB_FAILED, and the worker's database is gone: sent as JOB_FAILED */
	JOB_BROKEN, /* the worker died or had to be ended: known to the daemon alone; the file is tried again */
};

struct job_result {
	enum job_end end;
	int64_t file_id;
	char state[16];  /* of JOB_DONE: "posted", "held" or "duplicate" */
	char reason[48]; /* hold_reason; "": it is not held */
	int64_t records, confirmed, reversed, already_applied, duplicate_record, informational,
	    held;       /* of a posted file */
	int64_t points; /* that it reversed */
	int64_t
	    earlier; /* a file with the same bytes that came before: of a duplicate what it repeats; 0: none */
	int64_t ms;
	int crashed;   /* of JOB_BROKEN: the signal of the worker's own fault, as SIGSEGV; 0: another cause */
	bool answered; /* rejects lie in the directory for them */
	char
	    why[LIMIT_MESSAGE_BYTES]; /* of every end but JOB_DONE and JOB_GONE; with JOB_DONE a warning, or "" */
};

/* WORKER_JOB; of WORKER_RELEASE file and crashed alone. */
struct worker_request {
	const char *source, *partner, *profile;
	const char *checksum;            /* suffix of its checksum file; NULL: none */
	char name[LIMIT_NAME_BYTES + 1]; /* bytes */
	int64_t seen_us;                 /* since 1970 UTC */
	int64_t file;                    /* on hold, over whose release the last worker died; 0: none */
	int64_t crashed; /* the signal of its own fault that ended the last worker over it; 0: none did */
};

/* Whatever a worker says. */
struct worker_report {
	const char *server; /* WORKER_READY, where there is a database: "db1:5432"; NULL: not said */
	int64_t timeline;   /* of that server; 0: not said */
	int64_t times;     /* WORKER_RETRIED */
	int64_t file, bytes; /* WORKER_TAKEN */
	const char *stage; /* WORKER_STAGE: "staged", "decided" or "committed" */
	int64_t records;
	struct job_result result;
};

extern const struct contract worker_contract;

/* Each steps *turn (an enum worker_turn).  False: it may not be sent now, or does not fit. */
bool worker_request_encode(struct message_line *ret, int *turn, enum worker_message message,
                           const struct worker_request *request);
bool worker_report_encode(struct message_line *ret, int *turn, enum worker_message message,
                          const struct worker_report *report);

/* An enum worker_message, or -1 with a sentence in why[].  Texts point into the line, which is written into.
 */
int worker_request_decode(struct worker_request *ret, int *turn, char *line, bool passed, char *why,
                          size_t why_size);
int worker_report_decode(struct worker_report *ret, int *turn, char *line, char *why, size_t why_size);

#endif
