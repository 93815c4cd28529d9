/* Whose signatures a file has, and whether they prove anything. */
#ifndef HANDBACK_PARSERS_DECRYPT_SIGNATURES_H
#define HANDBACK_PARSERS_DECRYPT_SIGNATURES_H

#include "parsers/decrypt/keyring.h"
#include "parsers/decrypt/openpgp.h"

/* Every signature is good or of a key that nobody gave us; where one is demanded, one is a signer's, ours is
 * none, and it is made with what the job allows.  NULL: the file has none. */
enum openpgp_end signatures_check(struct keyring *keys, const struct openpgp_job *job,
                                  gpgme_verify_result_t result, char *why, size_t why_size);

#endif
