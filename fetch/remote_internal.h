/* The inside of struct remote, for the remote_*.c files alone. */
#ifndef HANDBACK_FETCH_REMOTE_INTERNAL_H
#define HANDBACK_FETCH_REMOTE_INTERNAL_H

#include <libssh/libssh.h>
#include <libssh/sftp.h>

#include "fetch/remote.h"
#include "lib/base/text.h"

/* From 0.11 on the pipelined reads have another interface and rename overwrites. */
#define REMOTE_HAS_AIO (LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 11, 0))

#define REMOTE_DEPTH 64

/* A piece of the file that was asked for. */
struct remote_request {
	uint64_t offset;
	uint32_t length;
	bool answered; /* out of turn: its bytes stand in `kept` */
	uint32_t got;
	char *kept; /* REMOTE_CHUNK bytes, made when first needed */
#if REMOTE_HAS_AIO
	sftp_aio id;
#else
	uint32_t id;
#endif
};

struct remote {
	int fd; /* the socket; libssh's once the session has it */
	ssh_session session;
	sftp_session sftp;
	sftp_dir dir;
	sftp_attributes entry; /* of the listing, holds the name that was given out */
	sftp_file file;
	/* the pipeline: a ring of requests in the file's order, which is the order they were sent in too */
	struct remote_request ring[REMOTE_DEPTH];
	unsigned first, count, depth;
	uint32_t chunk;         /* bytes of one request: follows what the server gives */
	uint32_t last_short;    /* bytes of the last answer that was too short */
	unsigned whole_answers; /* since then */
	uint64_t asked, end;
	char why[LIMIT_MESSAGE_BYTES];
	char fingerprint[REMOTE_FINGERPRINT_SIZE];
	char host_key_type[64];
	char banner[TEXT_SHOWN_SIZE];
};

/* Proves who we are, with the credentials of the target (remote_login.c). */
bool remote_login(struct remote *r, const struct remote_target *target, enum remote_stage *ret_stage);

/* Sets remote_why; always returns false. */
bool remote_fail(struct remote *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Notes that the server answered; what a failed SFTP call means, with remote_why set. */
enum remote_status remote_sftp_status(struct remote *r, bool ok);
/* Why libssh failed, for remote_why: a deadline first, else what the server or libssh said. */
const char *remote_libssh_why(struct remote *r, char buf[TEXT_SHOWN_SIZE]);

#endif
