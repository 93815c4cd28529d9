/*
 * handback.yaml: where things are.  One table of options (config_options) is
 * all that reading, defaults, unknown keys, reload and documentation know of.
 *
 * A relative path in the file is meant from the file's own directory.
 */
#ifndef HANDBACK_CONFIG_CONFIG_H
#define HANDBACK_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/yaml/yaml.h"

/* Where files come from that a partner keeps on a server of its own; host is NULL for a local directory. */
struct config_sftp {
	const char *host;
	int64_t port;
	const char *user;
	const char *directory;        /* on the server */
	const char *key;              /* paths of files */
	const char *passphrase;       /* of the key */
	const char *password;         /* only where the server takes no key */
	const char *known_hosts;      /* OpenSSH's format */
	const char *const *host_keys; /* pinned: "SHA256:...", or a type and that; NULL-ended */
	int64_t interval_ms;          /* between two polls */
	const char *const *window;    /* times of day, UTC, "06:00-22:30"; NULL: always */
	const char *schedule;         /* for schedule_read, instead of interval and window; NULL: none */
	const char *zone;             /* of the schedule */
	int64_t reread_ms;            /* what was left there is read again after so long; 0: never */
	int64_t connect_ms, stall_ms, deadline_ms;
	int64_t rate;                                                   /* bytes in a second, at least */
	const char *const *key_exchange, *const *ciphers, *const *macs; /* OpenSSH's words; NULL: ours */
	int after;                                                      /* enum config_after */
	const char *after_directory;                                    /* on the server, for CONFIG_AFTER_MOVE */
	const char *answer; /* a text with {words}; NULL: none is sent */
	const char *answer_name, *answer_directory;
	const char *requests_directory; /* on the server, for request files; NULL: there are none */
	bool no_landlock; /* as the whole configuration has it */
};

/* Files that a partner sends by the API. */
struct config_api {
	bool on;
	int64_t quota_mib; /* that may lie in the source's corner of the spool */
	int digest;        /* enum config_digest */
};

enum config_digest { CONFIG_DIGEST_COMPUTED, CONFIG_DIGEST_REQUIRED };

/* What becomes of the partner's file after the commit. */
enum config_sandbox { CONFIG_SANDBOX_FULL, CONFIG_SANDBOX_NO_LANDLOCK };
enum config_synchronous { CONFIG_SYNCHRONOUS_PRESET, CONFIG_SYNCHRONOUS_REQUIRED };
enum config_after { CONFIG_AFTER_LEAVE, CONFIG_AFTER_MOVE, CONFIG_AFTER_DELETE };

/* A minute of the day from 0 to 1440 for each end of "06:00-22:30"; one that ends before it begins goes over
 * midnight.  False for anything else. */
bool config_window(const char *text, int *ret_from, int *ret_to);

/* How long a file on a server must stay unchanged where nothing else is said: uploads pause. */
#define CONFIG_SFTP_SETTLE_MS (60 * 1000)

struct config_source {
	const char *name; /* a-z, 0-9, '-' and '_'; unique */
	const char *partner;
	const char *profile;   /* name of a file in the profiles directory, without .yaml */
	const char *directory; /* local inbound; for an SFTP or API source: the spool's incoming/<name> */
	struct config_sftp sftp;
	struct config_api api;
	const char *answers;      /* directory for files that go back to the partner; NULL: none, or by SFTP */
	const char *const *files; /* globs, one has to fit; NULL-ended */
	const char *const *ignore;
	int64_t settle_ms;
	/* the suffix of the sidecar file without which a file is not taken; at most one is not NULL */
	const char *marker;   /* it says that the file is complete */
	const char *checksum; /* and has its SHA-256 */
};

/* Who vouches for people who come to the pages; all NULL: nobody does, and handback-login has nothing to do. */
struct config_login {
	const char *proxy_user;                /* whose connections are heard; NULL: anybody's, and no header */
	const char *proxy_header;              /* NULL: nobody comes by one */
	const char *const *people;             /* "NAME = LOGIN"; NULL: each name is a login */
};

/* Where the pages are, where nothing else is said: on the machine itself. */
#define CONFIG_WEB "http://127.0.0.1:8425"

struct config {
	const char *path;              /* absolute: of this file itself */
	const char *database_embedded; /* directory of the cluster that we keep; or ... */
	const char *database_conninfo; /* ... libpq's, never logged.  Exactly one is not NULL. */
	const char *database_read;     /* another, for who only reads; NULL: the same */
	int database_synchronous;      /* enum config_synchronous */
	const char *database_user;     /* operating system user that the embedded cluster runs as */
	const char *spool, *profiles, *reports, *control;
	const char *company; /* whose reports these are; NULL: it is not said */
	const char *web;     /* where people open the pages */
	int64_t approve_within_ms; /* of a person showing who it is; 0: whenever that was */
	struct config_login login;
	const char *metrics; /* a socket's path or a loopback address; NULL: none */
	const char *notifications_command, *notifications_mail; /* NULL: none */
	const char *notifications_sendmail;                     /* what takes mails */
	const char *checkpoints;                                /* a file; NULL: none are made */
	const char *const *verifiers;                           /* of their keys; NULL-ended, or NULL */
	int64_t workers;
	int64_t rescan_ms, settle_ms, deadline_ms, metrics_interval_ms;
	int64_t archive_ms, quarantine_ms; /* for how long copies are kept; 0: for ever */
	int64_t deliveries_ms;             /* the same of deliveries to targets */
	int sandbox;                       /* enum config_sandbox */
	int log_level;                     /* LOG_ERR ... LOG_DEBUG */
	struct config_source *sources;
	size_t source_count;
	struct yaml_node *tree;   /* holds the texts */
	struct config_held *held; /* and those that were made */
};

/* NULL, with at least one error in p, when the file cannot be read or used.  p has the file's name. */
struct config *config_load(const char *path, struct problems *p);
/* The same from bytes; path only says where relative paths start. */
struct config *config_parse(const char *path, const char *text, size_t len, struct problems *p);
/* The same from the beginning of an open file; the descriptor stays the caller's. */
struct config *config_read(int fd, const char *path, struct problems *p);
/* For a child: from fd, which is closed, where it is open, so that the child has the very bytes that its
 * parent accepted; else from path. */
struct config *config_read_given(int fd, const char *path, struct problems *p);

/* The same of a program that has nobody to tell but the log: NULL, and each problem is a line of it. */
struct config *config_load_logged(const char *path);
struct config *config_read_given_logged(int fd, const char *path);
void config_free(struct config *config); /* NULL is fine */

/* The source of that name, or NULL. */
const struct config_source *config_source(const struct config *config, const char *name);

/* The login of the database that a proxy's or provider's name is; NULL: nobody's. */
const char *config_login_person(const struct config_login *login, const char *name);

/* The option table, for the documentation and its test. */
enum config_type {
	CONFIG_TEXT,
	CONFIG_PATH, /* made absolute */
	CONFIG_INT,
	CONFIG_DURATION, /* kept in milliseconds */
	CONFIG_WORD,
	CONFIG_TEXTS, /* a list of texts, or one */
};

struct config_option {
	const char *name; /* "database.conninfo", "sources[].files" */
	enum config_type type;
	const char *default_value; /* as one would write it, a list separated by blanks; NULL: none */
	bool required;
	bool reloadable; /* SIGHUP is enough; otherwise a restart */
	const char *help;
	/* how it is read and kept */
	size_t offset; /* in struct config, or for sources[] in struct config_source */
	int64_t min, max;
	const char *const *words;
};

const struct config_option *config_options(size_t *ret_count);
const char *config_type_name(enum config_type type);
/* "workers<TAB>number<TAB>2<TAB>reload<TAB>help" for each option, into a stream; false when writing failed.
 */
bool config_describe(FILE *out);

/* The name of the first option that differs and that a reload cannot change, or NULL. */
const char *config_needs_restart(const struct config *before, const struct config *after);

#endif
