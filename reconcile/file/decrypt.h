/*
 * Our copy of a file decrypted, and its signature checked, by handback-decrypt, before the parser
 * sees it: a process of ours, or one behind the socket that HANDBACK_DECRYPT_SOCKET names.  The keys
 * lie beside the profile, in <profile>.keys/:
 *
 *     secret.asc      our private key, as gpg --export-secret-keys writes it
 *     passphrase      its passphrase, where it has one; of several keys one a line
 *     signers.asc     the public keys of who may sign
 *
 * Nobody else may read the first two.  Each may be a link to a credential.
 */
#ifndef HANDBACK_RECONCILE_FILE_DECRYPT_H
#define HANDBACK_RECONCILE_FILE_DECRYPT_H

#include <stdint.h>

#include "lib/base/limits.h"
#include "lib/profile/policy.h"
#include "lib/protocol/decrypt_job.h"

struct decrypt_wish {
	int work;            /* directory of spool/work: the content lies there, without a name; -1: in /tmp */
	int profiles;        /* directory of the profiles, or -1 */
	const char *profile; /* name of the profile's file, without .yaml */
	const struct policy_openpgp *rule;
	int file; /* the encrypted or signed copy, at its start */
	int64_t bytes;
	int64_t file_bytes; /* the content may have so many */
	bool no_landlock;   /* the operator wrote it off */
	bool *exhausted; /* set where its time was over, or GnuPG died over it: the file's own doing, it may be */
};

/* DECRYPT_DONE and *ret_plain, read-only and at its start, which the caller closes; otherwise DECRYPT_REFUSED
 * (the file is not what was agreed) or DECRYPT_FAILED (keys, GnuPG or disk: try again later), and
 * why[LIMIT_MESSAGE_BYTES] says what is the matter, in one line. */
enum decrypt_message decrypt(const struct decrypt_wish *wish, int *ret_plain, char *why);

#endif
