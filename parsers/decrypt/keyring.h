/*
 * The keys of one job in GnuPG: ours, which open, and the signers', whose signatures count.  They are in one
 * keyring, since one call opens and verifies, and are told apart by the file that each came from.
 */
#ifndef HANDBACK_PARSERS_DECRYPT_KEYRING_H
#define HANDBACK_PARSERS_DECRYPT_KEYRING_H

#include <gpgme.h>
#include <stdbool.h>
#include <stddef.h>

struct keyring {
	gpgme_ctx_t gpg;                        /* the caller's */
	gpgme_import_result_t ours, signers;    /* NULL: none were imported */
	const char *ours_fault, *signers_fault; /* NULL, or why not all keys of the file are there */
};

/* Imports one file.  False, with a sentence in why[]: none of its keys can be used. */
bool keyring_import(struct keyring *k, int fd, bool secret, char *why, size_t why_size);
void keyring_free(struct keyring *k);

enum signer { SIGNER_UNKNOWN, SIGNER_OURS, SIGNER_THEIRS };

/* Whose key made a good signature, and of how many bits it is; unknown: GnuPG does not say.  A key that is in
 * both files is ours. */
enum signer keyring_signer(struct keyring *k, gpgme_signature_t signature, unsigned *ret_bits);

/* Why it may be our fault that no key of ours opens a file: a key is missing, or GnuPG's agent does not
 * answer any more.  NULL: our keys are all there. */
const char *keyring_fault(struct keyring *k);

#endif
