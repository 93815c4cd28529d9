/*
 * The partner's SFTP server: the only part of handback that knows libssh
 * (remote_*.c share remote_internal.h).  Blocking; bounded by watch.h.
 *
 * Everything that a server says is hostile: names come as bytes to be checked,
 * sizes and times as claims, texts of errors escaped and cut.
 */
#ifndef HANDBACK_FETCH_REMOTE_H
#define HANDBACK_FETCH_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/limits.h"

/* What one answer of remote_read holds at most. */
#define REMOTE_CHUNK (32 << 10)
/* A fingerprint as OpenSSH writes it: SHA256: and 43 characters of base64. */
#define REMOTE_FINGERPRINT_SIZE 64

enum remote_status {
	REMOTE_OK = 0,
	REMOTE_END,     /* the end of a listing or of a file */
	REMOTE_ABSENT,  /* the server says that there is no such name */
	REMOTE_DENIED,  /* the server does not allow it */
	REMOTE_REFUSED, /* any other answer that says no; the connection lives */
	REMOTE_CUT,     /* the connection is gone, or a deadline came: nothing more comes */
};

/* How to reach a server and whom to trust.  Texts are the caller's. */
struct remote_target {
	const char *host;
	const char *user;
	int port;
	int64_t connect_ms;
	/* "SHA256:..." or "ssh-ed25519 SHA256:..."; none: known_hosts_fd has to say it */
	const char *const *pins;
	size_t pin_count;
	int known_hosts_fd; /* -1: none */
	/* comma lists in OpenSSH's words; NULL: ours (remote_connect.c) */
	const char *kex, *ciphers, *macs, *host_key_types;
	/* credentials; -1: none.  Password only where there is one. */
	int key_fd, passphrase_fd, password_fd;
};

/* The stage that a failed remote_open came to. */
enum remote_stage {
	REMOTE_AT_CONNECT,  /* name, route, port, key exchange */
	REMOTE_AT_HOST_KEY, /* nothing secret was sent */
	REMOTE_AT_KEY_FILE, /* our key cannot be used; nothing was sent */
	REMOTE_AT_LOGIN,
	REMOTE_AT_SFTP, /* logged in, but no SFTP there */
};

struct remote;
struct remote *remote_new(void);    /* NULL: no memory */
void remote_free(struct remote *r); /* NULL is fine; says goodbye where it can without waiting */

/*
 * Connects, checks the host key before anything secret is used, logs in and
 * starts SFTP.  With probe_only it stops after the host key is known, whatever
 * it is, and sends nothing of ours.  False: remote_why says what, *ret_stage where.
 */
bool remote_open(struct remote *r, const struct remote_target *target, bool probe_only,
                 enum remote_stage *ret_stage);

/* Only connects, for a probe that speaks for itself: the socket, which stays r's, or -1. */
int remote_dial(struct remote *r, const struct remote_target *target);

const char *remote_why(const struct remote *r); /* last failure: one line, escaped, bounded */
/* Known once the key exchange is over, "" before. */
const char *remote_fingerprint(const struct remote *r);
const char *remote_host_key_type(const struct remote *r);
const char *remote_banner(const struct remote *r); /* escaped */
const char *remote_kex(const struct remote *r);
const char *remote_cipher(const struct remote *r);
const char *remote_mac(const struct remote *r);
/* The i-th extension that the server announces ("posix-rename@openssh.com 1"), escaped; false past the end.
 */
bool remote_extension(const struct remote *r, unsigned i, char *buf, size_t size);

/* Bytes that one read gives at most, where the library can ask (libssh 0.11); else 0. */
int64_t remote_read_limit(const struct remote *r);

enum remote_type { REMOTE_FILE, REMOTE_DIRECTORY, REMOTE_OTHER, REMOTE_TYPE_UNTOLD };

struct remote_attributes {
	enum remote_type type;
	bool has_size, has_mtime;
	uint64_t size; /* as the server states it: anything */
	int64_t mtime; /* seconds since 1970, as the server states it */
};

/* A directory, name by name; "." and ".." are left out. */
enum remote_status remote_list(struct remote *r, const char *directory);
/* Name lives until the next call.  REMOTE_END only when the server said that this was all. */
enum remote_status remote_list_next(struct remote *r, const char **ret_name, struct remote_attributes *ret);
void remote_list_end(struct remote *r);

/* Of the name itself, not of what a link points to. */
enum remote_status remote_stat(struct remote *r, const char *path, struct remote_attributes *ret);

/*
 * One file, read in order from offset on with `depth` requests under way.
 * remote_read gives at most REMOTE_CHUNK bytes; REMOTE_END where the server says
 * that the file ends, wherever that is.  Nothing is asked for from `end` on.
 */
enum remote_status remote_read_open(struct remote *r, const char *path, uint64_t offset, uint64_t end,
                                    unsigned depth);
enum remote_status remote_read(struct remote *r, void *buf, size_t *ret_len);
/* Is there a byte at this offset?  REMOTE_END says no. */
enum remote_status remote_read_beyond(struct remote *r, uint64_t offset);
/* Of the file that is open. */
enum remote_status remote_read_stat(struct remote *r, struct remote_attributes *ret);
void remote_read_close(struct remote *r);

/* A new small file; REMOTE_REFUSED when the name is taken (a server need not say why). */
enum remote_status remote_write(struct remote *r, const char *path, const void *bytes, size_t len);
/* May fail or overwrite when `to` exists, as servers differ: ask remote_stat first. */
enum remote_status remote_rename(struct remote *r, const char *from, const char *to);
enum remote_status remote_remove(struct remote *r, const char *path);

#endif
