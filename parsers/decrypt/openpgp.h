/*
 * A file decrypted, and its signature checked, by gpgme and GnuPG with a keyring of its own that
 * exists only for the call: the one wrapper of gpgme.
 */
#ifndef HANDBACK_PARSERS_DECRYPT_OPENPGP_H
#define HANDBACK_PARSERS_DECRYPT_OPENPGP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct openpgp_job {
	int input;                                 /* descriptor of the file, at its start */
	int plain;                                 /* descriptor that its content is written to */
	int secret;                                /* of our private key, armored or not; -1: none */
	int passphrase;                            /* of its passphrases, one a line; -1: none */
	int signers;                               /* of the public keys whose signatures count; -1: none */
	bool encrypted;                            /* it must be */
	bool signature;                            /* it must have a good one by a signer, and no bad one */
	bool weak_sha1, weak_ripemd160, weak_keys; /* signatures that are made so, too; keys: below 2048 bits */
	int64_t limit;                             /* bytes of content at most */
	const char *home;                          /* an empty directory of mode 0700: the keyring */
};

enum openpgp_end {
	OPENPGP_DONE,    /* the content is whole, and what was demanded holds */
	OPENPGP_REFUSED, /* the file is not what was agreed; what was written means nothing */
	OPENPGP_FAILED,  /* keys, GnuPG or the disk: not the file's fault */
};

/* why[] is for a person, with nothing of the content. */
enum openpgp_end openpgp_open(const struct openpgp_job *job, char *why, size_t why_size);

#endif
