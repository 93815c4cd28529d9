/*
 * A file for the partner with what of its file was not accepted, by the
 * profile's answer.rejects.  Made again after a crash it is the same, byte for byte.
 */
#ifndef HANDBACK_RECONCILE_POST_REJECTS_H
#define HANDBACK_RECONCILE_POST_REJECTS_H

#include "lib/db/pg.h"
#include "lib/hash/sha256.h"
#include "lib/profile/policy.h"

/* The text; *ret_lines without the first one.  The caller frees it. */
enum pg_status rejects_text(struct pg *pg, const struct policy *policy, int64_t file_id, char **ret_text,
                            size_t *ret_len, int64_t *ret_lines);

/*
 * Puts it into a directory, durably, under the profile's name for it and a
 * suffix, without replacing anything: where other bytes have the name it gets
 * the start of the file's hash behind it.  0, also when it is there already;
 * -1 with errno.
 */
int rejects_put(int dir, const char *suffix, const struct policy_rejects *rule, const char *file_name,
                const uint8_t sha256[SHA256_BYTES], const char *text, size_t len);

#endif
