/*
 * A checkpoint of the proof: what the chain of heads was, signed, to be kept
 * where the database's owner cannot change it.  The text is that of C2SP's
 * tlog-checkpoint and signed-note, so that others' tools read it, too:
 *
 *	example.org/handback              the origin, which is the key's name
 *	41                                how many heads
 *	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    the root over them
 *
 *	— example.org/handback
 *Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
 *
 * The root is that of the RFC 6962 tree whose entries are the 32 bytes of each
 * head_hash, in the heads' order.  In a file checkpoints follow each other, an
 * empty line behind each.
 */
#ifndef HANDBACK_PROOF_CHECKPOINT_H
#define HANDBACK_PROOF_CHECKPOINT_H

#include "lib/base/text.h"
#include "lib/hash/ed25519.h"
#include "lib/hash/sha256.h"

#define CHECKPOINT_NAME 200 /* bytes of a key's name, at most */
#define CHECKPOINT_HASH 4   /* of a key's hash, that tells it from others of its name */
/* Room for either text of a key, and for a checkpoint as it stands in a file, NUL included. */
#define CHECKPOINT_KEY_SIZE (CHECKPOINT_NAME + 80)
#define CHECKPOINT_SIZE (2 * CHECKPOINT_NAME + 200)

struct checkpoint_key {
	char name[CHECKPOINT_NAME + 1];
	uint8_t hash[CHECKPOINT_HASH];
	uint8_t key[ED25519_KEY_BYTES];
	uint8_t seed[ED25519_SEED_BYTES]; /* only of a private key */
};

struct checkpoint {
	int64_t heads;
	uint8_t root[SHA256_BYTES];
};

/* A new key of this name; false for a name that cannot be one: empty, too long, with a blank, a '+' or a
 * control character. */
bool checkpoint_key_make(const char *name, struct checkpoint_key *ret);
/* "PRIVATE+KEY+name+hash+base64" and "name+hash+base64", as signed-note has them; a newline behind them is
 * fine. */
bool checkpoint_key_private(const char *text, struct checkpoint_key *ret);
bool checkpoint_key_verifier(const char *text, struct checkpoint_key *ret);
/* The two texts again, NUL-ended. */
void checkpoint_private_text(const struct checkpoint_key *key, char ret_text[CHECKPOINT_KEY_SIZE]);
void checkpoint_verifier_text(const struct checkpoint_key *key, char ret_text[CHECKPOINT_KEY_SIZE]);

/* Signs it with a private key; the text as it is appended to a file, NUL-ended. */
void checkpoint_sign(const struct checkpoint_key *key, const struct checkpoint *checkpoint,
                     char ret_text[CHECKPOINT_SIZE]);

enum checkpoint_fault {
	CHECKPOINT_GOOD,
	CHECKPOINT_CUT,       /* the text ends within it */
	CHECKPOINT_SHAPE,     /* it is none */
	CHECKPOINT_KEY,       /* no signature is by a key of these */
	CHECKPOINT_SIGNATURE, /* the text is not what the key signed */
};

/*
 * The first checkpoint of a text, by any of these keys.  *ret_used: how many
 * bytes it takes, also where it is not good, if there is a next one to look
 * at; else all of the text.  *ret is only set for one that is good.
 */
enum checkpoint_fault checkpoint_read(const struct checkpoint_key *keys, size_t count, const char *text,
                                      size_t len, struct checkpoint *ret, size_t *ret_used);

#endif
